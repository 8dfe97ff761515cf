import { type DifferenceSettings, type Evaluator, unitRoundoffOf } from '../differentiate/evaluator.js'
import type { AnalyticalGradient } from '../network/bind.js'
import type { Linearization } from '../network/linearization.js'
import {
  backpropagationRounding,
  differenceRounding,
  type EntryVariances,
  formatOf,
  lossRounding,
} from '../network/rounding.js'
import { truncationScale } from '../network/truncation.js'

/**
 * Deviations within which the rounding error of an entry is taken to be. Measured on the test networks: one of
 * 10,000 is beyond 3 on any evaluator.
 */
const ROUNDING_DEVIATIONS = 4
/** The same for what rounding does to the user's gradient, whose order of operations is not known. Measured: below 8. */
export const ARITHMETIC_DEVIATIONS = 8
/** How many times its scale a truncation error may be. Measured on the test networks: one of 1,000 is beyond 5. */
const TRUNCATION_MARGIN = 6
/** How many times its deviation the error of a norm may be. Measured on the test networks: below 1.2. */
const NORM_MARGIN = 2
const FLOAT64_ROUNDOFF = 2 ** -53
/** Where changes underflow in single precision (2⁻¹²⁶), with room for what later layers make of it. */
const SINGLE_UNDERFLOW = 2 ** -110

/** What is known of the errors of both gradients. Elements are of parameter tensor `t`, in the model's order. */
export interface ErrorEstimate {
  /** Bound on what rounding does to element `offset` of ĝ. */
  ofRounding(t: number, offset: number): number
  /** Bound on what the step does to it. */
  ofTruncation(t: number, offset: number): number
  /** Bound on what rounding does to the analytical gradient's element. */
  ofArithmetic(t: number, offset: number): number
  /** Estimated Σ of squared errors of ĝ over a whole tensor, or over some of its elements. */
  squaredNorm(t: number, entries?: Uint32Array): { readonly rounding: number; readonly truncation: number }
}

/** How many times its estimated first term a truncation error is. */
export interface TruncationFactors {
  /** Of the entries where it is most, at least 1. */
  readonly ofEntry: number
  readonly ofNorm: number
}

/** Where the errors of both gradients come from, as variances. */
export interface ErrorSources {
  readonly base: Linearization
  /** Of the evaluator, in squared unit roundoffs `u`. */
  readonly rounding: EntryVariances
  readonly u: number
  /** Of a backpropagation in float64, in squared unit roundoffs of float64. */
  readonly basePoint: EntryVariances
  /** Of the analytical gradient, each tensor by its own precision. */
  readonly arithmetic: TensorRounding
  /** Squared sizes of the truncation at the step asked for. */
  readonly truncation: EntryVariances
  /** Squared deviation and bound of what does not depend on the entry. */
  readonly constantVariance: number
  readonly constant: number
}

/** Takes apart what the errors of an evaluation of the model at `base` are made of. */
export function findErrorSources(
  base: Linearization,
  evaluator: Evaluator,
  settings: DifferenceSettings,
  gradients: readonly AnalyticalGradient[],
): ErrorSources {
  const { model } = base
  const onDevice = evaluator.name === 'webgpu'
  return {
    base,
    rounding: differenceRounding(base, onDevice ? 'gpu' : 'cpu'),
    u: unitRoundoffOf(evaluator.precision),
    basePoint: backpropagationRounding(base, formatOf('float64')),
    arithmetic: roundByTensor(base, gradients),
    truncation: truncationScale(base, settings.scheme, settings.step),
    constantVariance: evaluator.name === 'textbook' ? textbookVariance(base, settings) : 0,
    constant: onDevice ? SINGLE_UNDERFLOW * model.lossScale * model.targets.data.length : 0,
  }
}

/** Bound on the rounding error of a textbook derivative, whose losses are rounded before they are subtracted. */
export function textbookRounding(base: Linearization, settings: DifferenceSettings): number {
  return ROUNDING_DEVIATIONS * Math.sqrt(textbookVariance(base, settings))
}

/** On one side the same two roundings are divided by half as much. */
function textbookVariance(base: Linearization, { step, scheme }: DifferenceSettings): number {
  return lossRounding(base) * (FLOAT64_ROUNDOFF / (scheme === 'central' ? step : step / 2)) ** 2
}

/**
 * Estimates the errors of both gradients: rounding by its variances, truncation by its first term.
 * @param factors how many times that term the truncation error is, as a sample shows
 */
export function estimateErrors(sources: ErrorSources, factors: TruncationFactors): ErrorEstimate {
  const { rounding, u, basePoint, arithmetic, truncation, constantVariance, constant } = sources
  const roundingVariance = (t: number, offset: number) => {
    const ofBasePoint = u > FLOAT64_ROUNDOFF ? FLOAT64_ROUNDOFF ** 2 * basePoint.of(t, offset) : 0
    return u ** 2 * rounding.of(t, offset) + ofBasePoint + constantVariance
  }
  return {
    ofRounding: (t, offset) => ROUNDING_DEVIATIONS * Math.sqrt(roundingVariance(t, offset)) + constant,
    ofTruncation: (t, offset) => TRUNCATION_MARGIN * factors.ofEntry * Math.sqrt(truncation.of(t, offset)),
    ofArithmetic: (t, offset) =>
      ARITHMETIC_DEVIATIONS * arithmetic.roundoff(t) * arithmetic.deviation(t, offset),
    squaredNorm(t, entries) {
      const scale = NORM_MARGIN ** 2
      if (entries === undefined) {
        const { size } = sources.base.model.parameters[t]
        return {
          rounding: scale * (u ** 2 * rounding.total(t) + size * constantVariance),
          truncation: scale * factors.ofNorm ** 2 * truncation.total(t),
        }
      }
      const sum = { rounding: 0, truncation: 0 }
      for (const offset of entries) {
        sum.rounding += scale * roundingVariance(t, offset)
        sum.truncation += scale * factors.ofNorm ** 2 * truncation.of(t, offset)
      }
      return sum
    },
  }
}

/** What rounding does to the analytical gradient, each tensor in the precision that it is stored in. */
export interface TensorRounding {
  /** The unit roundoff of tensor `t`. */
  roundoff(t: number): number
  /** The standard deviation of its element `offset`, in those unit roundoffs. */
  deviation(t: number, offset: number): number
}

/** The same with the sizes of what was summed, where no evaluator's arithmetic is involved. */
export interface GradientRounding extends TensorRounding {
  /** Σ|terms| of every element. */
  readonly magnitudes: readonly Float64Array[]
}

export function estimateGradientRounding(
  base: Linearization,
  gradients: readonly AnalyticalGradient[],
): GradientRounding {
  return { ...roundByTensor(base, gradients), magnitudes: base.model.gradientMagnitudes() }
}

/** Carries variances back once for every format that some tensor is stored in. */
function roundByTensor(base: Linearization, gradients: readonly AnalyticalGradient[]): TensorRounding {
  const formats = gradients.map(({ dtype }) => formatOf(dtype))
  const byRoundoff = new Map<number, EntryVariances>()
  for (const format of formats) {
    if (byRoundoff.has(format.unitRoundoff)) continue
    byRoundoff.set(format.unitRoundoff, backpropagationRounding(base, format))
  }
  const variances = formats.map(({ unitRoundoff }) => byRoundoff.get(unitRoundoff)!)
  return {
    roundoff: (t) => formats[t].unitRoundoff,
    deviation: (t, offset) => Math.sqrt(variances[t].of(t, offset)),
  }
}
