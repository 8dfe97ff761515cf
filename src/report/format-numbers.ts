/** A figure of merit (difference, numerical error): three significant digits, `2.60e-8`, `0.285`. */
export function formatDifference(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value)
  return isPlain(value, 1e-3, 1e3) ? value.toPrecision(3) : value.toExponential(2)
}

/** A number of the user's (cost, gradient entry): seven significant digits. */
export function formatValue(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value)
  return isPlain(value, 1e-4, 1e7) ? value.toPrecision(7) : value.toExponential(6)
}

const SETTING_DIGITS = 12

/** A setting as people write it: `1e-5`, `2.5e-6`, `0.01`; without the rounding of a product such as 10 · 1e-6. */
export function formatSetting(setting: number): string {
  const value = Number(setting.toPrecision(SETTING_DIGITS))
  return value === 0 || isPlain(value, 1e-3, 1e6) ? String(value) : value.toExponential().replace('e+', 'e')
}

/** How many times too large `analytical` is: five significant digits, or a dash where `numerical` is zero. */
export function formatRatio(analytical: number, numerical: number): string {
  const ratio = analytical / numerical
  if (!Number.isFinite(ratio)) return '-'
  if (ratio === 0) return '0'
  return isPlain(ratio, 1e-3, 1e5) ? ratio.toPrecision(5) : ratio.toExponential(2)
}

/** A count with thousands separated: `61,481`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** A count and its noun: `1 parameter`, `61,481 parameters`. */
export function formatQuantity(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** A duration: `38 ms`, `1.24 s`, `45 s`, `3 min 20 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`
  const whole = Math.round(seconds)
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}

const isPlain = (value: number, from: number, to: number) => Math.abs(value) >= from && Math.abs(value) < to
