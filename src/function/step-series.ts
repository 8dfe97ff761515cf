import type { Scheme } from '../differentiate/evaluator.js'
import type { ChangeCarrier } from '../program/carry-changes.js'
import { carryToPoints } from './carry-to-points.js'
import type { ChangesAtPoint } from './changes-at-point.js'
import { type BoundFormula, type FormulaCode, valuesAt } from './lower-formula.js'

/** What a step's error came to, by one way of computing. */
export interface StepErrors {
  readonly scheme: Scheme
  readonly method: 'textbook' | 'difference'
  /** |ĝ − g| at each step. */
  readonly errors: readonly number[]
  /** The power of h by which the error falls while truncation rules it; undefined where there is none to see. */
  readonly truncationSlope: number | undefined
  /** The power of h by which it changes while rounding rules it: about −1; undefined where it does not. */
  readonly roundingSlope: number | undefined
}

/** The error against the step. */
export interface StepSeries {
  readonly variable: string
  readonly at: Readonly<Record<string, number>>
  /** g, which errors are measured against. */
  readonly reference: number
  /** From large to small. */
  readonly steps: readonly number[]
  readonly series: readonly StepErrors[]
}

const LARGEST_EXPONENT = -1
const SMALLEST_EXPONENT = -14

/** Steps of the series: every power of ten between. */
export const SERIES_STEPS: readonly number[] = Array.from(
  { length: LARGEST_EXPONENT - SMALLEST_EXPONENT + 1 },
  (_, k) => Number(`1e${LARGEST_EXPONENT - k}`),
)

/** How far above the rounding's floor an error is truncation. */
const ABOVE_FLOOR = 30
/** By what the textbook's error exceeds the difference's where rounding rules it. */
const EXCESS = 10

/**
 * Measures how the error of a derivative depends on the step, for both schemes, by the definition in float64 and by
 * difference arithmetic.
 * @param bound the formula at one point
 * @param exact the changes there in float64
 * @param reference the derivative that errors are measured against
 * @param floor what rounding does to difference arithmetic
 */
export async function measureSteps(
  formula: FormulaCode,
  bound: BoundFormula,
  exact: ChangesAtPoint,
  moved: number,
  carrier: ChangeCarrier,
  reference: number,
  floor: number,
): Promise<Pick<StepSeries, 'steps' | 'series'>> {
  const steps = SERIES_STEPS
  const [point] = bound.points
  const signed = steps.flatMap((h) => [h, -h])
  const { slopes } = await carryToPoints(carrier, bound, moved, signed)
  const series = (['forward', 'central'] as const).flatMap((scheme) => {
    const difference = steps.map((_, k) => {
      const [right, left] = [slopes[2 * k][0], slopes[2 * k + 1][0]]
      return Math.abs((scheme === 'central' ? (right + left) / 2 : right) - reference)
    })
    const textbook = steps.map((h) =>
      Math.abs(textbookDerivatives(formula, [point], moved, h, scheme)[0].value - reference),
    )
    // by float64 difference arithmetic: truncation and nothing else
    const truncation = steps.map((h) => {
      const right = exact.carry(moved, h).slope
      const left = exact.carry(moved, -h).slope
      return Math.abs((scheme === 'central' ? (right + left) / 2 : right) - reference)
    })
    const least = Math.max(ABOVE_FLOOR * floor, Number.MIN_VALUE)
    const falls = (errors: readonly number[]) => (k: number) =>
      truncation[k] > least && Math.abs(errors[k] - truncation[k]) <= truncation[k] / EXCESS
    const rises = (errors: readonly number[]) => (k: number) =>
      errors[k] > EXCESS * Math.max(truncation[k], floor)
    const measure = (method: StepErrors['method'], errors: readonly number[]): StepErrors => ({
      scheme,
      method,
      errors,
      truncationSlope: fitSlope(steps, errors, falls(errors)),
      roundingSlope: fitSlope(steps, errors, rises(errors)),
    })
    return [measure('textbook', textbook), measure('difference', difference)]
  })
  return { steps, series }
}

/** (f(x + h) − f(x − h))/2h, or (f(x + h) − f(x))/h, in float64 at each point, and how large what is subtracted is. */
export function textbookDerivatives(
  formula: FormulaCode,
  points: readonly Float64Array[],
  moved: number,
  h: number,
  scheme: Scheme,
): { value: number; size: number }[] {
  const [right, left] = scheme === 'forward' ? [h, 0] : [h, -h]
  const [highs, lows] = [right, left].map((by) =>
    valuesAt(
      formula,
      points.map((point) => point.with(moved, point[moved] + by)),
    ),
  )
  return points.map((_, k) => ({
    value: (highs[k] - lows[k]) / (right - left),
    size: Math.abs(highs[k]) + Math.abs(lows[k]),
  }))
}

/** The slope of log error against log step, by least squares over the steps where one thing rules the error. */
function fitSlope(
  steps: readonly number[],
  errors: readonly number[],
  isRuled: (k: number) => boolean,
): number | undefined {
  const ruled = steps.flatMap((h, k) =>
    errors[k] > 0 && Number.isFinite(errors[k]) && isRuled(k) ? [[Math.log10(h), Math.log10(errors[k])]] : [],
  )
  if (ruled.length < 2) return undefined
  const mean = (column: number) => ruled.reduce((sum, row) => sum + row[column], 0) / ruled.length
  const [meanX, meanY] = [mean(0), mean(1)]
  const covariance = ruled.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  return covariance / ruled.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
}
