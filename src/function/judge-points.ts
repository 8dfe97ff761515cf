import { DifferenceSum, relativeError } from '../check/compare.js'
import type { Verdict } from '../check/report.js'
import type { BoundDerivative } from './bind-function.js'
import type { DerivativeReport, PointReport } from './function-report.js'

const WORST_POINTS = 5

/** A derivative's two values at one point, and how far each can be trusted. */
export interface PointResult extends Omit<PointReport, 'relativeError'> {
  /** Estimated error of `analytical`, absolute: what evaluating its formula in float64 rounds. */
  readonly analyticalError: number
  /** The slopes to both sides of a kink that the point sits on. */
  readonly oneSided: readonly [number, number] | undefined
  /** What code may give there, by one convention for every kink of a kind. */
  readonly conventions: readonly number[]
  /** The step asked for ran over a special point. */
  readonly shrunk: boolean
}

/** Sums over every derivative of a check. */
export interface FunctionTotals {
  readonly difference: DifferenceSum
  squaredErrors: number
  squaredAnalyticalErrors: number
}

/** What a derivative may be: on a kink the slope to the left, to the right, their mean, or what a convention gives. */
function nearestValue({ analytical, numerical, oneSided, conventions }: PointResult): number {
  if (oneSided === undefined) return numerical
  const [left, right] = oneSided
  const distance = (value: number) => Math.abs(value - analytical)
  const values = [left, right, (left + right) / 2, ...conventions]
  return values.reduce((nearest, value) => (distance(value) < distance(nearest) ? value : nearest))
}

/** Whether a value lies between the slopes to both sides of a kink. */
function isBetween({ analytical, oneSided }: PointResult): boolean {
  return oneSided !== undefined && analytical > Math.min(...oneSided) && analytical < Math.max(...oneSided)
}

/** Whether a derivative is zero on both sides, to within their errors. */
export function isZero({ analytical, numerical, error, analyticalError, oneSided }: PointResult): boolean {
  const most = error + analyticalError
  if (!Number.isFinite(most)) return false
  return [analytical, numerical, ...(oneSided ?? [])].every((value) => Math.abs(value) <= most)
}

/**
 * Judges one derivative over its points, each against the tolerance and its own error estimate, as the tensors of a
 * network are: a point is wrong when |g − ĝ| > tolerance·(|g| + |ĝ|) + the estimated error of both sides. A
 * derivative with a wrong point fails; one whose difference is above the tolerance although no point is wrong, that
 * lies between the slopes of a kink, or that could be judged nowhere, is inconclusive.
 */
export function judgeDerivative(
  { variable, text, source }: Pick<BoundDerivative, 'variable' | 'text' | 'source'>,
  results: readonly PointResult[],
  tolerance: number,
  totals: FunctionTotals,
): DerivativeReport {
  const sum = new DifferenceSum()
  const ranked: { result: PointResult; isWrong: boolean; excess: number }[] = []
  let undecided = 0
  for (const result of results) {
    const { analytical, error, analyticalError } = result
    const numerical = nearestValue(result)
    const distance = Math.abs(analytical - numerical)
    const compared = forgiveRounding(result, numerical)
    sum.add(analytical, compared)
    totals.difference.add(analytical, compared)
    totals.squaredErrors += error ** 2
    totals.squaredAnalyticalErrors += analyticalError ** 2
    const size = Math.abs(analytical) + Math.abs(numerical)
    const allowed = tolerance * size + error + analyticalError
    const isOff = !(distance <= allowed)
    const isOpen = isOff && isBetween(result)
    if (isOpen) undecided++
    const isWrong = isOff && !isOpen
    ranked.push({ result: { ...result, numerical }, isWrong, excess: allowed === 0 ? 0 : distance / allowed })
  }
  ranked.sort((a, b) => Number(b.isWrong) - Number(a.isWrong) || b.excess - a.excess)
  const wrongPoints = ranked.filter(({ isWrong }) => isWrong).length
  let verdict: Verdict = 'pass'
  if (wrongPoints > 0) verdict = 'fail'
  else if (undecided > 0 || results.length === 0 || !(sum.difference <= tolerance)) verdict = 'inconclusive'
  // the point that disagrees most, or as many wrong ones as a reader looks at
  const shown = Math.max(1, Math.min(WORST_POINTS, wrongPoints))
  return {
    variable,
    gradient: text,
    source,
    checked: results.length,
    difference: sum.difference,
    verdict,
    wrongPoints,
    undecidedPoints: undecided,
    kinks: results.filter(({ shrunk }) => shrunk).length,
    worst: ranked.slice(0, shown).map(({ result }) => toReport(result)),
  }
}

/**
 * The numerical value as the norms compare it: what the analytical one's own evaluation rounds is not held against
 * it, and two values that are both 0 within their errors are equal.
 */
function forgiveRounding({ analytical, analyticalError, error }: PointResult, numerical: number): number {
  const most = error + analyticalError
  if (Math.abs(analytical) <= most && Math.abs(numerical) <= most) return analytical
  const distance = analytical - numerical
  return numerical + Math.sign(distance) * Math.min(Math.abs(distance), analyticalError)
}

function toReport({ at, index, analytical, numerical, textbook, step, error }: PointResult): PointReport {
  const difference = relativeError(analytical, numerical)
  return { at, index, analytical, numerical, textbook, step, error, relativeError: difference }
}
