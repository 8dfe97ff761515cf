import { crossesKink } from '../network/activations.js'
import type { ForwardPass, Model } from '../network/model.js'
import {
  type DifferenceSettings,
  type EvaluationHooks,
  type Evaluator,
  moveOf,
  type TensorDerivatives,
} from './evaluator.js'
import { WorkSlices } from './work-slices.js'

/** θ is moved by this part of itself at least, two of its last digits; what was moved then counts, not what was asked. */
const LEAST_MOVE = 2 ** -51

/**
 * The definition itself, as the teaching notebooks write it: for every parameter, forward passes in float64 at θ + h and
 * θ − h, from its layer on, and the quotient of the two losses' difference. Slow, obviously right, and sharing no
 * formula with difference arithmetic.
 */
export function createTextbookEvaluator(adapter: string): Evaluator {
  return { name: 'textbook', adapter, software: false, precision: 'double', evaluate }
}

async function evaluate(
  model: Model,
  tensors: readonly TensorDerivatives[],
  settings: DifferenceSettings,
  hooks: EvaluationHooks = {},
): Promise<void> {
  const { scheme } = settings
  const sides = scheme === 'central' ? 2 : 1
  const slices = new WorkSlices()
  const base = model.forward()
  const cost = model.cost(base)
  let total = 0
  for (const tensor of tensors) {
    const { layer } = tensor.parameter
    const theta = model.values(tensor.parameter)
    for (; tensor.done < tensor.entries.length; tensor.done++) {
      if (slices.isOver) {
        hooks.onProgress?.(total)
        await slices.pause()
      }
      if (hooks.signal?.aborted) return
      const entry = tensor.entries[tensor.done]
      const kept = theta[entry]
      const step = Math.max(moveOf(settings, tensor.parameter, entry), LEAST_MOVE * Math.abs(kept))
      const [above, below] = [kept + step, scheme === 'central' ? kept - step : kept]
      theta[entry] = above
      const plus = model.forwardFrom(layer, base)
      const costPlus = model.cost(plus)
      theta[entry] = below
      const minus = scheme === 'central' ? model.forwardFrom(layer, base) : base
      const costMinus = scheme === 'central' ? model.cost(minus) : cost
      theta[entry] = kept
      const moved = step === settings.step ? sides * step : above - below
      tensor.derivatives[tensor.done] = (costPlus - costMinus) / moved
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
