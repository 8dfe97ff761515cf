import type { SpecialPlace } from './function-report.js'
import { OPERATIONS } from './operations.js'
import { namePoint } from './points.js'
import type { Tape } from './tape.js'

const MOST_CHARACTERS = 60

/** What is known of one instruction's special points. */
interface Place {
  on: number
  near: number
  at: Float64Array
  undefined: boolean
  /** The branches of a condition meet there: it is a kink and no jump. */
  meets: boolean
  /** The last points counted: derivatives by several variables meet the same one. */
  last: { on?: Float64Array; near?: Float64Array }
}

/** Gathers where a function is not smooth or not defined, by the operation that is to blame. */
export class SpecialPlaces {
  readonly #tape: Tape
  readonly #places = new Map<number, Place>()

  constructor(tape: Tape) {
    this.#tape = tape
  }

  /** Notes a point at which an instruction has no finite value. */
  addUndefined(instruction: number, point: Float64Array): void {
    this.#add(instruction, point, 'on', true)
  }

  /** Notes a point on an instruction's special point, or within a step of it. */
  add(instruction: number, point: Float64Array, kind: 'on' | 'near', meets = false): void {
    this.#add(instruction, point, kind, false, meets)
  }

  #add(
    instruction: number,
    point: Float64Array,
    kind: 'on' | 'near',
    isUndefined: boolean,
    meets = false,
  ): void {
    let place = this.#places.get(instruction)
    if (place === undefined) {
      place = { on: 0, near: 0, at: point, undefined: isUndefined, meets, last: {} }
      this.#places.set(instruction, place)
    }
    if (kind === 'on' && place.on === 0) place.at = point
    if (isUndefined) place.undefined = true
    if (place.last[kind] === point) return
    place.last[kind] = point
    place[kind]++
  }

  list(): SpecialPlace[] {
    return [...this.#places].map(([instruction, { on, near, at, meets, undefined: isUndefined }]) => {
      const { operation, parameter, source } = this.#tape.instructions[instruction]
      const special = operation === undefined ? undefined : OPERATIONS[operation].rule(parameter).special
      const named = !isUndefined || special?.kind === 'pole' ? special : undefined
      const text = source()
      return {
        kind: named === undefined ? 'undefined' : meets ? 'kink' : named.kind,
        expression: text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text,
        where: named?.where ?? 'it has no finite value',
        on,
        near,
        at: namePoint(this.#tape.variables, at),
      }
    })
  }
}

/** Why a formula has no value at a point: "log(x) has no finite value at x = −1: its argument is −1". */
export function describeFault(tape: Tape, values: Float64Array, fault: number, point: Float64Array): string {
  const { operation, operands, source } = tape.instructions[fault]
  const at = tape.variables.map((name, k) => `${name} = ${point[k]}`).join(', ')
  const text = source().slice(0, MOST_CHARACTERS)
  const [a, b] = operands.map((operand) => values[operand])
  switch (operation) {
    case 'log':
    case 'log1p':
    case 'sqrt':
      return `${text} is not defined at ${at}: its argument is ${a}${a < 0 ? ', which is negative' : ''}`
    case 'divide':
      return `${text} has a pole at ${at}: ${b === 0 ? 'its divisor is 0' : `it is ${a} / ${b}`}`
    case 'real-power':
    case 'power':
      return `${text} is not defined at ${at}: its base is ${a}`
    default:
      return `${text} is too large for a number at ${at}`
  }
}
