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
  /** The step asked for ran over a special point. */
  readonly shrunk: boolean
}

/** Sums over every derivative of a check. */
export interface FunctionTotals {
  readonly difference: DifferenceSum
  squaredErrors: number
}

/** How far the two values of a derivative lie apart: on a kink, from the nearest slope between its two sides. */
function distanceOf({ analytical, numerical, oneSided }: PointResult): number {
  if (oneSided === undefined) return Math.abs(analytical - numerical)
  const [low, high] = [Math.min(...oneSided), Math.max(...oneSided)]
  return Math.max(0, low - analytical, analytical - high)
}

/**
 * Judges one derivative over its points, each against the tolerance and its own error estimate, as the tensors of a
 * network are: a point is wrong when |g − ĝ| > tolerance·(|g| + |ĝ|) + the estimated error of both sides. A
 * derivative with a wrong point fails; one whose difference is above the tolerance although no point is wrong, or
 * that could be judged nowhere, is inconclusive.
 */
export function judgeDerivative(
  { variable, text, source }: Pick<BoundDerivative, 'variable' | 'text' | 'source'>,
  results: readonly PointResult[],
  tolerance: number,
  totals: FunctionTotals,
): DerivativeReport {
  const sum = new DifferenceSum()
  const ranked: { result: PointResult; isWrong: boolean; excess: number }[] = []
  for (const result of results) {
    const { analytical, error, analyticalError } = result
    // on a kink any slope between the two sides is right
    const distance = distanceOf(result)
    const numerical = result.oneSided === undefined ? result.numerical : nearestSlope(result)
    const compared = forgiveRounding(result, numerical)
    sum.add(analytical, compared)
    totals.difference.add(analytical, compared)
    totals.squaredErrors += error ** 2
    const size = Math.abs(analytical) + Math.abs(numerical)
    const allowed = tolerance * size + error + analyticalError
    const isWrong = !(distance <= allowed)
    ranked.push({ result: { ...result, numerical }, isWrong, excess: allowed === 0 ? 0 : distance / allowed })
  }
  ranked.sort((a, b) => Number(b.isWrong) - Number(a.isWrong) || b.excess - a.excess)
  const wrongPoints = ranked.filter(({ isWrong }) => isWrong).length
  let verdict: Verdict = 'pass'
  if (wrongPoints > 0) verdict = 'fail'
  else if (results.length === 0 || !(sum.difference <= tolerance)) verdict = 'inconclusive'
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

function nearestSlope({ analytical, oneSided }: PointResult): number {
  const [low, high] = [Math.min(...oneSided!), Math.max(...oneSided!)]
  return Math.min(Math.max(analytical, low), high)
}

function toReport({ at, index, analytical, numerical, textbook, step, error }: PointResult): PointReport {
  const difference = relativeError(analytical, numerical)
  return { at, index, analytical, numerical, textbook, step, error, relativeError: difference }
}
