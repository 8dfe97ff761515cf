import { DifferenceSum, relativeError } from '../../check/compare.js'
import type { EntryReport, TensorReport } from '../../check/report.js'
import { unravelIndex } from '../../tensor.js'
import type { PointTensor } from './bind-point.js'
import type { Derivative } from './derivative.js'

const WORST_ENTRIES = 5
/**
 * Share of an entry that its error may be at most, or the tolerance if that is more: a mistake of a hundredth in it
 * would be seen.
 */
const RESOLVED = 1e-3
/** An entry of this share of the largest is as good as 0: a right gradient's rounding. */
const NEGLIGIBLE = 2 ** -44

/** Why an entry is left open. */
export type OpenReason =
  /** The noise of the function's values, or what a finite step leaves out, could hide a mistake in it. */
  | 'hidden'
  /** No step gives a derivative: the function is not smooth around the point, or has no values there. */
  | 'unsettled'
  /** It lies between the slopes to both sides of a kink. */
  | 'between'

/** What was found of one entry. */
export interface EntryJudgement {
  readonly verdict: 'right' | 'wrong' | 'open'
  readonly reason: OpenReason | undefined
  /** The value that the analytical one is compared with: on a kink the nearest of those that are right. */
  readonly numerical: number
  readonly error: number
  /** Zero on both sides, to within their errors. */
  readonly isZero: boolean
}

/** How exact a tensor's analytical gradient can be. */
export interface AnalyticalPrecision {
  readonly tolerance: number
  /** Unit roundoff of what it was computed in. */
  readonly roundoff: number
}

/**
 * Judges one entry. It is wrong where it is off by more than the tolerance and the error of both sides; right where
 * it is off by no more than the tolerance, and the numerical error could not hide a mistake of a hundredth; else it
 * is left open.
 * @param largest the size of the gradient's largest entry
 */
export function judgeEntry(
  analytical: number,
  derivative: Derivative,
  { tolerance, roundoff }: AnalyticalPrecision,
  largest: number,
): EntryJudgement {
  // a gradient computed in less than float64 has the roundings of terms as large as its largest entry
  const ofAnalytical = roundoff > 2 ** -53 ? roundoff * (Math.abs(analytical) + 4 * largest) : 0
  const candidates = listCandidates(derivative)
  const [nearest] = candidates.toSorted(
    (a, b) => Math.abs(a.value - analytical) - Math.abs(b.value - analytical),
  )
  const { value, error } = nearest
  const distance = Math.abs(analytical - value)
  const size = Math.abs(analytical) + Math.abs(value)
  const isZero =
    Math.abs(analytical) <= error && candidates.every((each) => Math.abs(each.value) <= each.error)
  const found = { numerical: value, error, isZero }
  if (!Number.isFinite(error) || !Number.isFinite(value)) {
    return { ...found, verdict: 'open', reason: 'unsettled', isZero: false }
  }
  const isFar = (numerical: number, bound: number) =>
    Math.abs(analytical - numerical) >
    tolerance * (Math.abs(analytical) + Math.abs(numerical)) + bound + ofAnalytical
  const isRefuted =
    derivative.oneSided !== undefined ||
    derivative.witnesses.some((group) => group.every((witness) => isFar(witness.value, witness.error)))
  const isWrong = isFar(value, error) && isRefuted
  if (isWrong) {
    const isBetween =
      candidates.length > 1 &&
      candidates.some((each) => each.value > analytical) &&
      candidates.some((each) => each.value < analytical)
    return isBetween
      ? { ...found, verdict: 'open', reason: 'between' }
      : { ...found, verdict: 'wrong', reason: undefined }
  }
  const isNegligible = Math.abs(analytical) <= NEGLIGIBLE * largest && error <= tolerance * largest
  const isResolved = error <= Math.max(RESOLVED, tolerance) * size
  const agrees = distance <= tolerance * size || (isNegligible && distance <= error + tolerance * size)
  if (agrees && (isResolved || isNegligible || error === 0)) {
    return { ...found, verdict: 'right', reason: undefined }
  }
  return {
    ...found,
    verdict: 'open',
    reason: error > Math.abs(value) && error > largest ? 'unsettled' : 'hidden',
  }
}

/** What a derivative may be: its value, or on a kink the slope to the left, to the right, or their mean. */
function listCandidates({ value, error, oneSided }: Derivative): { value: number; error: number }[] {
  if (oneSided === undefined) return [{ value, error }]
  const { left, right, leftError, rightError } = oneSided
  return [
    { value: left, error: leftError },
    { value: right, error: rightError },
    { value, error },
  ]
}

/** A tensor's judgement, and the sums that the whole is judged by. */
export interface TensorOfEntries {
  readonly report: TensorReport
  readonly entries: readonly EntryJudgement[]
  /** ‖g‖₂ + ‖ĝ‖₂ */
  readonly norms: number
  /** The entries that a reader looks at first: those that are not right, or the one that disagrees most. */
  readonly shown: readonly number[]
}

/** Sums over all tensors. */
export interface EntryTotals {
  readonly difference: DifferenceSum
  squaredErrors: number
}

/**
 * Judges a tensor by its entries: one that is wrong makes it fail, one that is left open or a numerical error above
 * the tolerance makes it inconclusive.
 */
export function judgeTensorOfEntries(
  { name, gradient, shape, start, size }: PointTensor,
  analytical: Float64Array,
  derivatives: readonly Derivative[],
  precision: AnalyticalPrecision,
  largest: number,
  totals: EntryTotals,
): TensorOfEntries {
  const { tolerance } = precision
  const sum = new DifferenceSum()
  let squares = 0
  const entries = Array.from({ length: size }, (_, k) => {
    const given = analytical[start + k]
    const entry = judgeEntry(given, derivatives[start + k], precision, largest)
    if (Number.isFinite(entry.numerical)) {
      const compared = entry.isZero ? given : entry.numerical
      sum.add(given, compared)
      totals.difference.add(given, compared)
    }
    if (Number.isFinite(entry.error)) squares += entry.error ** 2
    return entry
  })
  totals.squaredErrors += squares
  const numericalError = sum.norms === 0 ? 0 : Math.sqrt(squares) / sum.norms
  const count = (verdict: EntryJudgement['verdict']) =>
    entries.filter((entry) => entry.verdict === verdict).length
  const [wrong, open] = [count('wrong'), count('open')]
  const isUncertain = open > 0 || !(sum.difference <= tolerance)
  const shown = chooseShown(entries, analytical.subarray(start, start + size))
  const report: TensorReport = {
    name,
    gradient,
    shape,
    checked: size,
    difference: sum.difference,
    tolerance,
    numericalError,
    verdict: wrong > 0 ? 'fail' : isUncertain ? 'inconclusive' : 'pass',
    perturbed: 'parameters',
    kinks: derivatives
      .slice(start, start + size)
      .filter(({ oneSided, kinkWithin }) => oneSided !== undefined || kinkWithin !== undefined).length,
    wrongEntries: wrong,
    undecidedEntries: open,
    worst: shown
      .filter((k) => entries[k].verdict !== 'right')
      .map((k) => toEntryReport(entries[k], analytical[start + k], unravelIndex(k, shape))),
  }
  return { report, entries, norms: sum.norms, shown }
}

/** Wrong entries before those left open, the largest distance first. */
function chooseShown(entries: readonly EntryJudgement[], analytical: Float64Array): number[] {
  const ranks = { wrong: 0, open: 1, right: 2 } as const
  const distances = entries.map(({ numerical }, k) =>
    Number.isFinite(numerical) ? Math.abs(analytical[k] - numerical) : Number.POSITIVE_INFINITY,
  )
  const ranked = [...entries.keys()].sort(
    (a, b) => ranks[entries[a].verdict] - ranks[entries[b].verdict] || distances[b] - distances[a],
  )
  const off = entries.filter(({ verdict }) => verdict !== 'right').length
  return ranked.slice(0, Math.max(1, Math.min(WORST_ENTRIES, off)))
}

function toEntryReport(entry: EntryJudgement, analytical: number, index: readonly number[]): EntryReport {
  const { numerical, error } = entry
  const size = Math.abs(analytical) + Math.abs(numerical)
  return {
    index,
    analytical,
    numerical,
    relativeError: relativeError(analytical, numerical),
    numericalError: size === 0 ? 0 : error / size,
    verdict: entry.verdict === 'wrong' ? 'fail' : 'inconclusive',
  }
}
