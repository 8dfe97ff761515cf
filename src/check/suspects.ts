import type {
  DifferenceSettings,
  EvaluationHooks,
  Evaluator,
  TensorDerivatives,
} from '../differentiate/evaluator.js'
import { reevaluateByHalves } from '../differentiate/refine-kinks.js'
import type { AnalyticalGradient } from '../network/bind.js'
import type { Model } from '../network/model.js'
import { rootSumSquares } from '../network/root-sum-squares.js'
import { DifferenceSum } from './compare.js'
import {
  AGREEMENT,
  type MeasuredTruncation,
  measureTruncation,
  pickResults,
  type ResultSample,
  sampleSize,
} from './cross-validation.js'
import type { ErrorEstimate } from './error-estimate.js'
import { normsOfErrors } from './judge.js'
import { selectLargest } from './select-largest.js'

/** How many times its measured value a truncation error may be. */
const TRUNCATION_MARGIN = 2
/** What is left of the truncation at a step, over what halving the step takes away: by order h, and by h² it is less. */
const LEFT_BY_HALVING = 2
/** So many disagreeing entries of a tensor are evaluated again whatever a sample of them shows. */
const MOST_SETTLED = 1000

/** What a second look at the entries that disagree found. */
export interface SecondLook {
  /** For each tensor bounds on the truncation of its results: NaN where the estimate holds; nothing where it holds for all. */
  readonly truncations: readonly (Float64Array | undefined)[]
  /** How many entries were looked at by another evaluator. */
  readonly checked: number
  /** Those of them where difference arithmetic in float64 gives another value than the evaluator did. */
  readonly disagreements: number
}

/** What the verdict on an entry rests on: its results, the gradient, and their errors. */
export interface Evidence {
  readonly model: Model
  readonly evaluator: Evaluator
  readonly settings: DifferenceSettings
  readonly results: readonly TensorDerivatives[]
  readonly gradients: readonly AnalyticalGradient[]
  readonly estimate: ErrorEstimate
  /** Of each tensor. */
  readonly tolerances: readonly number[]
}

/**
 * Looks again at the entries that disagree by more than rounding explains. What truncation may explain is evaluated
 * again with next to no step, and with half of it, which shows the truncation that is left. Of what it should not
 * explain, the most and the least suspicious entries of each tensor are evaluated in float64 at both steps; if the
 * estimate was too small for one of them, all are evaluated again, as they are where they are few. Of a tensor that the
 * truncation leaves unknown to within the tolerance every entry is evaluated again. Entries that cross kinks are left as
 * they are.
 * @param known bounds on truncations as far as they are known
 */
export async function lookAgain(
  evidence: Evidence,
  known: readonly (Float64Array | undefined)[],
  hooks: EvaluationHooks,
): Promise<SecondLook> {
  const { model, settings, results } = evidence
  const truncations = [...known]
  const suspects = results.map((_, t) => findSuspects(evidence, t))
  const most = sampleSize(model)
  const examined = results.map((tensor, t) =>
    pickResults(
      tensor,
      pickEnds(suspects[t], most).sort((a, b) => a - b),
    ),
  )
  const measured = await measureTruncation(model, settings, examined, {})
  const { disagreements, isExplained } = compareMeasured(evidence, examined, measured, truncations)
  const again = results.map((_, t) =>
    Uint32Array.from(
      isBlurred(evidence, t, truncations[t])
        ? listUnsettled(results[t], truncations[t])
        : isExplained[t] || suspects[t].beyond.length <= MOST_SETTLED
          ? suspects[t].unsure.concat(suspects[t].beyond)
          : suspects[t].unsure,
    ).sort(),
  )
  await settle(evidence, again, truncations, hooks)
  return {
    truncations,
    checked: examined.reduce((sum, { positions }) => sum + positions.length, 0),
    disagreements,
  }
}

/** Whether a tensor's estimated truncation is what keeps its numerical error above the tolerance. */
function isBlurred(
  { results, gradients, estimate, tolerances }: Evidence,
  t: number,
  truncations: Float64Array | undefined,
): boolean {
  const { entries, derivatives, done } = results[t]
  const sum = new DifferenceSum()
  for (let k = 0; k < done; k++) {
    if (Number.isFinite(derivatives[k])) sum.add(gradients[t].values[entries[k]], derivatives[k])
  }
  const { rounding, truncation } = normsOfErrors(results[t], t, estimate, truncations)
  return truncation > 0 && rootSumSquares(rounding, truncation) > tolerances[t] * sum.norms
}

/** Positions of the evaluated entries whose truncation is only estimated. */
function listUnsettled(
  { derivatives, kinks, done }: TensorDerivatives,
  truncations: Float64Array | undefined,
): number[] {
  const positions: number[] = []
  for (let k = 0; k < done; k++) {
    const isKnown = !Number.isNaN(truncations?.[k] ?? Number.NaN)
    if (!isKnown && kinks[k] === 0 && Number.isFinite(derivatives[k])) positions.push(k)
  }
  return positions
}

/** The most and the least suspicious entries beyond, `count` in all. */
function pickEnds({ beyond, ratios }: Suspects, count: number): number[] {
  if (beyond.length <= count) return [...beyond]
  const most = selectLargest(beyond.keys(), Math.ceil(count / 2), (k) => ratios[k])
  const taken = new Set(most)
  const least = selectLargest(beyond.keys(), Math.floor(count / 2), (k) =>
    taken.has(k) ? Number.NEGATIVE_INFINITY : -ratios[k],
  )
  return [...most, ...least].map((k) => beyond[k])
}

/** Puts entries that are beyond the errors of every entry above those beyond their own. */
const FAR = 2 ** 200

/** Positions of the entries that disagree by more than rounding explains. */
interface Suspects {
  /** Within what the estimated truncation explains. */
  readonly unsure: readonly number[]
  /** Beyond it, and how many times what is allowed they are. */
  readonly beyond: readonly number[]
  readonly ratios: readonly number[]
}

function findSuspects({ results, gradients, estimate, tolerances }: Evidence, t: number): Suspects {
  const { entries, derivatives, kinks, done } = results[t]
  const unsure: number[] = []
  const beyond: number[] = []
  const ratios: number[] = []
  for (let k = 0; k < done; k++) {
    const [analytical, numerical] = [gradients[t].values[entries[k]], derivatives[k]]
    const distance = Math.abs(analytical - numerical)
    const tolerated = tolerances[t] * (Math.abs(analytical) + Math.abs(numerical))
    if (distance <= tolerated || kinks[k] !== 0 || !Number.isFinite(numerical)) continue
    const most = tolerated + estimate.atMost(t)
    if (distance > most) {
      beyond.push(k)
      ratios.push((FAR * distance) / most)
      continue
    }
    const rounding = estimate.ofRounding(t, entries[k])
    const arithmetic = estimate.ofArithmetic(t, entries[k])
    const truncation = estimate.ofTruncation(t, entries[k])
    // a truncation that is larger than the rounding may be what keeps a tensor's difference above the tolerance
    const inherent = tolerated + arithmetic + (truncation > rounding ? 0 : rounding)
    if (distance <= inherent) continue
    const allowed = tolerated + rounding + arithmetic + truncation
    if (distance <= allowed) unsure.push(k)
    else {
      beyond.push(k)
      ratios.push(distance / allowed)
    }
  }
  return { unsure, beyond, ratios }
}

/** Compares an evaluator's values with float64's, and takes the truncation for the bound where it explains the distance. */
function compareMeasured(
  { evaluator, results, gradients, estimate, tolerances }: Evidence,
  examined: readonly ResultSample[],
  measured: readonly MeasuredTruncation[],
  truncations: (Float64Array | undefined)[],
): { disagreements: number; isExplained: boolean[] } {
  let disagreements = 0
  const isExplained = results.map((tensor, t) => {
    let explained = false
    const { positions, entries } = examined[t]
    for (const [k, position] of positions.entries()) {
      const [analytical, numerical] = [gradients[t].values[entries[k]], tensor.derivatives[position]]
      const { derivatives, fine } = measured[t]
      const rounding = estimate.ofRounding(t, entries[k])
      const sizes = Math.abs(numerical) + Math.abs(derivatives[k])
      if (Math.abs(numerical - derivatives[k]) > rounding + AGREEMENT * sizes) disagreements++
      const truncation = TRUNCATION_MARGIN * Math.abs(derivatives[k] - fine[k])
      const allowed = tolerances[t] * (Math.abs(analytical) + Math.abs(numerical)) + rounding
      const distance = Math.abs(analytical - numerical)
      if (distance > allowed + estimate.ofArithmetic(t, entries[k]) + truncation) continue
      explained = true
      if (evaluator.name === 'textbook') remember(truncations, tensor, t, position, truncation)
    }
    return explained
  })
  return { disagreements, isExplained }
}

/** Finds out what the truncation of some results is. Difference arithmetic is rid of most; whole losses lose their digits. */
async function settle(
  { model, evaluator, settings, results }: Evidence,
  positions: readonly Uint32Array[],
  truncations: (Float64Array | undefined)[],
  hooks: EvaluationHooks,
): Promise<void> {
  if (positions.every((places) => places.length === 0) || hooks.signal?.aborted) return
  if (evaluator.name !== 'textbook') {
    const left = await reevaluateByHalves(model, evaluator, results, positions, settings, hooks)
    if (hooks.signal?.aborted) return
    for (const [t, places] of positions.entries()) {
      for (const [k, position] of places.entries()) {
        remember(truncations, results[t], t, position, LEFT_BY_HALVING * TRUNCATION_MARGIN * left[t][k])
      }
    }
    return
  }
  const samples = results.map((tensor, t) => pickResults(tensor, [...positions[t]]))
  const measured = await measureTruncation(model, settings, samples, hooks)
  if (hooks.signal?.aborted) return
  for (const [t, { derivatives, fine }] of measured.entries()) {
    for (const [k, position] of samples[t].positions.entries()) {
      remember(truncations, results[t], t, position, TRUNCATION_MARGIN * Math.abs(derivatives[k] - fine[k]))
    }
  }
}

function remember(
  truncations: (Float64Array | undefined)[],
  { entries }: TensorDerivatives,
  t: number,
  position: number,
  truncation: number,
): void {
  truncations[t] ??= new Float64Array(entries.length).fill(Number.NaN)
  truncations[t][position] = truncation
}
