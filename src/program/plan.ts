import { workOf } from '../operations/kernels.js'
import { elementCount } from '../tensor.js'
import type { BoundProgram } from './evaluate.js'
import { seedOf } from './numerical-gradient.js'
import { CarryPlanner } from './plan-carry.js'
import { ancestorsOf, type ComputedValue, coneOf, type InputValue, type Program, usersOf } from './program.js'

/** How one parameter tensor is perturbed. */
export type ParameterPlan =
  /** Its elements, one by one. */
  | { readonly perturbed: 'parameters'; readonly laneAxis: number | undefined }
  /** Values that linear operations make of it. */
  | {
      readonly perturbed: 'outputs'
      readonly moved: readonly MovedValue[]
      /** The ids of those values and of the ones between, from the last to the first. */
      readonly linear: readonly number[]
    }

/** A value whose elements are moved in place of a parameter's. */
export interface MovedValue {
  readonly id: number
  /** Its axis whose elements are moved together as long as they do not mix. */
  readonly laneAxis: number | undefined
}

/** Launches that are planned to count their work; of what is more, work is taken from whole values. */
const MOST_COUNTED = 2e5
/** What starting a kernel costs a perturbation, in multiply-adds: blocks hold many. */
const LAUNCH_WORK = 16

/** What perturbing a value's elements takes, and how they are moved. */
interface MovingWork {
  /** Multiply-adds, roughly, of all of them. */
  readonly work: number
  readonly laneAxis: number | undefined
}

/** Plans by counted work what is moved for the parameters of a program. */
export class PerturbationPlanner {
  readonly #program: Program
  readonly #carry: CarryPlanner
  readonly #needed: Uint8Array
  /** The computed values that read each value on the way to the output. */
  readonly #users: readonly (readonly number[])[]
  /** What is asked of each value again and again. */
  readonly #moving: (MovingWork | undefined)[] = []
  readonly #behind: (number | undefined)[] = []
  readonly #apart: (number | undefined)[][]
  readonly #fromHere: (number | undefined)[] = []
  /** What the plans so far move in a parameter's place. */
  readonly #moved = new Set<number>()
  #counted = 0

  constructor(bound: BoundProgram) {
    const { program } = bound
    this.#program = program
    this.#carry = new CarryPlanner(bound)
    const needed = ancestorsOf(program)
    this.#needed = needed
    this.#users = usersOf(program).map((users) => users.filter((id) => needed[id] === 1))
    this.#apart = program.values.map(() => [])
  }

  /** Plans a parameter's perturbation; what was planned before is taken into account. */
  plan({ id }: Pick<InputValue, 'id'>, choice: 'auto' | 'parameters' | 'outputs'): ParameterPlan {
    const alone = this.#workOfMoving(id)
    const byParameters = { perturbed: 'parameters', laneAxis: alone.laneAxis } as const
    if (choice === 'parameters' || !Number.isFinite(this.#workBehind(id))) return byParameters
    const [moved, linear] = [new Set<number>(), new Set<number>()]
    const pending = [id]
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      for (const user of this.#users[value]) {
        if (linear.has(user)) continue
        linear.add(user)
        // what several parameters lead to is moved once for all of them, so the last of equal ones
        if (this.#workBehind(user) <= this.#workOfMoving(user).work) pending.push(user)
        else moved.add(user)
      }
    }
    // what another parameter has moved is there
    const others = [...moved].filter((value) => !this.#moved.has(value))
    const work = others.reduce((sum, value) => sum + this.#workOfMoving(value).work, 0)
    if (choice === 'auto' && work > alone.work) return byParameters
    for (const value of others) this.#moved.add(value)
    return {
      perturbed: 'outputs',
      moved: [...moved]
        .sort((one, other) => one - other)
        .map((value) => ({ id: value, laneAxis: this.#workOfMoving(value).laneAxis })),
      linear: [...linear].sort((one, other) => other - one),
    }
  }

  /** Of moving what is behind a value in its place; infinite where that cannot be. */
  #workBehind(id: number): number {
    const known = this.#behind[id]
    if (known !== undefined) return known
    // what it is made of, from the last value on
    const pending = [id]
    const open = new Set(pending)
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      if (!this.#isMovedBehind(value)) continue
      for (const user of this.#users[value]) {
        if (this.#behind[user] !== undefined || open.has(user)) continue
        open.add(user)
        pending.push(user)
      }
    }
    for (const value of [...open].sort((one, other) => other - one)) {
      this.#behind[value] = this.#isMovedBehind(value)
        ? this.#users[value].reduce(
            (sum, user) => sum + Math.min(this.#behind[user]!, this.#workOfMoving(user).work),
            0,
          )
        : Number.POSITIVE_INFINITY
    }
    return this.#behind[id]!
  }

  #isMovedBehind(id: number): boolean {
    const users = this.#users[id]
    return users.length > 0 && users.every((user) => this.#isLinear(user, id))
  }

  #isLinear(user: number, id: number): boolean {
    const { operation, operands } = this.#program.values[user] as ComputedValue
    return operands.every((operand, k) => operand !== id || operation.isLinearIn(k))
  }

  /** Of moving all of a value's elements: one by one, or along the axis where they stay apart the longest. */
  #workOfMoving(id: number): MovingWork {
    const known = this.#moving[id]
    if (known !== undefined) return known
    const { shape } = this.#program.values[id]
    const size = elementCount(shape)
    const laneAxis = this.#chooseLaneAxis(id)
    const alone = { work: size * this.#workOfGroup(id, undefined), laneAxis: undefined }
    const lanes = laneAxis === undefined ? 1 : shape[laneAxis]
    const along = lanes === 1 ? alone : { work: (size / lanes) * this.#workOfGroup(id, laneAxis), laneAxis }
    this.#moving[id] = along.work <= alone.work ? along : alone
    return this.#moving[id]
  }

  /** Multiply-adds of carrying one change of a value to the output, or those along an axis. */
  #workOfGroup(id: number, laneAxis: number | undefined): number {
    const { shape } = this.#program.values[id]
    const lanes = laneAxis === undefined ? 1 : shape[laneAxis]
    if (elementCount(shape) === 0) return 0
    if (this.#counted > MOST_COUNTED) return lanes * this.#workFrom(id)
    const { work, launches } = this.#carry.countWork(
      id,
      seedOf(shape, 0, 1, laneAxis),
      { count: 1, lanes },
      ({ kernel, block }) => LAUNCH_WORK + block.count * workOf(kernel),
    )
    this.#counted += launches
    return work
  }

  /** The same of whole values. */
  #workFrom(id: number): number {
    // from only user to only user as far as nothing is known
    const chain: number[] = []
    let at = id
    while (this.#fromHere[at] === undefined) {
      const [user, ...others] = this.#users[at]
      if (user === undefined || others.length > 0) {
        this.#fromHere[at] = this.#coneOf(at).reduce((sum, value) => sum + this.#workOfValue(value), 0)
      } else {
        chain.push(at)
        at = user
      }
    }
    let work = this.#fromHere[at]!
    for (const link of chain.reverse()) {
      work += this.#workOfValue(this.#users[link][0])
      this.#fromHere[link] = work
    }
    return work
  }

  #workOfValue(id: number): number {
    const { operation, operands } = this.#program.values[id] as ComputedValue
    return operation.work(operands.map((operand) => this.#program.values[operand].shape))
  }

  /** What a value reaches on the way to the output, itself left out, ascending. */
  #coneOf(id: number): number[] {
    const reached = coneOf(this.#program, [id])
    const cone: number[] = []
    for (let value = id + 1; value < reached.length; value++) {
      if (reached[value] === 1 && this.#needed[value] === 1) cone.push(value)
    }
    return cone
  }

  /** The axis of a value along which elements stay apart the longest on their way to the output; of several the longest. */
  #chooseLaneAxis(id: number): number | undefined {
    const { shape } = this.#program.values[id]
    let best: { axis: number; apart: number } | undefined
    for (const axis of shape.keys()) {
      if (shape[axis] === 1) continue
      const apart = this.#countApart(id, axis)
      if (apart === 0) continue
      const isBetter =
        best === undefined || apart > best.apart || (apart === best.apart && shape[axis] > shape[best.axis])
      if (isBetter) best = { axis, apart }
    }
    return best?.axis
  }

  /** How many operations the lanes along an axis of a value pass before they mix. */
  #countApart(id: number, axis: number): number {
    // from only user to only user as far as nothing is known
    const chain: { id: number; axis: number }[] = []
    let [at, lane] = [id, axis]
    let count: number | undefined
    while (count === undefined) {
      const [user, ...others] = this.#users[at]
      if (this.#apart[at][lane] !== undefined) count = this.#apart[at][lane]
      else if (user === undefined || others.length > 0) count = this.#countInCone(at, lane)
      else {
        chain.push({ id: at, axis: lane })
        const next = this.#passLane(user, new Map([[at, lane]]))
        // one that mixes lanes is not passed
        if (next === undefined) count = -1
        else [at, lane] = [user, next]
      }
    }
    for (const link of chain.reverse()) {
      count++
      this.#apart[link.id][link.axis] = count
    }
    return count
  }

  /** The same of a value with several users, or none. */
  #countInCone(id: number, axis: number): number {
    const lanes = new Map([[id, axis]])
    const cone = this.#coneOf(id)
    let apart = 0
    for (const user of cone) {
      const lane = this.#passLane(user, lanes)
      if (lane === undefined) break
      lanes.set(user, lane)
      apart++
    }
    this.#apart[id][axis] = apart
    return apart
  }

  /** The axis of a value along which lanes lie that lie along axes of its operands. */
  #passLane(user: number, lanes: ReadonlyMap<number, number>): number | undefined {
    const { operation, operands } = this.#program.values[user] as ComputedValue
    return operation.laneAxis(
      operands.map((operand) => this.#program.values[operand].shape),
      operands.map((operand) => lanes.get(operand)),
    )
  }
}
