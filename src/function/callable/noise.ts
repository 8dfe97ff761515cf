import { holds, type NumberFormat, recogniseFormat, roundingOf } from './number-format.js'

/** How exact a function's values are. */
export interface Noise {
  /** Bound on the error of a value near the point, absolute. */
  readonly bound: number
  /** The same relative to a value's size, where values are larger than at the point. */
  readonly relative: number
  /** What the values' digits tell. */
  readonly format: NumberFormat
  /** The user's word, or what was measured. */
  readonly source: 'declared' | 'measured'
}

/** Distances between the points of a line, relative to the parameters: from below float64's noise to float16's. */
const SPACINGS = [-30, -25, -20, -16, -12, -9, -7].map((power) => 2 ** power)
/** Points that show whether values differ at a spacing. */
const PROBES = 4
/** Points of a line. */
const POINTS = 13
/** Spacings that noise is measured at once values differ: quantised values may look smooth at the first. */
const MEASURED_SPACINGS = 3
/** Standard deviations of noise that a value is taken to be off by at most. */
const DEVIATIONS = 3
/** How much more than one rounding a value of float64 is taken to have at least. */
const FLOAT64_ROUNDINGS = 4
/** Levels of the difference table that must agree, and how well (Moré & Wild 2011). */
const AGREEING_LEVELS = 3
const AGREEMENT = 4
/** A value's relative noise away from the point is not taken to be more than so many roundings. */
const MOST_ROUNDINGS = 16

/**
 * Measures the noise of a function's values: values at equally spaced points of a line through the point, of which
 * high differences are free of what is smooth (Moré & Wild 2011, "Estimating computational noise"), at spacings at
 * which the values differ at all. What their digits show (float32, float16, decimal places) is the least it can be.
 * @param along the function's value at a place of the line, in units of the parameters' sizes
 * @param base the value at the point
 */
export async function measureNoise(
  along: (t: number) => number | Promise<number>,
  base: number,
): Promise<Noise> {
  const seen: number[] = []
  let deviation = Number.POSITIVE_INFINITY
  let measured = 0
  for (const spacing of SPACINGS) {
    const values = [base]
    const extend = async (length: number) => {
      while (values.length < length) values.push(await along(values.length * spacing))
    }
    await extend(1 + PROBES)
    seen.push(...values.slice(1))
    if (!isMoving(values)) continue
    await extend(POINTS)
    seen.push(...values.slice(1 + PROBES))
    if (!values.every(Number.isFinite)) break
    // what larger spacings show beyond it is no noise
    deviation = Math.min(deviation, deviationOf(values) ?? Number.POSITIVE_INFINITY)
    if (++measured === MEASURED_SPACINGS) break
  }
  const format = recogniseFormat(seen)
  const size = Math.abs(base)
  const ofRounding = (format.kind === 'float64' ? FLOAT64_ROUNDINGS : 1) * roundingOf(format, size)
  const ofDeviation = Number.isFinite(deviation) ? DEVIATIONS * deviation : 0
  const bound = Math.max(ofDeviation, ofRounding, measured === 0 ? possibleRounding(seen) : 0)
  return {
    bound,
    relative: format.kind === 'decimals' ? 0 : relativeNoise(format, bound, size),
    format,
    source: 'measured',
  }
}

/** What rounding values may have had that do not change around the point, by the few digits that they have. */
function possibleRounding(values: readonly number[]): number {
  const size = Math.max(...values.map(Math.abs))
  const coarse: readonly NumberFormat[] = [
    { kind: 'float16', places: 0 },
    { kind: 'decimals', places: 6 },
  ]
  return Math.max(
    0,
    ...coarse.filter((format) => holds(format, values)).map((format) => roundingOf(format, size)),
  )
}

/** The noise of a value as a share of its size: as many roundings as at the point, if they are not too many. */
function relativeNoise(format: NumberFormat, bound: number, size: number): number {
  const rounding = roundingOf(format, 1)
  const roundings = size === 0 ? 1 : bound / (rounding * size)
  return rounding * Math.min(MOST_ROUNDINGS, Math.max(1, roundings))
}

/** Whether most neighbours differ. */
function isMoving(values: readonly number[]): boolean {
  const moves = values.filter((value, k) => k > 0 && value !== values[k - 1]).length
  return moves > (values.length - 1) / 2 && values.every(Number.isFinite)
}

/**
 * The standard deviation of the noise in equally spaced values: that of the first of three levels of their difference
 * table that agree; undefined where none do.
 */
function deviationOf(values: readonly number[]): number | undefined {
  const levels: number[] = []
  const changesSign: boolean[] = []
  let differences = [...values]
  let factor = 1
  for (let k = 1; k < values.length - 2; k++) {
    differences = differences.slice(1).map((value, j) => value - differences[j])
    // (k!)²/(2k)!
    factor *= k / (2 * (2 * k - 1))
    const squares = differences.reduce((sum, value) => sum + value * value, 0)
    levels.push(Math.sqrt((factor * squares) / differences.length))
    changesSign.push(differences.some((a) => a < 0) && differences.some((a) => a > 0))
  }
  for (let k = 0; k + AGREEING_LEVELS <= levels.length; k++) {
    const some = levels.slice(k, k + AGREEING_LEVELS)
    if (changesSign[k] && Math.max(...some) <= AGREEMENT * Math.min(...some)) return levels[k]
  }
  return undefined
}
