import { normalizeAxis } from '../program/shapes.js'
import { elementCount, formatShape } from '../tensor.js'
import { NdArray, nodeOf, reshaped } from './arrays.js'
import type { Body, Call } from './native-call.js'
import { arraysIn, broadcastTo, concatenate, copied, reshape, swapAxes } from './numpy-functions.js'
import { roundedTo, truncated } from './numpy-rounding.js'
import { Refusal } from './refusal.js'
import { NativeIndexer, PySlice, PyTuple, plainNumber, type Value } from './values.js'

const along = (rank: number, axis: number, slice: PySlice) =>
  new PyTuple(
    Array.from({ length: rank }, (_, other) => (other === axis ? slice : new PySlice(null, null, null))),
  )

function partOf(call: Call, array: NdArray, axis: number, start: number, stop: number): NdArray {
  const slice = new PySlice(BigInt(start), BigInt(stop), null)
  const made = call.interpreter.index(array, along(array.shape.length, axis, slice), call.place)
  if (made instanceof NdArray) return made
  throw new Refusal('this part is not understood')
}

function differences(call: Call): Value {
  let array = call.array(0, 'a')
  const times = call.integer(call.get(1, 'n') ?? 1n)
  const axis = normalizeAxis(call.integer(call.get(2, 'axis') ?? -1n), array.shape.length)
  if (array.kind === 'b') return call.refuse('differences of truth values')
  for (let k = 0; k < times; k++) {
    const length = array.shape[axis]
    if (length === 0) break
    array = call.interpreter.arrays(
      '-',
      partOf(call, array, axis, 1, length),
      partOf(call, array, axis, 0, length - 1),
      call.place,
    )
  }
  return array
}

function products(call: Call): Value {
  const at = call.get(1, 'axis')
  const given = call.array(0, 'a')
  const array = at === undefined || at === null ? reshape(call, given, [-1]) : given
  const axis = at === undefined || at === null ? 0 : normalizeAxis(call.integer(at), array.shape.length)
  const made: NdArray[] = []
  for (let k = 0; k < array.shape[axis]; k++) {
    const part = partOf(call, array, axis, k, k + 1)
    const last = made[made.length - 1]
    made.push(last === undefined ? part : call.interpreter.arrays('*', last, part, call.place))
  }
  return made.length === 0 ? array : concatenate(call, made, axis)
}

function meshgrid(call: Call): Value {
  const arrays = call.given.plain.map((_, k) => call.array(k))
  const flat = arrays.map((array) => reshape(call, array, [-1]))
  const indexing = call.get(99, 'indexing') ?? 'xy'
  const isSparse = call.flag('sparse')
  if (isSparse) return call.refuse('a sparse grid')
  const shape = call.fitting(flat.map(({ size }) => size))
  const grids = flat.map((array, axis) => {
    const own = reshaped(
      array,
      shape.map((length, other) => (other === axis ? length : 1)),
    )
    const grid = broadcastTo(own, shape)
    return copied(call, indexing === 'xy' && shape.length > 1 ? swapAxes(grid, 0, 1) : grid)
  })
  return new PyTuple(grids)
}

function indices(call: Call): Value {
  const shape = call.fitting(call.integers(call.get(0, 'dimensions')) ?? [])
  const data = shape.flatMap((length, axis) => {
    const stride = elementCount(shape.slice(axis + 1))
    return Array.from({ length: elementCount(shape) }, (_, k) => Math.floor(k / stride) % length)
  })
  return call.constant([shape.length, ...shape], data, 'i')
}

function linspace(call: Call): Value {
  const [start, stop] = [call.required(0, 'start'), call.required(1, 'stop')].map(plainNumber)
  const count = call.integer(call.get(2, 'num') ?? 50n)
  const given = call.get(3, 'endpoint')
  const hasEnd = given === undefined || call.interpreter.truth(given, call.place)
  if (start === undefined || stop === undefined)
    return call.refuse('a bound that depends on the parameters, or is an array')
  call.fitting([count])
  const parts = hasEnd ? count - 1 : count
  const step = (stop - start) / parts
  // the last one is the bound itself
  const data = Array.from({ length: count }, (_, k) =>
    hasEnd && k > 0 && k === count - 1 ? stop : k === 0 ? start : start + k * step,
  )
  return call.constant([count], data, 'f')
}

/** Ones on a diagonal, or on it and below. */
const diagonal =
  (isBelow: boolean): Body =>
  (call) => {
    const n = call.integer(call.required(0, 'N'))
    const given = call.get(1, 'M')
    const m = given === undefined || given === null ? n : call.integer(given)
    const offset = call.integer(call.get(2, 'k') ?? 0n)
    call.fitting([n, m])
    const data = Array.from({ length: n * m }, (_, at) => {
      const distance = (at % m) - Math.floor(at / m) - offset
      return distance === 0 || (isBelow && distance < 0) ? 1 : 0
    })
    return call.constant([n, m], data, 'f')
  }

/** `np.r_[…]`, `np.c_[…]`: arrays, numbers and ranges behind each other. */
export function joiner(
  name: 'r_' | 'c_',
  callAt: (plain: readonly Value[], place: Call['place']) => Call,
): NativeIndexer {
  return new NativeIndexer(name, (index, place) => {
    const items = index instanceof PyTuple ? index.items : [index]
    const call = callAt(items, place)
    const arrays = items.map((item) => {
      if (typeof item === 'string') throw new Refusal(`a text in np.${name} is not understood`)
      if (item instanceof PySlice) return rangeOf(call, item)
      const array = call.interpreter.toArray(item, place)
      return array.shape.length === 0 ? reshaped(array, [1]) : array
    })
    if (name === 'r_') return concatenate(call, arrays, 0)
    const columns = arrays.map((array) =>
      array.shape.length === 1 ? reshaped(array, [array.size, 1]) : array,
    )
    return concatenate(call, columns, columns[0].shape.length - 1)
  })
}

function rangeOf(call: Call, { start, stop, step }: PySlice): NdArray {
  const [from, to, by] = [start ?? 0n, stop, step ?? 1n].map((value) => call.integer(value))
  if (by === 0) throw new Refusal('a range without steps')
  const count = call.fitting([Math.max(0, Math.ceil((to - from) / by))])[0]
  return call.constant(
    [count],
    Array.from({ length: count }, (_, k) => from + k * by),
    'i',
  )
}

/** Functions of NumPy that make arrays of ranges, and rearrange what there is. */
export const GRIDS: Readonly<Record<string, Body>> = {
  diff: differences,
  cumprod: products,
  meshgrid,
  indices,
  linspace,
  eye: diagonal(false),
  tri: diagonal(true),
  identity: (call) => diagonal(false)(call),
  ix_: (call) => {
    const arrays = call.given.plain.map((_, k) => call.array(k))
    if (arrays.some(({ kind, shape }) => kind === 'b' || shape.length !== 1))
      return call.refuse('an open grid of masks')
    return new PyTuple(
      arrays.map((array, axis) =>
        reshaped(
          array,
          arrays.map((_, other) => (other === axis ? array.size : 1)),
        ),
      ),
    )
  },
  round: (call) => roundedTo(call, call.array(0, 'a'), call.integer(call.get(1, 'decimals') ?? 0n)),
  around: (call) => GRIDS.round(call),
  rint: (call) => roundedTo(call, call.array(0, 'x'), 0),
  trunc: (call) => truncated(call, call.array(0, 'x')),
  fix: (call) => truncated(call, call.array(0, 'x')),
  ptp: (call) => {
    const { b } = call.tracer
    const array = call.array(0, 'a')
    const axes = call.integers(call.get(1, 'axis'))
    const of = { keepDims: call.flag('keepdims'), ...(axes === undefined ? {} : { axes }) }
    const node = nodeOf(call.tracer, array)
    return call.wrap(b.subtract(b.max(node, of), b.min(node, of)), array.kind)
  },
  heaviside: (call) => {
    const { b } = call.tracer
    const x = call.node(0)
    return call.wrap(b.add(b.step(x), b.multiply(call.node(1), b.equal(x, 0))), 'f')
  },
  flipud: (call) => call.wrap(call.tracer.b.flip(call.node(0), { axes: [0] }), call.array(0).kind),
  fliplr: (call) => call.wrap(call.tracer.b.flip(call.node(0), { axes: [1] }), call.array(0).kind),
  atleast_1d: (call) => {
    const array = call.array(0)
    return array.shape.length > 0 ? array : reshaped(array, [1])
  },
  dstack: (call) => {
    const arrays = arraysIn(call, 0).map((array) =>
      array.shape.length >= 3
        ? array
        : reshaped(array, array.shape.length === 2 ? [...array.shape, 1] : [1, array.size, 1]),
    )
    return concatenate(call, arrays, 2)
  },
  diagonal: (call) => {
    const array = call.array(0, 'a')
    if (array.shape.length !== 2)
      return call.refuse(`the diagonal of an array of shape ${formatShape(array.shape)}`)
    const offset = call.integer(call.get(1, 'offset') ?? 0n)
    const [rows, columns] = array.shape
    const from = [Math.max(0, -offset), Math.max(0, offset)]
    const count = Math.max(0, Math.min(rows - from[0], columns - from[1]))
    const lists = from.map((start) =>
      call.constant(
        [count],
        Array.from({ length: count }, (_, k) => start + k),
        'i',
      ),
    )
    return call.interpreter.index(array, new PyTuple(lists), call.place)
  },
  logical_xor: (call) => call.interpreter.compare('!=', ...truths(call), call.place),
  isscalar: (call) => {
    const value = call.required(0)
    return value instanceof NdArray
      ? !value.isArray
      : plainNumber(value) !== undefined || typeof value === 'string'
  },
  select: (call) => {
    const [conditions, choices] = [arraysIn(call, 0), arraysIn(call, 1)]
    const usual = call.interpreter.toArray(call.get(2, 'default') ?? 0n, call.place)
    const where = call.interpreter.native('numpy.where') ?? null
    return conditions.reduceRight<Value>(
      (other, condition, k) =>
        call.interpreter.call(where, { plain: [condition, choices[k], other], named: new Map() }, call.place),
      usual,
    )
  },
  delete: (call) => {
    const array = call.array(0)
    const at = call.get(2, 'axis')
    const flat = at === undefined || at === null ? reshape(call, array, [-1]) : array
    const axis = at === undefined || at === null ? 0 : normalizeAxis(call.integer(at), flat.shape.length)
    const length = flat.shape[axis]
    const gone = new Set((call.integers(call.required(1, 'obj')) ?? []).map((k) => normalizeAxis(k, length)))
    const kept = Array.from({ length }, (_, k) => k).filter((k) => !gone.has(k))
    return call.wrap(call.tracer.b.take(nodeOf(call.tracer, flat), { axis, indices: kept }), flat.kind)
  },
}

function truths(call: Call): [NdArray, NdArray] {
  const of = (position: number) => call.wrap(call.tracer.b.notEqual(call.node(position), 0), 'b')
  return [of(0), of(1)]
}
