/** Slopes at steps that halve from one to the next, the largest first. */
export interface SlopeRow {
  readonly value: number
  /** Bound on what noise does to it. */
  readonly noise: number
}

/** A slope extrapolated to a step of 0. */
export interface Extrapolated {
  readonly value: number
  /** Bound on its error. */
  readonly error: number
  /** The part of that which the values' noise makes. */
  readonly noise: number
  /** The rows that it is made of: the largest step's and the smallest one's. */
  readonly first: number
  readonly last: number
}

/**
 * The best extrapolation (Richardson 1911) that ends at each row: of all orders the one whose error is the least, an
 * error being the values' noise and how far it lies from the same order one row before.
 * @param ratio by what the error of a slope falls when the step is halved: 4 of central differences, 2 of one-sided
 * @param orders how many terms of the error may be removed
 * @returns from the second row on
 */
export function extrapolateRows(rows: readonly SlopeRow[], ratio: 2 | 4, orders: number): Extrapolated[] {
  const best: Extrapolated[] = []
  let previous: SlopeRow[] = []
  for (const [i, row] of rows.entries()) {
    const current: SlopeRow[] = [row]
    let chosen: Extrapolated | undefined
    for (let order = 0; order <= Math.min(i, orders); order++) {
      if (order > 0) current.push(removeTerm(current[order - 1], previous[order - 1], ratio ** order))
      const before = previous[order]
      if (before === undefined) continue
      const { value, noise } = current[order]
      const error = noise + Math.abs(value - before.value)
      if (chosen === undefined || error < chosen.error) {
        chosen = { value, error, noise, first: i - order - 1, last: i }
      }
    }
    if (chosen !== undefined) best.push(chosen)
    previous = current
  }
  return best
}

/** How much larger an error is than what smaller steps have shown of it: the rest is yet to come. */
const REMAINDER = 2

/**
 * Extrapolations that those of smaller steps contradict by more than noise have at least the error that this shows: a
 * kink, a jump or an oscillation was stepped over (after Lepski 1991).
 */
export function holdAgainstFiner(candidates: readonly Extrapolated[]): Extrapolated[] {
  return candidates.map((candidate, k) => {
    let { error } = candidate
    for (const finer of candidates.slice(k + 1)) {
      const shown = Math.abs(candidate.value - finer.value) - finer.noise - candidate.noise
      error = Math.max(error, candidate.noise + REMAINDER * shown)
    }
    return { ...candidate, error }
  })
}

function removeTerm(fine: SlopeRow, coarse: SlopeRow, weight: number): SlopeRow {
  return {
    value: (weight * fine.value - coarse.value) / (weight - 1),
    noise: (weight * fine.noise + coarse.noise) / (weight - 1),
  }
}

/** The one with the least error; undefined of none. */
export function leastError(candidates: readonly Extrapolated[]): Extrapolated | undefined {
  let best: Extrapolated | undefined
  for (const candidate of candidates) {
    if (Number.isFinite(candidate.error) && (best === undefined || candidate.error < best.error)) {
      best = candidate
    }
  }
  return best
}
