import { isElementwise } from '../../operations/elementwise.js'
import type { Operation } from '../../operations/operation.js'
import { OPERATIONS } from '../../operations/table.js'
import { normalizeAxes, type Shape } from '../shapes.js'

/** Runs of an operation as one operation on their operands, stacked along a new first axis. */
export interface StackedRuns {
  readonly operation: Operation
  /** Of each operand: with the first axis, or without it where all runs read the same. */
  readonly shapes: readonly Shape[]
  /** Which operands are stacked. */
  readonly isStacked: readonly boolean[]
  /** Of the result: each run's elements lie behind those of the run before. */
  readonly shape: Shape
}

/** Reductions and normalizations along axes, and the axes that they go along where none are named. */
const ALONG_AXES = {
  sum: undefined,
  mean: undefined,
  max: undefined,
  min: undefined,
  logSumExp: undefined,
  softmax: [-1],
  logSoftmax: [-1],
  standardize: [-1],
  rmsNorm: [-1],
} as const satisfies Partial<Record<keyof typeof OPERATIONS, readonly number[] | undefined>>

/** Operations of the last axes alone, of operands that are all as long. */
const ALONG_LAST: ReadonlySet<string> = new Set<keyof typeof OPERATIONS>([
  'averagePool',
  'maxPool',
  'softmaxCrossEntropy',
])

const isAlongAxes = (name: string): name is keyof typeof ALONG_AXES => Object.hasOwn(ALONG_AXES, name)

/** Whether runs of an operation can be taken together. */
export const canStack = (operation: Operation) =>
  isElementwise(operation) ||
  operation.name === 'matmul' ||
  isAlongAxes(operation.name) ||
  ALONG_LAST.has(operation.name)

/**
 * Stacks runs of an operation.
 * @param operands the shape of each operand, the same in all runs
 * @param shape of the result of each
 * @param isShared for each operand whether all runs read the same
 */
export function stackRuns(
  operation: Operation,
  operands: readonly Shape[],
  shape: Shape,
  runs: number,
  isShared: readonly boolean[],
): StackedRuns {
  // runs that all do the same are still as many
  const isStacked = isShared.every((shared) => shared)
    ? isShared.map((_, k) => k === 0)
    : isShared.map((shared) => !shared)
  if (operation.name === 'matmul') return stackProducts(operation, operands, runs, isStacked)
  if (isElementwise(operation)) {
    const shapes = operands.map((own, k) =>
      isStacked[k] ? [runs, ...ones(shape.length - own.length), ...own] : own,
    )
    return { operation, shapes, isStacked, shape: [runs, ...shape] }
  }
  const stacked = {
    shapes: operands.map((own) => [runs, ...own]),
    isStacked: operands.map(() => true),
    shape: [runs, ...shape],
  }
  if (!isAlongAxes(operation.name)) return { ...stacked, operation }
  const [{ length: rank }] = operands
  const given = operation.attributes.axes as readonly number[] | undefined
  const axes = normalizeAxes(given ?? ALONG_AXES[operation.name] ?? [...operands[0].keys()], rank)
  const attributes = { ...operation.attributes, axes: axes.map((axis) => axis + 1) }
  const { make } = OPERATIONS[operation.name]
  return { ...stacked, operation: make(operation.name, attributes) }
}

const ones = (count: number) => new Array<number>(count).fill(1)

/** Matrices of each run along one more axis, before those that are there; vectors are matrices of one row or column. */
function stackProducts(
  operation: Operation,
  [left, right]: readonly Shape[],
  runs: number,
  isStacked: readonly boolean[],
): StackedRuns {
  // rows that all runs multiply by the same matrix are one matrix
  if (left.length === 1 && isStacked[0] && !isStacked[1] && right.length === 2) {
    const shapes = [[runs, ...left], right]
    return { operation, shapes, isStacked, shape: [runs, right[1]] }
  }
  const matrices = [left.length === 1 ? [1, ...left] : left, right.length === 1 ? [...right, 1] : right]
  const rank = Math.max(...matrices.map(({ length }) => length))
  const shapes = matrices.map((own, k) => (isStacked[k] ? [runs, ...ones(rank - own.length), ...own] : own))
  return { operation, shapes, isStacked, shape: operation.shape(shapes) }
}
