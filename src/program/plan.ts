import { elementCount } from '../tensor.js'
import { ancestorsOf, type ComputedValue, coneOf, type InputValue, type Program, usersOf } from './program.js'

/** How one parameter tensor is perturbed. */
export type ParameterPlan =
  /** Its elements, one by one. */
  | { readonly perturbed: 'parameters' }
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

/** Plans by counted work what is moved for the parameters of a program. */
export class PerturbationPlanner {
  readonly #program: Program
  readonly #needed: Uint8Array
  /** The computed values that read each value on the way to the output. */
  readonly #users: readonly (readonly number[])[]
  /** Multiply-adds, roughly, of evaluating each value. */
  readonly #works: Float64Array
  /** Of moving each value's elements, and of moving what is behind it in its place; infinite where that cannot be. */
  readonly #alone: (number | undefined)[] = []
  readonly #behind: Float64Array
  /** What is asked of each value again and again: by its only user it is known at once. */
  readonly #fromHere: Float64Array
  readonly #apart: (number | undefined)[][] = []

  constructor(program: Program) {
    this.#program = program
    const needed = ancestorsOf(program)
    this.#needed = needed
    this.#users = usersOf(program).map((users) => users.filter((id) => needed[id] === 1))
    this.#works = Float64Array.from(program.values, (value) =>
      value.kind === 'computed' && needed[value.id] === 1
        ? value.operation.work(value.operands.map((operand) => program.values[operand].shape))
        : 0,
    )
    this.#behind = new Float64Array(program.values.length).fill(Number.POSITIVE_INFINITY)
    this.#fromHere = new Float64Array(program.values.length)
    // users stand behind what they read
    for (let id = program.values.length - 1; id >= 0; id--) {
      const users = this.#users[id]
      this.#fromHere[id] = this.#workFrom(id)
      this.#apart[id] = []
      if (users.length === 0 || !users.every((user) => this.#isLinear(user, id))) continue
      this.#behind[id] = users.reduce(
        (sum, user) => sum + Math.min(this.#workOfMoving(user), this.#behind[user]),
        0,
      )
    }
  }

  plan(
    { id, shape }: Pick<InputValue, 'id' | 'shape'>,
    choice: 'auto' | 'parameters' | 'outputs',
  ): ParameterPlan {
    const canMoveOutputs = Number.isFinite(this.#behind[id])
    const isCheaper = () => this.#behind[id] <= elementCount(shape) * this.#fromHere[id]
    if (choice === 'parameters' || !canMoveOutputs || (choice === 'auto' && !isCheaper())) {
      return { perturbed: 'parameters' }
    }
    const [moved, linear] = [new Set<number>(), new Set<number>()]
    const pending = [id]
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      for (const user of this.#users[value]) {
        if (linear.has(user)) continue
        linear.add(user)
        // what several parameters lead to is moved once for all of them, so the last of equal ones
        if (this.#behind[user] <= this.#workOfMoving(user)) pending.push(user)
        else moved.add(user)
      }
    }
    return {
      perturbed: 'outputs',
      moved: [...moved]
        .sort((one, other) => one - other)
        .map((value) => ({ id: value, laneAxis: this.#chooseLaneAxis(value) })),
      linear: [...linear].sort((one, other) => other - one),
    }
  }

  #isLinear(user: number, id: number): boolean {
    const { operation, operands } = this.#program.values[user] as ComputedValue
    return operands.every((operand, k) => operand !== id || operation.isLinearIn(k))
  }

  /** Multiply-adds of moving all of a value's elements. */
  #workOfMoving(id: number): number {
    const known = this.#alone[id]
    if (known !== undefined) return known
    const { shape } = this.#program.values[id]
    const laneAxis = this.#chooseLaneAxis(id)
    const groups = elementCount(shape) / (laneAxis === undefined ? 1 : shape[laneAxis])
    const work = groups * this.#fromHere[id]
    this.#alone[id] = work
    return work
  }

  /** Multiply-adds of carrying one change of a value to the output. */
  #workFrom(id: number): number {
    const [user, ...others] = this.#users[id]
    if (user === undefined) return 0
    if (others.length === 0) return this.#works[user] + this.#fromHere[user]
    return this.#coneOf(id).reduce((sum, value) => sum + this.#works[value], 0)
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
