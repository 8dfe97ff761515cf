import type { Builder, Node, NodeLike } from '../program/builder.js'
import {
  broadcastShapes,
  broadcastStrides,
  listOffsets,
  normalizeAxis,
  ShapeMismatch,
} from '../program/shapes.js'
import { elementCount, formatShape, type Tensor } from '../tensor.js'
import { type Kind, markArray, NdArray, nodeOf, reshaped, transposed, viewed } from './arrays.js'
import { type Body, type Call, INFINITE } from './native-call.js'
import { describe } from './text.js'
import { Ellipsis, Native, PyIterator, PyList, PySlice, PyTuple, plainNumber, type Value } from './values.js'

/** Element by element, of one operand, by the builder's name. */
const ELEMENTWISE: Readonly<Record<string, keyof Builder>> = {
  exp: 'exp',
  log: 'log',
  log1p: 'log1p',
  expm1: 'expm1',
  exp2: 'exp2',
  log2: 'log2',
  log10: 'log10',
  sqrt: 'sqrt',
  square: 'square',
  abs: 'abs',
  absolute: 'abs',
  fabs: 'abs',
  sign: 'sign',
  tanh: 'tanh',
  sin: 'sin',
  cos: 'cos',
  tan: 'tan',
  arctan: 'atan',
  arcsin: 'asin',
  arccos: 'acos',
  sinh: 'sinh',
  cosh: 'cosh',
  arcsinh: 'asinh',
  arctanh: 'atanh',
  floor: 'floor',
  ceil: 'ceil',
  negative: 'negative',
  reciprocal: 'reciprocal',
  cbrt: 'cbrt',
  rsqrt: 'rsqrt',
  erf: 'erf',
  sigmoid: 'sigmoid',
  relu: 'relu',
  softplus: 'softplus',
  gelu: 'gelu',
  silu: 'silu',
  logsigmoid: 'logSigmoid',
  elu: 'elu',
  selu: 'selu',
  softsign: 'softsign',
}

const BINARY: Readonly<Record<string, string>> = {
  add: '+',
  subtract: '-',
  multiply: '*',
  divide: '/',
  true_divide: '/',
  power: '**',
  float_power: '**',
  mod: '%',
  remainder: '%',
  floor_divide: '//',
  logical_and: '&',
  logical_or: '|',
  bitwise_and: '&',
  sub: '-',
  mul: '*',
  div: '/',
  pow: '**',
}

const COMPARISONS: Readonly<Record<string, string>> = {
  greater: '>',
  greater_equal: '>=',
  less: '<',
  less_equal: '<=',
  equal: '==',
  not_equal: '!=',
  gt: '>',
  ge: '>=',
  lt: '<',
  le: '<=',
  eq: '==',
}

export function reductionOf(call: Call, from: number): { axes?: number[]; keepDims: boolean } {
  if (call.given.plain.length > from + 1) throw new ShapeMismatch('arguments behind the axis must be named')
  const axes = call.integers(call.get(from, 'axis', 'dim'))
  return { keepDims: call.flag('keepdims', 'keepdim'), ...(axes === undefined ? {} : { axes }) }
}

/** Sums and their like, of what kind their result is. */
const REDUCTIONS: Readonly<
  Record<string, { by: 'sum' | 'mean' | 'max' | 'min' | 'prod' | 'logSumExp'; kind: Kind | 'same' }>
> = {
  sum: { by: 'sum', kind: 'same' },
  nansum: { by: 'sum', kind: 'same' },
  mean: { by: 'mean', kind: 'f' },
  average: { by: 'mean', kind: 'f' },
  max: { by: 'max', kind: 'same' },
  amax: { by: 'max', kind: 'same' },
  min: { by: 'min', kind: 'same' },
  amin: { by: 'min', kind: 'same' },
  prod: { by: 'prod', kind: 'same' },
  logsumexp: { by: 'logSumExp', kind: 'f' },
}

/** What is summed one by one: NumPy leaves a generator to Python. */
function sumOf(call: Call, name: string, items: Value): Value {
  if (name !== 'sum') return call.refuse(`${name} of a generator`, 'make a list of it')
  return call.interpreter
    .iterate(items, call.place)
    .reduce((sum, item) => call.interpreter.binary('+', sum, item, call.place), 0n as Value)
}

export function reduction(name: string): Body {
  const { by, kind } = REDUCTIONS[name]
  return (call) => {
    const [given] = call.given.plain
    if (given instanceof PyIterator) return sumOf(call, name, given)
    const array = call.array(0, 'a', 'input', 'x')
    const own = array.kind === 'b' ? 'i' : array.kind
    return call.wrap(
      call.tracer.b[by](nodeOf(call.tracer, array), reductionOf(call, 1)),
      kind === 'same' ? own : kind,
    )
  }
}

/** Where the greatest or least is: it does not change but in jumps. */
export function argument(sign: number): Body {
  return (call) => {
    const array = call.array(0, 'a')
    const axis = call.get(1, 'axis', 'dim')
    const { numbers } = array
    if (axis === undefined || axis === null) {
      let best = 0
      for (let k = 1; k < numbers.length; k++) if (sign * (numbers[k] - numbers[best]) > 0) best = k
      return call.constant([], [best], 'i')
    }
    const at = normalizeAxis(call.integer(axis), array.shape.length)
    const length = array.shape[at]
    const inner = elementCount(array.shape.slice(at + 1))
    const outer = elementCount(array.shape.slice(0, at))
    const found: number[] = []
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        let best = 0
        for (let k = 1; k < length; k++) {
          if (sign * (numbers[(o * length + k) * inner + i] - numbers[(o * length + best) * inner + i]) > 0)
            best = k
        }
        found.push(best)
      }
    }
    return call.constant(array.shape.toSpliced(at, 1), found, 'i')
  }
}

const shapeOf = (call: Call, position: number): number[] =>
  call.integers(call.get(position, 'shape', 'size')) ?? []

/** A shape whose arguments stand one by one, or as one tuple. */
export function shapeFrom(call: Call, from: number): number[] {
  const given = call.given.plain.slice(from)
  const named = call.get(99, 'shape', 'newshape')
  if (named !== undefined) return call.integers(named) ?? []
  return given.length === 1 ? (call.integers(given[0]) ?? []) : given.map((value) => call.integer(value))
}

function kindFrom(call: Call, usual: Kind, position?: number): Kind {
  const dtype = call.get(position ?? 99, 'dtype')
  return dtype === undefined || dtype === null ? usual : kindOf(dtype)
}

/** What a dtype holds. */
export function kindOf(dtype: Value): Kind {
  const name = dtype instanceof Native ? dtype.name : String(dtype)
  if (/bool/.test(name)) return 'b'
  if (/uint|int8|int16|^byte/.test(name))
    throw new ShapeMismatch(`${name} wraps around, which is not followed`)
  return /int|long|^i\d?$|^u\d?$/.test(name) ? 'i' : 'f'
}

const filled =
  (value: number, usual: Kind = 'f'): Body =>
  (call) => {
    const shape = call.fitting(shapeOf(call, 0))
    return call.constant(shape, new Float64Array(elementCount(shape)).fill(value), kindFrom(call, usual, 1))
  }

const filledLike =
  (value: number): Body =>
  (call) => {
    const { shape, kind } = call.array(0, 'a')
    return call.constant(shape, new Float64Array(elementCount(shape)).fill(value), kindFrom(call, kind, 1))
  }

/** The same elements in another shape: a view, or a copy of what does not lie in a row. */
export function reshape(call: Call, array: NdArray, given: readonly number[]): NdArray {
  const known = given.filter((length) => length !== -1).reduce((product, length) => product * length, 1)
  const shape = given.map((length) => (length === -1 ? array.size / known : length))
  if (elementCount(shape) !== array.size || shape.some((length) => !Number.isInteger(length) || length < 0)) {
    throw new ShapeMismatch(
      `an array of shape ${formatShape(array.shape)} cannot be reshaped to ${formatShape(given)}`,
    )
  }
  const { positions } = array
  const isRun = positions === undefined || positions.every((position, k) => position === positions[0] + k)
  return isRun ? reshaped(array, shape) : call.wrap(elementsAs(call, array, shape), array.kind)
}

/** An array's elements as a value of a shape. */
export const elementsAs = (call: Call, array: NdArray, shape: readonly number[]) =>
  call.tracer.b.reshape(nodeOf(call.tracer, array), { shape })

export function broadcastTo(array: NdArray, shape: readonly number[]): NdArray {
  return viewed(array, shape, listOffsets(shape, broadcastStrides(array.shape, shape)))
}

export function expandDims(array: NdArray, axes: readonly number[]): NdArray {
  const rank = array.shape.length + axes.length
  const added = new Set(axes.map((axis) => normalizeAxis(axis, rank)))
  let next = 0
  return reshaped(
    array,
    Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : array.shape[next++])),
  )
}

export function squeeze(array: NdArray, axes: readonly number[] | undefined): NdArray {
  const gone = axes?.map((axis) => normalizeAxis(axis, array.shape.length))
  return reshaped(
    array,
    array.shape.filter((length, axis) => length !== 1 || (gone !== undefined && !gone.includes(axis))),
  )
}

export function transposeBy(array: NdArray, axes: readonly number[] | undefined): NdArray {
  const rank = array.shape.length
  return transposed(
    array,
    axes?.map((axis) => normalizeAxis(axis, rank)) ?? Array.from({ length: rank }, (_, k) => rank - 1 - k),
  )
}

export function swapAxes(array: NdArray, one: number, other: number): NdArray {
  const rank = array.shape.length
  const [i, j] = [normalizeAxis(one, rank), normalizeAxis(other, rank)]
  return transposed(
    array,
    Array.from({ length: rank }, (_, axis) => (axis === i ? j : axis === j ? i : axis)),
  )
}

/** An array of its own; whole numbers and truth values are made as NumPy makes them. */
export function copied(call: Call, array: NdArray, kind = array.kind): Value {
  const node = nodeOf(call.tracer, array)
  if (kind === 'b' && array.kind !== 'b') return call.wrap(call.tracer.b.notEqual(node, 0), 'b')
  const isCut = kind === 'i' && array.kind === 'f' && !array.numbers.every(Number.isInteger)
  if (!isCut) return call.wrap(node, kind)
  if (array.isTraced)
    return call.refuse(
      'whole numbers are made of what depends on the parameters',
      'they must come from the data',
    )
  return call.constant(array.shape, array.numbers.map(Math.trunc), 'i')
}

export const arraysIn = (call: Call, position: number): NdArray[] =>
  call.interpreter
    .iterate(call.get(position) ?? null, call.place)
    .map((item) => call.interpreter.toArray(item, call.place))

const kindOfAll = (arrays: readonly NdArray[]): Kind =>
  arrays.some(({ kind }) => kind === 'f') ? 'f' : arrays.some(({ kind }) => kind === 'i') ? 'i' : 'b'

export function concatenate(call: Call, arrays: readonly NdArray[], axis: number): NdArray {
  if (arrays.length === 0) throw new ShapeMismatch('there is nothing to put together')
  const nodes = arrays.map((array) => nodeOf(call.tracer, array))
  return call.wrap(call.tracer.b.concatenate(nodes, { axis }), kindOfAll(arrays))
}

/** Parts of an axis, each a view. */
export function parts(call: Call, array: NdArray, bounds: readonly number[], axis: number): PyList {
  const at = normalizeAxis(axis, array.shape.length)
  const ends = [...bounds, array.shape[at]]
  return new PyList(
    ends.map((stop, k) => {
      const index = array.shape.map((_, other) =>
        other === at
          ? new PySlice(BigInt(k === 0 ? 0 : ends[k - 1]), BigInt(stop), null)
          : new PySlice(null, null, null),
      )
      return call.interpreter.index(array, new PyTuple(index), call.place)
    }),
  )
}

/** The product of numpy.dot: over the last axis of the first and the last but one of the second. */
function dot(call: Call, x: NdArray, y: NdArray): NdArray {
  const { b } = call.tracer
  const [one, other] = [nodeOf(call.tracer, x), nodeOf(call.tracer, y)]
  const kind = kindOfAll([x, y])
  if (x.shape.length === 0 || y.shape.length === 0) return call.wrap(b.multiply(one, other), kind)
  if (y.shape.length <= 2) {
    if (x.shape.length <= 2) return call.wrap(b.matmul(one, other), kind)
    const flat = b.reshape(one, { shape: [-1, x.shape[x.shape.length - 1]] })
    const product = b.matmul(flat, other)
    return call.wrap(b.reshape(product, { shape: [...x.shape.slice(0, -1), ...y.shape.slice(1)] }), kind)
  }
  return tensordot(call, x, y, [x.shape.length - 1], [y.shape.length - 2])
}

function tensordot(
  call: Call,
  x: NdArray,
  y: NdArray,
  left: readonly number[],
  right: readonly number[],
): NdArray {
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  const [i, j] = [
    left.map((axis) => normalizeAxis(axis, x.shape.length)),
    right.map((axis) => normalizeAxis(axis, y.shape.length)),
  ]
  const ofX = [...letters.slice(0, x.shape.length)]
  const ofY = [...letters.slice(x.shape.length, x.shape.length + y.shape.length)]
  for (const [k, axis] of j.entries()) ofY[axis] = ofX[i[k]]
  const rest = [...ofX.filter((_, axis) => !i.includes(axis)), ...ofY.filter((_, axis) => !j.includes(axis))]
  const { b } = call.tracer
  return call.wrap(
    b.einsum(
      `${ofX.join('')},${ofY.join('')}->${rest.join('')}`,
      nodeOf(call.tracer, x),
      nodeOf(call.tracer, y),
    ),
    kindOfAll([x, y]),
  )
}

/** Zeros, or copies of the ends, around an array. */
function pad(call: Call): Value {
  const array = call.array(0, 'array')
  const given = call.get(1, 'pad_width')
  const mode = call.get(2, 'mode')
  if (mode !== undefined && mode !== 'constant')
    return call.refuse(`padding by ${describe(mode)} is not understood`)
  const widths = readWidths(call, given ?? null, array.shape.length)
  call.fitting(array.shape.map((length, axis) => length + widths[axis][0] + widths[axis][1]))
  const value = plainNumber(call.get(3, 'constant_values') ?? 0n) ?? 0
  const { b } = call.tracer
  let node = nodeOf(call.tracer, array)
  for (const [axis, [before, after]] of widths.entries()) {
    if (before > 0 || after > 0) node = b.pad(node, { axis, before, after })
  }
  if (value !== 0) {
    let inside = b.constant({
      shape: [...array.shape],
      data: new Float64Array(array.size).fill(value),
      dtype: 'float64',
    })
    for (const [axis, [before, after]] of widths.entries()) inside = b.pad(inside, { axis, before, after })
    node = b.add(node, b.subtract(value, inside))
  }
  return call.wrap(node, array.kind)
}

function readWidths(call: Call, given: Value, rank: number): [number, number][] {
  if (!(given instanceof PyTuple) && !(given instanceof PyList)) {
    const width = call.integer(given)
    return Array.from({ length: rank }, () => [width, width])
  }
  const rows = given.items.map((item) => call.integers(item) ?? [])
  if (rows.every((row) => row.length === 1) && rows.length === 2 && !(given.items[0] instanceof PyTuple)) {
    return Array.from({ length: rank }, () => [rows[0][0], rows[1][0]])
  }
  const pairs = rows.map((row): [number, number] => [row[0], row[row.length - 1]])
  return pairs.length === 1 ? Array.from({ length: rank }, () => pairs[0]) : pairs
}

function tile(call: Call): Value {
  const counts = call.integers(call.get(1, 'reps')) ?? []
  let array = call.array(0, 'A')
  while (array.shape.length < counts.length) array = expandDims(array, [0])
  const all = [...new Array<number>(array.shape.length - counts.length).fill(1), ...counts]
  call.fitting(all.map((count, axis) => count * array.shape[axis]))
  let offsets = array
  for (const [axis, count] of all.entries()) {
    const indices = Array.from({ length: count * offsets.shape[axis] }, (_, k) => k % offsets.shape[axis])
    offsets = call.wrap(call.tracer.b.take(nodeOf(call.tracer, offsets), { axis, indices }), array.kind)
  }
  return offsets
}

/** Functions of NumPy. */
export const NUMPY: Readonly<Record<string, Body>> = {
  ...Object.fromEntries(
    Object.entries(ELEMENTWISE).map(([name, method]): [string, Body] => [
      name,
      (call) => {
        const make = call.tracer.b[method] as (x: NodeLike) => Node
        const array = call.array(0, 'x', 'input')
        const keeps = ['abs', 'absolute', 'sign', 'negative', 'square'].includes(name)
        return call.wrap(make(nodeOf(call.tracer, array)), keeps ? array.kind : 'f')
      },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(BINARY).map(([name, operator]): [string, Body] => [
      name,
      (call) => call.interpreter.binary(operator, call.array(0, 'x1'), call.array(1, 'x2'), call.place),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(COMPARISONS).map(([name, operator]): [string, Body] => [
      name,
      (call) => call.interpreter.compare(operator, call.array(0), call.array(1), call.place),
    ]),
  ),
  ...Object.fromEntries(Object.keys(REDUCTIONS).map((name): [string, Body] => [name, reduction(name)])),
  maximum: (call) =>
    call.wrap(call.tracer.b.maximum(call.node(0), call.node(1)), kindOfAll([call.array(0), call.array(1)])),
  minimum: (call) =>
    call.wrap(call.tracer.b.minimum(call.node(0), call.node(1)), kindOfAll([call.array(0), call.array(1)])),
  logaddexp: (call) => call.wrap(call.tracer.b.logAddExp(call.node(0), call.node(1)), 'f'),
  hypot: (call) => call.wrap(call.tracer.b.hypot(call.node(0), call.node(1)), 'f'),
  logical_not: (call) => call.wrap(call.tracer.b.equal(call.node(0), 0), 'b'),
  nan_to_num: (call) => {
    const array = call.array(0)
    if (array.numbers.every((value) => Math.abs(value) < INFINITE)) return array
    return call.refuse('what is no number, or infinite, is replaced')
  },
  where(call) {
    if (call.given.plain.length === 1) {
      const array = call.array(0)
      const places = Array.from(array.numbers).flatMap((value, k) => (value === 0 ? [] : [k]))
      const strides = array.shape.map((_, axis) => elementCount(array.shape.slice(axis + 1)))
      return new PyTuple(
        array.shape.map((length, axis) =>
          call.constant(
            [places.length],
            places.map((k) => Math.floor(k / strides[axis]) % length),
            'i',
          ),
        ),
      )
    }
    const condition = call.array(0, 'condition')
    const [x, y] = [call.array(1, 'x', 'input'), call.array(2, 'y', 'other')]
    const { b } = call.tracer
    const holds =
      condition.kind === 'b' ? nodeOf(call.tracer, condition) : b.notEqual(nodeOf(call.tracer, condition), 0)
    return call.wrap(b.where(holds, nodeOf(call.tracer, x), nodeOf(call.tracer, y)), kindOfAll([x, y]))
  },
  clip(call) {
    const array = call.array(0)
    const [low, high] = [call.get(1, 'a_min', 'min'), call.get(2, 'a_max', 'max')]
    const { b } = call.tracer
    let node = nodeOf(call.tracer, array)
    if (low !== undefined && low !== null)
      node = b.maximum(node, nodeOf(call.tracer, call.interpreter.toArray(low, call.place)))
    if (high !== undefined && high !== null)
      node = b.minimum(node, nodeOf(call.tracer, call.interpreter.toArray(high, call.place)))
    return call.wrap(node, array.kind)
  },
  var: (call) => spreadOf(call, 'variance'),
  std: (call) => spreadOf(call, 'std'),
  argmax: argument(1),
  argmin: argument(-1),
  dot: (call) => dot(call, call.array(0, 'a'), call.array(1, 'b')),
  matmul: (call) =>
    call.wrap(call.tracer.b.matmul(call.node(0), call.node(1)), kindOfAll([call.array(0), call.array(1)])),
  inner: (call) => tensordot(call, call.array(0), call.array(1), [-1], [-1]),
  vdot: (call) => call.wrap(call.tracer.b.sum(call.tracer.b.multiply(call.node(0), call.node(1))), 'f'),
  outer: (call) =>
    call.wrap(call.tracer.b.outer(call.node(0), call.node(1)), kindOfAll([call.array(0), call.array(1)])),
  einsum(call) {
    const [subscripts, ...others] = call.given.plain
    const arrays = others.map((value) => call.interpreter.toArray(value, call.place))
    return call.wrap(
      call.tracer.b.einsum(String(subscripts), ...arrays.map((array) => nodeOf(call.tracer, array))),
      kindOfAll(arrays),
    )
  },
  tensordot(call) {
    const [x, y] = [call.array(0), call.array(1)]
    const axes = call.get(2, 'axes') ?? 2n
    if (axes instanceof PyTuple || axes instanceof PyList) {
      const [left, right] = axes.items.map((item) => call.integers(item) ?? [])
      return tensordot(call, x, y, left, right)
    }
    const count = call.integer(axes)
    const left = Array.from({ length: count }, (_, k) => x.shape.length - count + k)
    return tensordot(
      call,
      x,
      y,
      left,
      left.map((_, k) => k),
    )
  },
  zeros: filled(0),
  ones: filled(1),
  empty: filled(0),
  zeros_like: filledLike(0),
  ones_like: filledLike(1),
  empty_like: filledLike(0),
  full(call) {
    const shape = call.fitting(shapeOf(call, 0))
    const value = call.array(1, 'fill_value')
    return copied(call, broadcastTo(value, shape), kindFrom(call, value.kind))
  },
  full_like: (call) =>
    copied(
      call,
      broadcastTo(call.array(1, 'fill_value'), call.array(0).shape),
      kindFrom(call, call.array(0).kind),
    ),
  arange(call) {
    const numbers = call.given.plain.map((value) => plainNumber(value) ?? Number.NaN)
    const [start, stop, step = 1] = numbers.length === 1 ? [0, numbers[0]] : numbers
    const count = Math.max(0, Math.ceil((stop - start) / step))
    if (!Number.isFinite(count)) return call.refuse('a bound of arange depends on the parameters')
    call.fitting([count])
    const isWhole = call.given.plain.every((value) => typeof value === 'bigint')
    return call.constant(
      [count],
      Array.from({ length: count }, (_, k) => start + k * step),
      kindFrom(call, isWhole ? 'i' : 'f'),
    )
  },
  array: (call) => {
    const made = copied(call, call.array(0), kindFrom(call, call.array(0).kind, 1))
    return made instanceof NdArray ? markArray(made) : made
  },
  asarray: (call) => {
    const array = call.array(0)
    const kind = kindFrom(call, array.kind, 1)
    const made = kind === array.kind ? array : copied(call, array, kind)
    return made instanceof NdArray ? markArray(made) : made
  },
  ascontiguousarray: (call) => {
    const array = call.array(0)
    return array.positions === undefined ? array : copied(call, array)
  },
  copy: (call) => copied(call, call.array(0)),
  // numbers are real here
  real: (call) => call.array(0),
  reshape: (call) => reshape(call, call.array(0, 'a'), shapeFrom(call, 1)),
  ravel: (call) => reshape(call, call.array(0), [-1]),
  transpose: (call) => transposeBy(call.array(0), call.integers(call.get(1, 'axes'))),
  swapaxes: (call) =>
    swapAxes(call.array(0), call.integer(call.get(1) ?? null), call.integer(call.get(2) ?? null)),
  moveaxis(call) {
    const array = call.array(0)
    const rank = array.shape.length
    const [from, to] = [1, 2].map((k) =>
      (call.integers(call.get(k)) ?? []).map((axis) => normalizeAxis(axis, rank)),
    )
    const order = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !from.includes(axis))
    for (const [k, place] of [...to.entries()].sort(([, one], [, other]) => one - other))
      order.splice(place, 0, from[k])
    return transposed(array, order)
  },
  rollaxis(call) {
    const array = call.array(0)
    const axis = normalizeAxis(call.integer(call.get(1) ?? null), array.shape.length)
    const order = array.shape.map((_, k) => k).filter((k) => k !== axis)
    order.splice(call.integer(call.get(2, 'start') ?? 0n), 0, axis)
    return transposed(array, order)
  },
  squeeze: (call) => squeeze(call.array(0), call.integers(call.get(1, 'axis'))),
  expand_dims: (call) => expandDims(call.array(0), call.integers(call.get(1, 'axis')) ?? [0]),
  atleast_2d: (call) => {
    const array = call.array(0)
    return array.shape.length >= 2 ? array : reshaped(array, [1, array.size])
  },
  broadcast_to: (call) => broadcastTo(call.array(0), call.fitting(call.integers(call.get(1, 'shape')) ?? [])),
  concatenate: (call) => concatenate(call, arraysIn(call, 0), call.integer(call.get(1, 'axis', 'dim') ?? 0n)),
  stack(call) {
    const arrays = arraysIn(call, 0)
    const axis = call.integer(call.get(1, 'axis', 'dim') ?? 0n)
    return call.wrap(
      call.tracer.b.stack(
        arrays.map((array) => nodeOf(call.tracer, array)),
        { axis },
      ),
      kindOfAll(arrays),
    )
  },
  hstack: (call) => {
    const arrays = arraysIn(call, 0).map((array) => (array.shape.length === 0 ? reshaped(array, [1]) : array))
    return concatenate(call, arrays, arrays[0].shape.length === 1 ? 0 : 1)
  },
  vstack: (call) =>
    concatenate(
      call,
      arraysIn(call, 0).map((array) => (array.shape.length < 2 ? reshaped(array, [1, array.size]) : array)),
      0,
    ),
  column_stack: (call) =>
    concatenate(
      call,
      arraysIn(call, 0).map((array) => (array.shape.length === 1 ? reshaped(array, [array.size, 1]) : array)),
      1,
    ),
  append(call) {
    const [array, values] = [call.array(0), call.array(1)]
    const axis = call.get(2, 'axis')
    if (axis !== undefined && axis !== null) return concatenate(call, [array, values], call.integer(axis))
    return concatenate(call, [reshape(call, array, [-1]), reshape(call, values, [-1])], 0)
  },
  split: (call) => splitAlong(call, call.integer(call.get(2, 'axis') ?? 0n)),
  array_split: (call) => splitAlong(call, call.integer(call.get(2, 'axis') ?? 0n)),
  hsplit: (call) => splitAlong(call, 1),
  vsplit: (call) => splitAlong(call, 0),
  pad,
  repeat(call) {
    const count = call.integer(call.get(1, 'repeats') ?? null)
    const axis = call.get(2, 'axis')
    const array = axis === undefined || axis === null ? reshape(call, call.array(0), [-1]) : call.array(0)
    call.fitting([count, array.size])
    return call.wrap(
      call.tracer.b.repeat(nodeOf(call.tracer, array), {
        count,
        axis: axis === undefined || axis === null ? 0 : call.integer(axis),
      }),
      array.kind,
    )
  },
  tile,
  flip: (call) => {
    const axes = call.integers(call.get(1, 'axis'))
    return call.wrap(call.tracer.b.flip(call.node(0), axes === undefined ? {} : { axes }), call.array(0).kind)
  },
  roll: (call) => {
    if (call.get(2, 'axis') === undefined)
      return call.refuse('a roll of all axes as one', 'say along which axis')
    const shift = call.integer(call.get(1, 'shift') ?? null)
    const axis = call.integer(call.get(2, 'axis') ?? null)
    return call.wrap(call.tracer.b.roll(call.node(0), { shift, axis }), call.array(0).kind)
  },
  tril: (call) =>
    call.wrap(
      call.tracer.b.tril(call.node(0), { diagonal: call.integer(call.get(1, 'k', 'diagonal') ?? 0n) }),
      call.array(0).kind,
    ),
  triu: (call) =>
    call.wrap(
      call.tracer.b.triu(call.node(0), { diagonal: call.integer(call.get(1, 'k', 'diagonal') ?? 0n) }),
      call.array(0).kind,
    ),
  take: (call) => {
    const axis = call.get(2, 'axis')
    const array = axis === undefined || axis === null ? reshape(call, call.array(0), [-1]) : call.array(0)
    const at = axis === undefined || axis === null ? 0 : normalizeAxis(call.integer(axis), array.shape.length)
    const index = array.shape.map((_, k) => (k === at ? call.array(1) : new PySlice(null, null, null)))
    return call.interpreter.index(array, new PyTuple(index), call.place)
  },
  take_along_axis(call) {
    const [array, indices] = [call.array(0), call.array(1)]
    const axis = normalizeAxis(call.integer(call.get(2, 'axis') ?? null), array.shape.length)
    const index = array.shape.map((_, k) => {
      if (k === axis) return indices
      const shape = array.shape.map((length, other) => (other === k ? length : 1))
      return call.constant(
        shape,
        Array.from({ length: array.shape[k] }, (_, i) => i),
        'i',
      )
    })
    return call.interpreter.index(array, new PyTuple(index), call.place)
  },
  cumsum(call) {
    const axis = call.get(1, 'axis')
    const array = axis === undefined || axis === null ? reshape(call, call.array(0), [-1]) : call.array(0)
    return call.wrap(
      call.tracer.b.cumsum(nodeOf(call.tracer, array), {
        axis: axis === undefined || axis === null ? 0 : call.integer(axis),
      }),
      array.kind,
    )
  },
  diag(call) {
    const array = call.array(0)
    if (array.shape.length === 2) {
      const n = Math.min(...array.shape)
      const list = call.constant(
        [n],
        Array.from({ length: n }, (_, k) => k),
        'i',
      )
      return call.interpreter.index(array, new PyTuple([list, list]), call.place)
    }
    return call.wrap(
      call.tracer.b.multiply(
        call.tracer.b.reshape(nodeOf(call.tracer, array), { shape: [array.size, 1] }),
        identity(array.size),
      ),
      array.kind,
    )
  },
  trace: (call) => {
    const array = call.array(0)
    return call.wrap(
      call.tracer.b.sum(call.tracer.b.multiply(nodeOf(call.tracer, array), identity(array.shape[0]))),
      array.kind,
    )
  },
  all: (call) => extremeOf(call, 'min'),
  any: (call) => extremeOf(call, 'max'),
  count_nonzero: (call) => call.wrap(call.tracer.b.sum(call.tracer.b.notEqual(call.node(0), 0)), 'i'),
  allclose: (call) => areClose(call, 1e-5, 1e-8),
  array_equal: (call) => areClose(call, 0, 0),
  shape: (call) => shapeTuple(call.array(0)),
  size: (call) => BigInt(call.array(0).size),
  ndim: (call) => BigInt(call.array(0).shape.length),
  'linalg.norm': (call) => norm(call),
  'add.at': (call) => {
    const array = call.array(0)
    const index = call.get(1) ?? null
    const positions = call.interpreter.index(
      call.constant(
        array.shape,
        Array.from({ length: array.size }, (_, k) => k),
        'i',
      ),
      index,
      call.place,
    )
    if (!(positions instanceof NdArray)) return call.refuse('these indices are not understood')
    const { b } = call.tracer
    const values = nodeOf(call.tracer, broadcastTo(call.array(2), positions.shape))
    const sums = b.scatterAdd(b.reshape(values, { shape: [positions.size] }), {
      axis: 0,
      indices: Array.from(positions.numbers),
      size: array.size,
    })
    const sum = b.add(nodeOf(call.tracer, array), b.reshape(sums, { shape: array.shape }))
    call.interpreter.store(array, new Ellipsis(), call.wrap(sum, 'f'), call.place)
    return null
  },
  'lib.stride_tricks.sliding_window_view': (call) => slidingWindows(call),
  'lib.stride_tricks.as_strided': (call) => strided(call),
}

const identity = (n: number): Tensor => ({
  shape: [n, n],
  data: Float64Array.from({ length: n * n }, (_, k) => (Math.floor(k / n) === k % n ? 1 : 0)),
  dtype: 'float64',
})

function spreadOf(call: Call, by: 'variance' | 'std'): NdArray {
  const given = call.get(99, 'ddof', 'correction')
  const correction = given === undefined ? 0 : call.integer(given)
  return call.wrap(call.tracer.b[by](call.node(0, 'a'), { ...reductionOf(call, 1), correction }), 'f')
}

function extremeOf(call: Call, by: 'min' | 'max'): NdArray {
  const holds = call.tracer.b.notEqual(call.node(0), 0)
  return call.wrap(call.tracer.b[by](holds, reductionOf(call, 1)), 'b')
}

/** Whether two arrays have the same numbers at the given point, nearly. */
function areClose(call: Call, relative: number, absolute: number): boolean {
  const [x, y] = [call.array(0), call.array(1)]
  if (relative === 0 && formatShape(x.shape) !== formatShape(y.shape)) return false
  const shape = broadcastShapes([x.shape, y.shape])
  const [a, b] = [x, y].map((array) => broadcastTo(array, shape).numbers)
  return a.every((value, k) => Math.abs(value - b[k]) <= absolute + relative * Math.abs(b[k]))
}

export const shapeTuple = ({ shape }: NdArray) => new PyTuple(shape.map(BigInt))

function norm(call: Call): Value {
  const order = call.get(1, 'ord')
  const axes = call.integers(call.get(2, 'axis'))
  const isMatrix = axes === undefined ? call.array(0).shape.length === 2 : axes.length === 2
  if (isMatrix && order !== undefined && order !== null && order !== 'fro') {
    return call.refuse('norms of matrices but that of Frobenius are not understood')
  }
  const number = order === undefined || order === null || order === 'fro' ? 2 : call.integer(order)
  return call.wrap(
    call.tracer.b.norm(call.node(0), {
      order: number,
      keepDims: call.flag('keepdims'),
      ...(axes === undefined ? {} : { axes }),
    }),
    'f',
  )
}

function splitAlong(call: Call, axis: number): Value {
  const array = call.array(0)
  const given = call.get(1) ?? null
  const length = array.shape[normalizeAxis(axis, array.shape.length)]
  if (typeof given === 'bigint') {
    const count = Number(given)
    return parts(
      call,
      array,
      Array.from({ length: count - 1 }, (_, k) => ((k + 1) * length) / count),
      axis,
    )
  }
  return parts(call, array, call.integers(given) ?? [], axis)
}

function slidingWindows(call: Call): Value {
  const array = call.array(0)
  const window = call.integers(call.get(1, 'window_shape')) ?? []
  const axes = (call.integers(call.get(2, 'axis')) ?? array.shape.map((_, axis) => axis)).map((axis) =>
    normalizeAxis(axis, array.shape.length),
  )
  const strides = array.shape.map((_, axis) => elementCount(array.shape.slice(axis + 1)))
  const shape = array.shape.map((length, axis) =>
    axes.includes(axis) ? length - window[axes.indexOf(axis)] + 1 : length,
  )
  return viewed(
    array,
    [...shape, ...window],
    listOffsets([...shape, ...window], [...strides, ...axes.map((axis) => strides[axis])]),
  )
}

/** A look at an array by strides in bytes, eight for a number. */
function strided(call: Call): Value {
  const array = call.array(0)
  const shape = call.integers(call.get(1, 'shape')) ?? array.shape
  const strides = call.integers(call.get(2, 'strides'))
  if (strides === undefined) return array
  if (array.positions !== undefined) {
    return call.refuse('strides of an array that is a view are not understood', 'copy it first')
  }
  const offsets = listOffsets(
    shape,
    strides.map((stride) => stride / 8),
  )
  if (offsets.some((offset) => !(offset >= 0 && offset < array.size))) {
    throw new ShapeMismatch('strides lead out of the array')
  }
  return viewed(array, shape, offsets)
}
