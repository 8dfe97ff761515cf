/**
 * The number that 16 bits hold as IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits); exact, since every
 * binary16 is a float64. A NaN's payload is not kept.
 */
export function float16ToNumber(bits: number): number {
  return decodeFloat(bits, 5, 10)
}

/**
 * The number that 16 bits hold as bfloat16 (1 sign, 8 exponent, 7 fraction bits: the upper half of a float32);
 * exact.
 */
export function bfloat16ToNumber(bits: number): number {
  return decodeFloat(bits, 8, 7)
}

/** Value of a binary interchange format, IEEE 754-2019 section 3.4. */
function decodeFloat(bits: number, exponentBits: number, fractionBits: number): number {
  const maxExponent = (1 << exponentBits) - 1
  const bias = maxExponent >> 1
  const sign = (bits >> (exponentBits + fractionBits)) & 1 ? -1 : 1
  const exponent = (bits >> fractionBits) & maxExponent
  const fraction = bits & ((1 << fractionBits) - 1)
  if (exponent === maxExponent) return fraction === 0 ? sign * Infinity : NaN
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits)
  return sign * (fraction + (1 << fractionBits)) * 2 ** (exponent - bias - fractionBits)
}
