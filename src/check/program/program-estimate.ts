import { findKinks } from '../../backward/conventions.js'
import { type Cotangents, reversePass } from '../../backward/reverse-pass.js'
import { type Precision, unitRoundoffOf } from '../../differentiate/evaluator.js'
import { normOf } from '../../network/root-sum-squares.js'
import { formatOf } from '../../network/rounding.js'
import type { BoundProgram } from '../../program/evaluate.js'
import { carryVariances } from '../../rounding/carry-variances.js'
import { measureNoise } from '../../rounding/measure-noise.js'
import { boundValueErrors } from '../../rounding/value-errors.js'
import { type DType, FLOAT64_ROUNDOFF } from '../../tensor.js'
import {
  ARITHMETIC_DEVIATIONS,
  type ErrorEstimate,
  ROUNDING_DEVIATIONS,
  rememberByTensor,
  SINGLE_UNDERFLOW,
  type TensorRounding,
} from '../error-estimate.js'
import type { CheckedParameter } from './bind-program-problem.js'

/** The same of what a few runs with noise measured: one of a thousand of their scatter is beyond. */
const NOISE_DEVIATIONS = 8

/** What rounding does to the gradient of one value of a program, element by element. */
interface RoundingOfValue {
  /** Of a backpropagation in float64, in unit roundoffs: the larger of what noise did and of what carries back. */
  readonly whole: Float64Array
  /** Of difference arithmetic alone, the base point exact, in unit roundoffs of what it is computed in. */
  readonly carried: Float64Array
}

/**
 * Estimates what rounding does to a program's gradient: by roundings carried back, and by backpropagations with noise.
 * @param wanted the ids of the values whose gradients count
 * @returns for each of them bounds on the errors of its gradient's elements
 */
export function estimateRounding(
  bound: BoundProgram,
  cotangents: Cotangents,
  wanted: readonly number[],
): RoundingOfValue[] {
  const upstream = chooseUpstream(bound, cotangents, wanted)
  const scaled = upstream === undefined ? cotangents : reversePass(bound, { wanted, upstream })
  const variances = carryVariances(bound, scaled, wanted)
  const noise = measureNoise(bound, scaled, wanted, findKinks(bound, boundValueErrors(bound)))
  return wanted.map((id) => {
    const unscale = (error: number, k: number) => error / (upstream?.[upstream.length === 1 ? 0 : k] ?? 1)
    const measured = noise.get(id)!
    const deviations = variances[id]?.map((variance) => ROUNDING_DEVIATIONS * Math.sqrt(variance))
    const carried = (deviations ?? measured.map(() => 0)).map(unscale)
    const whole = measured.map((noise, k) => Math.max(unscale(NOISE_DEVIATIONS * noise, k), carried[k]))
    return { whole, carried }
  })
}

/** Gradients whose squares, and those of their errors, are well within float64. */
const SQUARED_SAFELY = { least: 1e-100, most: 1e100 } as const

/**
 * What the output is multiplied by, so that squares of gradients neither overflow nor underflow: a power of two for each of
 * its elements, which are as many as those of each value wanted where they are several.
 * @returns undefined where nothing is to be done
 */
function chooseUpstream(
  bound: BoundProgram,
  cotangents: Cotangents,
  wanted: readonly number[],
): Float64Array | undefined {
  const sizes = new Float64Array(bound.base[bound.program.output].length)
  for (const id of wanted) {
    for (const [k, slope] of cotangents[id]?.entries() ?? []) {
      const at = sizes.length === 1 ? 0 : k
      if (Math.abs(slope) > sizes[at]) sizes[at] = Math.abs(slope)
    }
  }
  const { least, most } = SQUARED_SAFELY
  const isSafe = (size: number) => size === 0 || !Number.isFinite(size) || (size >= least && size <= most)
  if (sizes.every(isSafe)) return undefined
  // half of it before and half behind: what lies between is squared as well
  return sizes.map((size) => (isSafe(size) ? 1 : 2 ** -Math.round(Math.log2(size) / 2)))
}

/**
 * Bounds on the errors of a gradient by difference arithmetic: a device has the base point from float64; what it carries is
 * of its own precision.
 */
export function errorsIn(precision: Precision, { whole, carried }: RoundingOfValue): Float64Array {
  const u = unitRoundoffOf(precision)
  const underflow = precision === 'double' ? 0 : SINGLE_UNDERFLOW
  return whole.map((error, k) => Math.max(FLOAT64_ROUNDOFF * error, u * carried[k]) + underflow)
}

/** The errors of both gradients of a program, and what the analytical one's would be in other formats. */
export interface ProgramEstimate {
  readonly estimate: ErrorEstimate
  /** Bounds on the errors of each tensor's derivatives by difference arithmetic in float64. */
  readonly exact: readonly Float64Array[]
  roundingIn(dtypes: readonly DType[]): TensorRounding
}

/** Estimates the errors of both gradients of a program. */
export function createProgramEstimate(
  bound: BoundProgram,
  cotangents: Cotangents,
  checked: readonly CheckedParameter[],
  precision: Precision,
): ProgramEstimate {
  const rounding = estimateRounding(
    bound,
    cotangents,
    checked.map(({ input }) => input.id),
  )
  const roundingIn = (dtypes: readonly DType[]): TensorRounding => ({
    roundoff: (t) => formatOf(dtypes[t]).unitRoundoff,
    deviation: (t, offset) => rounding[t].whole[offset] / ROUNDING_DEVIATIONS,
    norm: rememberByTensor((t) => normOf(rounding[t].whole) / ROUNDING_DEVIATIONS),
  })
  const ofDevice = rounding.map((ofValue) => errorsIn(precision, ofValue))
  const arithmetic = checked.map(({ gradient }) => formatOf(gradient.dtype))
  const arithmeticOf = (t: number, deviation: number) =>
    (ARITHMETIC_DEVIATIONS / ROUNDING_DEVIATIONS) * arithmetic[t].unitRoundoff * deviation +
    arithmetic[t].underflow
  const largestOf = (own: Float64Array) => own.reduce((most, deviation) => Math.max(most, deviation), 0)
  const largest = rounding.map(({ whole }) => largestOf(whole))
  const largestOfDevice = ofDevice.map(largestOf)
  const estimate: ErrorEstimate = {
    ofRounding: (t, offset) => ofDevice[t][offset],
    // measured wherever it may matter
    ofTruncation: () => 0,
    ofParameterTruncation: () => 0,
    ofArithmetic: (t, offset) => arithmeticOf(t, rounding[t].whole[offset]),
    atMost: (t) => largestOfDevice[t] + arithmeticOf(t, largest[t]),
    norms(t, entries) {
      const chosen = entries === undefined ? ofDevice[t] : Float64Array.from(entries, (k) => ofDevice[t][k])
      return { rounding: normOf(chosen) / ROUNDING_DEVIATIONS, truncation: 0 }
    },
  }
  return { estimate, exact: rounding.map((ofValue) => errorsIn('double', ofValue)), roundingIn }
}
