import {
  broadcastShapes,
  broadcastStrides,
  listOffsets,
  normalizeAxis,
  type Shape,
  ShapeMismatch,
  sliceIndices,
  stridesOf,
} from '../program/shapes.js'
import { elementCount, formatShape } from '../tensor.js'
import { boxShape, widen } from './change.js'
import type { Definition } from './definition.js'
import type { Kernel } from './kernels.js'
import type { Application, Operand, Operation, OtherRule } from './operation.js'

/**
 * An operation whose elements are elements of its operand.
 * @param order for each element of the result its offset in the operand, below 0 for one that is 0: of the whole
 *   operand, or of a part that has one index of some of the axes that are kept
 * @param axesOf the operand's axis behind each axis of the result; undefined where it is made of several, or of a part
 */
function view(
  name: string,
  attributes: Operation['attributes'],
  shape: (operand: Shape) => Shape,
  order: (extents: Shape, operand: Shape) => Int32Array,
  axesOf: (operand: Shape) => readonly (number | undefined)[],
  mistakes?: Operation['mistakes'],
): Operation {
  const gatherBack = ({ operands: [operand] }: Application, cotangent: Float64Array) => {
    const pulled = new Float64Array(operand.data.length)
    for (const [k, from] of order(operand.shape, operand.shape).entries())
      if (from >= 0) pulled[from] += cotangent[k]
    return pulled
  }
  return {
    name,
    attributes,
    shape: ([operand]) => shape(operand),
    evaluate([operand], result) {
      const from = order(operand.shape, operand.shape)
      for (let k = 0; k < result.length; k++) result[k] = from[k] < 0 ? 0 : operand.data[from[k]]
    },
    pullBack: gatherBack,
    ...(mistakes === undefined ? {} : { mistakes }),
    pullBackSquares: gatherBack,
    errors: ({ operands: [operand] }, [errors]) =>
      Float64Array.from(order(operand.shape, operand.shape), (from) => (from < 0 ? 0 : errors[from])),
    roundings: () => 0,
    prepare({ operands: [operand] }) {
      const axes = axesOf(operand.shape)
      return ([given], { count }) => {
        const lost = operand.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]))
        const { form, kernel } = widen(operand.shape, given!, lost, count)
        // the elements of the box, in the order of the result's
        const extents = boxShape(operand.shape, form.box)
        const gather: Kernel = {
          kind: 'gather',
          from: kernel === undefined ? { operand: 0 } : { kernel: 0 },
          before: elementCount(extents),
          order: order(extents, operand.shape),
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
    moves: ([operand]) => order(operand, operand),
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
  const reshaped = view(
    name,
    { shape },
    resultOf,
    (operand) => Int32Array.from({ length: elementCount(operand) }, (_, k) => k),
    (operand) => matchAxes(operand, resultOf(operand)),
  )
  return { ...reshaped, evaluate: ([operand], result) => result.set(operand.data), moves: () => undefined }
}

/**
 * An operation along one axis alone, from which it takes elements.
 * @param indicesOf for each index along the result's axis that along the operand's, below 0 for zeros
 */
function along(
  name: string,
  attributes: Operation['attributes'],
  axis: number,
  indicesOf: (length: number) => Int32Array,
  isRepeated = false,
): Operation {
  const orderOf = (operand: Shape) => {
    const at = normalizeAxis(axis, operand.length)
    const indices = indicesOf(operand[at])
    const inner = elementCount(operand.slice(at + 1))
    const outer = elementCount(operand.slice(0, at))
    const order = new Int32Array(outer * indices.length * inner)
    let k = 0
    for (let o = 0; o < outer; o++) {
      for (const index of indices) {
        const from = (o * operand[at] + index) * inner
        for (let i = 0; i < inner; i++) order[k++] = index < 0 ? -1 : from + i
      }
    }
    return order
  }
  return view(
    name,
    attributes,
    (operand) => {
      const at = normalizeAxis(axis, operand.length)
      return operand.with(at, indicesOf(operand[at]).length)
    },
    orderOf,
    // all others are what they were
    (operand) =>
      operand.map((_, other) => (other === normalizeAxis(axis, operand.length) ? undefined : other)),
    isRepeated ? ({ operands: [operand] }) => overwriting(orderOf(operand.shape), operand) : undefined,
  )
}

/** Elements that are read several times get what the last of their readers passes back, or the first. */
export function* overwriting(order: Int32Array, { data }: Operand): Generator<OtherRule> {
  for (const isLast of [true, false]) {
    yield {
      kind: 'not-accumulated',
      text: `is not added up where an index is named several times: the ${isLast ? 'last' : 'first'} alone counts`,
      passBack(cotangent) {
        const pulled = new Float64Array(data.length)
        const isSet = new Uint8Array(data.length)
        for (const [k, from] of order.entries()) {
          if (from < 0 || (!isLast && isSet[from] === 1)) continue
          pulled[from] = cotangent[k]
          isSet[from] = 1
        }
        return pulled
      },
    }
  }
}

/** Elements `start` to `stop`, itself left out, of an axis, as NumPy slices: negative ones count from the end. */
export interface SliceAttributes {
  readonly axis: number
  /** @default the first, or with a negative step the last */
  readonly start?: number
  /** @default behind the last */
  readonly stop?: number
  /** @default 1 */
  readonly step?: number
}

function slice(name: string, { axis, start, stop, step = 1 }: SliceAttributes): Operation {
  return along(name, { axis, start, stop, step }, axis, (length) => sliceIndices(length, start, stop, step))
}

/** Elements of an axis by their indices, which are constants; each may be named several times. */
export interface TakeAttributes {
  readonly axis: number
  readonly indices: readonly number[]
}

function take(name: string, { axis, indices }: TakeAttributes): Operation {
  return along(
    name,
    { axis, indices },
    axis,
    (length) => {
      const outside = indices.find((index) => index >= length || index < -length)
      if (outside !== undefined) {
        throw new ShapeMismatch(`index ${outside} is out of bounds for axis ${axis} of length ${length}`)
      }
      return Int32Array.from(indices, (index) => (index < 0 ? index + length : index))
    },
    new Set(indices).size < indices.length,
  )
}

/** Zeros before, behind and between the elements of an axis. */
export interface PadAttributes {
  readonly axis: number
  readonly before?: number
  readonly after?: number
  /** Zeros between two neighbours. @default 0 */
  readonly between?: number
}

function pad(name: string, { axis, before = 0, after = 0, between = 0 }: PadAttributes): Operation {
  return along(name, { axis, before, after, between }, axis, (length) => {
    const negative = [before, after, between].find((count) => count < 0)
    if (negative !== undefined)
      throw new ShapeMismatch(`${negative} zeros cannot be put in: slice it instead`)
    const inner = length === 0 ? 0 : length + (length - 1) * between
    return Int32Array.from({ length: before + inner + after }, (_, k) => {
      const index = (k - before) / (1 + between)
      return k >= before && k < before + inner && Number.isInteger(index) ? index : -1
    })
  })
}

/** Repeated along axes of length 1 and along new ones before the others, as NumPy does it. */
function broadcastTo(name: string, { shape }: { readonly shape: readonly number[] }): Operation {
  return view(
    name,
    { shape },
    (operand) => {
      const negative = shape.find((length) => length < 0)
      if (negative !== undefined) throw new ShapeMismatch(`${negative} is no length`)
      const result = broadcastShapes([operand, shape])
      if (formatShape(result) !== formatShape(shape)) {
        throw new ShapeMismatch(`${formatShape(operand)} cannot be broadcast to ${formatShape(shape)}`)
      }
      return shape
    },
    (extents, operand) => {
      // of a box, as far as an axis is kept
      const to = shape.map((length, axis) => {
        const own = axis - shape.length + operand.length
        return own >= 0 && operand[own] === length ? extents[own] : length
      })
      return listOffsets(to, broadcastStrides(extents, to))
    },
    (operand) =>
      shape.map((length, axis) => {
        const own = axis - shape.length + operand.length
        return own >= 0 && operand[own] === length ? own : undefined
      }),
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
      { attributes: { shape: [3, 2, 1] }, shapes: [[1, 3, 2]] },
    ],
    make: reshape,
  } satisfies Definition<{ readonly shape: readonly number[] }, 1>,
  /** Elements `start` to `stop` of an axis, as NumPy slices. */
  slice: {
    arity: 1,
    attributes: {
      axis: { rule: 'a whole number', isRequired: true },
      start: { rule: 'a whole number' },
      stop: { rule: 'a whole number' },
      step: { rule: 'a whole number' },
    },
    examples: [
      { attributes: { axis: 1, start: 1, stop: -1 }, shapes: [[2, 4, 3]] },
      { attributes: { axis: -1, step: -2 }, shapes: [[2, 5]] },
    ],
    make: slice,
  } satisfies Definition<SliceAttributes, 1>,
  /** Elements of an axis by their indices, some of them several times or not at all: a gather, an embedding. */
  take: {
    arity: 1,
    attributes: {
      axis: { rule: 'a whole number', isRequired: true },
      indices: { rule: 'a list of whole numbers', isRequired: true },
    },
    examples: [
      { attributes: { axis: 0, indices: [2, 0, 2, -1] }, shapes: [[4, 3]] },
      { attributes: { axis: 1, indices: [1] }, shapes: [[2, 3, 2]] },
    ],
    make: take,
  } satisfies Definition<TakeAttributes, 1>,
  /** Zeros before, behind and between the elements of an axis. */
  pad: {
    arity: 1,
    attributes: {
      axis: { rule: 'a whole number', isRequired: true },
      before: { rule: 'a whole number' },
      after: { rule: 'a whole number' },
      between: { rule: 'a whole number' },
    },
    examples: [
      { attributes: { axis: 1, before: 1, after: 2 }, shapes: [[2, 3]] },
      { attributes: { axis: -1, between: 1, after: 1 }, shapes: [[2, 3, 2]] },
    ],
    make: pad,
  } satisfies Definition<PadAttributes, 1>,
  /** Repeated along axes of length 1 and along new ones before the others. */
  broadcastTo: {
    arity: 1,
    attributes: { shape: { rule: 'a list of whole numbers', isRequired: true } },
    examples: [
      { attributes: { shape: [2, 3, 4] }, shapes: [[3, 1]] },
      { attributes: { shape: [3, 4] }, shapes: [[3, 4]] },
    ],
    make: broadcastTo,
  } satisfies Definition<{ readonly shape: readonly number[] }, 1>,
}

/**
 * For each axis of a reshaped array the axis that it was, where it was one by itself; axes of length 1 come and go as they
 * like.
 */
function matchAxes(before: Shape, after: Shape): (number | undefined)[] {
  const axes: (number | undefined)[] = after.map(() => undefined)
  if (elementCount(before) === 0) return axes
  const longOf = (shape: Shape, from: number, to: number) =>
    Array.from({ length: to - from }, (_, k) => from + k).filter((axis) => shape[axis] !== 1)
  let [i, j] = [0, 0]
  // a group of axes ends where the products of the lengths are equal
  while (i < before.length && j < after.length) {
    const [from, to] = [i, j]
    let [ofBefore, ofAfter] = [before[i++], after[j++]]
    while (ofBefore !== ofAfter) {
      if (ofBefore < ofAfter) ofBefore *= before[i++]
      else ofAfter *= after[j++]
    }
    const [own, ...others] = longOf(before, from, i)
    const [made, ...more] = longOf(after, to, j)
    if (own !== undefined && made !== undefined && others.length + more.length === 0) axes[made] = own
    // an axis of length 1 that stays where it is
    if (own === undefined && made === undefined && i === from + 1 && j === to + 1) axes[to] = from
  }
  return axes
}
