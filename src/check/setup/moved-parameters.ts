import { forwardWork } from '../../differentiate/work.js'
import { normOf } from '../../network/root-sum-squares.js'
import { countNonZero, differenceOf } from '../compare.js'
import type { BoundNetwork, BoundProblem } from '../problem.js'
import { findRound } from '../round-numbers.js'

/** Multiply-adds that the search may spend on whole forward and backward passes. */
const SEARCH_WORK = 5e8
/** What a forward and a backward pass cost together, in forward passes. */
const PASSES = 3
/** Rates that people write, to start from. */
const RATES = ['e-5', 'e-4', 'e-3', 'e-2', 'e-1', 'e0'].flatMap((power) =>
  [1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 7.5, 8, 9].map((digits) => Number(`${digits}${power}`)),
)
const MOST_REFINEMENTS = 20
/** A step of the search this small, relative to the rate, comes no nearer. */
const LEAST_CHANGE = 1e-4
/** Passes without which no rate is found to the digits that tell. */
const LEAST_PASSES = 8
/** Passes for a whole search along one direction. */
const FEWEST_PASSES = 400
/** How far a pass along the direction goes to measure its slope, relative to the parameters. */
const PROBE = 1e-6
/** The least that the parameters must have moved, relative to themselves, and the least numbers to tell it by. */
const LEAST_MOVE = 1e-9
const FEWEST_TELLING = 4
/** What a learning rate is written with. */
const MOST_DIGITS = 3
const ADAM_GUARD = 1e-8

/** A point beside the one given, at which the analytical gradient is right. */
export interface MovedParameters {
  readonly message: string
  readonly fix: string
  /** ‖g − g′‖₂/(‖g‖₂ + ‖g′‖₂) of the analytical gradient and backpropagation at that point. */
  readonly gradientDifference: number
  /** J there. */
  readonly cost: number
}

/** A step of an optimiser that may lie between the parameters given and those that the gradient is of. */
interface Direction {
  readonly values: readonly Float64Array[]
  describe(rate: string): { message: string; fix: string }
}

/**
 * Whether the parameters are those of another step of training than the gradient: θ + η·g reproduces g where they
 * were saved after an update with g, and the gradient at θ − η·∇J where g is of the update that followed. The rate η is
 * found by least squares (Gauss & Newton) on a grid of rates.
 * @param tolerance what the difference must be within
 */
export function findMovedParameters(problem: BoundProblem, tolerance: number): MovedParameters | undefined {
  const { model, rebind } = problem
  const given = problem.gradients.map(({ values }) => values)
  if (countNonZero(given) < FEWEST_TELLING) return undefined
  const passes = SEARCH_WORK / (PASSES * forwardWork(model))
  if (passes < LEAST_PASSES) return undefined
  const search = new RateSearch(rebind(model.network), given, passes)
  for (const direction of listDirections(given, model.baseGradients)) {
    const found = search.findRate(direction.values, tolerance)
    if (found === undefined) continue
    const rate = findRound(found.rate, MOST_DIGITS, 1e-4)
    const text = rate === undefined ? found.rate.toPrecision(4) : String(rate)
    return { ...direction.describe(text), gradientDifference: found.difference, cost: found.cost }
  }
  return undefined
}

function* listDirections(
  given: readonly Float64Array[],
  right: readonly Float64Array[],
): Generator<Direction> {
  const after = 'save the parameters that the gradient was computed at'
  yield {
    values: given,
    describe: (rate) => ({
      message: `the parameters were those before an update with the learning rate ${rate}: the ones saved are after it (θ − ${rate}·dθ)`,
      fix: after,
    }),
  }
  yield {
    values: right.map((values) => values.map((value) => -value)),
    describe: (rate) => ({
      message: `the gradient was taken after an update with the learning rate ${rate}: the parameters saved are before it`,
      fix: after,
    }),
  }
  yield {
    values: given.map((values) => values.map((value) => value / (Math.abs(value) + ADAM_GUARD))),
    describe: (rate) => ({
      message: `the parameters were those before an update by ${rate} against the gradient's sign, as Adam's first step is: the ones saved are after it`,
      fix: after,
    }),
  }
}

interface FoundRate {
  readonly rate: number
  readonly difference: number
  readonly cost: number
}

/** Looks along directions for the point at which a network has a given gradient. */
class RateSearch {
  readonly #scratch: BoundNetwork
  readonly #start: readonly Float64Array[]
  readonly #given: readonly Float64Array[]
  #passesLeft: number

  /** @param scratch the network, its parameters to be changed */
  constructor(scratch: BoundNetwork, given: readonly Float64Array[], passes: number) {
    this.#scratch = scratch
    this.#start = scratch.model.parameters.map((parameter) => scratch.model.values(parameter).slice())
    this.#given = given
    this.#passesLeft = passes
  }

  findRate(direction: readonly Float64Array[], tolerance: number): FoundRate | undefined {
    const size = normOf(...direction)
    if (size === 0 || this.#passesLeft <= 0) return undefined
    const unit = normOf(...this.#start) / size
    // a large network is looked at from the point given alone
    const rates = this.#passesLeft < FEWEST_PASSES ? [0] : [0, ...RATES]
    const grid = rates.map((rate) => ({ rate, error: this.#measure(direction, rate).difference }))
    const starts = grid.toSorted((a, b) => a.error - b.error).slice(0, 3)
    for (const start of new Set([0, ...starts.map(({ rate }) => rate)])) {
      const rate = this.#refine(direction, start, PROBE * unit)
      if (!(rate > LEAST_MOVE * unit)) continue
      const { difference } = this.#measure(direction, rate)
      if (difference <= tolerance) return { rate, difference, cost: this.#scratch.model.cost() }
    }
    return undefined
  }

  /** The rate near a start that fits best, each step shortened until it comes nearer. */
  #refine(direction: readonly Float64Array[], start: number, probe: number): number {
    let rate = start
    let here = this.#measure(direction, rate)
    for (let k = 0; k < MOST_REFINEMENTS && this.#passesLeft > 0; k++) {
      const beside = this.#measure(direction, rate + probe).gradients
      let [products, squares] = [0, 0]
      for (const [t, given] of this.#given.entries()) {
        for (let j = 0; j < given.length; j++) {
          const slope = (beside[t][j] - here.gradients[t][j]) / probe
          products += (given[j] - here.gradients[t][j]) * slope
          squares += slope * slope
        }
      }
      let change = products / squares
      let next = this.#measure(direction, rate + change)
      while (!(next.difference < here.difference) && Math.abs(change) > LEAST_CHANGE * Math.abs(rate)) {
        if (!Number.isFinite(change) || this.#passesLeft <= 0) return rate
        change /= 4
        next = this.#measure(direction, rate + change)
      }
      if (!(next.difference < here.difference)) break
      rate += change
      here = next
    }
    return rate
  }

  #measure(
    direction: readonly Float64Array[],
    rate: number,
  ): { gradients: readonly Float64Array[]; difference: number } {
    this.#passesLeft--
    const { model } = this.#scratch
    for (const [t, parameter] of model.parameters.entries()) {
      const [values, start] = [model.values(parameter), this.#start[t]]
      for (let k = 0; k < values.length; k++) values[k] = start[k] + rate * direction[t][k]
    }
    const gradients = model.gradients()
    return { gradients, difference: differenceOf(this.#given, gradients) }
  }
}
