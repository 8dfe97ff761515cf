import type { Model } from '../network/model.js'
import {
  createDerivatives,
  type DifferenceSettings,
  type EvaluationHooks,
  type Evaluator,
  type TensorDerivatives,
} from './evaluator.js'

/** How much smaller each further step is, and how often it shrinks. */
const SHRINK = 1000
const MOST_TIMES = 3

/**
 * Evaluates those entries again, with smaller and smaller steps, whose perturbation carried a unit across a kink:
 * there the quotient is a chord between two slopes. Difference arithmetic loses nothing by a small step. What
 * still crosses afterwards sits on its kink and keeps its mark in `kinks`.
 * @returns for each tensor, how many entries crossed a kink at the step asked for
 */
export async function refineKinks(
  model: Model,
  evaluator: Evaluator,
  results: readonly TensorDerivatives[],
  settings: DifferenceSettings,
  hooks: EvaluationHooks = {},
): Promise<number[]> {
  const crossed = results.map(findCrossings)
  const counts = crossed.map((positions) => positions.length)
  let pending = crossed
  let { step } = settings
  for (let time = 0; time < MOST_TIMES && pending.some((positions) => positions.length > 0); time++) {
    step /= SHRINK
    const finer = createDerivatives(
      results.map(({ parameter, entries }, t) => ({
        parameter,
        entries: Uint32Array.from(pending[t], (position) => entries[position]),
      })),
    )
    await evaluator.evaluate(model, finer, { ...settings, step }, hooks)
    for (const [t, tensor] of finer.entries()) {
      for (let k = 0; k < tensor.done; k++) {
        results[t].derivatives[pending[t][k]] = tensor.derivatives[k]
        results[t].kinks[pending[t][k]] = tensor.kinks[k]
      }
    }
    pending = pending.map((positions, t) => positions.filter((position) => results[t].kinks[position] !== 0))
  }
  return counts
}

/** Positions of the evaluated entries that crossed a kink, ascending. */
function findCrossings({ kinks, done }: TensorDerivatives): number[] {
  const positions: number[] = []
  for (let k = 0; k < done; k++) if (kinks[k] !== 0) positions.push(k)
  return positions
}
