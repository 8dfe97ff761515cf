import type { Elementwise } from '../operations/elementwise.js'
import type { ScalarRule } from '../operations/scalar-rule.js'
import type { ComputedValue } from '../program/program.js'
import { FLOAT64_ROUNDOFF } from '../tensor.js'
import { type BoundFormula, numberAt } from './lower-formula.js'

/** Crossing of an evaluation that runs over no special point. */
export const NO_CROSSING = -1

/** What a step in one variable does to a formula. */
export interface FormulaChange {
  /** (f(x + h) − f(x))/h */
  readonly slope: number
  /** The first value that runs over its special point, or `NO_CROSSING`. */
  readonly crossing: number
  /** True where the step is so small that it is lost before an operation that has a special point. */
  readonly isLost: boolean
}

/** Changes below this have lost digits, or all of them. */
const SMALLEST_CHANGE = 2 ** -1022

/** Operations that take one of two slopes: which one is decided where their first constant is 0. */
const SWITCHES: ReadonlySet<string> = new Set(['relu', 'abs', 'minimum', 'maximum', 'select'])

/** For each point whether an argument lies on its kink, or branches change there, as far as rounding lets one tell. */
export function findOnSeams(formula: BoundFormula, errors: readonly Float64Array[]): Uint8Array {
  const { program, base, points } = formula
  const found = new Uint8Array(points.length)
  for (const value of program.values) {
    if (value.kind !== 'computed' || !SWITCHES.has(value.operation.name)) continue
    const [a, b] = value.operands
    const isPick = ruleOf(value).arity === 2
    for (let k = 0; k < points.length; k++) {
      const distance = numberAt(base[a], k) - (isPick ? numberAt(base[b], k) : 0)
      const reach = errorAt(errors[a], k) + (isPick ? errorAt(errors[b], k) : 0)
      if (Math.abs(distance) <= reach) found[k] = 1
    }
  }
  return found
}

/** The bound on a value's error at a point, absolute; one that has overflowed says nothing. */
function errorAt(errors: Float64Array, point: number): number {
  const error = numberAt(errors, point)
  return Number.isFinite(error) ? FLOAT64_ROUNDOFF * error : 0
}

const ruleOf = ({ operation }: ComputedValue): ScalarRule => (operation as Elementwise).rule

/**
 * Difference arithmetic in float64 at one of a formula's points, where it is told which operation runs over its special
 * point, and only of branches that are taken. What rounding alone keeps from 0 is taken as 0: the gap between the branches
 * of a condition that meet at the point, and the distance of an argument from its kink. A gap of rounding would be a jump,
 * whose slope over a small step is anything.
 */
export class ChangesAtPoint {
  readonly #formula: BoundFormula
  /** The base point's constants, by id; of inputs and constants none. */
  readonly #constants: readonly (Float64Array | undefined)[]

  /**
   * @param point which of the formula's points
   * @param errors bounds on the errors of every value, in unit roundoffs of float64
   */
  constructor(formula: BoundFormula, point: number, errors: readonly Float64Array[]) {
    this.#formula = formula
    const { program, base } = formula
    this.#constants = program.values.map((value) => {
      if (value.kind !== 'computed') return undefined
      const rule = ruleOf(value)
      const [a, b, c] = value.operands.map((operand) => numberAt(base[operand], point))
      const constants = new Float64Array(rule.constants)
      rule.fill(constants, 0, a, b, c, numberAt(base[value.id], point))
      if (SWITCHES.has(value.operation.name)) {
        const ofOperands = value.operands.map((operand) => errorAt(errors[operand], point))
        settleOnSeam(value.operation.name, constants, [b, c], ofOperands)
      }
      return constants
    })
  }

  /**
   * @param moved the id of the variable that is moved
   * @param h the step with its sign; 0 gives the derivative
   */
  carry(moved: number, h: number): FormulaChange {
    const { values, output } = this.#formula.program
    const slopes = new Float64Array(values.length)
    const crossings = new Int32Array(values.length).fill(NO_CROSSING)
    slopes[moved] = 1
    let isLost = false
    for (const value of values) {
      if (value.kind !== 'computed') continue
      const { id, operands } = value
      const rule = ruleOf(value)
      const constants = this.#constants[id]!
      const [a, b = 0, c = 0] = operands.map((operand) => slopes[operand])
      slopes[id] = rule.change(constants, 0, a, b, c, h)
      if (rule.crosses !== undefined) isLost ||= [a, b, c].some((slope) => isLostBy(h, slope))
      const through = rule.through?.(constants, 0, a, b, c, h)
      const passing = through === undefined ? operands : [operands[through]]
      const inherited = passing.find((operand) => crossings[operand] !== NO_CROSSING)
      if (inherited !== undefined) crossings[id] = crossings[inherited]
      else if (rule.crosses?.(constants, 0, a, b, c, h)) crossings[id] = id
    }
    return { slope: slopes[output], crossing: crossings[output], isLost }
  }

  /** Whether a value is a condition whose branches meet at the point. */
  meets(id: number): boolean {
    const { operation } = this.#formula.program.values[id] as ComputedValue
    return operation.name === 'select' && this.#constants[id]![1] === 0
  }

  /**
   * The derivatives that code gives at a point on kinks, which has one convention for every operation of a kind: relu at
   * 0 has the slope 0, 1 or ½ wherever it stands, |x| has −1, 1 or 0, and so on.
   */
  slopesByConvention(moved: number): number[] {
    const tied = new Set<string>()
    for (const value of this.#formula.program.values) {
      if (value.kind === 'computed' && this.#isTied(value)) tied.add(value.operation.name)
    }
    let choices: ReadonlyMap<string, Convention>[] = [new Map()]
    for (const operation of tied) {
      choices = choices.flatMap((choice) =>
        CONVENTIONS.map((convention) => new Map([...choice, [operation, convention]])),
      )
    }
    return choices.map((choice) => this.#slopeBy(choice, moved))
  }

  #isTied({ id, operation }: ComputedValue): boolean {
    return SWITCHES.has(operation.name) && this.#constants[id]![0] === 0
  }

  #slopeBy(choice: ReadonlyMap<string, Convention>, moved: number): number {
    const { values, output } = this.#formula.program
    const slopes = new Float64Array(values.length)
    slopes[moved] = 1
    for (const value of values) {
      if (value.kind !== 'computed') continue
      const [a, b = 0, c = 0] = value.operands.map((operand) => slopes[operand])
      const convention = this.#isTied(value) ? choice.get(value.operation.name) : undefined
      slopes[value.id] =
        convention === undefined
          ? ruleOf(value).change(this.#constants[value.id]!, 0, a, b, c, 0)
          : choose(convention, sidesOf(value.operation.name, a, b, c))
    }
    return slopes[output]
  }
}

const isLostBy = (h: number, slope: number) => h !== 0 && slope !== 0 && Math.abs(h * slope) < SMALLEST_CHANGE

/** Writes a switch's constants as they are on its seam, where rounding alone keeps them off it. */
function settleOnSeam(
  name: string,
  constants: Float64Array,
  [b, c]: readonly number[],
  [ofA, ofB, ofC]: readonly number[],
): void {
  if (name === 'select') {
    const rounding = ofB + ofC + FLOAT64_ROUNDOFF * (Math.abs(b) + Math.abs(c))
    if (!(Math.abs(constants[1]) <= rounding)) return
    constants[1] = 0
    if (Math.abs(constants[0]) <= ofA) constants[0] = 0
  } else if (Math.abs(constants[0]) <= ofA + (ofB ?? 0)) {
    constants[0] = 0
  }
}

/** What a derivative may be taken for at a kink: that of one side of what switches, of the other, or their mean. */
type Convention = 'first' | 'second' | 'mean'
const CONVENTIONS: readonly Convention[] = ['first', 'second', 'mean']

/** What an operation's derivative is on both sides of its special point. */
function sidesOf(operation: string, a: number, b: number, c: number): readonly [number, number] {
  switch (operation) {
    case 'relu':
      return [0, a]
    case 'abs':
      return [-a, a]
    case 'select':
      return [b, c]
    default:
      return [a, b]
  }
}

function choose(convention: Convention, [first, second]: readonly [number, number]): number {
  if (convention === 'mean') return (first + second) / 2
  return convention === 'first' ? first : second
}
