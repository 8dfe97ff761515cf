import { FLOAT64_ROUNDOFF } from '../tensor.js'
import { OPERATIONS, type OperationName, SWITCHES } from './operations.js'
import { valueErrors } from './rounding.js'
import { CONSTANTS, constantsAt, type Tape } from './tape.js'

/**
 * The base point's constants, with what rounding alone keeps from 0 taken as 0: the gap between the branches of a
 * condition that meet at the point, and the distance of an argument from its kink. A gap of rounding would be a jump,
 * whose slope over a small step is anything.
 */
export function constantsOnSeams(tape: Tape, values: Float64Array): Float64Array {
  const constants = constantsAt(tape, values)
  if (!tape.instructions.some(({ operation }) => operation !== undefined && SWITCHES.has(operation))) {
    return constants
  }
  const errors = valueErrors(tape, values, constants)
  for (const [k, { operation, operands }] of tape.instructions.entries()) {
    if (operation === undefined || !SWITCHES.has(operation)) continue
    const at = CONSTANTS * k
    const [a, b, c] = operands
    const inherited = (operand: number) => errors[operand]
    if (operation === 'select') {
      const rounding =
        inherited(b) + inherited(c) + FLOAT64_ROUNDOFF * (Math.abs(values[b]) + Math.abs(values[c]))
      if (!(Math.abs(constants[at + 1]) <= rounding)) continue
      constants[at + 1] = 0
      if (Math.abs(constants[at]) <= inherited(a)) constants[at] = 0
    } else if (operation === 'min' || operation === 'max') {
      if (Math.abs(constants[at]) <= inherited(a) + inherited(b)) constants[at] = 0
    } else if (Math.abs(constants[at]) <= inherited(a)) {
      constants[at] = 0
      constants[at + 3] = 0
    }
  }
  return constants
}

/** Whether the branches of a condition meet at the point. */
export function branchesMeet({ instructions }: Tape, constants: Float64Array, instruction: number): boolean {
  return instructions[instruction].operation === 'select' && constants[CONSTANTS * instruction + 1] === 0
}

/** What a derivative may be taken for at a kink: that of one side of what switches, of the other, or their mean. */
type Convention = 'first' | 'second' | 'mean'
const CONVENTIONS: readonly Convention[] = ['first', 'second', 'mean']

/**
 * The derivatives that code gives at a point on kinks, which has one convention for every operation of a kind: relu at
 * 0 has the slope 0, 1 or ½ wherever it stands, |x| has −1, 1 or 0, and so on.
 */
export function slopesByConvention(tape: Tape, constants: Float64Array, moved: number): number[] {
  const tied = new Set<OperationName>()
  for (const [k, { operation }] of tape.instructions.entries()) {
    if (operation !== undefined && isTied(operation, constants, k)) tied.add(operation)
  }
  let choices: ReadonlyMap<OperationName, Convention>[] = [new Map()]
  for (const operation of tied) {
    choices = choices.flatMap((choice) =>
      CONVENTIONS.map((convention) => new Map([...choice, [operation, convention]])),
    )
  }
  return choices.map((choice) => slopeBy(choice, tape, constants, moved))
}

const isTied = (operation: OperationName, constants: Float64Array, k: number) =>
  SWITCHES.has(operation) && constants[CONSTANTS * k] === 0

function slopeBy(
  choice: ReadonlyMap<OperationName, Convention>,
  { instructions }: Tape,
  constants: Float64Array,
  moved: number,
): number {
  const slopes = new Float64Array(instructions.length)
  for (const [k, { operation, operands, parameter, variable }] of instructions.entries()) {
    if (operation === undefined) {
      slopes[k] = variable === moved && variable >= 0 ? 1 : 0
      continue
    }
    const [a, b = 0, c = 0] = operands.map((operand) => slopes[operand])
    const convention = isTied(operation, constants, k) ? choice.get(operation) : undefined
    slopes[k] =
      convention === undefined
        ? OPERATIONS[operation].rule(parameter).change(constants, CONSTANTS * k, a, b, c, 0)
        : choose(convention, sidesOf(operation, a, b, c))
  }
  return slopes[slopes.length - 1]
}

/** What an operation's derivative is on both sides of its special point. */
function sidesOf(operation: OperationName, a: number, b: number, c: number): readonly [number, number] {
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
