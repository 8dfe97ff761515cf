import { extrapolateRows } from './extrapolate.js'
import type { StepLadder } from './step-ladder.js'

/** Terms of a gap's error that may be removed. */
const GAP_ORDERS = 2
/** Share of a kink's gap that the next row's noise may hide before smaller steps are of no use. */
const HIDDEN = 0.25
/** Rows that a gap must stay for. */
const LEAST_OPEN_ROWS = 3
/** Rows of the nearly equal gaps that a kink beside the point leaves, and of their fall to nothing below it. */
const ROWS_OF_GAP = 4
const ROWS_OF_FALL = 3
/** How far gaps may differ to be nearly equal, and how much of one may be left to be none. */
const SAME_GAP = 0.25
const NO_GAP = 0.02

/** What the one-sided slopes show. */
export type KinkState =
  /** No kink was met. */
  | { readonly kind: 'none' }
  /** The slopes differ down to the smallest step. */
  | { readonly kind: 'open'; readonly isHidden: boolean }
  /** They differ at larger steps and meet at smaller ones: from this row on. */
  | { readonly kind: 'beside'; readonly from: number }

/** Looks for a kink: a gap between the one-sided slopes that stays, larger than what noise and curvature make. */
export function findKink(ladder: StepLadder, largest: number): KinkState {
  const skipped = ladder.countAbove(largest)
  const gaps = ladder.gap().slice(skipped)
  let open: { size: number; rows: number } | undefined
  let meets: number | undefined
  for (const { value, error, noise, last } of extrapolateRows(gaps, 2, GAP_ORDERS)) {
    const size = Math.abs(value)
    const bound = noise + 2 * (error - noise)
    if (size > bound) {
      const isSame = open !== undefined && meets === undefined && size > open.size / 2 && size < 2 * open.size
      open = { size, rows: isSame ? open!.rows + 1 : 1 }
      meets = undefined
    } else if (open !== undefined && meets === undefined && size + bound < HIDDEN * open.size) meets = last
  }
  // what opens for a row or two is curvature that larger steps do not resolve
  if (open === undefined || open.rows < LEAST_OPEN_ROWS) return { kind: 'none' }
  if (meets !== undefined) return { kind: 'beside', from: skipped + meets }
  return { kind: 'open', isHidden: 2 * gaps[gaps.length - 1].noise > HIDDEN * open.size }
}

/**
 * A step that meets a kink beside the point: down to it the gap between the one-sided slopes is nearly the same, and
 * a few halvings later there is none. A smooth function's gap falls with the step.
 */
export function findKinkBeside(ladder: StepLadder): number | undefined {
  const gaps = ladder.gap()
  const first = gaps.findIndex((_, k) => {
    const plateau = gaps.slice(k, k + ROWS_OF_GAP)
    const after = gaps[k + ROWS_OF_GAP + ROWS_OF_FALL]
    const size = Math.abs(plateau[0].value)
    return (
      after !== undefined &&
      plateau.every(({ value, noise }) => Math.abs(Math.abs(value) - size) + noise <= SAME_GAP * size) &&
      Math.abs(after.value) + after.noise <= NO_GAP * size
    )
  })
  return first < 0 ? undefined : ladder.stepOf(first + ROWS_OF_GAP - 1)
}
