import { listOperations, type NodeLike } from '../program/builder.js'
import { type BoundProgram, bindProgram } from '../program/evaluate.js'
import type { NamedTensors } from '../tensor.js'
import type { Expression, OperationExpression } from './expression.js'

/** What a formula is made of, and the order of a point's coordinates. */
export interface FormulaCode {
  readonly expression: Expression
  readonly variables: readonly string[]
}

/**
 * A formula at several points, as a program: each variable is an array with a number for each point, and so is the
 * formula's value, or one number where no variable is read. The variables' ids are their places in a point.
 */
export interface BoundFormula extends BoundProgram {
  readonly points: readonly Float64Array[]
  /** The parts of the formula that the computed values stand for, by their ids. */
  readonly expressions: ReadonlyMap<number, OperationExpression>
}

/** Evaluates every part of a formula at points. */
export function bindFormula(
  { expression, variables }: FormulaCode,
  points: readonly Float64Array[],
): BoundFormula {
  const arrays: NamedTensors = new Map(
    variables.map((name, v) => [
      name,
      { shape: [points.length], data: Float64Array.from(points, (point) => point[v]), dtype: 'float64' },
    ]),
  )
  const expressions = new Map<number, OperationExpression>()
  const shapes = new Map([...arrays].map(([name, { shape }]) => [name, shape]))
  const program = listOperations((builder, inputs) => {
    const methods = builder as unknown as Record<string, (...operands: unknown[]) => { id: number }>
    const placed = new Map<Expression, NodeLike>()
    // a formula may be deep: no recursion
    const pending: { part: Expression; isReady: boolean }[] = [{ part: expression, isReady: false }]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { part, isReady } = next
      if (part.kind === 'number') placed.set(part, part.value)
      else if (part.kind === 'variable') placed.set(part, inputs[part.name])
      else if (isReady) {
        const operands = part.operands.map((operand) => placed.get(operand)!)
        const node = methods[part.operation](...operands, part.attributes)
        expressions.set(node.id, part)
        placed.set(part, node as NodeLike)
      } else {
        pending.push({ part, isReady: true })
        for (const operand of part.operands) pending.push({ part: operand, isReady: false })
      }
    }
    return placed.get(expression)!
  }, shapes)
  return { ...bindProgram(program, arrays), points, expressions }
}

/** The number that a value has at a point; of one that depends on no variable the same at all. */
export const numberAt = (values: ArrayLike<number>, point: number) =>
  values.length === 1 ? values[0] : values[point]

/** A formula's values at points. */
export function valuesAt(formula: FormulaCode, points: readonly Float64Array[]): Float64Array {
  const { program, base } = bindFormula(formula, points)
  return Float64Array.from(points, (_, point) => numberAt(base[program.output], point))
}

/**
 * The value that is not finite although its operands are: why the formula has none at a point.
 * @returns undefined where the formula's value is finite
 */
export function findFault({ program, base }: BoundFormula, point: number): number | undefined {
  const hasNumber = (id: number) => Number.isFinite(numberAt(base[id], point))
  let at = program.output
  if (hasNumber(at)) return undefined
  for (;;) {
    const value = program.values[at]
    if (value.kind !== 'computed') return at
    const { operation, operands } = value
    const [test, then, otherwise] = operands
    // of a condition the branch that is taken
    const takesFirst = () => {
      const distance = numberAt(base[test], point)
      return distance > 0 || (distance === 0 && operation.attributes.inclusive === true)
    }
    const used = operation.name === 'select' ? [test, takesFirst() ? then : otherwise] : operands
    const next = used.find((operand) => !hasNumber(operand))
    if (next === undefined) return at
    at = next
  }
}
