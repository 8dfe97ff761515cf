import { listOffsets, type Shape, ShapeMismatch, stridesOf } from '../program/shapes.js'
import { elementCount, formatShape } from '../tensor.js'
import { type Box, boxShape, type Form, widen } from './change.js'
import type { Definition } from './definition.js'
import type { Kernel, Read } from './kernels.js'
import type { Application, Operation, PlanChange } from './operation.js'
import { overwriting } from './views.js'

/** Which elements of several arrays an array is made of. */
export interface GatherAttributes {
  /** Of the result. */
  readonly shape: readonly number[]
  /** For each element of the result which it is of the operands' elements, one operand behind the other; below 0 for a 0. */
  readonly indices: readonly number[]
}

/** For each axis of the result the axis of an operand that it is, whole and in the same order; undefined where it is none. */
type Axes = readonly (number | undefined)[]

/** Elements of several arrays by constant indices, each as often as it is named: views, stacks and copies of any kind. */
function gather(name: string, { shape, indices }: GatherAttributes): Operation {
  const all = Int32Array.from(indices)
  let known: { readonly operands: readonly Shape[]; readonly layout: Layout } | undefined
  const layoutOf = (given: readonly { readonly shape: Shape }[]) => {
    const isKnown =
      known?.operands.length === given.length &&
      given.every((own, k) => isSame(own.shape, known!.operands[k]))
    if (!isKnown) {
      const operands = given.map((own) => own.shape)
      known = { operands, layout: layOut(shape, all, operands) }
    }
    return known!.layout
  }
  const evaluate = (
    { which, at }: Layout,
    arrays: readonly Float64Array[],
    result: Float64Array,
  ): Float64Array => {
    for (let k = 0; k < result.length; k++) result[k] = which[k] < 0 ? 0 : arrays[which[k]][at[k]]
    return result
  }
  const pull = ({ operands }: Application, given: Float64Array, operand: number) => {
    const { which, at } = layoutOf(operands)
    const pulled = new Float64Array(operands[operand].data.length)
    for (let k = 0; k < given.length; k++) if (which[k] === operand) pulled[at[k]] += given[k]
    return pulled
  }
  return {
    name,
    attributes: { shape, indices },
    shape(operands) {
      const negative = shape.find((length) => length < 0)
      if (negative !== undefined) throw new ShapeMismatch(`${negative} is no length`)
      const count = operands.reduce((sum, operand) => sum + elementCount(operand), 0)
      if (indices.length !== elementCount(shape)) {
        throw new ShapeMismatch(`there are ${indices.length} indices for ${formatShape(shape)}`)
      }
      const outside = indices.find((index) => index >= count)
      if (outside !== undefined) throw new ShapeMismatch(`there is no element ${outside} among ${count}`)
      return shape
    },
    evaluate(operands, result) {
      const arrays = operands.map(({ data }) => data)
      evaluate(layoutOf(operands), arrays, result)
    },
    pullBack: pull,
    pullBackSquares: pull,
    mistakes({ operands }, operand) {
      const { which, at } = layoutOf(operands)
      const order = at.map((offset, k) => (which[k] === operand ? offset : -1))
      const read = order.filter((from) => from >= 0)
      return new Set(read).size < read.length ? overwriting(order, operands[operand]) : []
    },
    errors: ({ operands }, errors) => evaluate(layoutOf(operands), errors, new Float64Array(all.length)),
    roundings: () => 0,
    prepare: ({ operands }) =>
      prepare(
        shape,
        operands.map((operand) => operand.shape),
        layoutOf(operands),
      ),
    laneAxis(operands, lanes) {
      const { axes } = layoutOf(operands.map((own) => ({ shape: own })))
      const moving = lanes.flatMap((lane, operand) => (lane === undefined ? [] : [{ lane, operand }]))
      const isLane = (axis: number) => moving.every(({ lane, operand }) => axes[operand][axis] === lane)
      const found = shape.findIndex((_, axis) => isLane(axis))
      return found === -1 ? undefined : found
    },
    work: () => 1 + all.length,
    isLinearIn: () => true,
    moves: () => all,
  }
}

const isSame = (one: Shape, other: Shape) =>
  one === other || (one.length === other.length && one.every((length, axis) => length === other[axis]))

/** Where the elements come from, and the axes that stay axes: those along which lanes and boxes stay apart. */
interface Layout {
  /** The operand of each element, below 0 for a 0, and its offset there. */
  readonly which: Int32Array
  readonly at: Int32Array
  /** By operand. */
  readonly axes: readonly Axes[]
}

function layOut(shape: Shape, all: Int32Array, operands: readonly Shape[]): Layout {
  const ends: number[] = []
  for (const own of operands) ends.push((ends.at(-1) ?? 0) + elementCount(own))
  const which = new Int32Array(all.length).fill(-1)
  const at = new Int32Array(all.length)
  let operand = 0
  for (let k = 0; k < all.length; k++) {
    if (all[k] < 0) continue
    // neighbours mostly come from the same one
    while (all[k] >= ends[operand]) operand++
    while (operand > 0 && all[k] < ends[operand - 1]) operand--
    which[k] = operand
    at[k] = all[k] - (operand === 0 ? 0 : ends[operand - 1])
  }
  return { which, at, axes: matchAxes(shape, which, at, operands) }
}

function matchAxes(shape: Shape, which: Int32Array, at: Int32Array, operands: readonly Shape[]): Axes[] {
  const strides = stridesOf(shape)
  const ownStrides = operands.map(stridesOf)
  const axes = operands.map(() => new Array<number | undefined>(shape.length).fill(undefined))
  for (const [axis, length] of shape.entries()) {
    if (length < 2) continue
    const stride = strides[axis]
    const found = operands.map((): number | undefined => undefined)
    /** Whether all that lie along the axis from an element on lie so, whole, along one of its operand. */
    const isAlong = (first: number): boolean => {
      const operand = which[first]
      const step = at[first + stride] - at[first]
      for (let k = 1; k < length; k++) {
        const other = first + k * stride
        if (which[other] !== operand || (operand >= 0 && at[other] !== at[first] + k * step)) return false
      }
      if (operand < 0) return true
      const own =
        found[operand] ??
        operands[operand].findIndex((long, k) => long === length && ownStrides[operand][k] === step)
      found[operand] = own
      return own !== -1 && ownStrides[operand][own] === step && Math.floor(at[first] / step) % length === 0
    }
    let isKept = true
    for (let k = 0; isKept && k < which.length; k++) {
      if (Math.floor(k / stride) % length === 0) isKept = isAlong(k)
    }
    if (isKept) for (const [operand, own] of found.entries()) axes[operand][axis] = own
  }
  return axes
}

function prepare(shape: Shape, operands: readonly Shape[], { which, at, axes }: Layout): PlanChange {
  const read = new Set(which)
  return (given, { count }) => {
    // one of which nothing is read moves nothing
    const moving = [...given.keys()].filter((k) => given[k] !== undefined && read.has(k))
    const box = uniteBoxes(shape, moving, given, axes)
    const places = listOffsets(boxShape(shape, box), stridesOf(shape))
    const kernels: Kernel[] = []
    let written: number | undefined
    for (const operand of moving) {
      const own = operands[operand]
      const kept = axes[operand].filter((_, axis) => box[axis] !== undefined)
      const others = [...own.keys()].filter((axis) => !kept.includes(axis))
      const { form, kernel } = widen(own, given[operand]!, others, count)
      let from: Read = { operand }
      if (kernel !== undefined) from = { kernel: kernels.push({ ...kernel, from } as Kernel) - 1 }
      const extents = boxShape(own, form.box)
      const before = elementCount(extents)
      const order = places.map((place) =>
        which[place] === operand ? moveOffset(at[place], own, extents) : -1,
      )
      if (written === undefined) {
        written = kernels.push({ kind: 'gather', from, before, order }) - 1
        continue
      }
      // among what was written of the operands before
      const picked =
        kernels.push({ kind: 'gather', from, before, order: order.filter((from) => from >= 0) }) - 1
      const inner = Int32Array.from(order.keys()).filter((e) => order[e] >= 0)
      const starting = new Int32Array(count)
      const size = places.length
      written =
        kernels.push({
          kind: 'spread',
          from: { kernel: picked },
          starts: starting,
          inner,
          size,
          onto: written,
        }) - 1
    }
    if (written === undefined) {
      const operand = given.findIndex((form) => form !== undefined)
      const before = elementCount(boxShape(operands[operand], given[operand]!.box))
      kernels.push({ kind: 'gather', from: { operand }, before, order: places.map(() => -1) })
    }
    const ofLanes = moving.find((k) => given[k]!.laneAxis !== undefined)
    const laneAxis = ofLanes === undefined ? -1 : axes[ofLanes].indexOf(given[ofLanes]!.laneAxis!)
    return { form: { box, laneAxis: laneAxis === -1 ? undefined : laneAxis }, kernels }
  }
}

/** The axes of the result along which all that changes has the same index: others are moved whole. */
function uniteBoxes(
  shape: Shape,
  moving: readonly number[],
  given: readonly (Form | undefined)[],
  axes: readonly Axes[],
): Box {
  return shape.map((_, axis) => {
    const [first, ...others] = moving.map((k) => {
      const own = axes[k][axis]
      return own === undefined ? undefined : given[k]!.box[own]
    })
    const isSame = (other: Int32Array | undefined) =>
      other === first || other?.every((index, p) => index === first![p]) === true
    return first !== undefined && others.every(isSame) ? first : undefined
  })
}

/** An element's offset in a part of an array that has one index of some axes, along which it stands at the first. */
function moveOffset(offset: number, shape: Shape, extents: Shape): number {
  let [rest, stride, moved] = [offset, 1, 0]
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const index = rest % shape[axis]
    rest = (rest - index) / shape[axis]
    moved += index * stride
    stride *= extents[axis]
  }
  return moved
}

export const GATHERS = {
  /** Elements of several arrays by their indices, in one of `shape`. */
  gather: {
    arity: 'many',
    attributes: {
      shape: { rule: 'a list of whole numbers', isRequired: true },
      indices: { rule: 'a list of whole numbers', isRequired: true },
    },
    examples: [
      { attributes: { shape: [2, 3], indices: [0, 4, -1, 3, 1, 4] }, shapes: [[3], [2, 1]] },
      // the transpose, its rows in another order
      { attributes: { shape: [3, 2], indices: [2, 5, 0, 3, 1, 4] }, shapes: [[2, 3]] },
      // stacked along a new axis
      {
        attributes: { shape: [2, 2, 2], indices: [0, 4, 1, 5, 2, 6, 3, 7] },
        shapes: [
          [2, 2],
          [2, 2],
        ],
      },
    ],
    make: gather,
  } satisfies Definition<GatherAttributes, 'many'>,
}
