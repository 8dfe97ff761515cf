import { type Block, type Change, unpackBlock, unpackLanes } from '../operations/change.js'
import type { CarryChange } from '../operations/operation.js'
import { applicationOf, type BoundProgram } from './evaluate.js'
import { ancestorsOf, type ComputedValue, coneOf, usersOf } from './program.js'

/** Carries perturbations of a program's values to its output, by difference arithmetic in float64. */
export class ChangeCarrier {
  readonly #bound: BoundProgram
  readonly #needed: Uint8Array
  readonly #prepared: (CarryChange | undefined)[] = []
  /** The last value that reads each one: its change is dropped behind it. */
  readonly #lastUser: Int32Array

  constructor(bound: BoundProgram) {
    this.#bound = bound
    this.#needed = ancestorsOf(bound.program)
    this.#lastUser = Int32Array.from(usersOf(bound.program), (users) => users.at(-1) ?? -1)
  }

  /**
   * Carries the perturbations of one value, which is no constant.
   * @param seed what each does to the value, over its step
   * @returns ΔJ of each, over its step; where the block has lanes, lane by lane
   */
  carry(from: number, seed: Change, given: Block): Float64Array {
    const { program } = this.#bound
    const cone = coneOf(program, [from])
    const changes = new Map<number, Change>([[from, seed]])
    let block = given
    for (const value of program.values) {
      const { id } = value
      if (cone[id] === 0 || this.#needed[id] === 0 || id === from || value.kind !== 'computed') continue
      if (block.lanes > 1 && this.#mixesLanes(value, changes)) {
        for (const [key, change] of changes)
          changes.set(key, unpackLanes(program.values[key].shape, change, block))
        block = unpackBlock(block)
      }
      this.#prepared[id] ??= value.operation.prepare(applicationOf(this.#bound, value))
      const carry = this.#prepared[id]
      changes.set(
        id,
        carry(
          value.operands.map((operand) => changes.get(operand)),
          block,
        ),
      )
      for (const operand of value.operands) if (this.#lastUser[operand] === id) changes.delete(operand)
    }
    let last = changes.get(program.output)
    if (last === undefined) return new Float64Array(given.count * given.lanes)
    if (block.lanes > 1) last = unpackLanes(program.values[program.output].shape, last, block)
    return last.data
  }

  #mixesLanes(value: ComputedValue, changes: ReadonlyMap<number, Change>): boolean {
    const { values } = this.#bound.program
    const shapes = value.operands.map((operand) => values[operand].shape)
    const axes = value.operands.map((operand) => changes.get(operand)?.laneAxis)
    return value.operation.laneAxis(shapes, axes) === undefined
  }
}
