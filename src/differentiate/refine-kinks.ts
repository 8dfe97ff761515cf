import type { Model } from '../network/model.js'
import {
  createDerivatives,
  type DifferenceSettings,
  type EvaluationHooks,
  type Evaluator,
  FINE_STEP,
  type Perturbed,
  type TensorDerivatives,
} from './evaluator.js'

/** The entries of one tensor that sit on a kink, and the slopes beside it. */
export interface EntriesOnKinks {
  /** Where they stand among the tensor's results, ascending. */
  readonly positions: Uint32Array
  /** ∂J/∂θ from below and from above. */
  readonly left: Float64Array
  readonly right: Float64Array
}

/** What became of the entries whose perturbations crossed kinks. */
export interface KinkRefinement {
  /** For each tensor, positions of the entries that crossed a kink at the step asked for. */
  readonly crossed: readonly Uint32Array[]
  /** For each tensor, those that still cross with next to no step. */
  readonly onKinks: readonly EntriesOnKinks[]
}

/**
 * Evaluates those entries again, with next to no step, whose perturbation carried a unit across a kink: there the
 * quotient is a chord between two slopes. Where outputs were moved, next to no step was tried, and their parameters are
 * moved one by one. What still crosses sits on its kink and keeps its mark in `kinks`; of it both one-sided slopes are
 * evaluated.
 */
export async function refineKinks(
  model: Model,
  evaluator: Evaluator,
  results: readonly TensorDerivatives[],
  settings: DifferenceSettings,
  hooks: EvaluationHooks = {},
): Promise<KinkRefinement> {
  const crossed = results.map(findCrossings)
  const ofParameters = await evaluateBeside(
    model,
    evaluator,
    results,
    crossed,
    settings,
    settings.scheme,
    hooks,
  )
  replace(results, crossed, ofParameters)
  const positions = results.map(({ kinks }, t) => crossed[t].filter((position) => kinks[position] !== 0))
  const central = await evaluateBeside(model, evaluator, results, positions, settings, 'central', hooks)
  const right = await evaluateBeside(model, evaluator, results, positions, settings, 'forward', hooks)
  const onKinks = positions.map((places, t) => {
    const count = Math.min(central[t].done, right[t].done)
    return {
      positions: places.slice(0, count),
      // the central quotient is the mean of both sides
      left: Float64Array.from(
        { length: count },
        (_, k) => 2 * central[t].derivatives[k] - right[t].derivatives[k],
      ),
      right: right[t].derivatives.slice(0, count),
    }
  })
  return { crossed, onKinks }
}

/**
 * Replaces the results at some positions by what next to no step gives, moving the same, and tells how large the
 * truncation is that is left: by half as small a step.
 * @returns for each tensor, by position among `positions`, the distance between the two; as many as were evaluated
 */
export async function reevaluateByHalves(
  model: Model,
  evaluator: Evaluator,
  results: readonly TensorDerivatives[],
  positions: readonly Uint32Array[],
  settings: DifferenceSettings,
  hooks: EvaluationHooks = {},
): Promise<Float64Array[]> {
  const evaluate = (step: number) =>
    evaluateBeside(
      model,
      evaluator,
      results,
      positions,
      { ...settings, step },
      settings.scheme,
      hooks,
      (t) => results[t].perturbed,
    )
  const finer = await evaluate(settings.step)
  const finest = await evaluate(settings.step / 2)
  const both = finer.map((tensor, t) => ({ ...tensor, done: Math.min(tensor.done, finest[t].done) }))
  replace(results, positions, both)
  return both.map(({ derivatives, done }, t) =>
    derivatives.slice(0, done).map((value, k) => Math.abs(value - finest[t].derivatives[k])),
  )
}

function replace(
  results: readonly TensorDerivatives[],
  positions: readonly Uint32Array[],
  finer: readonly TensorDerivatives[],
): void {
  for (const [t, { derivatives, kinks, done }] of finer.entries()) {
    for (let k = 0; k < done; k++) {
      results[t].derivatives[positions[t][k]] = derivatives[k]
      results[t].kinks[positions[t][k]] = kinks[k]
    }
  }
}

async function evaluateBeside(
  model: Model,
  evaluator: Evaluator,
  results: readonly TensorDerivatives[],
  positions: readonly Uint32Array[],
  settings: DifferenceSettings,
  scheme: DifferenceSettings['scheme'],
  hooks: EvaluationHooks,
  perturbed?: (t: number) => Perturbed,
): Promise<TensorDerivatives[]> {
  const finer = createDerivatives(
    results.map(({ parameter, entries }, t) => ({
      parameter,
      entries: positions[t].map((position) => entries[position]),
    })),
    perturbed,
  )
  if (positions.every((places) => places.length === 0)) return finer
  await evaluator.evaluate(model, finer, { ...settings, step: FINE_STEP * settings.step, scheme }, hooks)
  return finer
}

/** Positions of the evaluated entries that crossed a kink, ascending. */
function findCrossings({ kinks, done }: TensorDerivatives): Uint32Array {
  let count = 0
  for (let k = 0; k < done; k++) if (kinks[k] !== 0) count++
  const positions = new Uint32Array(count)
  for (let k = 0, at = 0; k < done; k++) if (kinks[k] !== 0) positions[at++] = k
  return positions
}
