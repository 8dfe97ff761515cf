import type { DifferenceSum } from '../check/compare.js'
import type { Verdict } from '../check/report.js'
import { listNames } from '../list-names.js'
import { formatDifference, formatSetting } from '../report/format-numbers.js'
import { setting } from '../settings.js'
import type { BoundFunction } from './bind-function.js'
import type { FunctionReport } from './function-report.js'
import { type FunctionTotals, isZero, type PointResult } from './judge-points.js'
import type { SpecialPlaces } from './special-places.js'

/** What a check of a formula gathers on its way. */
export interface Gathered {
  readonly special: SpecialPlaces
  readonly results: readonly PointResult[][]
  readonly crossDifference: DifferenceSum
  crossChecked: number
  /** Σ of the squared estimates of the textbook's rounding. */
  squaredRounding: number
  disagreements: number
  /** Derivatives that were beyond single precision and were evaluated in float64. */
  repeated: number
  /** Changes that were carried. */
  perturbations: number
  /** Values that mathjs's derivative does not have, where there is one; and the user's. */
  underived: number
  valueless: number
  /** Derivatives that do not exist, on a special point. */
  unjudged: number
}

/** Part of a norm that errors are, by the sum of their squares. */
export const relativeTo = ({ norms }: DifferenceSum, squares: number) =>
  norms === 0 ? 0 : Math.sqrt(squares) / norms

/** The verdict on a formula's derivatives, and what a reader must know of it. */
export function concludeFormula(
  bound: BoundFunction,
  derivatives: FunctionReport['derivatives'],
  found: Gathered,
  { difference, squaredErrors, squaredAnalyticalErrors }: FunctionTotals,
  tolerance: number,
): { verdict: Verdict; reasons: string[]; notices: string[] } {
  const reasons: string[] = []
  const notices: string[] = []
  if (found.disagreements > 0) {
    reasons.push(
      `internal error: the textbook definition disagrees with difference arithmetic at ${found.disagreements} of ${found.crossChecked} points; please report it`,
    )
  }
  const isWrong = derivatives.some((derivative) => derivative.verdict === 'fail')
  for (const { variable, expression } of bound.derivatives) {
    if (expression !== undefined) continue
    reasons.push(
      `the formula is too long for a symbolic derivative by ${variable}: give it yourself, ${setting('gradient', `d/d${variable}=…`)}`,
    )
  }
  if (found.underived > 0) {
    const places = found.underived === 1 ? 'one point' : `${found.underived} points`
    const sentence = `mathjs's derivative has no value at ${places} where the function has one: give it yourself, ${setting('gradient')}`
    if (derivatives.some(({ checked }) => checked === 0)) reasons.push(sentence)
    else notices.push(sentence)
  }
  if (found.valueless > 0) {
    const places = found.valueless === 1 ? 'one point' : `${found.valueless} points`
    notices.push(`the derivative given has no value at ${places} where the function has one`)
  }
  if (found.unjudged > 0) {
    const count = found.unjudged === 1 ? 'one derivative does' : `${found.unjudged} derivatives do`
    const sentence = `${count} not exist where the function is not smooth, and could not be judged`
    if (derivatives.some(({ checked }) => checked === 0)) reasons.push(sentence)
    else notices.push(sentence)
  }
  const between = derivatives.reduce((sum, derivative) => sum + derivative.undecidedPoints, 0)
  if (between > 0) {
    const count = between === 1 ? 'one value lies' : `${between} values lie`
    reasons.push(
      `${count} between the slopes to both sides of a kink: right there are the slope to the left, to the right, their mean, and what these make of every kink of the formula; take a point beside the kink`,
    )
  }
  const results = found.results.flat()
  if (results.length > 0 && results.every(isZero)) {
    reasons.push(
      'the derivative is zero on both sides: nothing was tested. Take a point where the function changes',
    )
  } else {
    const untested = bound.derivatives.filter(
      (_, d) => found.results[d].length > 0 && found.results[d].every(isZero),
    )
    if (untested.length > 0) {
      const names = listNames(untested.map(({ variable }) => `d/d${variable}`))
      const [are, of] = untested.length === 1 ? ['is', 'it'] : ['are', 'them']
      notices.push(`${names} ${are} zero on both sides: nothing of ${of} was tested`)
    }
  }
  const numericalError = relativeTo(difference, squaredErrors)
  if (
    reasons.length === 0 &&
    !isWrong &&
    (numericalError > tolerance || !(difference.difference <= tolerance))
  ) {
    reasons.push(
      `the error of the numerical derivative, ${formatDifference(numericalError)}, is above the tolerance of ${formatSetting(tolerance)}: it cannot confirm the derivative to within that`,
    )
  }
  const analyticalError = relativeTo(difference, squaredAnalyticalErrors)
  if (reasons.length === 0 && !isWrong && analyticalError > tolerance) {
    reasons.push(
      `rounding moves the derivative's own formula by ${formatDifference(analyticalError)}, above the tolerance of ${formatSetting(tolerance)}: it would hide a mistake of that size; write it so that less of it cancels`,
    )
  }
  if (found.repeated > 0) {
    const count = found.repeated === 1 ? 'one derivative is' : `${found.repeated} derivatives are`
    notices.push(
      `${count} beyond single precision (overflow, underflow, rounding above the tolerance, steps that do not settle), and evaluated in float64`,
    )
  }
  if (isWrong && found.disagreements === 0)
    return { verdict: 'fail', reasons: [], notices: [...reasons, ...notices] }
  return { verdict: reasons.length > 0 ? 'inconclusive' : 'pass', reasons, notices: [...reasons, ...notices] }
}
