import {
  type Extrapolated,
  extrapolateRows,
  holdAgainstFiner,
  leastError,
  type SlopeRow,
} from './extrapolate.js'
import type { Noise } from './noise.js'
import { type Along, StepLadder } from './step-ladder.js'

/** The slopes to both sides of a kink that the point sits on. */
export interface OneSided {
  readonly left: number
  readonly right: number
  /** Bounds on their errors. */
  readonly leftError: number
  readonly rightError: number
}

/** A derivative by one parameter. */
export interface Derivative {
  readonly value: number
  /** Bound on its error, absolute; infinite where the derivative settles at no step. */
  readonly error: number
  /** The part of it that the values' noise makes. */
  readonly noise: number
  /**
   * What refutes another value: it must contradict every member of one of these groups, which are the derivative by
   * some neighbouring small steps. Large ones may step over what a function does within its noise; and what a single
   * step shows, chance may.
   */
  readonly witnesses: readonly (readonly Witness[])[]
  /** The smallest step that it was taken with. */
  readonly step: number
  /** Where the point sits on a kink, as nearly as the values can tell. */
  readonly oneSided: OneSided | undefined
  /** The step by which a kink beside the point is met, where there is one; smaller steps were taken. */
  readonly kinkWithin: number | undefined
  readonly evaluations: number
}

/** A derivative by some steps, and a bound on its error. */
export interface Witness {
  readonly value: number
  readonly error: number
}

/** What a derivative is wanted for. */
export interface Wanted {
  /** How large steps may be: the first ones are a part of it. */
  readonly scale: number
  /** How large the parameter is, on which a function may depend by a part of it. */
  readonly size: number
  /** The value that it is compared with: where they lie apart, more steps are taken to see whether they agree on it. */
  readonly expected: number
  /** An error that is small enough, as a function of the derivative's value. */
  readonly error: (value: number) => number
}

/** The first step over the parameter's size, as a power of two, and how many halvings of it are looked at at once. */
const FIRST_STEP = -4
const FIRST_ROWS = 6
/** Steps up to this part of a parameter's size are small, as a power of two. */
const NEAR = -3
/** Neighbouring steps that must contradict a value to refute it. */
const WITNESSES = 5
/** How far steps may grow and shrink from the first. */
const MOST_DOUBLINGS = 14
const MOST_HALVINGS = 46
/** The smallest step in units of the parameter's last place, as a power of two. */
const LEAST_UNITS = 3
const CENTRAL_ORDERS = 4
const ONE_SIDED_ORDERS = 3
const GAP_ORDERS = 2
/** The part of an error from which on it is noise that rules it: one of so many. */
const NOISY = 5
/** Share of a kink's gap that the next row's noise may hide before smaller steps are of no use. */
const HIDDEN = 0.25
/** By what the difference between a step's slope and its half's is less than the whole error: 4/3, and room. */
const HALVED = 2
/** Rows that a gap must stay for. */
const LEAST_OPEN_ROWS = 3
/** Kinks are looked for as far as this around a point, as a power of two. */
const REACH = -10
const ROWS_OF_GAP = 4
const ROWS_OF_FALL = 3
const SAME_GAP = 0.25
const NO_GAP = 0.02
/** Steps below a kink that a derivative beside it is made of. */
const ROWS_BESIDE = 4

/**
 * The derivative of a function of one parameter, known by its values alone: central differences at halving steps,
 * extrapolated to 0. Steps grow while noise rules the error and shrink while truncation does, so that the best one is
 * found whatever the noise and the curvature are. The slopes to both sides are compared as well: where they stay
 * apart as the step shrinks, the point sits on a kink.
 */
export async function derive(
  along: Along,
  x: number,
  base: number,
  noise: Noise,
  wanted: Wanted,
): Promise<Derivative> {
  const ladder = new StepLadder(along, x, base, noise)
  const start = Math.floor(Math.log2(wanted.scale)) + FIRST_STEP
  const lowest = Math.max(start - MOST_HALVINGS, lastPlaceOf(x) + LEAST_UNITS)
  const highest = start + MOST_DOUBLINGS
  const near = Math.floor(Math.log2(wanted.size)) + NEAR
  let next: number | undefined = start
  let kink: KinkState = { kind: 'none' }
  let best: Extrapolated | undefined
  while (next !== undefined) {
    await ladder.add(next)
    if (ladder.length < FIRST_ROWS) {
      next = goDown(ladder, next, lowest)
      if (next !== undefined) continue
    }
    kink = findKink(ladder, near)
    best = bestCentral(ladder, kink)
    next = chooseStep(ladder, kink, best, wanted, lowest, highest)
  }
  if (best !== undefined && kink.kind !== 'open') {
    const distance = Math.abs(best.value - wanted.expected)
    const isApart = distance > best.error + wanted.error(best.value)
    for (let k = 0; isApart && k < WITNESSES && ladder.smallest > lowest; k++) {
      // rows whose noise is larger contradict nothing
      if (2 * ladder.central()[ladder.length - 1].noise > distance) break
      await ladder.add(ladder.smallest - 1)
    }
    best = bestCentral(ladder, kink)
  }
  while (!ladder.isBounded && ladder.largest < REACH) await ladder.add(ladder.largest + 1)
  const beside = kink.kind === 'open' ? undefined : findKinkBeside(ladder)
  const common = { kinkWithin: beside, evaluations: ladder.evaluations }
  if (kink.kind === 'open') {
    const oneSided = slopesAt(ladder, near)
    if (oneSided !== undefined) {
      const [value, error] = [
        (oneSided.left + oneSided.right) / 2,
        Math.max(oneSided.leftError, oneSided.rightError),
      ]
      const step = ladder.stepOf(ladder.length - 1)
      return { ...common, value, error, noise: error, witnesses: [[{ value, error }]], step, oneSided }
    }
  }
  if (best === undefined) return { ...UNSETTLED, ...common }
  const { value, error, noise: ofNoise, last } = best
  const witnesses = listWitnesses(ladder, near)
  return {
    ...common,
    value,
    error,
    noise: ofNoise,
    witnesses,
    step: ladder.stepOf(last),
    oneSided: undefined,
  }
}

/** Where no step gives a derivative. */
const UNSETTLED = {
  value: Number.NaN,
  error: Number.POSITIVE_INFINITY,
  noise: 0,
  witnesses: [],
  step: Number.NaN,
  oneSided: undefined,
  kinkWithin: undefined,
} as const

/** The exponent of the last place of a number. */
const lastPlaceOf = (x: number) =>
  x === 0 ? Number.NEGATIVE_INFINITY : Math.floor(Math.log2(Math.abs(x))) - 52

/** The next smaller step; undefined where there is none. */
function goDown(ladder: StepLadder, last: number, lowest: number): number | undefined {
  const power = (ladder.length === 0 ? last : ladder.smallest) - 1
  return power >= lowest ? power : undefined
}

/** What the one-sided slopes show. */
type KinkState =
  /** No kink was met. */
  | { readonly kind: 'none' }
  /** The slopes differ down to the smallest step. */
  | { readonly kind: 'open'; readonly isHidden: boolean }
  /** They differ at larger steps and meet at smaller ones: from this row on. */
  | { readonly kind: 'beside'; readonly from: number }

/** Looks for a kink: a gap between the one-sided slopes that stays, larger than what noise and curvature make. */
function findKink(ladder: StepLadder, largest: number): KinkState {
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
function findKinkBeside(ladder: StepLadder): number | undefined {
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

/**
 * The central derivative with the least error. The last row serves to contradict the others and is not taken. Beside
 * a kink only steps that do not reach it are.
 */
function bestCentral(ladder: StepLadder, kink: KinkState): Extrapolated | undefined {
  const candidates = holdAgainstFiner(extrapolateRows(ladder.central(), 4, CENTRAL_ORDERS))
  const from = kink.kind === 'beside' ? kink.from : 0
  const least = leastError(
    candidates.filter(({ first, last }) => last < ladder.length - 1 && first >= from - 1),
  )
  return least ?? leastError(candidates)
}

/** The derivatives that end at neighbouring small steps, each held against smaller ones. */
function listWitnesses(ladder: StepLadder, largest: number): Witness[][] {
  const rows = ladder.central().slice(ladder.countAbove(largest))
  const found = holdAgainstFiner(extrapolateRows(rows, 4, CENTRAL_ORDERS))
  return found.slice(WITNESSES - 1).map((_, k) => found.slice(k, k + WITNESSES))
}

/** The step to add next; undefined where none would do better. */
function chooseStep(
  ladder: StepLadder,
  kink: KinkState,
  best: Extrapolated | undefined,
  wanted: Wanted,
  lowest: number,
  highest: number,
): number | undefined {
  const down = ladder.smallest - 1 >= lowest ? ladder.smallest - 1 : undefined
  const up = !ladder.isBounded && ladder.largest < highest ? ladder.largest + 1 : undefined
  if (kink.kind === 'open') return kink.isHidden ? undefined : down
  if (kink.kind === 'beside' && ladder.length - kink.from < ROWS_BESIDE) return down
  if (best === undefined) return down
  if (best.error <= wanted.error(best.value)) return undefined
  const last = ladder.length - 1
  const noiseBelow = ladder.central()[last].noise
  const isNoisy = best.noise > best.error / NOISY
  if ((best.last >= last - 1 || !isNoisy) && noiseBelow < best.error / 2) return down
  return isNoisy && best.first <= 1 ? up : undefined
}

/** The slopes to both sides, each extrapolated by itself. */
function slopesAt(ladder: StepLadder, largest: number): OneSided | undefined {
  const skipped = ladder.countAbove(largest)
  const best = (rows: readonly SlopeRow[]) =>
    leastError(holdAgainstFiner(extrapolateRows(rows.slice(skipped), 2, ONE_SIDED_ORDERS)))
  const [right, left] = [best(ladder.forward()), best(ladder.backward())]
  if (right === undefined || left === undefined) return undefined
  return { left: left.value, right: right.value, leftError: left.error, rightError: right.error }
}

/** The central derivative by one step that was asked for; what it leaves out is measured at half of it. */
export async function deriveAt(
  along: Along,
  x: number,
  base: number,
  noise: Noise,
  step: number,
): Promise<Derivative> {
  const bound = (...values: number[]) =>
    Math.max(noise.bound, ...values.map((value) => noise.relative * Math.abs(value)))
  const sides = async (h: number) => {
    const [above, below] = [x + h, x - h]
    if (!(above > x && below < x)) return undefined
    const [right, left] = [await along(above), await along(below)]
    const half = (above - below) / 2
    return {
      forward: (right - base) / (above - x),
      backward: (base - left) / (x - below),
      central: (right - left) / (2 * half),
      noise: bound(right, left, base) / half,
    }
  }
  const [whole, half] = [await sides(step), await sides(step / 2)]
  const common = { ...UNSETTLED, step, evaluations: 4 }
  if (whole === undefined || half === undefined || !Number.isFinite(whole.central + half.central)) {
    return common
  }
  const value = whole.central
  const error = whole.noise + half.noise + HALVED * Math.abs(whole.central - half.central)
  // what is left of the gap between the one-sided slopes at a step of 0
  const [gap, gapAtHalf] = [whole.forward - whole.backward, half.forward - half.backward]
  const left = Math.abs(2 * gapAtHalf - gap)
  const hidden = 4 * (whole.noise + 2 * half.noise) + 2 * Math.abs(gap - gapAtHalf)
  if (!(left > hidden))
    return { ...common, value, error, witnesses: [[{ value, error }]], noise: whole.noise }
  const toSide = (side: 'forward' | 'backward') => ({
    value: 2 * half[side] - whole[side],
    error: 2 * (whole.noise + 2 * half.noise) + Math.abs(half[side] - whole[side]),
  })
  const [right, leftSide] = [toSide('forward'), toSide('backward')]
  const oneSided = {
    left: leftSide.value,
    right: right.value,
    leftError: leftSide.error,
    rightError: right.error,
  }
  const ofSides = Math.max(leftSide.error, right.error)
  return {
    ...common,
    value,
    error: ofSides,
    witnesses: [[{ value, error: ofSides }]],
    noise: whole.noise,
    oneSided,
  }
}
