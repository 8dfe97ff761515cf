/** By what the step shrinks from one row to the next. */
const SHRINK = 2
/** Rows of a tableau. */
const ROWS = 6
/** How often a smaller first step is tried where the derivative does not settle. */
const SCALES = [1e-2, 1e-4, 1e-6]
/** A row whose error is by so much worse than the best ends the tableau: rounding has taken over. */
const STOP = 4
const DOUBLE_ROUNDOFF = 2 ** -53
/** Roundings that a value of the function is taken to have. */
const ROUNDINGS = 8

/** An extrapolated derivative. */
export interface Extrapolated {
  readonly value: number
  /** Estimated error, absolute: of the extrapolation and of the values' rounding. */
  readonly error: number
  /** The first step of the tableau that gave it. */
  readonly step: number
  /** How often the function was evaluated. */
  readonly evaluations: number
}

/**
 * The derivative by central differences at ever smaller steps, extrapolated to a step of 0 (Richardson 1911), with
 * the differences within the tableau as its error estimate (Ridders 1982, "Accurate computation of F′(x) and
 * F′(x)·F″(x)"). Where it does not settle within `wanted`, relative to the derivative, it starts again from a smaller
 * step: a kink or an edge of the domain may be near.
 * @param change f at x + d
 * @param scale the size of x: steps are multiples of the larger of it and 1
 */
export async function extrapolateDerivative(
  change: (d: number) => number | Promise<number>,
  scale: number,
  wanted: number,
): Promise<Extrapolated> {
  let best: Extrapolated = {
    value: Number.NaN,
    error: Number.POSITIVE_INFINITY,
    step: Number.NaN,
    evaluations: 0,
  }
  let evaluations = 0
  for (const factor of SCALES) {
    const step = factor * Math.max(1, scale)
    const found = await extrapolateFrom(change, step)
    evaluations += found.evaluations
    if (found.error < best.error || !Number.isFinite(best.value)) best = found
    if (best.error <= wanted * Math.abs(best.value)) break
  }
  return { ...best, evaluations }
}

async function extrapolateFrom(
  change: (d: number) => number | Promise<number>,
  first: number,
): Promise<Extrapolated> {
  let best: Extrapolated = { value: Number.NaN, error: Number.POSITIVE_INFINITY, step: first, evaluations: 0 }
  let evaluations = 0
  let previous: number[] = []
  for (let row = 0; row < ROWS; row++) {
    const h = first / SHRINK ** row
    const [right, left] = [await change(h), await change(-h)]
    evaluations += 2
    const current = [(right - left) / (2 * h)]
    const ofRounding = (ROUNDINGS * DOUBLE_ROUNDOFF * (Math.abs(right) + Math.abs(left))) / (2 * h)
    for (let column = 1; column <= row; column++) {
      const weight = SHRINK ** (2 * column)
      const value = (weight * current[column - 1] - previous[column - 1]) / (weight - 1)
      current.push(value)
      const apart = Math.max(Math.abs(value - current[column - 1]), Math.abs(value - previous[column - 1]))
      const error = apart + ofRounding
      if (error < best.error) best = { value, error, step: first, evaluations }
    }
    const isWorse = row > 0 && Math.abs(current[row] - previous[row - 1]) >= STOP * best.error
    previous = current
    if (isWorse) break
  }
  return { ...best, evaluations }
}
