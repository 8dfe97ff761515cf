import { type Derivative, type OneSided, UNSETTLED, type Witness } from './derivative.js'
import {
  type Extrapolated,
  extrapolateRows,
  holdAgainstFiner,
  leastError,
  type SlopeRow,
} from './extrapolate.js'
import { findKink, findKinkBeside, type KinkState } from './find-kinks.js'
import type { Noise } from './noise.js'
import { type Along, StepLadder } from './step-ladder.js'

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
/** Terms of the error that may be removed, of central and of one-sided slopes. */
const CENTRAL_ORDERS = 4
const ONE_SIDED_ORDERS = 3
/** The part of an error from which on it is noise that rules it: one of so many. */
const NOISY = 5
/** Kinks are looked for as far as this around a point, as a power of two. */
const REACH = -10
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
  const common = { kinkWithin: beside }
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

/** The exponent of the last place of a number. */
const lastPlaceOf = (x: number) =>
  x === 0 ? Number.NEGATIVE_INFINITY : Math.floor(Math.log2(Math.abs(x))) - 52

/** The next smaller step; undefined where there is none. */
function goDown(ladder: StepLadder, last: number, lowest: number): number | undefined {
  const power = (ladder.length === 0 ? last : ladder.smallest) - 1
  return power >= lowest ? power : undefined
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
