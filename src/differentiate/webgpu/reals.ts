import type { GpuPrecision } from '../evaluator.js'

/** How the kernels of a precision hold numbers: `Real` of shaders/real.wesl and of shaders/extended/real.wesl. */
export interface RealFormat {
  /** Float32 numbers that add up to one. */
  readonly parts: 1 | 2
  readonly bytes: number
}

const FORMATS: Record<GpuPrecision, RealFormat> = {
  single: { parts: 1, bytes: 4 },
  extended: { parts: 2, bytes: 8 },
}

export const formatOf = (precision: GpuPrecision): RealFormat => FORMATS[precision]

/** Numbers as the kernels read them: each rounded to float32 and, in extended precision, followed by the rest. */
export function encodeReals(values: ArrayLike<number>, { parts }: RealFormat): Float32Array<ArrayBuffer> {
  if (parts === 1) return Float32Array.from(values)
  const encoded = new Float32Array(2 * values.length)
  for (let k = 0; k < values.length; k++) {
    const high = Math.fround(values[k])
    encoded[2 * k] = high
    encoded[2 * k + 1] = values[k] - high
  }
  return encoded
}

/** The numbers that such an array holds, exactly. */
export function decodeReals(encoded: Float32Array, { parts }: RealFormat): Float64Array {
  if (parts === 1) return Float64Array.from(encoded)
  return Float64Array.from({ length: encoded.length / 2 }, (_, k) => encoded[2 * k] + encoded[2 * k + 1])
}

/** A NaN that no kernel computes: the mark of a result that was not written. */
export const UNWRITTEN = 0x7fc0dead

/** Where shaders/extended/barrier.wesl reads its 0. */
export const ZERO_BINDING = 15
