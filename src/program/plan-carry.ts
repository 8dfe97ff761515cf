import { type Block, boxShape, type Form, unpackBlock, unpackLanes } from '../operations/change.js'
import { type Kernel, type Read, sizeOf } from '../operations/kernels.js'
import type { PlanChange } from '../operations/operation.js'
import { elementCount } from '../tensor.js'
import { applicationOf, type BoundProgram } from './evaluate.js'
import { ancestorsOf, type ComputedValue, coneOf, usersOf } from './program.js'

/** A kernel with what it reads and writes: numbers of changes, known by their place among all that are made. */
export interface Launch {
  readonly kernel: Kernel
  /** The perturbations that it runs for: those given, or each of their lanes. */
  readonly block: Block
  /** Where what it reads was written, by operand and by kernel of its operation. */
  readonly operands: readonly (number | undefined)[]
  readonly kernels: readonly number[]
  /** Where it writes; for one that adds to another, or puts among its numbers, the place of that one. */
  readonly result: number
  /** What nothing reads behind it. */
  readonly dropped: readonly number[]
}

/** How the perturbations of one value become changes of the output. */
export interface CarryPlan {
  readonly launches: readonly Launch[]
  /** Where the output's change is written, perturbation by perturbation and lane by lane; undefined where it has none. */
  readonly output: number | undefined
}

/** The seed's place; what kernels write stands behind it. */
export const SEED = 0

/** Where a launch finds what its kernel reads. */
export function placeOf({ operands, kernels }: Launch, from: Read): number {
  return 'operand' in from ? operands[from.operand]! : kernels[from.kernel]
}

/** What has changed of a value, and where that is written. */
interface Change {
  readonly form: Form
  readonly place: number
}

/** Values that have changed at a time; of more it is not likely that they come again. */
const MOST_COMPARED = 8

/** All that what is planned from a value on depends on. */
function describeState(at: number, changes: ReadonlyMap<number, Change>, { count, lanes }: Block): string {
  const forms = Array.from(
    changes,
    ([id, { form }]) => `${id}:${form.box.map((indices) => indices?.join(' ') ?? '')}:${form.laneAxis ?? ''}`,
  )
  return `${at} ${count} ${lanes} ${forms.sort().join(';')}`
}

/** Plans how perturbations of a program's values are carried to its output. */
export class CarryPlanner {
  readonly bound: BoundProgram
  readonly #needed: Uint8Array
  readonly #plans: (PlanChange | undefined)[] = []
  /** Of states that blocks were in, what was still to be done. */
  readonly #workBehind = new Map<string, number>()
  /** The last value that reads each one: its change is dropped behind it. */
  readonly #lastUser: Int32Array

  constructor(bound: BoundProgram) {
    this.bound = bound
    this.#needed = ancestorsOf(bound.program)
    this.#lastUser = Int32Array.from(usersOf(bound.program), (users) => users.at(-1) ?? -1)
  }

  /**
   * @param from the id of the value that is moved, which is no constant
   * @param seed the form in which each perturbation moves it
   */
  plan(from: number, seed: Form, given: Block): CarryPlan {
    return this.#walk(from, seed, given, () => false)
  }

  /**
   * Multiply-adds of carrying a block, roughly.
   * @param workOf one launch
   * @returns also how many launches were looked at: what is behind a state that was there before is known
   */
  countWork(
    from: number,
    seed: Form,
    given: Block,
    workOf: (launch: Launch) => number,
  ): { work: number; launches: number } {
    const passed: { state: string; work: number }[] = []
    let [work, counted, behind] = [0, 0, 0]
    const count = (launches: readonly Launch[]) => {
      for (; counted < launches.length; counted++) work += workOf(launches[counted])
    }
    const { launches } = this.#walk(from, seed, given, (launches, at, changes, block) => {
      if (changes.size > MOST_COMPARED) return false
      const state = describeState(at, changes, block)
      count(launches)
      const known = this.#workBehind.get(state)
      behind = known ?? 0
      if (known === undefined) passed.push({ state, work })
      return known !== undefined
    })
    count(launches)
    const whole = work + behind
    for (const { state, work: before } of passed) this.#workBehind.set(state, whole - before)
    return { work: whole, launches: launches.length }
  }

  /** @param isOver asked before each value that changes, with what was planned so far and what has changed by then */
  #walk(
    from: number,
    seed: Form,
    given: Block,
    isOver: (
      launches: readonly Launch[],
      at: number,
      changes: ReadonlyMap<number, Change>,
      block: Block,
    ) => boolean,
  ): CarryPlan {
    const { program } = this.bound
    const cone = coneOf(program, [from])
    const changes = new Map<number, Change>([[from, { form: seed, place: SEED }]])
    const launches: Launch[] = []
    let places = SEED
    let block = given
    const unpack = () => {
      for (const [id, { form, place }] of changes) {
        const { form: unpacked, kernel } = unpackLanes(program.values[id].shape, form, block)
        const result = ++places
        launches.push({ kernel: kernel!, block, operands: [place], kernels: [], result, dropped: [place] })
        changes.set(id, { form: unpacked, place: result })
      }
      block = unpackBlock(block)
    }
    for (const value of program.values) {
      const { id } = value
      if (cone[id] === 0 || this.#needed[id] === 0 || id === from || value.kind !== 'computed') continue
      if (isOver(launches, id, changes, block)) return { launches, output: undefined }
      if (block.lanes > 1 && this.#mixesLanes(value, changes)) unpack()
      this.#plans[id] ??= value.operation.prepare(applicationOf(this.bound, value))
      const read = value.operands.map((operand) => changes.get(operand))
      const { form, kernels } = this.#plans[id](
        read.map((change) => change?.form),
        block,
      )
      const operands = read.map((change) => change?.place)
      const written: number[] = []
      for (const [k, kernel] of kernels.entries()) {
        const onto = kernel.kind === 'product' || kernel.kind === 'spread' ? kernel.onto : undefined
        const result = onto === undefined ? ++places : written[onto]
        const isLast = k === kernels.length - 1
        launches.push({
          kernel,
          block,
          operands,
          kernels: [...written],
          result,
          dropped: isLast ? [...new Set(written)].filter((place) => place !== result) : [],
        })
        written.push(result)
      }
      changes.set(id, { form, place: written[written.length - 1] })
      for (const operand of new Set(value.operands)) {
        const change = changes.get(operand)
        if (this.#lastUser[operand] !== id || change === undefined) continue
        const last = launches[launches.length - 1]
        launches[launches.length - 1] = { ...last, dropped: [...last.dropped, change.place] }
        changes.delete(operand)
      }
    }
    if (!changes.has(program.output)) return { launches, output: undefined }
    for (const id of [...changes.keys()]) if (id !== program.output) changes.delete(id)
    if (block.lanes > 1) unpack()
    return { launches, output: changes.get(program.output)!.place }
  }

  /** The most numbers that are held at once for a perturbation of a value, or all lanes of one. */
  countNumbers(from: number, seed: Form, block: Block): number {
    const shape = this.bound.program.values[from].shape
    const held = new Map([[SEED, elementCount(boxShape(shape, seed.box))]])
    const sizes = { now: held.get(SEED)!, most: 0 }
    for (const { kernel, block: own, result, dropped } of this.plan(from, seed, block).launches) {
      if (!held.has(result)) {
        // of a gather that unpacks lanes the block is the one before
        held.set(result, (sizeOf(kernel) * own.count) / block.count)
        sizes.now += held.get(result)!
      }
      sizes.most = Math.max(sizes.most, sizes.now)
      for (const place of dropped) {
        sizes.now -= held.get(place) ?? 0
        held.delete(place)
      }
    }
    return sizes.most
  }

  #mixesLanes(value: ComputedValue, changes: ReadonlyMap<number, { form: Form }>): boolean {
    const { values } = this.bound.program
    const shapes = value.operands.map((operand) => values[operand].shape)
    const axes = value.operands.map((operand) => changes.get(operand)?.form.laneAxis)
    return value.operation.laneAxis(shapes, axes) === undefined
  }
}
