import { listOffsets, normalizeAxes, type Shape, ShapeMismatch, stridesOf } from '../program/shapes.js'
import { formatShape } from '../tensor.js'
import { boxShape, type Form, type Placement, placeBox, type Widened, widen } from './change.js'
import type { Kernel, Lanes, Read, Rows } from './kernels.js'
import type { Attributes } from './operation.js'

/** How an array falls into rows, of which an operation makes a number each, or as many as there are. */
export interface RowLayout {
  readonly attributes: Attributes
  /** Of an array with a number for each row. */
  shape(operand: Shape): Shape
  /** @param extents of the operand, or of a part that has one index of some of its axes */
  rows(extents: Shape): Rows
  /** The operand's axis behind each axis of an array with a number for each row. */
  axes(operand: Shape): readonly (number | undefined)[]
  /** The operand's axes that lie in rows. */
  inside(operand: Shape): readonly number[]
}

/** Axes to go over, counted from the first or, negative, from the last. */
export interface ReductionAttributes {
  /** @default all of them */
  readonly axes?: readonly number[]
  /** Keeps the axes gone over, of length 1. @default false */
  readonly keepDims?: boolean
}

/** Rows along whole axes. */
export function alongAxes({ axes, keepDims }: ReductionAttributes): RowLayout {
  const inside = (shape: Shape) => normalizeAxes(axes ?? shape.map((_, axis) => axis), shape.length)
  return {
    attributes: { axes, keepDims },
    shape(operand) {
      const gone = inside(operand)
      if (keepDims === true) return operand.map((length, axis) => (gone.includes(axis) ? 1 : length))
      return operand.filter((_, axis) => !gone.includes(axis))
    },
    rows(extents) {
      const gone = inside(extents)
      const strides = stridesOf(extents)
      const listAlong = (isInside: boolean) =>
        listOffsets(
          extents.map((length, axis) => (gone.includes(axis) === isInside ? length : 1)),
          strides,
        )
      return { outer: listAlong(false), inner: listAlong(true) }
    },
    axes(operand) {
      const gone = inside(operand)
      if (keepDims === true) return operand.map((_, axis) => (gone.includes(axis) ? undefined : axis))
      return [...operand.keys()].filter((axis) => !gone.includes(axis))
    },
    inside,
  }
}

/** Windows that are moved along the last axes, one number for each axis. */
export interface WindowAttributes {
  /** Lengths of a window. */
  readonly kernel: readonly number[]
  /** How far apart windows begin. @default the window's own lengths */
  readonly stride?: readonly number[]
  /** How far apart the members of a window are. @default 1 */
  readonly dilation?: readonly number[]
}

/** Where windows begin, and where in them their members are, along one axis. */
export interface WindowsAlong {
  /** How many there are. */
  readonly count: number
  readonly stride: number
  readonly kernel: number
  readonly dilation: number
}

/** @throws ShapeMismatch with what a window of that length would need */
export function windowsAlong(length: number, kernel: number, stride: number, dilation: number): WindowsAlong {
  const span = (kernel - 1) * dilation + 1
  if (kernel < 1 || stride < 1 || dilation < 1) {
    throw new ShapeMismatch(`a window of ${kernel}, moved by ${stride}, dilated by ${dilation} is none`)
  }
  if (length < span) {
    throw new ShapeMismatch(
      `a window of ${kernel}${dilation === 1 ? '' : ` dilated by ${dilation}`} needs ${span} along its axis, and there are ${length}`,
    )
  }
  return { count: Math.floor((length - span) / stride) + 1, stride, kernel, dilation }
}

/** A number for each of the last axes. */
export function perAxis(
  name: string,
  given: readonly number[] | undefined,
  count: number,
  usual: number,
): readonly number[] {
  if (given === undefined) return new Array<number>(count).fill(usual)
  if (given.length === count) return given
  throw new ShapeMismatch(`${name} has ${given.length} numbers, and ${count} axes are gone over`)
}

/** Rows that are windows along the last axes. */
export function inWindows({ kernel, stride, dilation }: WindowAttributes): RowLayout {
  const count = kernel.length
  const windowsOf = (shape: Shape) => {
    if (shape.length < count || count === 0) {
      throw new ShapeMismatch(`windows of ${count} axes do not lie in ${formatShape(shape)}`)
    }
    const strides = stride ?? kernel
    const [moves, steps] = [perAxis('stride', strides, count, 1), perAxis('dilation', dilation, count, 1)]
    return shape.slice(-count).map((length, k) => windowsAlong(length, kernel[k], moves[k], steps[k]))
  }
  return {
    attributes: { kernel, stride, dilation },
    shape: (operand) => [...operand.slice(0, -count), ...windowsOf(operand).map((along) => along.count)],
    rows(extents) {
      const along = windowsOf(extents)
      const strides = stridesOf(extents)
      const before = extents.length - count
      return {
        outer: listOffsets(
          [...extents.slice(0, before), ...along.map((axis) => axis.count)],
          strides.map((far, axis) => (axis < before ? far : far * along[axis - before].stride)),
        ),
        inner: listOffsets(
          along.map((axis) => axis.kernel),
          along.map((axis, k) => strides[before + k] * axis.dilation),
        ),
      }
    },
    axes: (operand) => operand.map((_, axis) => (axis < operand.length - count ? axis : undefined)),
    inside: (operand) => Array.from({ length: count }, (_, k) => operand.length - count + k),
  }
}

/** A change whose rows are whole, where a kernel reads it. */
export interface WholeRows {
  readonly form: Form
  readonly read: Read
  readonly extents: Shape
  /** What writes it out, if that is needed. */
  readonly kernels: readonly Kernel[]
  /** Where its rows stand among all of the operand's: those of an array with a number for each. */
  readonly place: Placement
  /** Of an array with a number for each row. */
  readonly box: Form['box']
  readonly laneAxis: number | undefined
}

/** Makes the rows whole that a change moves, and says which they are. */
export function widenRows(
  layout: RowLayout,
  operand: Shape,
  given: Form,
  count: number,
  from: Read = { operand: 0 },
): WholeRows {
  const { form, kernel }: Widened = widen(operand, given, layout.inside(operand), count)
  const kernels = kernel === undefined ? [] : [{ ...kernel, from } as Kernel]
  const extents = boxShape(operand, form.box)
  const axes = layout.axes(operand)
  const shape = layout.shape(operand)
  const box = axes.map((axis) => (axis === undefined ? undefined : form.box[axis]))
  const laneAxis = form.laneAxis === undefined ? undefined : axes.indexOf(form.laneAxis)
  return {
    form,
    read: kernel === undefined ? from : { kernel: 0 },
    extents,
    kernels,
    place: placeBox(shape, box, stridesOf(shape), count),
    box,
    laneAxis: laneAxis === -1 ? undefined : laneAxis,
  }
}

/** The axis of an array with a number for each row along which lanes lie that lie along an axis of the operand. */
export function passRowLane(layout: RowLayout, operand: Shape, lane: number | undefined): number | undefined {
  const at = lane === undefined ? -1 : layout.axes(operand).indexOf(lane)
  return at === -1 || layout.inside(operand).includes(lane!) ? undefined : at
}

/** The lanes of an array of such a box. */
export function lanesOf(shape: Shape, box: Form['box'], laneAxis: number | undefined): Lanes {
  if (laneAxis === undefined) return { apart: 1, count: 1 }
  const extents = boxShape(shape, box)
  return { apart: stridesOf(extents)[laneAxis], count: extents[laneAxis] }
}

/** Calls `visit` with each member of each row. */
export function forEachMember(
  { outer, inner }: Rows,
  visit: (row: number, offset: number, member: number) => void,
): void {
  for (let r = 0; r < outer.length; r++) {
    for (let q = 0; q < inner.length; q++) visit(r, outer[r] + inner[q], q)
  }
}
