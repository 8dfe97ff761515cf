import type { GpuPrecision } from '../../src/differentiate/evaluator.js'
import { decodeReals, encodeReals, formatOf } from '../../src/differentiate/webgpu/reals.js'

/** What a suite that runs in both precisions needs to know of each. */
export interface PrecisionUnderTest {
  readonly precision: GpuPrecision
  /** What the bounds of a suite count in. */
  readonly unitRoundoff: number
  /** A device may take numbers below 2^−126 for 0, on the way too. */
  readonly flushed: number
  /** The numbers that the kernels read for these. */
  round(x: number): number
  encode(values: readonly number[]): Float32Array<ArrayBuffer>
  decode(words: Float32Array): Float64Array
}

function describePrecision(
  precision: GpuPrecision,
  unitRoundoff: number,
  flushed: number,
): PrecisionUnderTest {
  const format = formatOf(precision)
  const encode = (values: readonly number[]) => encodeReals(values, format)
  const decode = (words: Float32Array) => decodeReals(words, format)
  return { precision, unitRoundoff, flushed, encode, decode, round: (x) => decode(encode([x]))[0] }
}

export const PRECISIONS_UNDER_TEST = [
  describePrecision('single', 2 ** -24, 1e-36),
  describePrecision('extended', 2 ** -45, 1e-36),
]
