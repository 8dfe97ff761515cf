import {
  type DifferenceSettings,
  type Evaluator,
  type TensorDerivatives,
  unitRoundoffOf,
} from '../differentiate/evaluator.js'
import type { AnalyticalGradient } from '../network/bind.js'
import type { Linearization } from '../network/linearization.js'
import { boundProductNorm, normOf, RootSum, rootSumSquares } from '../network/root-sum-squares.js'
import {
  backpropagationRounding,
  differenceRounding,
  type EntryDeviations,
  formatOf,
  lossRounding,
} from '../network/rounding.js'
import { normOfScales, type StepScales, scaleOf } from '../network/step-scales.js'
import { computeHigherDerivatives, truncationScale } from '../network/truncation.js'
import { type DType, FLOAT64_ROUNDOFF } from '../tensor.js'

/**
 * Deviations within which the rounding error of an entry is taken to be. Measured on the test networks: one of
 * 10,000 is beyond 3 on any evaluator.
 */
export const ROUNDING_DEVIATIONS = 4
/** The same for what rounding does to the user's gradient, whose order of operations is not known. Measured: below 8. */
export const ARITHMETIC_DEVIATIONS = 8
/** How many times its scale a truncation error may be. Measured on the test networks: one of 1,000 is beyond 5. */
const TRUNCATION_MARGIN = 6
/** How many times its deviation the error of a norm may be. Measured on the test networks: below 1.2. */
const NORM_MARGIN = 2
/** No part of a norm is above it, but for rounding. */
const ABOVE_NORM = 1 + 2 ** -20
/** Where changes underflow in single and in double precision, with room for what later layers make of it. */
export const SINGLE_UNDERFLOW = 2 ** (-126 + 16)
const DOUBLE_UNDERFLOW = 2 ** (-1022 + 16)

/** What is known of the errors of both gradients. Elements are of parameter tensor `t`, in the model's order. */
export interface ErrorEstimate {
  /** Bound on what rounding does to element `offset` of ĝ. */
  ofRounding(t: number, offset: number): number
  /** Bound on what the step does to it. */
  ofTruncation(t: number, offset: number): number
  /** The same where parameters are moved one by one, whatever was moved. */
  ofParameterTruncation(t: number, offset: number): number
  /** Bound on what rounding does to the analytical gradient's element. */
  ofArithmetic(t: number, offset: number): number
  /** Bound on the sum of all of these, whichever element it is: what is further off needs no estimate of its own. */
  atMost(t: number): number
  /** Estimated norms of the errors of ĝ over a whole tensor, or over some of its elements. */
  norms(t: number, entries?: Uint32Array): { readonly rounding: number; readonly truncation: number }
}

/** How many times its estimated first term a truncation error is. */
export interface TruncationFactors {
  /** Of the entries where it is most, at least 1. */
  readonly ofEntry: number
  readonly ofNorm: number
}

/** Where the errors of both gradients come from, as deviations. */
export interface ErrorSources {
  readonly base: Linearization
  /** Of the evaluator, in unit roundoffs `u`. */
  readonly rounding: EntryDeviations
  readonly u: number
  /** Of a backpropagation in float64, in unit roundoffs of float64. */
  readonly basePoint: EntryDeviations
  /** Of the analytical gradient, each tensor by its own precision. */
  readonly arithmetic: TensorRounding
  /** Sizes of the truncation at the step asked for. */
  readonly truncation: EntryDeviations
  /** The same where parameters are moved one by one, whatever was moved. */
  readonly truncationOfParameters: EntryDeviations
  /** What h is divided by. */
  readonly scales: StepScales | undefined
  /** Deviation and bound of what is the same for all entries that move by h, and grows with their scale. */
  readonly constantDeviation: number
  readonly constant: number
}

/** Takes apart what the errors of an evaluation's results at `base` are made of. */
export function findErrorSources(
  base: Linearization,
  evaluator: Evaluator,
  settings: DifferenceSettings,
  gradients: readonly AnalyticalGradient[],
  results: readonly TensorDerivatives[],
): ErrorSources {
  const { model } = base
  const ofOutputs = results.filter(({ perturbed }) => perturbed === 'outputs')
  const movesOutputs = (l: number) => ofOutputs.some(({ parameter }) => parameter.layer === l)
  const higher = computeHigherDerivatives(base, settings.scales)
  const truncation = truncationScale(base, higher, settings, movesOutputs)
  const onDevice = evaluator.name === 'webgpu'
  return {
    base,
    rounding: differenceRounding(base, onDevice ? 'gpu' : 'cpu', movesOutputs),
    u: unitRoundoffOf(evaluator.precision),
    basePoint: backpropagationRounding(base, formatOf('float64')),
    arithmetic: roundByTensor(base, dtypesOf(gradients)),
    truncation,
    truncationOfParameters:
      ofOutputs.length === 0 ? truncation : truncationScale(base, higher, settings, () => false),
    scales: settings.scales,
    constantDeviation: evaluator.name === 'textbook' ? textbookDeviation(base, settings) : 0,
    constant: (onDevice ? SINGLE_UNDERFLOW : DOUBLE_UNDERFLOW) * model.lossScale * model.targets.data.length,
  }
}

/**
 * Bound on the rounding error of a textbook derivative by a parameter that moves by h, whose losses are rounded before
 * they are subtracted. Of others it grows with their scale.
 */
export function textbookRounding(base: Linearization, settings: DifferenceSettings): number {
  return ROUNDING_DEVIATIONS * textbookDeviation(base, settings)
}

/** On one side the same two roundings are divided by half as much. */
function textbookDeviation(base: Linearization, { step, scheme }: DifferenceSettings): number {
  return (lossRounding(base) * FLOAT64_ROUNDOFF) / (scheme === 'central' ? step : step / 2)
}

/**
 * Estimates the errors of both gradients: rounding by its deviations, truncation by its first term.
 * @param factors how many times that term the truncation error is, as a sample shows
 */
export function estimateErrors(sources: ErrorSources, factors: TruncationFactors): ErrorEstimate {
  const { base, rounding, u, basePoint, arithmetic, scales, constantDeviation, constant } = sources
  const { truncation, truncationOfParameters } = sources
  const { parameters } = base.model
  const scaleAt = (t: number, offset: number) => scaleOf(scales, parameters[t], offset)
  const deviation = (t: number, offset: number) => {
    const ofBasePoint = u > FLOAT64_ROUNDOFF ? FLOAT64_ROUNDOFF * basePoint.of(t, offset) : 0
    return rootSumSquares(u * rounding.of(t, offset), ofBasePoint, constantDeviation * scaleAt(t, offset))
  }
  return {
    ofRounding: (t, offset) => ROUNDING_DEVIATIONS * deviation(t, offset) + constant * scaleAt(t, offset),
    ofTruncation: (t, offset) => TRUNCATION_MARGIN * factors.ofEntry * truncation.of(t, offset),
    ofParameterTruncation: (t, offset) =>
      TRUNCATION_MARGIN * factors.ofEntry * truncationOfParameters.of(t, offset),
    ofArithmetic: (t, offset) =>
      ARITHMETIC_DEVIATIONS * arithmetic.roundoff(t) * arithmetic.deviation(t, offset),
    atMost: rememberByTensor((t) => {
      const scale = normOfScales(scales, parameters[t])
      const ofNorms =
        ROUNDING_DEVIATIONS *
          rootSumSquares(
            u * rounding.norm(t),
            FLOAT64_ROUNDOFF * basePoint.norm(t),
            constantDeviation * scale,
          ) +
        TRUNCATION_MARGIN * factors.ofEntry * Math.max(truncation.norm(t), truncationOfParameters.norm(t)) +
        ARITHMETIC_DEVIATIONS * arithmetic.roundoff(t) * arithmetic.norm(t)
      return ABOVE_NORM * (ofNorms + constant * scale)
    }),
    norms(t, entries) {
      if (entries === undefined) {
        const ofConstant =
          constantDeviation === 0 ? 0 : constantDeviation * normOfScales(scales, parameters[t])
        return {
          rounding: NORM_MARGIN * rootSumSquares(u * rounding.norm(t), ofConstant),
          truncation: NORM_MARGIN * factors.ofNorm * truncation.norm(t),
        }
      }
      const [ofRounding, ofTruncation] = [new RootSum(), new RootSum()]
      for (const offset of entries) {
        ofRounding.add(deviation(t, offset))
        ofTruncation.add(truncation.of(t, offset))
      }
      return {
        rounding: NORM_MARGIN * ofRounding.value,
        truncation: NORM_MARGIN * factors.ofNorm * ofTruncation.value,
      }
    },
  }
}

/** Computes a number of each tensor once, when it is first asked for. */
export function rememberByTensor(compute: (t: number) => number): (t: number) => number {
  const known: (number | undefined)[] = []
  return (t) => {
    const value = known[t] ?? compute(t)
    known[t] = value
    return value
  }
}

/** What rounding does to the analytical gradient, each tensor in the precision that it is stored in. */
export interface TensorRounding {
  /** The unit roundoff of tensor `t`. */
  roundoff(t: number): number
  /** The standard deviation of its element `offset`, in those unit roundoffs. */
  deviation(t: number, offset: number): number
  /** The root of the sum of their squares over tensor `t`. */
  norm(t: number): number
}

/** The same with the sizes of what was summed, where no evaluator's arithmetic is involved. */
export interface GradientRounding extends TensorRounding {
  /** Σ|terms| of every element, computed when first asked for. */
  readonly magnitudes: readonly Float64Array[]
  /** Bounds on the roots of the sums of their squares over each tensor. */
  readonly magnitudeBounds: readonly number[]
}

export function estimateGradientRounding(
  base: Linearization,
  gradients: readonly AnalyticalGradient[],
): GradientRounding {
  const { model, pass } = base
  const backpropagation = model.propagateMagnitudes(pass)
  let magnitudes: readonly Float64Array[] | undefined
  return {
    ...roundByTensor(base, dtypesOf(gradients)),
    get magnitudes() {
      magnitudes ??= model.parameters.map((parameter) => backpropagation.gradient(parameter))
      return magnitudes
    },
    magnitudeBounds: model.parameters.map(({ layer: l, role }) => {
      const delta = backpropagation.delta(l)
      if (role === 'biases') return boundProductNorm(delta)
      return boundProductNorm(delta, pass.A[l]) + 2 * model.l2Scale * normOf(model.layers[l].weights)
    }),
  }
}

const dtypesOf = (gradients: readonly AnalyticalGradient[]) => gradients.map(({ dtype }) => dtype)

/** Carries deviations back once for every format that some tensor is stored in. */
export function roundByTensor(base: Linearization, dtypes: readonly DType[]): TensorRounding {
  const formats = dtypes.map(formatOf)
  const byRoundoff = new Map<number, EntryDeviations>()
  for (const format of formats) {
    if (byRoundoff.has(format.unitRoundoff)) continue
    byRoundoff.set(format.unitRoundoff, backpropagationRounding(base, format))
  }
  const deviations = formats.map(({ unitRoundoff }) => byRoundoff.get(unitRoundoff)!)
  return {
    roundoff: (t) => formats[t].unitRoundoff,
    deviation: (t, offset) => deviations[t].of(t, offset),
    norm: (t) => deviations[t].norm(t),
  }
}
