import { listOffsets, type Shape, stridesOf } from '../program/shapes.js'
import { elementCount } from '../tensor.js'
import type { Kernel } from './kernels.js'

/**
 * Perturbations that are carried together, all by one signed step h of something. Where `lanes` is above 1, each stands for
 * as many perturbations as there are lanes: they move different indices of one axis, whose elements do not mix, and
 * are held as one change along that axis.
 */
export interface Block {
  readonly count: number
  readonly lanes: number
}

/** For each axis the index that each perturbation moves; undefined where it moves all of them. */
export type Box = readonly (Int32Array | undefined)[]

/**
 * Which part of a value the perturbations of a block move; outside its box it does not change. The change itself is, for
 * each perturbation, what the box holds, row-major; an axis with an index has length 1 there.
 */
export interface Form {
  readonly box: Box
  /** The axis along which a block's lanes lie; undefined for a block of one lane. */
  readonly laneAxis: number | undefined
}

/** Lengths of a box in an array. */
export const boxShape = (shape: Shape, box: Box): number[] =>
  shape.map((length, axis) => (box[axis] === undefined ? length : 1))

/** How a box is laid over an array: element e of perturbation p stands at `starts[p] + inner[e]`. */
export interface Placement {
  readonly starts: Int32Array
  readonly inner: Int32Array
}

/**
 * Places a box over an array that is read along the box's axes.
 * @param strides of the array; 0 along an axis that it repeats
 */
export function placeBox(shape: Shape, box: Box, strides: readonly number[], count: number): Placement {
  const starts = new Int32Array(count)
  for (const [axis, indices] of box.entries()) {
    if (indices === undefined || strides[axis] === 0) continue
    for (let p = 0; p < count; p++) starts[p] += indices[p] * strides[axis]
  }
  return { starts, inner: listOffsets(boxShape(shape, box), strides) }
}

/** A form made wider, and the kernel that writes a change of the one as a change of the other. */
export interface Widened {
  readonly form: Form
  /** Undefined where nothing is left to do. It reads operand 0. */
  readonly kernel: Kernel | undefined
}

/** Writes a change out over whole axes, 0 where it moves nothing. */
export function widen(shape: Shape, form: Form, axes: readonly number[], count: number): Widened {
  const moved = axes.filter((axis) => form.box[axis] !== undefined)
  if (moved.length === 0) return { form, kernel: undefined }
  const box = form.box.map((indices, axis) => (moved.includes(axis) ? undefined : indices))
  const to = boxShape(shape, box)
  const strides = stridesOf(to)
  // an axis that keeps its index is no part of where the change goes
  const place = placeBox(
    shape,
    form.box,
    strides.map((stride, axis) => (moved.includes(axis) ? stride : 0)),
    count,
  )
  const inner = listOffsets(boxShape(shape, form.box), strides)
  const kernel = {
    kind: 'spread',
    from: { operand: 0 },
    starts: place.starts,
    inner,
    size: elementCount(to),
    onto: undefined,
  } as const
  return { form: { ...form, box }, kernel }
}

/** The block whose every lane is a perturbation of its own. */
export const unpackBlock = ({ count, lanes }: Block): Block => ({ count: count * lanes, lanes: 1 })

/** Makes of a change along an axis of lanes that of the perturbations that the lanes are. */
export function unpackLanes(shape: Shape, { box, laneAxis }: Form, { count, lanes }: Block): Widened {
  if (laneAxis === undefined) throw new Error('a change without lanes')
  const before = boxShape(shape, box)
  const rest = before.with(laneAxis, 1)
  const inner = listOffsets(rest, stridesOf(before))
  const stride = stridesOf(before)[laneAxis]
  const order = new Int32Array(elementCount(before))
  for (let lane = 0, at = 0; lane < lanes; lane++)
    for (const offset of inner) order[at++] = lane * stride + offset
  const repeated = box.map((indices, axis) => {
    if (axis === laneAxis) return Int32Array.from({ length: count * lanes }, (_, k) => k % lanes)
    return indices && Int32Array.from({ length: count * lanes }, (_, k) => indices[Math.floor(k / lanes)])
  })
  return {
    form: { box: repeated, laneAxis: undefined },
    kernel: { kind: 'gather', from: { operand: 0 }, before: order.length, order },
  }
}
