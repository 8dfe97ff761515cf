import type { OPERATIONS } from '../operations/table.js'

/** An operation of the table of operations, one that is applied to each element. */
export type OperationName = keyof typeof OPERATIONS

/**
 * A formula as a tree. Functions that are others in disguise (sec, square, log to a base) are written out, so that
 * few operations are left.
 */
export type Expression = NumberExpression | VariableExpression | OperationExpression

export interface NumberExpression {
  readonly kind: 'number'
  readonly value: number
}

export interface VariableExpression {
  readonly kind: 'variable'
  readonly name: string
}

export interface OperationExpression {
  readonly kind: 'operation'
  readonly operation: OperationName
  /** One to three. */
  readonly operands: readonly Expression[]
  /** What the operation is told beside its operands. */
  readonly attributes: object
  /** The part of the formula that this stands for. */
  readonly source: () => string
}

/** The names of a tree's variables, in the order in which they appear. */
export function variablesOf(expression: Expression): string[] {
  const names = new Set<string>()
  const pending: Expression[] = [expression]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.kind === 'variable') names.add(next.name)
    if (next.kind === 'operation') pending.push(...next.operands.toReversed())
  }
  return [...names]
}
