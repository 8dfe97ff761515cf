/** A number of at most so many significant digits that a value is to within a relative error; undefined if none. */
export function findRound(value: number, digits: number, tolerance: number): number | undefined {
  for (let count = 1; count <= digits; count++) {
    const round = Number(value.toPrecision(count))
    if (round !== 0 && Math.abs(value / round - 1) <= tolerance) return round
  }
  return undefined
}
