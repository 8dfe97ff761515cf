import { unitRoundoff } from '../../tensor.js'

/** How coarsely a function's values are rounded, as their digits show it. */
export interface NumberFormat {
  /** `float64`, `float32`, `float16`, or `decimals` for values rounded to a number of decimal places. */
  readonly kind: 'float64' | 'float32' | 'float16' | 'decimals'
  /** Of `decimals`: how many places there are. */
  readonly places: number
}

export const FLOAT64: NumberFormat = { kind: 'float64', places: 0 }

/** Different values that it takes to tell a format from chance. */
const FEWEST_VALUES = 5
const MOST_PLACES = 12
/** Values of more units in the last place than this have digits enough to be any number. */
const MOST_UNITS = 2 ** 40

/**
 * The coarsest format that holds every one of some values. They must come from points that have all their digits, so
 * that a value of float64 has all of its own.
 */
export function recogniseFormat(values: Iterable<number>): NumberFormat {
  const different = [...new Set(values)].filter((value) => value !== 0 && Number.isFinite(value))
  if (different.length < FEWEST_VALUES) return FLOAT64
  return COARSE_FORMATS.find((format) => holds(format, different)) ?? FLOAT64
}

/** The coarsest first. */
const COARSE_FORMATS: readonly NumberFormat[] = [
  { kind: 'float16', places: 0 },
  ...Array.from({ length: MOST_PLACES + 1 }, (_, places): NumberFormat => ({ kind: 'decimals', places })),
  { kind: 'float32', places: 0 },
]

/** Whether a format holds every one of some values. */
export function holds({ kind, places }: NumberFormat, values: readonly number[]): boolean {
  return values.every((value) => {
    if (kind === 'float16') return isFloat16(value)
    if (kind === 'float32') return Math.fround(value) === value
    return kind === 'float64' || hasPlaces(value, places)
  })
}

/** The most that rounding a value of this size once may change it by. */
export function roundingOf({ kind, places }: NumberFormat, size: number): number {
  return kind === 'decimals' ? 0.5 * 10 ** -places : unitRoundoff(kind) * size
}

/** The format in words: "float32 results". */
export function describeFormat({ kind, places }: NumberFormat): string {
  if (kind !== 'decimals') return `${kind} results`
  return places === 0
    ? 'whole numbers'
    : `results rounded to ${places} decimal place${places === 1 ? '' : 's'}`
}

const SMALLEST_NORMAL_FLOAT16 = 2 ** -14
const LARGEST_FLOAT16 = 65504

/** Whether binary16 holds the number: 11 significant bits, and multiples of 2⁻²⁴ where it is subnormal. */
function isFloat16(value: number): boolean {
  const size = Math.abs(value)
  if (size === 0) return true
  if (size > LARGEST_FLOAT16) return false
  const exponent = Math.max(Math.floor(Math.log2(size)), Math.log2(SMALLEST_NORMAL_FLOAT16))
  return Number.isInteger(size / 2 ** (exponent - 10))
}

function hasPlaces(value: number, places: number): boolean {
  const units = Math.abs(value) * 10 ** places
  return units < MOST_UNITS && Math.abs(units - Math.round(units)) <= 4 * 2 ** -53 * units
}
