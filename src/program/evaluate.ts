import type { Application, Operand } from '../operations/operation.js'
import { elementCount, type NamedTensors } from '../tensor.js'
import type { ComputedValue, Program } from './program.js'

/** A program with its arrays, and every value at the given point. */
export interface BoundProgram {
  readonly program: Program
  /** The value of each of the program's values, row-major, in float64. */
  readonly base: readonly Float64Array[]
}

/**
 * Evaluates a program at a point in float64.
 * @param arrays one for each of its inputs, of the input's shape
 */
export function bindProgram(program: Program, arrays: NamedTensors): BoundProgram {
  const base: Float64Array[] = []
  for (const value of program.values) {
    switch (value.kind) {
      case 'input':
        base.push(arrays.get(value.name)!.data)
        break
      case 'constant':
        base.push(value.data)
        break
      case 'computed':
        base.push(evaluateValue(program, value, base))
    }
  }
  return { program, base }
}

export function evaluateValue(
  program: Program,
  value: ComputedValue,
  at: readonly Float64Array[],
): Float64Array {
  const result = new Float64Array(elementCount(value.shape))
  value.operation.evaluate(operandsOf(program, value, at), result)
  return result
}

export function operandsOf(
  { values }: Program,
  value: ComputedValue,
  at: readonly Float64Array[],
): Operand[] {
  return value.operands.map((id) => ({ shape: values[id].shape, data: at[id] }))
}

/** A computed value's operation with its operands and its result at the given point. */
export function applicationOf({ program, base }: BoundProgram, value: ComputedValue): Application {
  return {
    operands: operandsOf(program, value, base),
    result: { shape: value.shape, data: base[value.id] },
  }
}

/**
 * The output with some values replaced: only what they reach is evaluated again.
 * @param replaced by id
 * @param cone of the values replaced, as `coneOf` gives it
 */
export function evaluateFrom(
  { program, base }: BoundProgram,
  replaced: ReadonlyMap<number, Float64Array>,
  cone: Uint8Array,
): number {
  const at = [...base]
  for (const value of program.values) {
    const given = replaced.get(value.id)
    if (given !== undefined) at[value.id] = given
    else if (cone[value.id] === 1 && value.kind === 'computed')
      at[value.id] = evaluateValue(program, value, at)
  }
  return at[program.output][0]
}
