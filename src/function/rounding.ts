import { FLOAT32_ROUNDOFF, FLOAT64_ROUNDOFF } from '../tensor.js'
import { OPERATIONS, type OperationName, SWITCHES } from './operations.js'
import { CONSTANTS, type Tape } from './tape.js'

const SMALLEST_SINGLE = 2 ** -126

/** Roundings of a result's terms: a few for plain arithmetic, more where series and divisions take part. */
const FEW_ROUNDINGS = 3
const MANY_ROUNDINGS = 8
const PLAIN: ReadonlySet<OperationName> = new Set(['add', 'subtract', 'negate', 'multiply', 'divide'])
/** How far a value is moved to see how its slope depends on it. */
const SHIFT = 1e-6

/** What rounding does at one point, as bounds on absolute errors. */
export interface RoundingAt {
  /** Of the formula's value in float64, by instruction. */
  readonly values: Float64Array
  /** Of its derivative by difference arithmetic, by moved variable. */
  readonly derivatives: readonly number[]
  /** Σ|terms| of each derivative: the sum over all paths from the variable to the result, each without its sign. */
  readonly terms: readonly number[]
  /** Of what a finite step adds to the terms of the derivative. */
  ofCurvature(size: number): number
}

/** A bound on what rounding in float64 does to the values of a tape's instructions. */
export function valueErrors(tape: Tape, values: Float64Array, constants: Float64Array): Float64Array {
  const errors = new Float64Array(values.length)
  for (const [k, { operation, operands, parameter }] of tape.instructions.entries()) {
    if (operation === undefined) continue
    let error = 2 * FLOAT64_ROUNDOFF * Math.abs(values[k])
    for (const [j, operand] of operands.entries()) {
      if (errors[operand] === 0) continue
      const slope = Math.abs(partial(operation, constants, k, j, parameter))
      // on a special point there is no slope to tell how far the error goes
      if (Number.isFinite(slope)) error += slope * errors[operand]
    }
    errors[k] = error
  }
  return errors
}

/**
 * Bounds on what rounding does to a derivative by difference arithmetic: the derivative is carried forward at the
 * base point, and with it the error of every term; each instruction adds the roundings of its own terms, and what
 * an error of the base values does to its slope.
 */
export function estimateRounding(
  tape: Tape,
  values: Float64Array,
  constants: Float64Array,
  moved: readonly number[],
  precision: 'single' | 'double',
): RoundingAt {
  const u = precision === 'single' ? FLOAT32_ROUNDOFF : FLOAT64_ROUNDOFF
  const errorsOfValues = valueErrors(tape, values, constants)
  const terms: number[] = []
  const derivatives = moved.map((variable) => {
    const slopes = new Float64Array(values.length)
    const sizes = new Float64Array(values.length)
    const errors = new Float64Array(values.length)
    for (const [k, instruction] of tape.instructions.entries()) {
      const { operation, operands, parameter } = instruction
      if (operation === undefined) {
        slopes[k] = instruction.variable === variable && variable >= 0 ? 1 : 0
        sizes[k] = slopes[k]
        continue
      }
      if (precision === 'single') {
        // what underflows is lost, and with it what it is multiplied by
        const moving = operands.reduce((sum, operand) => sum + Math.abs(slopes[operand]), 0)
        if (moving > 0) errors[k] += SMALLEST_SINGLE * (1 + moving)
      }
      const roundings = PLAIN.has(operation) ? FEW_ROUNDINGS : MANY_ROUNDINGS
      for (const [j, operand] of operands.entries()) {
        if (sizes[operand] === 0) continue
        const p = partial(operation, constants, k, j, parameter)
        const term = p * slopes[operand]
        slopes[k] += term
        sizes[k] += Math.abs(p) * sizes[operand]
        errors[k] += Math.abs(p) * errors[operand] + roundings * u * Math.abs(term)
        errors[k] += Math.abs(slopes[operand]) * slopeError(tape, values, errorsOfValues, k, j)
        // constants that float32 flushes to 0 take their terms with them
        if (precision === 'single' && isFlushed(constants, k)) errors[k] += Math.abs(term)
      }
    }
    terms.push(sizes.at(-1)!)
    return errors.at(-1)!
  })
  return { values: errorsOfValues, derivatives, terms, ofCurvature: (size) => MANY_ROUNDINGS * u * size }
}

/** ∂(operation k)/∂(operand j) at the base point. */
function partial(
  operation: OperationName,
  constants: Float64Array,
  k: number,
  j: number,
  parameter: number,
): number {
  const only = (operand: number) => (operand === j ? 1 : 0)
  const rule = OPERATIONS[operation].rule(parameter)
  return rule.change(constants, CONSTANTS * k, only(0), only(1), only(2), 0)
}

/** How far the errors of an instruction's operands move ∂(operation k)/∂(operand j). */
function slopeError(tape: Tape, values: Float64Array, errors: Float64Array, k: number, j: number): number {
  const { operation, operands, parameter } = tape.instructions[k]
  // its slopes do not bend, and where rounding decides between them both are looked at
  if (SWITCHES.has(operation!)) return 0
  const rule = OPERATIONS[operation!].rule(parameter)
  const at = operands.map((operand) => values[operand])
  const only = (operand: number) => (operand === j ? 1 : 0)
  const slopeAt = ([a, b, c]: number[]) => {
    const constants = new Float64Array(CONSTANTS)
    rule.fill(constants, 0, a, b, c, rule.value(a, b, c))
    return rule.change(constants, 0, only(0), only(1), only(2), 0)
  }
  let error = 0
  for (const [i, operand] of operands.entries()) {
    if (errors[operand] === 0) continue
    const shift = Math.max(errors[operand], SHIFT * Math.abs(at[i]))
    const shifted = at.with(i, at[i] + shift)
    const moved = Math.abs(slopeAt(shifted) - slopeAt(at)) / shift
    if (Number.isFinite(moved)) error += moved * errors[operand]
  }
  return error
}

function isFlushed(constants: Float64Array, k: number): boolean {
  for (let at = CONSTANTS * k; at < CONSTANTS * (k + 1); at++) {
    if (constants[at] !== 0 && Math.abs(constants[at]) < SMALLEST_SINGLE) return true
  }
  return false
}
