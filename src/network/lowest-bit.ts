const BITS = new DataView(new ArrayBuffer(8))

/** The exponent of the lowest bit of a number that is not 0: it is an odd multiple of 2 to that power. */
export function lowestBit(value: number): number {
  BITS.setFloat64(0, value)
  const [high, low] = [BITS.getUint32(0), BITS.getUint32(4)]
  const exponent = (high >>> 20) & 0x7ff
  // of a normal number the bit before the fraction counts as well
  const upper = (high & 0xfffff) | (exponent === 0 ? 0 : 0x100000)
  const zeros = low === 0 ? 32 + countTrailingZeros(upper) : countTrailingZeros(low)
  return Math.max(exponent, 1) - 1075 + zeros
}

const countTrailingZeros = (word: number) => 31 - Math.clz32(word & -word)

/** Whether a number has at most so many significant bits. */
export const hasFewBits = (value: number, bits: number) =>
  value === 0 || !Number.isFinite(value) || Math.abs(value) < 2 ** (lowestBit(value) + bits)
