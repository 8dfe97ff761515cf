import type { DifferenceSettings, Precision, TensorDerivatives } from '../differentiate/evaluator.js'
import { type AnalyticalGradient, userIndex } from '../network/bind.js'
import { unitRoundoff } from '../tensor.js'
import { DifferenceSum, relativeError } from './compare.js'
import type { ErrorEstimate } from './error-estimate.js'
import type { EntryReport, TensorReport, Verdict } from './report.js'

const WORST_ENTRIES = 5

/** What forward differences are off by, relative to the gradient and in units of h, where a loss is well scaled. */
const FORWARD_ERROR = 10

/**
 * The threshold on the difference when the user gives none. 1e-7 is the textbook's, for float64 on both sides;
 * single precision and the textbook method (whose own rounding is about 1e-7) get 1e-6, float32 gradients 1e-5,
 * and half-precision ones what their digits allow. Forward differences are off by a multiple of h, and get as
 * much.
 */
export function defaultTolerance(
  evaluator: { name: string; precision: Precision },
  gradients: readonly AnalyticalGradient[],
  settings: DifferenceSettings,
): number {
  const byPrecision = toleranceOfPrecision(evaluator, gradients)
  return settings.scheme === 'forward' ? Math.max(byPrecision, FORWARD_ERROR * settings.step) : byPrecision
}

function toleranceOfPrecision(
  evaluator: { name: string; precision: Precision },
  gradients: readonly AnalyticalGradient[],
): number {
  const roundoff = Math.max(...gradients.map((gradient) => unitRoundoff(gradient.dtype)))
  if (roundoff > 2 ** -24) return 32 * roundoff
  if (roundoff > 2 ** -53) return 1e-5
  return evaluator.precision === 'single' || evaluator.name === 'textbook' ? 1e-6 : 1e-7
}

/** A tensor's report and the sums the whole check is judged by. */
export interface TensorJudgement {
  readonly report: TensorReport
  /** Entries that disagree but sit on a kink. */
  readonly undecided: number
  /** Entries whose numerical value is not finite. */
  readonly overflowed: number
  /** Entries that disagree, perhaps by truncation, and that the second look did not get to. */
  readonly unexamined: number
}

/** Sums over every tensor of a check. */
export interface Totals {
  readonly difference: DifferenceSum
  /** Σ of the squared error estimates. */
  squaredErrors: number
  /** True once any analytical or numerical entry is not zero. */
  anyNonZero: boolean
}

/**
 * How far an entry's two values may lie apart: tolerance·(|g| + |ĝ|) and the estimated error of both sides.
 */
export function allowedDistance(
  t: number,
  offset: number,
  analytical: number,
  numerical: number,
  estimate: ErrorEstimate,
  tolerance: number,
): number {
  return (
    tolerance * (Math.abs(analytical) + Math.abs(numerical)) +
    estimate.ofEntry(t, offset) +
    estimate.ofArithmetic(t, offset)
  )
}

/**
 * Whether a tensor's difference is above the tolerance. A few sampled entries may by chance be small ones of their
 * tensor: they are measured against the share of its norm that as many entries have on average, if that is more.
 */
function isAbove(tolerance: number, sum: DifferenceSum, whole: Float64Array, checked: number): boolean {
  const norm = new DifferenceSum()
  for (const value of whole) norm.add(value, value)
  return sum.distance > tolerance * Math.max(sum.norms, norm.norms * Math.sqrt(checked / whole.length))
}

/**
 * Judges one tensor, each entry against the tolerance and its own error estimate: an entry is wrong when
 * |g − ĝ| > tolerance·(|g| + |ĝ|) + the estimated error of both sides. A tensor with a wrong entry fails; one
 * whose difference is above the tolerance although no entry is wrong, or with an entry that a kink or an
 * overflow leaves open, is inconclusive.
 * @param looked.excused positions of entries that a second look found to be right
 * @param looked.open positions of entries that it might have found so, but did not get to
 * @param crossings how many entries' perturbations crossed a kink at the step asked for
 */
export function judgeTensor(
  tensor: TensorDerivatives,
  t: number,
  gradient: AnalyticalGradient,
  estimate: ErrorEstimate,
  tolerance: number,
  looked: { readonly excused: ReadonlySet<number>; readonly open: ReadonlySet<number> },
  crossings: number,
  totals: Totals,
): TensorJudgement {
  const { parameter, entries, derivatives, kinks, done } = tensor
  const sum = new DifferenceSum()
  const offending: { k: number; excess: number }[] = []
  let wrongEntries = 0
  let undecided = 0
  let overflowed = 0
  let unexamined = 0
  for (let k = 0; k < done; k++) {
    const offset = entries[k]
    const [analytical, numerical] = [gradient.values[offset], derivatives[k]]
    if (!Number.isFinite(numerical)) {
      overflowed++
      offending.push({ k, excess: Number.POSITIVE_INFINITY })
      continue
    }
    sum.add(analytical, numerical)
    totals.difference.add(analytical, numerical)
    if (analytical !== 0 || numerical !== 0) totals.anyNonZero = true
    totals.squaredErrors += estimate.ofEntry(t, offset) ** 2
    const distance = Math.abs(analytical - numerical)
    if (distance <= allowedDistance(t, offset, analytical, numerical, estimate, tolerance)) continue
    if (looked.excused.has(k)) continue
    if (looked.open.has(k)) unexamined++
    else if (kinks[k] === 0) wrongEntries++
    else undecided++
    offending.push({ k, excess: distance })
  }
  let verdict: Verdict = 'pass'
  if (wrongEntries > 0) verdict = 'fail'
  else if (undecided + overflowed + unexamined > 0 || isAbove(tolerance, sum, gradient.values, done)) {
    verdict = 'inconclusive'
  }
  offending.sort((a, b) => b.excess - a.excess)
  const worst = offending.slice(0, WORST_ENTRIES).map(({ k }): EntryReport => {
    const [analytical, numerical] = [gradient.values[entries[k]], derivatives[k]]
    return {
      index: userIndex(parameter, entries[k]),
      analytical,
      numerical,
      relativeError: relativeError(analytical, numerical),
    }
  })
  return {
    undecided,
    overflowed,
    unexamined,
    report: {
      name: parameter.name,
      gradient: gradient.name,
      shape: parameter.shape,
      checked: done,
      difference: sum.difference,
      verdict,
      kinks: crossings,
      wrongEntries,
      worst,
    },
  }
}
