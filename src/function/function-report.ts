import type { DeviceReport, Finding, TensorReport, Verdict } from '../check/report.js'
import type { Precision } from '../differentiate/evaluator.js'
import type { Crossing } from '../operations/scalar-rule.js'
import type { StepSeries } from './step-series.js'

/** One derivative at one point. */
export interface PointReport {
  /** The point, by variable; of a function of a vector, nothing. */
  readonly at: Readonly<Record<string, number>>
  /** Which element of the vector, where the function takes one. */
  readonly index: readonly number[]
  /** The user's value, or mathjs's. */
  readonly analytical: number
  /** Ours, by the step that fits the point best. */
  readonly numerical: number
  /** By the definition in float64, at the step asked for; NaN where that runs over a special point. */
  readonly textbook: number
  /** The step that `numerical` was taken with. */
  readonly step: number
  /** Estimated error of `numerical`, absolute. */
  readonly error: number
  /** |g − ĝ| / (|g| + |ĝ|); 0 when both are zero. */
  readonly relativeError: number
}

/** The judgement of the derivative by one variable. */
export interface DerivativeReport {
  /** The variable's name. */
  readonly variable: string
  /** The derivative's formula, where there is one. */
  readonly gradient: string
  /** Who gave it. */
  readonly source: 'user' | 'mathjs'
  /** Points that were judged. */
  readonly checked: number
  /** ‖g − ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂) over the judged points. */
  readonly difference: number
  readonly verdict: Verdict
  /** Points at which g is off by more than the tolerance and the error estimates. */
  readonly wrongPoints: number
  /** Points that are left open: g lies between the slopes to both sides of a kink, or errors could hide a mistake. */
  readonly undecidedPoints: number
  /** Points whose step ran over a special point and was made smaller. */
  readonly kinks: number
  /** Worst points first: the disagreeing ones, or the one that disagrees most. */
  readonly worst: readonly PointReport[]
}

/** A place where the function is not smooth, or not defined. */
export interface SpecialPlace {
  readonly kind: Crossing | 'undefined'
  /** The part of the formula that it belongs to. */
  readonly expression: string
  /** Where it is, as a sentence goes on: "its divisor is 0". */
  readonly where: string
  /** Points on it, and points no farther from it than the step asked for. */
  readonly on: number
  readonly near: number
  /** One of the points on it, else near it. */
  readonly at: Readonly<Record<string, number>>
}

/** The result of checking a function: the JSON report's content (`schema` 1), numbers still numbers. */
export interface FunctionReport {
  readonly schema: 1
  readonly verdict: Verdict
  /** The function as it was typed; empty for a function in code. */
  readonly formula: string
  /** ‖g − ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂) over every judged point. */
  readonly difference: number
  readonly tolerance: number
  /** Estimated ‖error of ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂). */
  readonly numericalError: number
  /** The function's value at the first point where it has one. */
  readonly cost: number
  readonly at: Readonly<Record<string, number>>
  readonly points: { readonly total: number; readonly checked: number }
  readonly method: 'difference' | 'textbook'
  readonly scheme: 'central' | 'forward'
  readonly step: number
  readonly precision: Precision
  readonly device: DeviceReport
  readonly derivatives: readonly DerivativeReport[]
  /** A judgement for each tensor of the point, where the function is in code. */
  readonly tensors: readonly TensorReport[]
  /** How exact the values of a function in code are. */
  readonly noise?: {
    /** Bound on the error of a value, absolute. */
    readonly bound: number
    /** What the values' digits show: `decimals` are rounded to decimal places. */
    readonly format: 'float64' | 'float32' | 'float16' | 'decimals'
    readonly source: 'declared' | 'measured'
  }
  /** Findings about a failing check. */
  readonly diagnosis: readonly Finding[]
  readonly special: readonly SpecialPlace[]
  /**
   * The textbook definition against difference arithmetic at the same step, and what the definition's own rounding
   * is estimated to make of that.
   */
  readonly crossValidation: {
    readonly checked: number
    readonly difference: number
    readonly rounding: number
  }
  /** The error against the step, where it was asked for. */
  readonly steps: StepSeries | undefined
  readonly timing: { readonly seconds: number; readonly perturbations: number }
  /** Every reason why the verdict is inconclusive, in sentences that are among the notices too; else empty. */
  readonly reasons: readonly string[]
  readonly notices: readonly string[]
}
