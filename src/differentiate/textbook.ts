import type { Model } from '../network/model.js'
import type { DifferenceSettings, EvaluationHooks, Evaluator, TensorDerivatives } from './evaluator.js'
import { WorkSlices } from './work-slices.js'

/**
 * The definition itself, as the teaching notebooks write it: for every parameter, whole forward passes in
 * float64 at θ + h and θ − h, and the quotient of the two losses' difference. Slow, obviously right, and sharing
 * no formula with difference arithmetic.
 */
export function createTextbookEvaluator(adapter: string): Evaluator {
  return { name: 'textbook', adapter, software: false, precision: 'double', evaluate }
}

async function evaluate(
  model: Model,
  tensors: readonly TensorDerivatives[],
  { step, scheme }: DifferenceSettings,
  hooks: EvaluationHooks = {},
): Promise<void> {
  const slices = new WorkSlices()
  const cost = model.cost()
  let total = 0
  for (const tensor of tensors) {
    const theta = model.values(tensor.parameter)
    for (; tensor.done < tensor.entries.length; tensor.done++) {
      if (slices.isOver) {
        hooks.onProgress?.(total)
        await slices.pause()
      }
      if (hooks.signal?.aborted) return
      const entry = tensor.entries[tensor.done]
      const kept = theta[entry]
      theta[entry] = kept + step
      const costPlus = model.cost()
      theta[entry] = kept - step
      const costMinus = scheme === 'central' ? model.cost() : cost
      theta[entry] = kept
      tensor.derivatives[tensor.done] = (costPlus - costMinus) / (scheme === 'central' ? 2 * step : step)
      total++
    }
  }
  hooks.onProgress?.(total)
}

/**
 * Bound, to first order, on the error of a textbook derivative that comes from rounding the losses in float64:
 * the unit roundoff times Σ of the absolute terms of J, divided by h.
 */
export function textbookRoundoff(model: Model, magnitudes: readonly Float64Array[], step: number): number {
  const pass = model.forward()
  const output = { Z: pass.Z[pass.Z.length - 1], A: pass.A[pass.A.length - 1] }
  let terms = model.lossScale * model.loss.condition(output, model.targets) + model.l2Cost()
  for (const [t, parameter] of model.parameters.entries()) {
    const theta = model.values(parameter)
    for (let k = 0; k < theta.length; k++) terms += Math.abs(theta[k]) * magnitudes[t][k]
  }
  return (2 ** -53 * terms) / step
}
