const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/** A power of ten as people write it: 10⁻⁷, and 1 for 10⁰. */
export function formatPower(power: number): string {
  if (power === 0) return '1'
  const digits = [...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[Number(digit)]).join('')
  return `10${power < 0 ? '⁻' : ''}${digits}`
}
