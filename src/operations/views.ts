import { listOffsets, normalizeAxis, type Shape, ShapeMismatch, stridesOf } from '../program/shapes.js'
import { elementCount, formatShape } from '../tensor.js'
import { boxShape, widen } from './change.js'
import type { Definition } from './definition.js'
import type { Kernel } from './kernels.js'
import type { Application, Operation } from './operation.js'

/**
 * An operation whose elements are elements of its operand.
 * @param order for each element of the result its offset in the operand
 * @param axesOf the operand's axis behind each axis of the result; undefined where it is made of several, or of a part
 */
function view(
  name: string,
  attributes: Operation['attributes'],
  shape: (operand: Shape) => Shape,
  order: (operand: Shape) => Int32Array,
  axesOf: (operand: Shape) => readonly (number | undefined)[],
): Operation {
  const gatherBack = ({ operands: [operand] }: Application, cotangent: Float64Array) => {
    const pulled = new Float64Array(operand.data.length)
    for (const [k, from] of order(operand.shape).entries()) pulled[from] += cotangent[k]
    return pulled
  }
  return {
    name,
    attributes,
    shape: ([operand]) => shape(operand),
    evaluate([operand], result) {
      const from = order(operand.shape)
      for (let k = 0; k < result.length; k++) result[k] = operand.data[from[k]]
    },
    pullBack: gatherBack,
    pullBackSquares: gatherBack,
    errors: ({ operands: [operand] }, [errors]) =>
      Float64Array.from(order(operand.shape), (from) => errors[from]),
    roundings: () => 0,
    prepare({ operands: [operand] }) {
      const axes = axesOf(operand.shape)
      return ([given], { count }) => {
        const lost = operand.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]))
        const { form, kernel } = widen(operand.shape, given!, lost, count)
        // the elements of the box, in the order of the result's
        const gather: Kernel = {
          kind: 'gather',
          from: kernel === undefined ? { operand: 0 } : { kernel: 0 },
          order: order(boxShape(operand.shape, form.box)),
        }
        return {
          form: {
            box: axes.map((axis) => (axis === undefined ? undefined : form.box[axis])),
            laneAxis: form.laneAxis === undefined ? undefined : axes.indexOf(form.laneAxis),
          },
          kernels: kernel === undefined ? [gather] : [kernel, gather],
        }
      }
    },
    laneAxis([operand], [lane]) {
      const at = lane === undefined ? -1 : axesOf(operand).indexOf(lane)
      return at === -1 ? undefined : at
    },
    work: ([operand]) => elementCount(operand),
    isLinearIn: () => true,
  }
}

/** The axes in another order; in the reverse one where none is given. */
function transpose(name: string, { axes }: { readonly axes?: readonly number[] }): Operation {
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
    (operand) => orderOf(operand.length),
  )
}

/** The same elements in another shape; one length may be −1. */
function reshape(name: string, { shape }: { readonly shape: readonly number[] }): Operation {
  const resultOf = (operand: Shape) => {
    const negative = shape.find((length) => length < -1)
    if (negative !== undefined) throw new ShapeMismatch(`${negative} is no length`)
    const known = shape.filter((length) => length !== -1)
    const rest = elementCount(operand) / elementCount(known)
    const result = shape.map((length) => (length === -1 ? rest : length))
    const isWhole = Number.isInteger(rest) || known.length === shape.length
    if (shape.length - known.length > 1 || !isWhole || elementCount(result) !== elementCount(operand)) {
      throw new ShapeMismatch(`${formatShape(operand)} cannot be reshaped to ${formatShape(shape)}`)
    }
    return result
  }
  return view(
    name,
    { shape },
    resultOf,
    (operand) => Int32Array.from({ length: elementCount(operand) }, (_, k) => k),
    (operand) => matchAxes(operand, resultOf(operand)),
  )
}

export const VIEWS = {
  /** The axes in another order; in the reverse one where none is given. */
  transpose: {
    arity: 1,
    attributes: { axes: { rule: 'a list of whole numbers' } },
    examples: [{ shapes: [[2, 3]] }, { attributes: { axes: [2, 0, 1] }, shapes: [[2, 3, 4]] }],
    make: transpose,
  } satisfies Definition<{ readonly axes?: readonly number[] }, 1>,
  /** The same elements in another shape; one length may be −1. */
  reshape: {
    arity: 1,
    attributes: { shape: { rule: 'a list of whole numbers', isRequired: true } },
    examples: [
      { attributes: { shape: [3, -1] }, shapes: [[2, 3, 4]] },
      { attributes: { shape: [2, 12] }, shapes: [[2, 3, 4]] },
      { attributes: { shape: [2, 1, 3] }, shapes: [[2, 3]] },
    ],
    make: reshape,
  } satisfies Definition<{ readonly shape: readonly number[] }, 1>,
}

/** For each axis of a reshaped array the axis that it was, where it was one by itself. */
function matchAxes(before: Shape, after: Shape): (number | undefined)[] {
  const axes: (number | undefined)[] = after.map(() => undefined)
  if (elementCount(before) === 0) return axes
  let [i, j] = [0, 0]
  // a group of axes ends where the products of the lengths are equal
  while (i < before.length && j < after.length) {
    const [from, to] = [i, j]
    let [ofBefore, ofAfter] = [before[i++], after[j++]]
    while (ofBefore !== ofAfter) {
      if (ofBefore < ofAfter) ofBefore *= before[i++]
      else ofAfter *= after[j++]
    }
    if (i === from + 1 && j === to + 1) axes[to] = from
  }
  return axes
}
