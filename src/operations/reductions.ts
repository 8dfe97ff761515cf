import { broadcastStrides, listOffsets, normalizeAxes, type Shape, stridesOf } from '../program/shapes.js'
import { elementCount } from '../tensor.js'
import { boxShape } from './change.js'
import type { Definition, Example } from './definition.js'
import type { Operand, Operation } from './operation.js'

/** Axes to sum over, counted from the first or, negative, from the last; all where left out. */
export interface ReductionAttributes {
  readonly axes?: readonly number[]
  /** Keeps the axes summed over, of length 1. @default false */
  readonly keepDims?: boolean
}

function linearReduction(
  name: string,
  attributes: ReductionAttributes,
  factorOf: (count: number) => number,
): Operation {
  const { keepDims = false } = attributes
  const axesOf = (shape: Shape) =>
    normalizeAxes(attributes.axes ?? shape.map((_, axis) => axis), shape.length)
  /** Where an axis that is kept stands in the result. */
  const moveAxis = (axis: number, axes: readonly number[]) =>
    keepDims ? axis : axis - axes.filter((other) => other < axis).length
  const countOf = (shape: Shape) => axesOf(shape).reduce((product, axis) => product * shape[axis], 1)
  /** Which element of the result each element of the operand goes to. */
  const targetsOf = ({ shape }: Operand) => {
    const axes = axesOf(shape)
    const kept = shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
    return listOffsets(shape, broadcastStrides(kept, shape))
  }
  const spread = (operand: Operand, sums: Float64Array, factor: number) =>
    Float64Array.from(targetsOf(operand), (target) => factor * sums[target])
  return {
    name,
    attributes: { axes: attributes.axes, keepDims: attributes.keepDims },
    shape([operand]) {
      const axes = axesOf(operand)
      if (keepDims) return operand.map((length, axis) => (axes.includes(axis) ? 1 : length))
      return operand.filter((_, axis) => !axes.includes(axis))
    },
    evaluate([operand], result) {
      result.fill(0)
      const targets = targetsOf(operand)
      for (let k = 0; k < targets.length; k++) result[targets[k]] += operand.data[k]
      const factor = factorOf(countOf(operand.shape))
      if (factor !== 1) for (let k = 0; k < result.length; k++) result[k] *= factor
    },
    pullBack: ({ operands: [operand] }, cotangent) =>
      spread(operand, cotangent, factorOf(countOf(operand.shape))),
    pullBackSquares: ({ operands: [operand] }, variances) =>
      spread(operand, variances, factorOf(countOf(operand.shape)) ** 2),
    errors({ operands: [operand], result }, [errors]) {
      const sums = new Float64Array(result.data.length)
      const count = countOf(operand.shape)
      const factor = factorOf(count)
      for (const [k, target] of targetsOf(operand).entries()) {
        sums[target] += factor * (errors[k] + (1 + Math.sqrt(count) / 2) * Math.abs(operand.data[k]))
      }
      return sums
    },
    // lanes of 32 and a tree
    roundings: ({ operands: [operand] }) => 4 + countOf(operand.shape) / 64,
    prepare({ operands: [operand] }) {
      const { shape } = operand
      const axes = axesOf(shape)
      const factor = factorOf(countOf(shape))
      return ([form]) => {
        const { box, laneAxis } = form!
        const extents = boxShape(shape, box)
        const strides = stridesOf(extents)
        const alongOf = (isSummed: boolean) =>
          listOffsets(
            extents.map((length, axis) => (axes.includes(axis) === isSummed ? length : 1)),
            strides,
          )
        const remaining = box.map((indices, axis) => (axes.includes(axis) ? undefined : indices))
        return {
          form: {
            box: keepDims ? remaining : remaining.filter((_, axis) => !axes.includes(axis)),
            laneAxis: laneAxis === undefined ? undefined : moveAxis(laneAxis, axes),
          },
          kernels: [
            {
              kind: 'sum',
              from: { operand: 0 },
              before: elementCount(extents),
              outer: alongOf(false),
              inner: alongOf(true),
              factor,
            },
          ],
        }
      }
    },
    laneAxis([shape], [axis]) {
      const axes = axesOf(shape)
      return axis === undefined || axes.includes(axis) ? undefined : moveAxis(axis, axes)
    },
    work: ([operand]) => elementCount(operand),
    isLinearIn: () => true,
  }
}

const AXES = {
  axes: { rule: 'a list of whole numbers' },
  keepDims: { rule: 'true or false' },
} as const

const EXAMPLES: readonly Example<ReductionAttributes>[] = [
  undefined,
  { axes: [1] },
  { axes: [0, -1], keepDims: true },
].map((attributes) => ({ shapes: [[2, 3, 4]], ...(attributes === undefined ? {} : { attributes }) }))

export const REDUCTIONS = {
  /** Σ over some axes. */
  sum: {
    arity: 1,
    attributes: AXES,
    examples: EXAMPLES,
    make: (name, attributes) => linearReduction(name, attributes, () => 1),
  } satisfies Definition<ReductionAttributes, 1>,
  /** Σ over some axes by the number of elements that it is over. */
  mean: {
    arity: 1,
    attributes: AXES,
    examples: EXAMPLES,
    make: (name, attributes) => linearReduction(name, attributes, (count) => 1 / count),
  } satisfies Definition<ReductionAttributes, 1>,
}
