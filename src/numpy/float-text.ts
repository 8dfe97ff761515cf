/**
 * A float's decimal digits, rounded from its exact value, halves to even as Python does it: JavaScript's own rounds the
 * halves up.
 */

/** `|x|` as a whole number over a power of two: exact. */
function fraction(x: number): { readonly top: bigint; readonly bottom: bigint } {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, Math.abs(x))
  const word = bits.getBigUint64(0)
  const power = Number((word >> 52n) & 0x7ffn)
  const digits = word & 0xfffffffffffffn
  const exponent = (power === 0 ? 1 : power) - 1075
  const top = power === 0 ? digits : digits | 0x10000000000000n
  return exponent >= 0
    ? { top: top << BigInt(exponent), bottom: 1n }
    : { top, bottom: 1n << BigInt(-exponent) }
}

/** `|x|` times a power of ten, rounded to a whole number. */
function scaled(x: number, power: number): bigint {
  const { top, bottom } = fraction(x)
  const [p, q] = power >= 0 ? [top * 10n ** BigInt(power), bottom] : [top, bottom * 10n ** BigInt(-power)]
  const whole = p / q
  const twice = 2n * (p - whole * q)
  return twice > q || (twice === q && whole % 2n === 1n) ? whole + 1n : whole
}

/** `|x|` with so many digits behind the dot, as `%.2f` writes it. */
export function fixedDigits(x: number, digits: number): string {
  const text = String(scaled(x, digits)).padStart(digits + 1, '0')
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`
}

/** The digits of `|x|`, so many in all, and the power of ten of the first. */
export function leadingDigits(x: number, count: number): { readonly digits: string; readonly power: number } {
  if (x === 0) return { digits: '0'.repeat(count), power: 0 }
  let power = Math.floor(Math.log10(Math.abs(x)))
  for (;;) {
    const digits = String(scaled(x, count - 1 - power))
    if (digits.length === count) return { digits, power }
    // the logarithm was off by one, or all nines were rounded up
    power += digits.length > count ? 1 : -1
  }
}

/** Python's `round(x, digits)` of a float. */
export function roundFloat(x: number, digits: number): number {
  if (!Number.isFinite(x) || digits > 330) return x
  const sign = x < 0 || Object.is(x, -0) ? -1 : 1
  if (digits >= 0) return sign * Number(fixedDigits(x, digits))
  return sign * Number(`${scaled(x, digits)}e${-digits}`)
}

/** Infinity is a number here that no value of a program reaches. */
const INFINITE = 1e300

/** `inf` or `nan`; undefined for a number. */
export function notANumber(value: number): string | undefined {
  if (Number.isNaN(value)) return 'nan'
  return Math.abs(value) >= INFINITE ? 'inf' : undefined
}

/** A float as Python's repr writes it: the fewest digits that are read back as the same. */
export function writeFloat(value: number): string {
  const word = notANumber(value)
  if (word !== undefined) return value < 0 ? `-${word}` : word
  if (Object.is(value, -0)) return '-0.0'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  return Number.isInteger(value) ? `${value}.0` : String(value)
}
