import { elementCount, formatShape } from '../tensor.js'

/** Length of each axis; `[]` is a number. */
export type Shape = readonly number[]

/** Operands that do not fit an operation; the builder adds where it was written. */
export class ShapeMismatch extends Error {}

/** How far apart in a row-major array the elements along each axis lie. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  for (let axis = shape.length - 1, stride = 1; axis >= 0; stride *= shape[axis--]) strides[axis] = stride
  return strides
}

/**
 * The shape of operands that are broadcast together, as NumPy does it: aligned at the last axis, an axis of length 1
 * repeated.
 * @throws ShapeMismatch
 */
export function broadcastShapes(shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, axis) => {
    let length = 1
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1
      if (own === 1 || own === length) continue
      if (length !== 1) {
        throw new ShapeMismatch(
          `shapes ${shapes.map(formatShape).join(' and ')} cannot be broadcast together`,
        )
      }
      length = own
    }
    return length
  })
}

/** Strides with which an operand is read along the axes of what it is broadcast to; 0 where it is repeated. */
export function broadcastStrides(shape: Shape, to: Shape): number[] {
  const strides = stridesOf(shape)
  const missing = to.length - shape.length
  return to.map((_, axis) => (axis < missing || shape[axis - missing] === 1 ? 0 : strides[axis - missing]))
}

/**
 * An axis counted from the first, given as NumPy takes it.
 * @throws ShapeMismatch
 */
export function normalizeAxis(axis: number, rank: number): number {
  const counted = axis < 0 ? axis + rank : axis
  if (Number.isInteger(axis) && counted >= 0 && counted < rank) return counted
  throw new ShapeMismatch(`axis ${axis} is out of bounds for an array of ${rank} axes`)
}

/** Sorted, each once. @throws ShapeMismatch for an axis that is not there or named twice */
export function normalizeAxes(axes: readonly number[], rank: number): number[] {
  const counted = axes.map((axis) => normalizeAxis(axis, rank)).sort((a, b) => a - b)
  const twice = counted.find((axis, k) => counted[k - 1] === axis)
  if (twice !== undefined) throw new ShapeMismatch(`axis ${twice} is named twice`)
  return counted
}

/**
 * The offsets at which an array is read in the row-major order of `shape`, one for each element.
 * @param strides of the array along each axis of `shape`
 */
export function listOffsets(shape: Shape, strides: readonly number[]): Int32Array {
  const size = elementCount(shape)
  const offsets = new Int32Array(size)
  if (size === 0) return offsets
  let filled = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    // what is filled is repeated along the axis, moved by its stride
    for (let k = 1; k < shape[axis]; k++) {
      const move = k * strides[axis]
      for (let i = 0; i < filled; i++) offsets[k * filled + i] = offsets[i] + move
    }
    filled *= shape[axis]
  }
  return offsets
}

/**
 * The indices that a slice takes of an axis, as Python has them.
 * @throws ShapeMismatch for a step of 0
 */
export function sliceIndices(
  length: number,
  start: number | undefined,
  stop: number | undefined,
  step: number,
): Int32Array {
  if (step === 0) throw new ShapeMismatch('a step of 0 leads nowhere')
  const clip = (index: number, lowest: number, highest: number) =>
    Math.min(highest, Math.max(lowest, index < 0 ? index + length : index))
  const [from, to] =
    step > 0
      ? [clip(start ?? 0, 0, length), clip(stop ?? length, 0, length)]
      : [clip(start ?? length - 1, -1, length - 1), stop === undefined ? -1 : clip(stop, -1, length - 1)]
  return Int32Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, k) => from + k * step)
}
