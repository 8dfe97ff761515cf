import type { Form } from '../operations/change.js'
import type { ChangeCarrier } from '../program/carry-changes.js'
import type { BoundFormula } from './lower-formula.js'

/** What steps in one variable do to a formula at each of its points. */
export interface PointChanges {
  /** (f(x + h) − f(x))/h, by step, then by point. */
  readonly slopes: readonly Float64Array[]
  /** Non-zero for a point at which some step may run over a special point. */
  readonly crossed: Uint8Array
}

/**
 * Carries steps in one variable to a formula's value, at all points at once.
 * @param moved the variable's id
 * @param steps with their signs
 * @throws the signal's reason where it aborts
 */
export async function carryToPoints(
  carrier: ChangeCarrier,
  { points }: BoundFormula,
  moved: number,
  steps: readonly number[],
  signal?: AbortSignal,
): Promise<PointChanges> {
  // points do not mix: they are lanes of one perturbation
  const seed: Form = { box: [undefined], laneAxis: 0 }
  const slopes: Float64Array[] = []
  const crossed = new Uint8Array(points.length)
  for (const step of steps) {
    const carried = await carrier.carry(moved, seed, { count: 1, lanes: points.length }, step, signal)
    signal?.throwIfAborted()
    if (carried === undefined) throw new Error('a batch of points was given up without being aborted')
    slopes.push(carried.changes)
    for (const [k, crossings] of carried.crossings.entries()) if (crossings !== 0) crossed[k] = 1
  }
  return { slopes, crossed }
}
