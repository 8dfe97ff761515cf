import type { Elementwise } from '../operations/elementwise.js'
import type { SpecialPlace } from './function-report.js'
import { type BoundFormula, numberAt } from './lower-formula.js'
import { namePoint } from './points.js'

const MOST_CHARACTERS = 60

/** What is known of one operation's special points. */
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
  readonly #formula: BoundFormula
  readonly #variables: readonly string[]
  readonly #places = new Map<number, Place>()

  /** @param formula at any point */
  constructor(formula: BoundFormula, variables: readonly string[]) {
    this.#formula = formula
    this.#variables = variables
  }

  /** Notes a point at which a value is not finite. */
  addUndefined(id: number, point: Float64Array): void {
    this.#add(id, point, 'on', true)
  }

  /** Notes a point on the special point of what makes a value, or within a step of it. */
  add(id: number, point: Float64Array, kind: 'on' | 'near', meets = false): void {
    this.#add(id, point, kind, false, meets)
  }

  #add(id: number, point: Float64Array, kind: 'on' | 'near', isUndefined: boolean, meets = false): void {
    let place = this.#places.get(id)
    if (place === undefined) {
      place = { on: 0, near: 0, at: point, undefined: isUndefined, meets, last: {} }
      this.#places.set(id, place)
    }
    if (kind === 'on' && place.on === 0) place.at = point
    if (isUndefined) place.undefined = true
    if (place.last[kind] === point) return
    place.last[kind] = point
    place[kind]++
  }

  list(): SpecialPlace[] {
    return [...this.#places].map(([id, { on, near, at, meets, undefined: isUndefined }]) => {
      const value = this.#formula.program.values[id]
      const special = value.kind === 'computed' ? (value.operation as Elementwise).rule.special : undefined
      const named = !isUndefined || special?.kind === 'pole' ? special : undefined
      const text = textOf(this.#formula, id)
      return {
        kind: named === undefined ? 'undefined' : meets ? 'kink' : named.kind,
        expression: text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text,
        where: named?.where ?? 'it has no finite value',
        on,
        near,
        at: namePoint(this.#variables, at),
      }
    })
  }
}

/** The part of a formula that a value stands for. */
const textOf = ({ expressions, program }: BoundFormula, id: number): string => {
  const value = program.values[id]
  return expressions.get(id)?.source() ?? (value.kind === 'constant' ? String(value.data[0]) : '')
}

/** Why a formula has no value at a point: "log(x) has no finite value at x = −1: its argument is −1". */
export function describeFault(
  formula: BoundFormula,
  variables: readonly string[],
  point: number,
  fault: number,
): string {
  const at = variables.map((name, v) => `${name} = ${formula.points[point][v]}`).join(', ')
  const text = textOf(formula, fault).slice(0, MOST_CHARACTERS)
  const value = formula.program.values[fault]
  if (value.kind !== 'computed') return `${text} is too large for a number at ${at}`
  const [a, b] = value.operands.map((operand) => numberAt(formula.base[operand], point))
  switch (value.operation.name) {
    case 'log':
    case 'log1p':
    case 'sqrt':
      return `${text} is not defined at ${at}: its argument is ${a}${a < 0 ? ', which is negative' : ''}`
    case 'divide':
      return `${text} has a pole at ${at}: ${b === 0 ? 'its divisor is 0' : `it is ${a} / ${b}`}`
    case 'realPower':
    case 'power':
      return `${text} is not defined at ${at}: its base is ${a}`
    default:
      return `${text} is too large for a number at ${at}`
  }
}
