import type { TensorDerivatives } from '../differentiate/evaluator.js'
import { type AnalyticalGradient, userIndex } from '../network/bind.js'
import { normOf, type RootSum, rootSumSquares } from '../network/root-sum-squares.js'
import { DifferenceSum, relativeError } from './compare.js'
import type { ErrorEstimate } from './error-estimate.js'
import type { Reason } from './reasons.js'
import type { EntryReport, TensorReport } from './report.js'
import { selectLargest } from './select-largest.js'

const WORST_ENTRIES = 5

/** A tensor's report and the sums the whole check is judged by. */
export interface TensorJudgement {
  readonly report: TensorReport
  /** ‖g‖ + ‖ĝ‖ */
  readonly norms: number
  /** Why it is inconclusive, or would be if no entry were wrong; none where it passes. */
  readonly reasons: readonly Reason[]
  /** Positions among the results of the entries that are wrong, ascending. */
  readonly wrong: readonly number[]
}

/** Sums over every tensor of a check. */
export interface Totals {
  readonly difference: DifferenceSum
  /** The errors that ĝ is estimated to have, tensor by tensor. */
  readonly errors: RootSum
  /** True once any analytical or numerical entry is not zero. */
  anyNonZero: boolean
}

/** What is known of one tensor besides its results. */
export interface TensorEvidence {
  readonly gradient: AnalyticalGradient
  readonly estimate: ErrorEstimate
  readonly tolerance: number
  /** Bounds on the truncation of its results that are known better than the estimate; NaN for none. */
  readonly truncations: Float64Array | undefined
  /** How many entries' perturbations crossed a kink at the step asked for. */
  readonly crossings: number
  /** Positions of results on a kink that are possible there, but by no convention. */
  readonly between: ReadonlySet<number>
  /** True where all that the gradient consists of comes from units on their kinks. */
  readonly untested: boolean
  /** True where the loss does not change with the tensor, however far it is moved: its gradient is 0, and rounding about it. */
  readonly isConstant?: boolean
  /** What the analytical value at an offset may be where the derivative is 0 but for its own rounding, and still be rounding of terms that cancel. */
  readonly ofCancelled?: (offset: number) => number
}

/**
 * What a tensor's distances are measured against: ‖g‖ + ‖ĝ‖ of the entries checked. A few sampled entries may by chance
 * be small ones of their tensor: then the share of its norm that as many entries have on average, if that is more.
 */
function sizeOf(sum: DifferenceSum, whole: Float64Array, checked: number): number {
  const norm = new DifferenceSum()
  for (const value of whole) norm.add(value, value)
  return Math.max(sum.norms, norm.norms * Math.sqrt(checked / whole.length))
}

/**
 * Judges one tensor, each entry against the tolerance and its own error estimate: an entry is wrong when
 * |g − ĝ| > tolerance·(|g| + |ĝ|) + the estimated error of both sides. A tensor with a wrong entry fails. One is
 * inconclusive whose difference is above the tolerance although no entry is wrong, whose ĝ is not known to within the
 * tolerance, or that has an entry which an overflow, a kink or rounding of terms that cancel leaves open.
 */
export function judgeTensor(
  tensor: TensorDerivatives,
  t: number,
  evidence: TensorEvidence,
  totals: Totals,
): TensorJudgement {
  const { parameter, entries, derivatives, kinks, done } = tensor
  const { gradient, estimate, tolerance, truncations } = evidence
  const sum = new DifferenceSum()
  const wrong: number[] = []
  const open: number[] = []
  // disagree, but by no more than the errors of both sides
  const excused: number[] = []
  // 0 but for its own rounding on one side, and on the other what rounding may leave of terms that cancel
  let cancelled = 0
  let unresolved = 0
  let between = 0
  let overflowed = 0
  const isFar = (distance: number, tolerated: number, k: number) =>
    distance > tolerated + estimate.atMost(t) && Number.isNaN(truncations?.[k] ?? Number.NaN)
  for (let k = 0; k < done; k++) {
    const offset = entries[k]
    const [analytical, numerical] = [gradient.values[offset], derivatives[k]]
    if (!Number.isFinite(numerical)) {
      overflowed++
      open.push(k)
      continue
    }
    sum.add(analytical, numerical)
    totals.difference.add(analytical, numerical)
    if (analytical !== 0 || numerical !== 0) totals.anyNonZero = true
    const distance = Math.abs(analytical - numerical)
    const tolerated = tolerance * (Math.abs(analytical) + Math.abs(numerical))
    if (distance <= tolerated) continue
    if (!isFar(distance, tolerated, k) && distance <= allowedDistance(evidence, tensor, t, k)) excused.push(k)
    else if (
      Math.abs(numerical) <= estimate.ofRounding(t, offset) &&
      distance <= (evidence.ofCancelled?.(offset) ?? 0)
    ) {
      cancelled++
      open.push(k)
    } else if (evidence.between.has(k)) {
      between++
      open.push(k)
    } else if (kinks[k] === 0 || !Number.isNaN(truncations?.[k] ?? Number.NaN)) wrong.push(k)
    else {
      unresolved++
      open.push(k)
    }
  }
  const { rounding, truncation } = normsOfErrors(tensor, t, estimate, truncations)
  const error = rootSumSquares(rounding, truncation)
  totals.errors.add(error)
  const reasons: Reason[] = []
  if (unresolved > 0) reasons.push({ kind: 'unresolved', count: unresolved })
  if (overflowed > 0) reasons.push({ kind: 'overflowed', count: overflowed })
  if (between > 0) reasons.push({ kind: 'between', count: between })
  if (evidence.untested) reasons.push({ kind: 'untested' })
  if (cancelled > 0) reasons.push({ kind: 'rounded', dtype: gradient.dtype })
  const size = sizeOf(sum, gradient.values, done)
  const numericalError = sum.norms === 0 ? 0 : error / sum.norms
  const isAbove = sum.distance > tolerance * size
  if (wrong.length === 0 && sum.norms > 0 && error > tolerance * size && !evidence.isConstant) {
    const cause = truncation > rounding ? 'truncation' : 'rounding'
    reasons.push({ kind: 'numerical-error', error: numericalError, cause })
  }
  if (isAbove && wrong.length === 0 && open.length === 0 && !evidence.isConstant) {
    for (const k of excused) open.push(k)
    if (reasons.length === 0) reasons.push({ kind: 'rounded', dtype: gradient.dtype })
  }
  const verdict = wrong.length > 0 ? 'fail' : reasons.length > 0 ? 'inconclusive' : 'pass'
  const distanceAt = (k: number) =>
    Number.isFinite(derivatives[k])
      ? Math.abs(gradient.values[entries[k]] - derivatives[k])
      : Number.POSITIVE_INFINITY
  const report = (positions: readonly number[], as: 'fail' | 'inconclusive') =>
    selectLargest(positions, WORST_ENTRIES, distanceAt).map((k): EntryReport => {
      const [analytical, numerical] = [gradient.values[entries[k]], derivatives[k]]
      const size = Math.abs(analytical) + Math.abs(numerical)
      const error = ofNumerical(evidence, t, entries[k], k)
      return {
        index: userIndex(parameter, entries[k]),
        analytical,
        numerical,
        relativeError: relativeError(analytical, numerical),
        numericalError: size === 0 ? 0 : error / size,
        verdict: as,
      }
    })
  return {
    norms: sum.norms,
    reasons,
    wrong,
    report: {
      name: parameter.name,
      gradient: gradient.name,
      shape: parameter.shape,
      checked: done,
      difference: sum.difference,
      tolerance,
      numericalError,
      verdict,
      perturbed: tensor.perturbed,
      kinks: evidence.crossings,
      wrongEntries: wrong.length,
      undecidedEntries: open.length,
      worst: [...report(wrong, 'fail'), ...report(open, 'inconclusive')].slice(0, WORST_ENTRIES),
    },
  }
}

/** The part of a norm that may be taken from it without losing its digits. */
const SMALL_PART = 0.9

/** How far apart the two values of result k may lie: the tolerance, and the estimated errors of both. */
export function allowedDistance(
  evidence: TensorEvidence,
  { entries, derivatives }: TensorDerivatives,
  t: number,
  k: number,
): number {
  const { gradient, estimate, tolerance } = evidence
  const offset = entries[k]
  const tolerated = tolerance * (Math.abs(gradient.values[offset]) + Math.abs(derivatives[k]))
  return tolerated + ofNumerical(evidence, t, offset, k) + estimate.ofArithmetic(t, offset)
}

/** Bound on the error of ĝ of result k. */
function ofNumerical(
  { estimate, truncations }: TensorEvidence,
  t: number,
  offset: number,
  k: number,
): number {
  const known = truncations?.[k] ?? Number.NaN
  return estimate.ofRounding(t, offset) + (Number.isNaN(known) ? estimate.ofTruncation(t, offset) : known)
}

/** Estimated norms of the errors of a tensor's results, by where they come from. */
export function normsOfErrors(
  { parameter, entries, done }: TensorDerivatives,
  t: number,
  estimate: ErrorEstimate,
  truncations: Float64Array | undefined,
): { readonly rounding: number; readonly truncation: number } {
  const evaluated = entries.subarray(0, done)
  const estimated = estimate.norms(t, done === parameter.size ? undefined : evaluated)
  if (truncations === undefined) return estimated
  // those known better take the place of their estimates
  const isKnown = (_: number, k: number) => !Number.isNaN(truncations[k])
  const known = normOf(truncations.subarray(0, done).filter(isKnown))
  const replaced = estimate.norms(t, evaluated.filter(isKnown)).truncation
  const others =
    replaced < SMALL_PART * estimated.truncation
      ? Math.sqrt(estimated.truncation ** 2 - replaced ** 2)
      : estimate.norms(
          t,
          evaluated.filter((_, k) => !isKnown(_, k)),
        ).truncation
  return { rounding: estimated.rounding, truncation: rootSumSquares(others, known) }
}
