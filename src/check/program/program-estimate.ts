import { findKinks } from '../../backward/conventions.js'
import type { Cotangents } from '../../backward/reverse-pass.js'
import { type Precision, unitRoundoffOf } from '../../differentiate/evaluator.js'
import { normOf } from '../../network/root-sum-squares.js'
import { formatOf } from '../../network/rounding.js'
import type { BoundProgram } from '../../program/evaluate.js'
import { carryVariances } from '../../rounding/carry-variances.js'
import { measureNoise } from '../../rounding/measure-noise.js'
import { boundValueErrors } from '../../rounding/value-errors.js'
import { FLOAT64_ROUNDOFF } from '../../tensor.js'
import {
  ARITHMETIC_DEVIATIONS,
  type ErrorEstimate,
  ROUNDING_DEVIATIONS,
  SINGLE_UNDERFLOW,
} from '../error-estimate.js'
import type { CheckedParameter } from './bind-program-problem.js'

/** The same of what a few runs with noise measured: one of a thousand of their scatter is beyond. */
const NOISE_DEVIATIONS = 8

/**
 * Estimates the errors of both gradients of a program: by roundings carried back, and by backpropagations with noise. A
 * device has the base point from float64; what it carries is of its own precision.
 */
export function createProgramEstimate(
  bound: BoundProgram,
  cotangents: Cotangents,
  checked: readonly CheckedParameter[],
  precision: Precision,
): ErrorEstimate {
  const wanted = checked.map(({ input }) => input.id)
  const variances = carryVariances(bound, cotangents, wanted)
  const noise = measureNoise(bound, cotangents, wanted, findKinks(bound, boundValueErrors(bound)))
  const deviations = checked.map(({ input: { id } }) => {
    const own = variances[id]
    return noise
      .get(id)!
      .map((measured, k) =>
        Math.max(NOISE_DEVIATIONS * measured, ROUNDING_DEVIATIONS * Math.sqrt(own?.[k] ?? 0)),
      )
  })
  const u = unitRoundoffOf(precision)
  const underflow = precision === 'double' ? 0 : SINGLE_UNDERFLOW
  const ofDevice = checked.map(({ input: { id } }, t) => {
    const own = variances[id]
    return deviations[t].map(
      (deviation, k) =>
        Math.max(FLOAT64_ROUNDOFF * deviation, u * ROUNDING_DEVIATIONS * Math.sqrt(own?.[k] ?? 0)) +
        underflow,
    )
  })
  const arithmetic = checked.map(({ gradient }) => formatOf(gradient.dtype))
  const arithmeticOf = (t: number, deviation: number) =>
    (ARITHMETIC_DEVIATIONS / ROUNDING_DEVIATIONS) * arithmetic[t].unitRoundoff * deviation +
    arithmetic[t].underflow
  const largestOf = (own: Float64Array) => own.reduce((most, deviation) => Math.max(most, deviation), 0)
  const [largest, largestOfDevice] = [deviations.map(largestOf), ofDevice.map(largestOf)]
  return {
    ofRounding: (t, offset) => ofDevice[t][offset],
    // measured wherever it may matter
    ofTruncation: () => 0,
    ofParameterTruncation: () => 0,
    ofArithmetic: (t, offset) => arithmeticOf(t, deviations[t][offset]),
    atMost: (t) => largestOfDevice[t] + arithmeticOf(t, largest[t]),
    norms(t, entries) {
      const chosen = entries === undefined ? ofDevice[t] : Float64Array.from(entries, (k) => ofDevice[t][k])
      return { rounding: normOf(chosen) / ROUNDING_DEVIATIONS, truncation: 0 }
    },
  }
}
