import type { Scheme } from '../differentiate/evaluator.js'
import { changeOf } from './differences.js'
import type { FunctionEvaluator } from './function-evaluator.js'
import { constantsOnSeams } from './seams.js'
import { evaluateTape, type Tape, valueAt } from './tape.js'

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
 * @param reference the derivative that errors are measured against
 * @param floor what rounding does to difference arithmetic
 */
export async function measureSteps(
  tape: Tape,
  point: Float64Array,
  moved: number,
  evaluator: FunctionEvaluator,
  reference: number,
  floor: number,
): Promise<Pick<StepSeries, 'steps' | 'series'>> {
  const steps = SERIES_STEPS
  const constants = constantsOnSeams(tape, evaluateTape(tape, point))
  const signed = steps.flatMap((h) => [h, -h])
  const { slopes } = await evaluator.evaluate({ tape, points: [constants], moved: [moved], steps: signed })
  const series = (['forward', 'central'] as const).flatMap((scheme) => {
    const difference = steps.map((_, k) => {
      const [right, left] = [slopes[2 * k], slopes[2 * k + 1]]
      return Math.abs((scheme === 'central' ? (right + left) / 2 : right) - reference)
    })
    const textbook = steps.map((h) =>
      Math.abs(textbookDerivative(tape, point, moved, h, scheme).value - reference),
    )
    // by float64 difference arithmetic: truncation and nothing else
    const truncation = steps.map((h) => {
      const right = changeOf(tape, constants, moved, h).slope
      const left = changeOf(tape, constants, moved, -h).slope
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

/** (f(x + h) − f(x − h))/2h, or (f(x + h) − f(x))/h, in float64, and how large what is subtracted is. */
export function textbookDerivative(
  tape: Tape,
  point: Float64Array,
  moved: number,
  h: number,
  scheme: Scheme,
): { value: number; size: number } {
  const at = (value: number) => valueAt(tape, point.with(moved, value))
  const [right, left] = scheme === 'forward' ? [h, 0] : [h, -h]
  const [high, low] = [at(point[moved] + right), at(point[moved] + left)]
  return { value: (high - low) / (right - left), size: Math.abs(high) + Math.abs(low) }
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
