/** Numbers from which on memory of their own kind pays. */
const FEWEST = 2 ** 16

/** Room for numbers that other threads read without a copy of their own, where the platform has such memory. */
export function allocateShareable(length: number): Float64Array {
  if (length < FEWEST || typeof SharedArrayBuffer === 'undefined') return new Float64Array(length)
  return new Float64Array(new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT))
}

/** Numbers in such memory: those given if they lie there, or a copy. */
export function share(values: Float64Array): Float64Array {
  if (typeof SharedArrayBuffer !== 'undefined' && values.buffer instanceof SharedArrayBuffer) return values
  const shared = allocateShareable(values.length)
  shared.set(values)
  return shared
}
