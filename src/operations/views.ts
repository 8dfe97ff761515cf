import { listOffsets, normalizeAxis, type Shape, ShapeMismatch, stridesOf } from '../program/shapes.js'
import { elementCount, formatShape } from '../tensor.js'
import type { Definition } from './definition.js'
import type { Operation } from './operation.js'

/** An operation whose elements are elements of its operand. */
export interface View extends Operation {
  /** For each element of the result its offset in the operand. */
  order(operand: Shape): Int32Array
}

function view(
  name: string,
  attributes: Operation['attributes'],
  shape: (operand: Shape) => Shape,
  order: (operand: Shape) => Int32Array,
): View {
  return {
    name,
    attributes,
    order,
    shape: ([operand]) => shape(operand),
    evaluate([operand], result) {
      const from = order(operand.shape)
      for (let k = 0; k < result.length; k++) result[k] = operand.data[from[k]]
    },
    pullBack({ operands: [operand] }, cotangent) {
      const pulled = new Float64Array(operand.data.length)
      for (const [k, from] of order(operand.shape).entries()) pulled[from] += cotangent[k]
      return pulled
    },
    isLinearIn: () => true,
  }
}

/** The axes in another order; in the reverse one where none is given. */
function transpose(name: string, { axes }: { readonly axes?: readonly number[] }): View {
  const orderOf = (rank: number) => {
    const order =
      axes?.map((axis) => normalizeAxis(axis, rank)) ?? Array.from({ length: rank }, (_, k) => rank - 1 - k)
    if (order.length !== rank || new Set(order).size !== rank) {
      throw new ShapeMismatch(`axes [${axes}] are no order of ${rank} axes`)
    }
    return order
  }
  return view(
    name,
    { axes },
    (shape) => orderOf(shape.length).map((axis) => shape[axis]),
    (shape) => {
      const order = orderOf(shape.length)
      const strides = stridesOf(shape)
      return listOffsets(
        order.map((axis) => shape[axis]),
        order.map((axis) => strides[axis]),
      )
    },
  )
}

/** The same elements in another shape; one length may be −1. */
function reshape(name: string, { shape }: { readonly shape: readonly number[] }): View {
  return view(
    name,
    { shape },
    (operand) => {
      const known = shape.filter((length) => length !== -1)
      const rest = elementCount(operand) / elementCount(known)
      const result = shape.map((length) => (length === -1 ? rest : length))
      if (
        shape.length - known.length > 1 ||
        elementCount(result) !== elementCount(operand) ||
        !Number.isInteger(rest)
      ) {
        throw new ShapeMismatch(`${formatShape(operand)} cannot be reshaped to ${formatShape(shape)}`)
      }
      return result
    },
    (operand) => Int32Array.from({ length: elementCount(operand) }, (_, k) => k),
  )
}

export const VIEWS = {
  /** The axes in another order; in the reverse one where none is given. */
  transpose: { arity: 1, make: transpose } satisfies Definition<{ readonly axes?: readonly number[] }, 1>,
  /** The same elements in another shape; one length may be −1. */
  reshape: { arity: 1, make: reshape } satisfies Definition<{ readonly shape: readonly number[] }, 1>,
}
