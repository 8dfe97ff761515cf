import {
  broadcastShapes,
  broadcastStrides,
  listOffsets,
  type Shape,
  ShapeMismatch,
  sliceIndices,
  stridesOf,
} from '../program/shapes.js'
import { elementCount } from '../tensor.js'

/** What stands between the brackets of an array, evaluated: an array of indices has whole numbers or truth values. */
export type IndexItem =
  | { readonly kind: 'number'; readonly value: number }
  | {
      readonly kind: 'slice'
      readonly start: number | undefined
      readonly stop: number | undefined
      readonly step: number
    }
  | { readonly kind: 'new' }
  | { readonly kind: 'rest' }
  | { readonly kind: 'list'; readonly shape: Shape; readonly values: ArrayLike<number> }
  | { readonly kind: 'mask'; readonly shape: Shape; readonly values: ArrayLike<number> }

/** Which elements are meant: their offsets in the array, row-major in the result's shape. */
export interface Selection {
  readonly shape: Shape
  readonly offsets: Int32Array
  /** Whether NumPy gives a view of them, not a copy. */
  readonly isView: boolean
}

/** A part of a result: lengths of its axes, and what its indices add to an offset. */
interface Part {
  readonly shape: Shape
  readonly offsets: Int32Array
}

/**
 * NumPy's indexing, basic and advanced.
 * @throws ShapeMismatch for an index out of bounds, or too many
 */
export function selectElements(shape: Shape, given: readonly IndexItem[]): Selection {
  const items = given.flatMap((item): IndexItem[] => (item.kind === 'mask' ? placesOf(item) : [item]))
  const taken = items.filter(({ kind }) => kind !== 'new' && kind !== 'rest').length
  if (taken > shape.length) {
    throw new ShapeMismatch(`there are ${taken} indices for an array of ${shape.length} axes`)
  }
  const masks = given.filter((item) => item.kind === 'mask')
  let at = given.findIndex(({ kind }) => kind === 'rest')
  if (at === -1) at = items.length
  else at = items.findIndex(({ kind }) => kind === 'rest')
  const all: IndexItem = { kind: 'slice', start: undefined, stop: undefined, step: 1 }
  const filler = new Array<IndexItem>(shape.length - taken).fill(all)
  const whole = [...items.slice(0, at), ...filler, ...items.slice(at === items.length ? at : at + 1)]
  if (whole.some(({ kind }) => kind === 'rest')) throw new ShapeMismatch('there are two …')
  const strides = stridesOf(shape)
  const isAdvanced = whole.some(({ kind }) => kind === 'list')
  const parts: Part[] = []
  const lists: { shape: Shape; offsets: Int32Array }[] = []
  let listAt = -1
  let isApart = false
  let axis = 0
  for (const item of whole) {
    switch (item.kind) {
      case 'new':
        parts.push({ shape: [1], offsets: Int32Array.of(0) })
        break
      case 'number':
      case 'list': {
        const length = shape[axis]
        const values = item.kind === 'number' ? [item.value] : Array.from(item.values)
        const offsets = Int32Array.from(values, (value) => {
          if (value >= length || value < -length) {
            throw new ShapeMismatch(`index ${value} is out of bounds for axis ${axis} of length ${length}`)
          }
          return (value < 0 ? value + length : value) * strides[axis]
        })
        if (!isAdvanced) parts.push({ shape: [], offsets })
        else {
          if (listAt === -1) {
            listAt = parts.length
            parts.push({ shape: [], offsets })
          } else if (listAt !== parts.length - 1) isApart = true
          lists.push({ shape: item.kind === 'number' ? [] : item.shape, offsets })
        }
        axis++
        break
      }
      case 'slice': {
        const indices = sliceIndices(shape[axis], item.start, item.stop, item.step)
        parts.push({ shape: [indices.length], offsets: indices.map((index) => index * strides[axis]) })
        axis++
        break
      }
      default:
        throw new ShapeMismatch('this is no index')
    }
  }
  if (isAdvanced) {
    const together = combine(lists)
    const rest = parts.filter((_, k) => k !== listAt)
    // apart from each other they come first
    parts.splice(0, parts.length, ...rest.toSpliced(isApart ? 0 : listAt, 0, together))
  }
  let offsets = Int32Array.of(0)
  for (const part of parts) {
    const next = new Int32Array(offsets.length * part.offsets.length)
    for (let i = 0, k = 0; i < offsets.length; i++) {
      for (let j = 0; j < part.offsets.length; j++) next[k++] = offsets[i] + part.offsets[j]
    }
    offsets = next
  }
  return { shape: parts.flatMap((part) => part.shape), offsets, isView: !isAdvanced && masks.length === 0 }
}

/** Where a mask holds, as one list for each of its axes. */
function placesOf(mask: { readonly shape: Shape; readonly values: ArrayLike<number> }): IndexItem[] {
  const strides = stridesOf(mask.shape)
  const places = Array.from(mask.values).flatMap((value, k) => (value === 0 ? [] : [k]))
  return mask.shape.map((length, axis) => ({
    kind: 'list',
    shape: [places.length],
    values: places.map((place) => Math.floor(place / strides[axis]) % length),
  }))
}

/** Offsets of lists of indices that are broadcast together. */
function combine(lists: readonly { shape: Shape; offsets: Int32Array }[]): Part {
  const shape = broadcastShapes(lists.map((list) => list.shape))
  const sums = new Int32Array(elementCount(shape))
  for (const list of lists) {
    const order = listOffsets(shape, broadcastStrides(list.shape, shape))
    for (let k = 0; k < sums.length; k++) sums[k] += list.offsets[order[k]]
  }
  return { shape, offsets: sums }
}
