import type { GpuPrecision } from '../../src/differentiate/evaluator.js'
import { decodeReals, encodeReals, formatOf } from '../../src/differentiate/webgpu/reals.js'

interface PrecisionNumbers {
  /** What the bounds of a suite count in. */
  readonly unitRoundoff: number
  /** A device may take numbers below 2^−126 for 0, on the way too, and so the low parts of larger ones. */
  readonly flushed: number
  /** A small number that has all its digits. */
  readonly small: number
}

/** What a suite that runs in both precisions needs to know of each. */
export interface PrecisionUnderTest extends PrecisionNumbers {
  readonly precision: GpuPrecision
  /** The number that the kernels read for this one. */
  round(x: number): number
  encode(values: readonly number[]): Float32Array<ArrayBuffer>
  decode(words: Float32Array): Float64Array
}

function describePrecision(precision: GpuPrecision, numbers: PrecisionNumbers): PrecisionUnderTest {
  const format = formatOf(precision)
  const encode = (values: readonly number[]) => encodeReals(values, format)
  const decode = (words: Float32Array) => decodeReals(words, format)
  return { precision, ...numbers, encode, decode, round: (x) => decode(encode([x]))[0] }
}

export const PRECISIONS_UNDER_TEST = [
  describePrecision('single', { unitRoundoff: 2 ** -24, flushed: 1e-36, small: 1e-30 }),
  describePrecision('extended', { unitRoundoff: 2 ** -45, flushed: 1e-35, small: 1e-22 }),
]
