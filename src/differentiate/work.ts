import type { Model } from '../network/model.js'

/** Multiply-adds of a forward pass over all samples. */
export function forwardWork({ layers, samples }: Model): number {
  return samples * layers.reduce((sum, layer) => sum + layer.weights.length, 0)
}

/**
 * Multiply-adds of difference arithmetic for one perturbation of a parameter of layer `l`, on one side, at one
 * sample: the changed unit, the rank-one layer behind it, and the products behind that.
 */
export function workPerColumn(model: Model, l: number): number {
  const { layers } = model
  let work = 1 + (layers[l + 1]?.outputs ?? 0)
  for (let q = l + 2; q < layers.length; q++) work += layers[q].outputs * layers[q].inputs
  return work
}
