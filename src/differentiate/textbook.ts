import { crossesKink } from '../network/activations.js'
import type { ForwardPass, Model } from '../network/model.js'
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
  const base = model.forward()
  const cost = model.cost(base)
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
      const plus = model.forward()
      const costPlus = model.cost(plus)
      theta[entry] = kept - step
      const minus = scheme === 'central' ? model.forward() : base
      const costMinus = scheme === 'central' ? model.cost(minus) : cost
      theta[entry] = kept
      tensor.derivatives[tensor.done] = (costPlus - costMinus) / (scheme === 'central' ? 2 * step : step)
      tensor.kinks[tensor.done] = Math.min(
        255,
        countCrossings(model, base, plus) + countCrossings(model, base, minus),
      )
      total++
    }
  }
  hooks.onProgress?.(total)
}

/** How many units a perturbation carries across a kink. */
function countCrossings({ layers }: Model, base: ForwardPass, perturbed: ForwardPass): number {
  let count = 0
  for (const [l, { activation, endsAtLogits }] of layers.entries()) {
    if (!activation.hasKink || endsAtLogits) continue
    const [from, to] = [base.Z[l].data, perturbed.Z[l].data]
    for (let k = 0; k < from.length; k++) if (crossesKink(from[k], to[k] - from[k])) count++
  }
  return count
}
