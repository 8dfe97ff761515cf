import type { Block, Form } from '../operations/change.js'
import { type Read, sizeOf } from '../operations/kernels.js'
import type { BoundProgram } from './evaluate.js'
import type { Perturbations, PerturbedGroups } from './numerical-gradient.js'
import { type CarryPlan, CarryPlanner, placeOf, SEED } from './plan-carry.js'
import { runKernel } from './run-kernels.js'
import type { Shape } from './shapes.js'

/** What perturbations do to a program's output. */
export interface OutputChanges {
  /** ΔJ of each, over its step; lane by lane. */
  readonly changes: Float64Array
  /** How often each runs over a special point. */
  readonly crossings: Uint32Array
}

/** Carries perturbations of a program's values to its output, by difference arithmetic. */
export interface ChangeCarrier {
  /** The step that is taken where one is asked for: of the carrier's precision. */
  roundStep(step: number): number
  /** How many perturbations of a form may be carried at once. */
  countAtOnce(from: number, seedOf: (count: number) => { seed: Form; block: Block }): number
  /**
   * Carries the perturbations of one value, which is no constant: each moves all that the seed's form names by the step.
   * @param step with its sign
   * @returns undefined where a device had to be given up, its signal having aborted
   */
  carry(
    from: number,
    seed: Form,
    block: Block,
    step: number,
    signal?: AbortSignal,
  ): Promise<OutputChanges | undefined>
  /**
   * Carries all groups of a value's perturbations by itself, several at once; left out of a carrier that is told block by
   * block.
   * @returns undefined where the signal aborts
   */
  carryGroups?(
    shape: Shape,
    perturbations: Perturbations,
    signal?: AbortSignal,
  ): Promise<PerturbedGroups | undefined>
  /** Gives back what it holds. */
  dispose(): void
}

/** Numbers that are held at once. */
const MOST_NUMBERS = 2 ** 18

/** The same in float64 on the calling thread. */
export function createCpuCarrier(bound: BoundProgram): ChangeCarrier {
  const planner = new CarryPlanner(bound)
  const room = new UsedRoom()
  /** Of the last form that was asked for: workers are asked for one value's perturbations in pieces. */
  let counted: { readonly form: string; readonly most: number } | undefined
  let planned: { readonly seed: Form; readonly plan: CarryPlan } | undefined
  return {
    roundStep: (step) => step,
    countAtOnce(from, seedOf) {
      const { seed, block } = seedOf(1)
      const form = `${from} ${block.lanes} ${seed.laneAxis} ${seed.box.map((indices) => indices === undefined)}`
      if (counted?.form !== form) {
        room.forget()
        const numbers = planner.countNumbers(from, seed, block)
        counted = { form, most: Math.max(1, Math.floor(MOST_NUMBERS / numbers)) }
      }
      return counted.most
    },
    async carry(from, seed, block, step) {
      // both signs of a step are carried alike
      planned = planned?.seed === seed ? planned : { seed, plan: planner.plan(from, seed, block) }
      const { launches, output } = planned.plan
      const crossings = new Uint32Array(block.count * block.lanes)
      const values = new Map([[SEED, room.take(block.count * block.lanes).fill(1)]])
      for (const launch of launches) {
        const read = (place: Read) => values.get(placeOf(launch, place))!
        const result = values.get(launch.result) ?? room.take(launch.block.count * sizeOf(launch.kernel))
        runKernel({ launch, step, read, crossings }, result)
        values.set(launch.result, result)
        for (const place of launch.dropped) {
          room.giveBack(values.get(place))
          values.delete(place)
        }
      }
      const changes = output === undefined ? new Float64Array(crossings.length) : values.get(output)!
      return { changes, crossings }
    },
    dispose: () => undefined,
  }
}

/** Arrays that were used and may be used again: the system takes long to hand out new ones. */
class UsedRoom {
  readonly #arrays = new Map<number, Float64Array[]>()

  /** An array of that length, whatever stands in it. */
  take(length: number): Float64Array {
    return this.#arrays.get(length)?.pop() ?? new Float64Array(length)
  }

  giveBack(array: Float64Array | undefined): void {
    if (array === undefined) return
    const alike = this.#arrays.get(array.length)
    if (alike === undefined) this.#arrays.set(array.length, [array])
    else alike.push(array)
  }

  /** Gives all of it up. */
  forget(): void {
    this.#arrays.clear()
  }
}
