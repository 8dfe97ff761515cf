import { listOffsets, type Shape, stridesOf } from '../program/shapes.js'
import { elementCount } from '../tensor.js'

/**
 * Perturbations that are carried together, each a signed step of something. Where `lanes` is above 1, each stands for
 * as many perturbations as there are lanes: they move different indices of one axis, whose elements do not mix, and
 * are held as one change along that axis.
 */
export interface Block {
  readonly count: number
  readonly lanes: number
  /** h of each, with its sign. */
  readonly steps: Float64Array
  /** How often each runs over a special point: count × lanes. */
  readonly crossings: Uint32Array
}

/** For each axis the index that each perturbation moves; undefined where it moves all of them. */
export type Box = readonly (Int32Array | undefined)[]

/** How a value changes, divided by the step of each perturbation of a block. Outside its box it does not. */
export interface Change {
  readonly box: Box
  /** perturbations × the box, row-major; an axis with an index has length 1 there. */
  readonly data: Float64Array
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

/** A change written out over whole axes, 0 where it moves nothing. */
export function expand(shape: Shape, change: Change, axes: readonly number[], count: number): Change {
  const moved = axes.filter((axis) => change.box[axis] !== undefined)
  if (moved.length === 0) return change
  const box = change.box.map((indices, axis) => (moved.includes(axis) ? undefined : indices))
  const to = boxShape(shape, box)
  const size = elementCount(to)
  const strides = stridesOf(to)
  const inner = listOffsets(boxShape(shape, change.box), strides)
  const data = new Float64Array(count * size)
  for (let p = 0; p < count; p++) {
    let start = p * size
    for (const axis of moved) start += change.box[axis]![p] * strides[axis]
    for (let e = 0; e < inner.length; e++) data[start + inner[e]] = change.data[p * inner.length + e]
  }
  return { ...change, box, data }
}

/** The block whose every lane is a perturbation of its own. */
export function unpackBlock({ count, lanes, steps, crossings }: Block): Block {
  const each = new Float64Array(count * lanes)
  for (let p = 0; p < count; p++) each.fill(steps[p], p * lanes, (p + 1) * lanes)
  return { count: count * lanes, lanes: 1, steps: each, crossings }
}

/** A change along an axis of lanes as that of the perturbations that the lanes are. */
export function unpackLanes(shape: Shape, { box, data, laneAxis }: Change, { count, lanes }: Block): Change {
  if (laneAxis === undefined) throw new Error('a change without lanes')
  const before = boxShape(shape, box)
  const size = elementCount(before)
  const rest = before.with(laneAxis, 1)
  const inner = listOffsets(rest, stridesOf(before))
  const stride = stridesOf(before)[laneAxis]
  const result = new Float64Array(data.length)
  let at = 0
  for (let p = 0; p < count; p++) {
    for (let lane = 0; lane < lanes; lane++) {
      const from = p * size + lane * stride
      for (let e = 0; e < inner.length; e++) result[at++] = data[from + inner[e]]
    }
  }
  const repeated = box.map((indices, axis) => {
    if (axis === laneAxis) return Int32Array.from({ length: count * lanes }, (_, k) => k % lanes)
    return indices && Int32Array.from({ length: count * lanes }, (_, k) => indices[Math.floor(k / lanes)])
  })
  return { box: repeated, data: result, laneAxis: undefined }
}
