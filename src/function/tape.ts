import { GradcheckError } from '../errors.js'
import { RULE_CODES } from '../operations/table.js'
import type { Expression } from './expression.js'
import { OPERATIONS, type OperationName } from './operations.js'

/** Registers of shaders/function.wesl. A formula of n nodes needs at most 1 + log₂ n of them, of min, say, and so on. */
export const REGISTERS = 32

/**
 * Numbers that an operation takes of the base point; shaders/function.wesl gets them rounded once to float32. The
 * fourth is its value.
 */
export const CONSTANTS = 4

/** One step of a formula's evaluation. */
export interface Instruction {
  /** A number's, a variable's or an operation's. */
  readonly code: number
  readonly operation?: OperationName
  /** The instructions that made its operands. */
  readonly operands: readonly number[]
  /** Where its own change is held while it is needed. */
  readonly register: number
  /** A number's value, an operation's parameter. */
  readonly parameter: number
  /** Which variable it is, or −1. */
  readonly variable: number
  readonly source: () => string
}

/** A formula as a list of instructions, the last of which is its value. */
export interface Tape {
  readonly instructions: readonly Instruction[]
  readonly variables: readonly string[]
}

const NOTHING = () => ''

/**
 * Lists a tree's operations so that operands come before what uses them, the operand that needs more registers
 * first (Sethi & Ullman 1970, "The generation of optimal code for arithmetic expressions").
 * @param variables in the order of a point's coordinates
 * @throws GradcheckError `bad-formula` if a variable is not among them
 */
export function compileTape(expression: Expression, variables: readonly string[]): Tape {
  const needs = countRegisters(expression)
  const instructions: Instruction[] = []
  const placed = new Map<Expression, number>()
  const free = Array.from({ length: REGISTERS }, (_, k) => REGISTERS - 1 - k)
  const pending: { node: Expression; ready: boolean }[] = [{ node: expression, ready: false }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, ready } = next
    if (node.kind === 'operation' && !ready) {
      pending.push({ node, ready: true })
      const ordered = node.operands.toSorted((a, b) => needs.get(a)! - needs.get(b)!)
      for (const operand of ordered) pending.push({ node: operand, ready: false })
      continue
    }
    const operands = node.kind === 'operation' ? node.operands.map((operand) => placed.get(operand)!) : []
    for (const operand of operands) free.push(instructions[operand].register)
    const register = free.pop()
    if (register === undefined) {
      throw new GradcheckError('bad-formula', `the formula needs more than ${REGISTERS} registers`)
    }
    placed.set(node, instructions.length)
    instructions.push(toInstruction(node, operands, register, variables))
  }
  return { instructions, variables }
}

function toInstruction(
  node: Expression,
  operands: readonly number[],
  register: number,
  variables: readonly string[],
): Instruction {
  switch (node.kind) {
    case 'number':
      return {
        code: RULE_CODES.number,
        operands,
        register,
        parameter: node.value,
        variable: -1,
        source: () => String(node.value),
      }
    case 'variable': {
      const variable = variables.indexOf(node.name)
      if (variable < 0) throw new GradcheckError('bad-formula', `the variable "${node.name}" has no value`)
      return { code: RULE_CODES.variable, operands, register, parameter: 0, variable, source: NOTHING }
    }
    case 'operation':
      return {
        code: OPERATIONS[node.operation].code,
        operation: node.operation,
        operands,
        register,
        parameter: node.operation === 'cube-root' ? 1 / 3 : node.parameter,
        variable: -1,
        source: node.source,
      }
  }
}

/** How many registers each part of a tree needs when its most demanding operand comes first. */
function countRegisters(expression: Expression): Map<Expression, number> {
  const needs = new Map<Expression, number>()
  const pending: Expression[] = [expression]
  for (let node = pending.at(-1); node !== undefined; node = pending.at(-1)) {
    const waiting = node.kind === 'operation' ? node.operands.filter((operand) => !needs.has(operand)) : []
    if (waiting.length > 0) {
      pending.push(...waiting)
      continue
    }
    pending.pop()
    const operands = node.kind === 'operation' ? node.operands.map((operand) => needs.get(operand)!) : []
    operands.sort((a, b) => b - a)
    needs.set(node, Math.max(1, ...operands.map((need, held) => need + held)))
  }
  return needs
}

/** Every instruction's value at a point. */
export function evaluateTape({ instructions }: Tape, point: ArrayLike<number>): Float64Array {
  const values = new Float64Array(instructions.length)
  for (const [k, { operation, operands, parameter, variable }] of instructions.entries()) {
    if (operation === undefined) values[k] = variable < 0 ? parameter : point[variable]
    else {
      const [a, b, c] = operands
      values[k] = OPERATIONS[operation].rule(parameter).value(values[a], values[b], values[c])
    }
  }
  return values
}

/** A formula's value at a point. */
export function valueAt(tape: Tape, point: ArrayLike<number>): number {
  return evaluateTape(tape, point).at(-1)!
}

/** The base point's constants of every instruction, `CONSTANTS` each. */
export function constantsAt({ instructions }: Tape, values: Float64Array): Float64Array {
  const constants = new Float64Array(CONSTANTS * instructions.length)
  for (const [k, { operation, operands, parameter }] of instructions.entries()) {
    if (operation === undefined) continue
    const [a, b, c] = operands
    const at = CONSTANTS * k
    OPERATIONS[operation].rule(parameter).fill(constants, at, values[a], values[b], values[c], values[k])
    constants[at + 3] = values[k]
  }
  return constants
}

/**
 * The instruction that has no finite value although its operands have: why the formula has none at a point.
 * @returns undefined where the formula's value is finite
 */
export function findFault({ instructions }: Tape, values: Float64Array): number | undefined {
  let at = instructions.length - 1
  if (Number.isFinite(values[at])) return undefined
  for (;;) {
    const { operation, operands, parameter } = instructions[at]
    const holds = (x: number) => x > 0 || (x === 0 && parameter === 1)
    const used =
      operation === 'select' ? [operands[0], operands[holds(values[operands[0]]) ? 1 : 2]] : operands
    const next = used.find((operand) => !Number.isFinite(values[operand]))
    if (next === undefined) return at
    at = next
  }
}
