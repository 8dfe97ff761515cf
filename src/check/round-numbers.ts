/** A number of at most so many significant digits that a value is to within a relative error; undefined if none. */
export function findRound(value: number, digits: number, tolerance: number): number | undefined {
  for (let count = 1; count <= digits; count++) {
    const round = Number(value.toPrecision(count))
    if (round !== 0 && Math.abs(value / round - 1) <= tolerance) return round
  }
  return undefined
}

/** How exactly a norm is at its limit: code divides by the norm plus 1e-6, so as not to divide by 0. */
const CLIPPED_TO = 1e-5
/** What such a limit is written with. */
const MOST_DIGITS = 3

/** The round number that a norm was brought to; undefined if none. */
export const findNormLimit = (norm: number) => findRound(norm, MOST_DIGITS, CLIPPED_TO)
