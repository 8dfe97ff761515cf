import type { BoundLoss } from '../network/losses.js'
import { type Model, outputOf, type ParameterTensor } from '../network/model.js'
import {
  type DifferenceSettings,
  type EvaluationHooks,
  type Evaluator,
  l2Slope,
  type TensorDerivatives,
} from './evaluator.js'
import { WorkSlices } from './work-slices.js'

/**
 * Difference arithmetic in float64 (Rall & Reps): no perturbed loss is ever formed; the change that a
 * perturbation makes is carried through the network by identities without cancellation.
 */
export function createCpuEvaluator(adapter: string): Evaluator {
  return { name: 'cpu', adapter, software: false, precision: 'double', evaluate }
}

async function evaluate(
  model: Model,
  tensors: readonly TensorDerivatives[],
  settings: DifferenceSettings,
  hooks: EvaluationHooks = {},
): Promise<void> {
  const slices = new WorkSlices()
  const changes = new LossChanges(model)
  let total = 0
  for (const tensor of tensors) {
    const { parameter } = tensor
    for (; tensor.done < tensor.entries.length; tensor.done++) {
      if (slices.isOver) {
        hooks.onProgress?.(total)
        await slices.pause()
      }
      if (hooks.signal?.aborted) return
      const entry = tensor.entries[tensor.done]
      changes.kinks = 0
      const plus = changes.ofPerturbation(parameter, entry, settings.step)
      const slope =
        settings.scheme === 'central'
          ? (plus + changes.ofPerturbation(parameter, entry, -settings.step)) / 2
          : plus
      tensor.derivatives[tensor.done] = model.lossScale * slope + l2Slope(model, parameter, entry, settings)
      tensor.kinks[tensor.done] = Math.min(changes.kinks, 255)
      total++
    }
  }
  hooks.onProgress?.(total)
}

/** Carries the change of one perturbed parameter at a time from its layer to the loss. */
class LossChanges {
  readonly #model: Model
  readonly #loss: BoundLoss
  /** A work vector for the changes of each layer's outputs. */
  readonly #outputs: readonly Float64Array[]

  constructor(model: Model) {
    this.#model = model
    const pass = model.forward()
    for (const [l, layer] of model.layers.entries()) layer.setBasePoint(pass.A[l], pass.Z[l])
    this.#loss = model.loss.bind(outputOf(pass), model.targets)
    this.#outputs = model.layers.map((layer) => new Float64Array(layer.outputs))
  }

  /** How many units were carried across a kink since it was set to 0. */
  get kinks(): number {
    return this.#model.layers.reduce((total, layer) => total + layer.kinks, 0)
  }

  set kinks(value: 0) {
    for (const layer of this.#model.layers) layer.kinks = value
  }

  /** Σ over the samples of ΔJ_s/h when one parameter changes by h, without the loss's scale. */
  ofPerturbation(parameter: ParameterTensor, entry: number, h: number): number {
    const { layers, samples } = this.#model
    const l = parameter.layer
    const isWeight = parameter.role === 'weights'
    const unit = isWeight ? layers[l].unitOfWeight(entry) : entry
    let total = 0
    for (let s = 0; s < samples; s++) {
      const change = isWeight ? layers[l].weightChange(entry, unit, s, h) : layers[l].biasChange(unit, s, h)
      if (change !== 0) total += this.#carry(l, unit, change, s, h)
    }
    return total
  }

  /** ΔJ_s/h when output `unit` of layer l changes by h·`change`. */
  #carry(l: number, unit: number, change: number, s: number, h: number): number {
    const { layers } = this.#model
    if (l === layers.length - 1) return this.#loss.passUnit(unit, change, s, h)
    let changes = this.#outputs[l + 1]
    layers[l + 1].passUnit(unit, change, s, h, changes)
    for (let q = l + 2; q < layers.length; q++) {
      layers[q].pass(changes, s, h, this.#outputs[q])
      changes = this.#outputs[q]
    }
    return this.#loss.pass(changes, s, h)
  }
}
