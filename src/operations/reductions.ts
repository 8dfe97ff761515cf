import { broadcastStrides, listOffsets, normalizeAxes, type Shape } from '../program/shapes.js'
import type { Definition } from './definition.js'
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
  const countOf = (shape: Shape) => axesOf(shape).reduce((product, axis) => product * shape[axis], 1)
  /** Which element of the result each element of the operand goes to. */
  const targetsOf = ({ shape }: Operand) => {
    const axes = axesOf(shape)
    const kept = shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
    return listOffsets(shape, broadcastStrides(kept, shape))
  }
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
    pullBack({ operands: [operand] }, cotangent) {
      const factor = factorOf(countOf(operand.shape))
      return Float64Array.from(targetsOf(operand), (target) => factor * cotangent[target])
    },
    isLinearIn: () => true,
  }
}

export const REDUCTIONS = {
  /** Σ over some axes. */
  sum: {
    arity: 1,
    make: (name, attributes) => linearReduction(name, attributes, () => 1),
  } satisfies Definition<ReductionAttributes, 1>,
  /** Σ over some axes by the number of elements that it is over. */
  mean: {
    arity: 1,
    make: (name, attributes) => linearReduction(name, attributes, (count) => 1 / count),
  } satisfies Definition<ReductionAttributes, 1>,
}
