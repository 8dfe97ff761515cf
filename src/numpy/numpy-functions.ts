import type { Builder, Node, NodeLike } from '../program/builder.js'
import {
  broadcastShapes,
  broadcastStrides,
  listOffsets,
  normalizeAxis,
  ShapeMismatch,
} from '../program/shapes.js'
import { elementCount, formatShape, type Tensor } from '../tensor.js'
import { arrayOf, type Kind, NdArray, nodeOf, reshaped, type Tracer, transposed, viewed } from './arrays.js'
import type { Interpreter } from './interpreter.js'
import {
  Ellipsis,
  type Given,
  Native,
  type Place,
  PyClass,
  PyDict,
  PyFunction,
  PyInstance,
  PyList,
  PySet,
  PySlice,
  PyTuple,
  Unknown,
  type Value,
} from './values.js'

/** Stands for infinity, which no value of a program may be. */
const INFINITE = 1e300
/** Elements of an array that code makes from nothing. */
const MOST_ELEMENTS = 2e7

/** A call of a function that is known here. */
class Call {
  /** Names of arguments that were looked at. */
  readonly read = new Set<string>()

  constructor(
    readonly interpreter: Interpreter,
    readonly tracer: Tracer,
    readonly given: Given,
    readonly place: Place,
  ) {}

  /** An argument by its position, or by one of its names. */
  get(position: number, ...names: string[]): Value | undefined {
    for (const name of names) this.read.add(name)
    for (const name of names) if (this.given.named.has(name)) return this.given.named.get(name)
    return this.given.plain[position]
  }

  array(position: number, ...names: string[]): NdArray {
    const value = this.get(position, ...names)
    if (value === undefined) throw new ShapeMismatch(`argument ${position + 1} is missing`)
    return this.interpreter.toArray(value, this.place)
  }

  node(position: number, ...names: string[]): Node {
    return nodeOf(this.tracer, this.array(position, ...names))
  }

  integer(value: Value): number {
    return this.interpreter.integer(value, this.place)
  }

  /** A whole number, or a list of them; undefined where nothing is said. */
  integers(value: Value | undefined): number[] | undefined {
    if (value === undefined || value === null) return undefined
    const isList =
      value instanceof PyTuple ||
      value instanceof PyList ||
      (value instanceof NdArray && value.shape.length === 1)
    if (isList) return this.interpreter.iterate(value, this.place).map((item) => this.integer(item))
    return [this.integer(value)]
  }

  flag(...names: string[]): boolean {
    const value = this.get(99, ...names)
    return value !== undefined && this.interpreter.truth(value, this.place)
  }

  wrap(node: Node, kind: Kind): NdArray {
    return arrayOf(this.tracer, node, kind)
  }

  /** Refuses an array that is larger than what is followed. */
  fitting(shape: readonly number[]): readonly number[] {
    const negative = shape.find((length) => length < 0)
    if (negative !== undefined) throw new ShapeMismatch(`${negative} is no length`)
    if (elementCount(shape) <= MOST_ELEMENTS) return shape
    throw new ShapeMismatch(`an array of shape ${formatShape(shape)} is too large`)
  }

  constant(shape: readonly number[], data: ArrayLike<number>, kind: Kind): NdArray {
    const numbers: Tensor = { shape: [...shape], data: Float64Array.from(data), dtype: 'float64' }
    return this.wrap(this.tracer.b.constant(numbers), kind)
  }

  /** An argument that is named and was not looked at is not understood. */
  unread(): Unknown | undefined {
    const other = [...this.given.named.keys()].find(
      (key) => !this.read.has(key) && !HARMLESS_ARGUMENTS.has(key),
    )
    return other === undefined ? undefined : this.refuse(`the argument ${other} is not understood here`)
  }

  /** What is not understood. */
  refuse(what: string, fix?: string): Unknown {
    return new Unknown(what, this.place, fix ?? 'docs/forward.md lists what is')
  }
}

type Body = (call: Call) => Value

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

function reductionOf(call: Call, from: number): { axes?: number[]; keepDims: boolean } {
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

function reduction(name: string): Body {
  const { by, kind } = REDUCTIONS[name]
  return (call) => {
    const array = call.array(0, 'a', 'input', 'x')
    const own = array.kind === 'b' ? 'i' : array.kind
    return call.wrap(
      call.tracer.b[by](nodeOf(call.tracer, array), reductionOf(call, 1)),
      kind === 'same' ? own : kind,
    )
  }
}

/** Where the greatest or least is: it does not change but in jumps. */
function argument(sign: number): Body {
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
function shapeFrom(call: Call, from: number): number[] {
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
function kindOf(dtype: Value): Kind {
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
function reshape(call: Call, array: NdArray, given: readonly number[]): NdArray {
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
const elementsAs = (call: Call, array: NdArray, shape: readonly number[]) =>
  call.tracer.b.reshape(nodeOf(call.tracer, array), { shape })

function broadcastTo(array: NdArray, shape: readonly number[]): NdArray {
  return viewed(array, shape, listOffsets(shape, broadcastStrides(array.shape, shape)))
}

function expandDims(array: NdArray, axes: readonly number[]): NdArray {
  const rank = array.shape.length + axes.length
  const added = new Set(axes.map((axis) => normalizeAxis(axis, rank)))
  let next = 0
  return reshaped(
    array,
    Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : array.shape[next++])),
  )
}

function squeeze(array: NdArray, axes: readonly number[] | undefined): NdArray {
  const gone = axes?.map((axis) => normalizeAxis(axis, array.shape.length))
  return reshaped(
    array,
    array.shape.filter((length, axis) => length !== 1 || (gone !== undefined && !gone.includes(axis))),
  )
}

function transposeBy(array: NdArray, axes: readonly number[] | undefined): NdArray {
  const rank = array.shape.length
  return transposed(
    array,
    axes?.map((axis) => normalizeAxis(axis, rank)) ?? Array.from({ length: rank }, (_, k) => rank - 1 - k),
  )
}

function swapAxes(array: NdArray, one: number, other: number): NdArray {
  const rank = array.shape.length
  const [i, j] = [normalizeAxis(one, rank), normalizeAxis(other, rank)]
  return transposed(
    array,
    Array.from({ length: rank }, (_, axis) => (axis === i ? j : axis === j ? i : axis)),
  )
}

/** An array of its own; whole numbers and truth values are made as NumPy makes them. */
function copied(call: Call, array: NdArray, kind = array.kind): Value {
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

const arraysIn = (call: Call, position: number): NdArray[] =>
  call.interpreter
    .iterate(call.get(position) ?? null, call.place)
    .map((item) => call.interpreter.toArray(item, call.place))

const kindOfAll = (arrays: readonly NdArray[]): Kind =>
  arrays.some(({ kind }) => kind === 'f') ? 'f' : arrays.some(({ kind }) => kind === 'i') ? 'i' : 'b'

function concatenate(call: Call, arrays: readonly NdArray[], axis: number): NdArray {
  if (arrays.length === 0) throw new ShapeMismatch('there is nothing to put together')
  const nodes = arrays.map((array) => nodeOf(call.tracer, array))
  return call.wrap(call.tracer.b.concatenate(nodes, { axis }), kindOfAll(arrays))
}

/** Parts of an axis, each a view. */
function parts(call: Call, array: NdArray, bounds: readonly number[], axis: number): PyList {
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
    return call.refuse(`padding by ${call.interpreter.format(mode, '')} is not understood`)
  const widths = readWidths(call, given ?? null, array.shape.length)
  call.fitting(array.shape.map((length, axis) => length + widths[axis][0] + widths[axis][1]))
  const value = call.interpreter.plainNumber(call.get(3, 'constant_values') ?? 0n) ?? 0
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
const NUMPY: Readonly<Record<string, Body>> = {
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
  isnan: (call) => filledLikeKind(call, 0, 'b'),
  isinf: (call) => filledLikeKind(call, 0, 'b'),
  isfinite: (call) => filledLikeKind(call, 1, 'b'),
  nan_to_num: (call) => call.array(0),
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
    const numbers = call.given.plain.map((value) => call.interpreter.plainNumber(value) ?? Number.NaN)
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
  linspace(call) {
    const [start, stop, count = 50] = call.given.plain.map(
      (value) => call.interpreter.plainNumber(value) ?? Number.NaN,
    )
    call.fitting([count])
    return call.constant(
      [count],
      Array.from({ length: count }, (_, k) => start + ((stop - start) * k) / (count - 1)),
      'f',
    )
  },
  eye(call) {
    const n = call.integer(call.get(0, 'N') ?? null)
    const m = call.integer(call.get(1, 'M') ?? BigInt(n))
    call.fitting([n, m])
    return call.constant(
      [n, m],
      Array.from({ length: n * m }, (_, k) => (Math.floor(k / m) === k % m ? 1 : 0)),
      kindFrom(call, 'f'),
    )
  },
  array: (call) => copied(call, call.array(0), kindFrom(call, call.array(0).kind, 1)),
  asarray: (call) => call.array(0),
  ascontiguousarray: (call) => {
    const array = call.array(0)
    return array.positions === undefined ? array : copied(call, array)
  },
  copy: (call) => copied(call, call.array(0)),
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
  tri(call) {
    const n = call.integer(call.get(0) ?? null)
    call.fitting([n, n])
    return call.constant(
      [n, n],
      Array.from({ length: n * n }, (_, k) => (k % n <= Math.floor(k / n) ? 1 : 0)),
      'f',
    )
  },
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

function filledLikeKind(call: Call, value: number, kind: Kind): NdArray {
  const { shape } = call.array(0)
  return call.constant(shape, new Float64Array(elementCount(shape)).fill(value), kind)
}

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

const shapeTuple = ({ shape }: NdArray) => new PyTuple(shape.map(BigInt))

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

/** What stands for a type in `astype` and `dtype`. */
const TYPES = [
  'float64',
  'float32',
  'float16',
  'float',
  'int64',
  'int32',
  'int8',
  'uint8',
  'int_',
  'bool_',
  'double',
  'long',
]

/** Makes a function of Python or of a module. */
export type MakeNative = (name: string, body: Body) => Native

/** Everything that a name of Python, NumPy or math stands for. */
export function listNatives(interpreterOf: () => Interpreter, tracer: Tracer): Map<string, Value> {
  const natives = new Map<string, Value>()
  const make: MakeNative = (name, body) =>
    new Native(name, (given, place) => {
      const unknown = [...given.plain, ...given.named.values()].find(
        (value): value is Unknown => value instanceof Unknown,
      )
      // what is printed or measured may be anything
      if (unknown !== undefined && !TAKES_UNKNOWN.has(name)) return unknown
      const call = new Call(interpreterOf(), tracer, given, place)
      const value = body(call)
      const other = [...given.named.keys()].find((key) => !call.read.has(key) && !HARMLESS_ARGUMENTS.has(key))
      if (other === undefined || TAKES_NAMES.has(name)) return value
      return new Unknown(
        `the argument ${other} of ${name} is not understood`,
        place,
        'docs/forward.md lists what is',
      )
    })
  for (const [name, body] of Object.entries(NUMPY)) natives.set(`numpy.${name}`, make(name, body))
  for (const [name, body] of Object.entries(NUMPY))
    if (name.startsWith('lib.')) natives.set(`numpy.${name}`, make(name, body))
  for (const prefix of ['linalg', 'add', 'lib', 'lib.stride_tricks']) natives.set(`numpy.${prefix}.`, null)
  for (const type of TYPES) {
    const cast = make(type, (call) => copied(call, call.array(0), kindOf(type)))
    natives.set(`numpy.${type}`, cast)
    natives.set(`torch.${type}`, cast)
  }
  natives.set(
    'numpy.ndarray',
    make('ndarray', (call) => call.array(0)),
  )
  for (const [name, value] of Object.entries({ pi: Math.PI, e: Math.E, inf: INFINITE })) {
    natives.set(`numpy.${name}`, value)
    natives.set(`math.${name}`, value)
  }
  natives.set('numpy.newaxis', null)
  natives.set(
    'numpy.errstate',
    make('errstate', () => null),
  )
  natives.set(
    'numpy.seterr',
    make('seterr', () => null),
  )
  natives.set(
    'numpy.set_printoptions',
    make('set_printoptions', () => null),
  )
  natives.set('numpy.random.', null)
  for (const name of RANDOM) {
    natives.set(
      `numpy.random.${name}`,
      make(name, (call) =>
        name === 'seed'
          ? null
          : new Unknown(
              `np.random.${name} is random: the loss must be the same at every evaluation`,
              call.place,
              'save what it drew under the name that it is assigned to here, or switch it off',
              'random',
            ),
      ),
    )
  }
  for (const name of [
    'exp',
    'log',
    'sqrt',
    'sin',
    'cos',
    'tan',
    'tanh',
    'log2',
    'log10',
    'floor',
    'ceil',
    'erf',
    'fabs',
  ]) {
    natives.set(
      `math.${name}`,
      make(name, (call) => {
        if (call.given.plain.length > 1) return call.refuse(`math.${name} of two numbers is not understood`)
        const number = call.interpreter.plainNumber(call.given.plain[0])
        const f = Math[name as keyof Math] as ((x: number) => number) | undefined
        if (number !== undefined && f !== undefined) {
          const value = f(number)
          return name === 'floor' || name === 'ceil' ? BigInt(value) : value
        }
        return NUMPY[name](call)
      }),
    )
  }
  natives.set(
    'math.pow',
    make('pow', (call) =>
      call.interpreter.binary('**', call.given.plain[0], call.given.plain[1], call.place),
    ),
  )
  for (const [name, body] of Object.entries(BUILTINS)) natives.set(`builtins.${name}`, make(name, body))
  for (const [name, body] of Object.entries({ ...NUMPY, ...TORCH }))
    natives.set(`torch.${name}`, make(name, body))
  for (const [name, body] of Object.entries({ ...NUMPY, ...TORCH }))
    natives.set(`torch.nn.functional.${name}`, make(name, body))
  natives.set('torch.nn.', null)
  natives.set('torch.nn.functional.', null)
  return natives
}

const RANDOM = [
  'rand',
  'randn',
  'random',
  'normal',
  'uniform',
  'randint',
  'choice',
  'permutation',
  'shuffle',
  'seed',
  'binomial',
  'standard_normal',
  'RandomState',
  'default_rng',
  'random_sample',
]

/** Arguments that change no number. */
const HARMLESS_ARGUMENTS = new Set([
  'dtype',
  'copy',
  'casting',
  'optimize',
  'device',
  'requires_grad',
  'subok',
  'inplace',
])
/** Functions that take any names, or are of no effect. */
const TAKES_NAMES = new Set([
  'print',
  'dict',
  'OrderedDict',
  'errstate',
  'seterr',
  'set_printoptions',
  ...RANDOM,
])

const TAKES_UNKNOWN = new Set([
  'print',
  'isinstance',
  'hasattr',
  'callable',
  'type',
  'repr',
  'str',
  'dict',
  'list',
  'tuple',
  'zip',
  'setattr',
])

/** Kinds of values that isinstance tells. */
const KINDS = new Set(['int', 'float', 'str', 'list', 'tuple', 'dict', 'bool', 'ndarray', 'set', 'object'])

/** Python's own functions. */
const BUILTINS: Readonly<Record<string, Body>> = {
  print: () => null,
  len(call) {
    const [value] = call.given.plain
    if (value instanceof NdArray && value.shape.length > 0) return BigInt(value.shape[0])
    if (value instanceof PySet) return BigInt(value.entries.size)
    return BigInt(call.interpreter.iterate(value, call.place).length)
  },
  range(call) {
    const numbers = call.given.plain.map((value) => call.integer(value))
    const [start, stop, step = 1] = numbers.length === 1 ? [0, numbers[0]] : numbers
    const count = Math.max(0, Math.ceil((stop - start) / step))
    if (count > 2e6) return call.refuse(`a range of ${count} is too long`)
    return new PyList(Array.from({ length: count }, (_, k) => BigInt(start + k * step)))
  },
  xrange: (call) => BUILTINS.range(call),
  enumerate(call) {
    const start = call.get(1, 'start')
    const from = start === undefined ? 0 : call.integer(start)
    return new PyList(
      call.interpreter
        .iterate(call.given.plain[0], call.place)
        .map((item, k) => new PyTuple([BigInt(from + k), item])),
    )
  },
  zip(call) {
    const lists = call.given.plain.map((value) => call.interpreter.iterate(value, call.place))
    const count = Math.min(...lists.map(({ length }) => length))
    return new PyList(
      Array.from(
        { length: Number.isFinite(count) ? count : 0 },
        (_, k) => new PyTuple(lists.map((list) => list[k])),
      ),
    )
  },
  reversed: (call) => new PyList([...call.interpreter.iterate(call.given.plain[0], call.place)].reverse()),
  sorted(call) {
    const items = [...call.interpreter.iterate(call.given.plain[0], call.place)]
    const key = call.get(99, 'key')
    const of = (item: Value) =>
      key === undefined || key === null
        ? item
        : call.interpreter.call(key, { plain: [item], named: new Map() }, call.place)
    const keys = new Map(items.map((item, k) => [k, of(item)]))
    const order = items.map((_, k) => k)
    const sign = call.flag('reverse') ? -1 : 1
    order.sort(
      (one, other) => sign * call.interpreter.compareOrder(keys.get(one)!, keys.get(other)!, call.place),
    )
    return new PyList(order.map((k) => items[k]))
  },
  map(call) {
    const [f, ...lists] = call.given.plain
    const items = lists.map((list) => call.interpreter.iterate(list, call.place))
    return new PyList(
      items[0].map((_, k) =>
        call.interpreter.call(f, { plain: items.map((list) => list[k]), named: new Map() }, call.place),
      ),
    )
  },
  list: (call) =>
    new PyList(
      call.given.plain.length === 0 ? [] : [...call.interpreter.iterate(call.given.plain[0], call.place)],
    ),
  tuple: (call) =>
    new PyTuple(
      call.given.plain.length === 0 ? [] : call.interpreter.iterate(call.given.plain[0], call.place),
    ),
  set: (call) =>
    new PySet(call.given.plain.length === 0 ? [] : call.interpreter.iterate(call.given.plain[0], call.place)),
  dict(call) {
    const made = new PyDict()
    const [first] = call.given.plain
    if (first instanceof PyDict) for (const { key, value } of first.entries.values()) made.set(key, value)
    else if (first !== undefined) {
      for (const pair of call.interpreter.iterate(first, call.place)) {
        const [key, value] = call.interpreter.iterate(pair, call.place)
        made.set(key, value)
      }
    }
    for (const [key, value] of call.given.named) made.set(key, value)
    return made
  },
  sum(call) {
    const items = call.interpreter.iterate(call.given.plain[0], call.place)
    return items.reduce(
      (sum, item) => call.interpreter.binary('+', sum, item, call.place),
      call.given.plain[1] ?? 0n,
    )
  },
  max: (call) => best(call, '>'),
  min: (call) => best(call, '<'),
  abs(call) {
    const [value] = call.given.plain
    if (typeof value === 'bigint') return value < 0n ? -value : value
    return typeof value === 'number' ? Math.abs(value) : NUMPY.abs(call)
  },
  round: (call) => {
    const number = call.interpreter.plainNumber(call.given.plain[0])
    if (number === undefined || call.given.plain.length > 1)
      return call.refuse('rounding to digits, or of what depends on the parameters')
    const whole = Math.round(number)
    // halves to even ones
    return BigInt(Math.abs(number % 1) === 0.5 && whole % 2 !== 0 ? whole - 1 : whole)
  },
  int(call) {
    const [value] = call.given.plain
    const number = typeof value === 'string' ? Number(value) : call.interpreter.plainNumber(value)
    if (number === undefined || Number.isNaN(number)) {
      return call.refuse(
        'a whole number that depends on the parameters',
        'it must come from the data or the shapes',
      )
    }
    return BigInt(Math.trunc(number))
  },
  float(call) {
    const [value] = call.given.plain
    if (value instanceof NdArray) return call.wrap(elementsAs(call, value, []), 'f')
    if (typeof value === 'string') return readFloat(call, value)
    return call.interpreter.plainNumber(value) ?? value
  },
  bool: (call) => call.interpreter.truth(call.given.plain[0], call.place),
  str: (call) => call.interpreter.format(call.given.plain[0], ''),
  repr: (call) => call.interpreter.format(call.given.plain[0], ''),
  type: (call) => {
    const [value] = call.given.plain
    return value instanceof PyInstance && value.of !== undefined ? value.of : call.refuse('the type of this')
  },
  callable: (call) => {
    const [value] = call.given.plain
    if (value instanceof PyInstance) return value.of?.find('__call__') !== undefined
    return value instanceof PyFunction || value instanceof Native || value instanceof PyClass
  },
  any: (call) =>
    call.interpreter
      .iterate(call.given.plain[0], call.place)
      .some((item) => call.interpreter.truth(item, call.place)),
  all: (call) =>
    call.interpreter
      .iterate(call.given.plain[0], call.place)
      .every((item) => call.interpreter.truth(item, call.place)),
  isinstance(call) {
    const [value, of] = call.given.plain
    const kinds = of instanceof PyTuple ? of.items : [of]
    const unknown = kinds.find((kind): kind is Unknown => kind instanceof Unknown)
    if (unknown !== undefined) return unknown
    return kinds.some((kind) => {
      if (kind instanceof PyClass) return value instanceof PyInstance && isOf(value.of, kind)
      const name = kind instanceof Native ? kind.name : String(kind)
      if (value instanceof NdArray)
        return name === 'ndarray' || (name === 'float' && value.shape.length === 0)
      if (!KINDS.has(name)) throw new ShapeMismatch(`whether something is of kind ${name} is not understood`)
      return (
        (name === 'int' && (typeof value === 'bigint' || typeof value === 'boolean')) ||
        (name === 'float' && typeof value === 'number') ||
        (name === 'str' && typeof value === 'string') ||
        (name === 'list' && value instanceof PyList) ||
        (name === 'tuple' && value instanceof PyTuple) ||
        (name === 'dict' && value instanceof PyDict) ||
        (name === 'bool' && typeof value === 'boolean')
      )
    })
  },
  hasattr(call) {
    const found = call.interpreter.member(call.given.plain[0], String(call.given.plain[1]), call.place)
    return !(found instanceof Unknown)
  },
  getattr(call) {
    const found = call.interpreter.member(call.given.plain[0], String(call.given.plain[1]), call.place)
    return found instanceof Unknown && call.given.plain.length > 2 ? call.given.plain[2] : found
  },
  setattr(call) {
    const [object, name, value] = call.given.plain
    if (object instanceof PyInstance) object.attributes.set(String(name), value)
    return null
  },
  OrderedDict: (call) => BUILTINS.dict(call),
  slice: (call) => {
    const [a, b = null, c = null] = call.given.plain
    return call.given.plain.length === 1 ? new PySlice(null, a, null) : new PySlice(a, b, c)
  },
  object: () => new PyInstance(undefined),
}

/** A number that is written as a text. */
function readFloat(call: Call, text: string): Value {
  const plain = text.trim().toLowerCase()
  if (/^[+-]?inf(inity)?$/.test(plain)) return plain.startsWith('-') ? -INFINITE : INFINITE
  const number = Number(plain)
  return plain === '' || Number.isNaN(number)
    ? call.refuse(`"${text}" is no number that is followed`)
    : number
}

const isOf = (of: PyClass | undefined, kind: PyClass): boolean =>
  of === kind || (of?.bases.some((base) => isOf(base, kind)) ?? false)

function best(call: Call, operator: '>' | '<'): Value {
  const items =
    call.given.plain.length === 1
      ? call.interpreter.iterate(call.given.plain[0], call.place)
      : call.given.plain
  return items.reduce((one, other) => {
    if (one instanceof NdArray || other instanceof NdArray) {
      const { b } = call.tracer
      const [x, y] = [one, other].map((value) =>
        nodeOf(call.tracer, call.interpreter.toArray(value, call.place)),
      )
      return call.wrap(operator === '>' ? b.maximum(x, y) : b.minimum(x, y), 'f')
    }
    return call.interpreter.truth(call.interpreter.compare(operator, other, one, call.place), call.place)
      ? other
      : one
  })
}

/** What torch means by names that NumPy has too, and its own. */
const TORCH: Readonly<Record<string, Body>> = {
  tensor: (call) => copied(call, call.array(0)),
  cat: (call) => concatenate(call, arraysIn(call, 0), call.integer(call.get(1, 'dim', 'axis') ?? 0n)),
  // torch gives the places as well
  max: (call) => torchExtreme(call, 'max', 1),
  min: (call) => torchExtreme(call, 'min', -1),
  repeat: (call) => call.refuse('torch.repeat is not understood', 'write tile, or expand'),
  transpose: (call) =>
    swapAxes(call.array(0), call.integer(call.get(1) ?? null), call.integer(call.get(2) ?? null)),
  zeros: (call) => torchFilled(call, 0),
  ones: (call) => torchFilled(call, 1),
  split: (call) => call.refuse('torch.split is not understood', 'write chunk'),
  bmm: (call) => NUMPY.matmul(call),
  mm: (call) => NUMPY.matmul(call),
  var: (call) => torchSpread(call, 'variance'),
  std: (call) => torchSpread(call, 'std'),
  softmax: (call) => call.wrap(call.tracer.b.softmax(call.node(0, 'input'), axesOf(call)), 'f'),
  log_softmax: (call) => call.wrap(call.tracer.b.logSoftmax(call.node(0, 'input'), axesOf(call)), 'f'),
  no_grad: () => null,
  linear: (call) => {
    const bias = call.get(2, 'bias')
    const attributes =
      bias === undefined || bias === null
        ? {}
        : { bias: nodeOf(call.tracer, call.interpreter.toArray(bias, call.place)) }
    return call.wrap(call.tracer.b.linear(call.node(0), call.node(1), attributes), 'f')
  },
  layer_norm(call) {
    const count = (call.integers(call.get(1, 'normalized_shape')) ?? [0]).length
    const part = (position: number, name: string) => {
      const value = call.get(position, name)
      return value === undefined || value === null
        ? undefined
        : nodeOf(call.tracer, call.interpreter.toArray(value, call.place))
    }
    const [weight, bias] = [part(2, 'weight'), part(3, 'bias')]
    const epsilon = call.interpreter.plainNumber(call.get(4, 'eps') ?? 1e-5) ?? 1e-5
    return call.wrap(
      call.tracer.b.layerNorm(call.node(0), {
        axes: Array.from({ length: count }, (_, k) => k - count),
        epsilon,
        ...(weight === undefined ? {} : { weight }),
        ...(bias === undefined ? {} : { bias }),
      }),
      'f',
    )
  },
  mse_loss: (call) => call.wrap(call.tracer.b.mseLoss(call.node(0), call.node(1)), 'f'),
  cross_entropy: (call) =>
    call.wrap(call.tracer.b.crossEntropy(call.node(0), { classes: Array.from(call.array(1).numbers) }), 'f'),
  binary_cross_entropy_with_logits: (call) =>
    call.wrap(
      call.tracer.b.mean(call.tracer.b.binaryCrossEntropyWithLogits(call.node(0), call.node(1))),
      'f',
    ),
  leaky_relu: (call) => call.wrap(call.tracer.b.leakyRelu(call.node(0)), 'f'),
  embedding: (call) => call.interpreter.index(call.array(1), call.array(0), call.place),
}

function torchFilled(call: Call, value: number): Value {
  const shape = call.fitting(shapeFrom(call, 0))
  return call.constant(shape, new Float64Array(elementCount(shape)).fill(value), 'f')
}

function torchExtreme(call: Call, by: 'max' | 'min', sign: 1 | -1): Value {
  if (call.get(1, 'dim', 'axis') === undefined) return reduction(by)(call)
  return new PyTuple([reduction(by)(call), argument(sign)(call)])
}

function axesOf(call: Call): { axes?: number[] } {
  const axes = call.integers(call.get(1, 'dim', 'axis'))
  return axes === undefined ? {} : { axes }
}

/** torch divides by one less where it is not told otherwise. */
function torchSpread(call: Call, by: 'variance' | 'std'): NdArray {
  const unbiased = call.get(99, 'unbiased')
  const given = call.get(99, 'correction')
  const isBiased = unbiased !== undefined && !call.interpreter.truth(unbiased, call.place)
  const correction = given !== undefined ? call.integer(given) : isBiased ? 0 : 1
  return call.wrap(call.tracer.b[by](call.node(0), { ...reductionOf(call, 1), correction }), 'f')
}

/** Methods that are functions of the array they are called on. */
const METHODS = [
  'sum',
  'mean',
  'max',
  'min',
  'prod',
  'var',
  'std',
  'argmax',
  'argmin',
  'dot',
  'clip',
  'repeat',
  'take',
  'cumsum',
  'swapaxes',
  'all',
  'any',
  'trace',
  'exp',
  'log',
  'sqrt',
  'abs',
  'tanh',
  'sin',
  'cos',
  'sigmoid',
  'relu',
  'matmul',
  'mm',
  'bmm',
  'pow',
  'square',
  'copy',
  'add',
  'sub',
  'mul',
  'div',
  'softmax',
  'log_softmax',
  'roll',
  'tril',
  'triu',
  'floor',
  'sign',
]

/** An array's attribute, or its method. */
export function memberOfArray(
  array: NdArray,
  name: string,
  natives: ReadonlyMap<string, Value>,
  isTorch: () => boolean,
): Value | undefined {
  const method = (body: (given: Given, place: Place) => Value) => new Native(name, body)
  switch (name) {
    case 'T':
      return transposeBy(array, undefined)
    case 'mT':
      return swapAxes(array, -1, -2)
    case 'shape':
      return shapeTuple(array)
    case 'size':
      if (!isTorch()) return BigInt(array.size)
      return method(({ plain: [axis] }) =>
        axis === undefined
          ? shapeTuple(array)
          : BigInt(array.shape[normalizeAxis(Number(axis), array.shape.length)]),
      )
    case 'ndim':
      return BigInt(array.shape.length)
    case 'strides':
      return new PyTuple(array.shape.map((_, axis) => BigInt(8 * elementCount(array.shape.slice(axis + 1)))))
    case 'itemsize':
      return 8n
    case 'dtype':
      return { f: 'float64', i: 'int64', b: 'bool' }[array.kind]
    case 'data':
    case 'real':
      return array
    case 'dim':
      return method(() => BigInt(array.shape.length))
    case 'numel':
      return method(() => BigInt(array.size))
  }
  const known = natives.get(
    METHODS.includes(name) ? `${isTorch() ? 'torch' : 'numpy'}.${name}` : `array.${name}`,
  )
  if (!(known instanceof Native)) return undefined
  return method(({ plain, named }, place) => known.call({ plain: [array, ...plain], named }, place))
}

/** Parts of `size` along an axis, the last of what is left. */
function inPartsOf(call: Call, size: number, axis: number): Value {
  if (!(size > 0)) return call.refuse('parts of no length')
  const array = call.array(0)
  const length = array.shape[normalizeAxis(axis, array.shape.length)]
  const count = Math.ceil(length / size)
  return parts(
    call,
    array,
    Array.from({ length: count - 1 }, (_, k) => (k + 1) * size),
    axis,
  )
}

/** Methods that no function of a module is. */
export function listMethods(
  interpreterOf: () => Interpreter,
  tracer: Tracer,
  isTorch: () => boolean,
): [string, Native][] {
  const methods: Readonly<Record<string, Body>> = {
    reshape: (call) => reshape(call, call.array(0), shapeFrom(call, 1)),
    view: (call) => reshape(call, call.array(0), shapeFrom(call, 1)),
    transpose(call) {
      const axes = call.given.plain.slice(1)
      if (isTorch()) return swapAxes(call.array(0), call.integer(axes[0]), call.integer(axes[1]))
      const [only] = axes
      const list =
        axes.length === 1 && only !== null
          ? call.integers(only)
          : axes.length > 1
            ? axes.map((axis) => call.integer(axis))
            : undefined
      return transposeBy(call.array(0), list)
    },
    permute: (call) => transposeBy(call.array(0), shapeFrom(call, 1)),
    t: (call) => transposeBy(call.array(0), undefined),
    flatten: (call) => {
      const array = call.array(0)
      if (!isTorch() && call.given.plain.length > 1)
        return call.refuse('an order of elements is not understood')
      const start = isTorch() ? call.integer(call.get(1, 'start_dim') ?? 0n) : 0
      return copied(call, reshape(call, array, [...array.shape.slice(0, start), -1]))
    },
    ravel: (call) => reshape(call, call.array(0), [-1]),
    squeeze: (call) => squeeze(call.array(0), call.integers(call.get(1, 'axis', 'dim'))),
    unsqueeze: (call) => expandDims(call.array(0), [call.integer(call.get(1, 'dim') ?? 0n)]),
    expand: (call) => {
      const array = call.array(0)
      const given = shapeFrom(call, 1)
      const missing = given.length - array.shape.length
      const shape = given.map((length, axis) => (length === -1 ? array.shape[axis - missing] : length))
      return broadcastTo(array, broadcastShapes([array.shape, shape]))
    },
    astype: (call) => copied(call, call.array(0), kindOf(call.get(1, 'dtype') ?? 'float')),
    item: (call) => call.wrap(elementsAs(call, call.array(0), []), call.array(0).kind),
    tolist: (call) => new PyList([...call.interpreter.iterate(call.array(0), call.place)]),
    clone: (call) => copied(call, call.array(0)),
    fill: (call) => {
      call.interpreter.store(call.array(0), new Ellipsis(), call.get(1) ?? 0n, call.place)
      return null
    },
    clamp: (call) => NUMPY.clip(call),
    masked_fill(call) {
      const [array, mask] = [call.array(0), call.array(1)]
      return call.wrap(
        call.tracer.b.where(nodeOf(call.tracer, mask), call.node(2), nodeOf(call.tracer, array)),
        'f',
      )
    },
    chunk: (call) => {
      const [count, axis] = [call.integer(call.get(1) ?? null), call.integer(call.get(2, 'dim') ?? 0n)]
      const { shape } = call.array(0)
      return inPartsOf(call, Math.ceil(shape[normalizeAxis(axis, shape.length)] / count), axis)
    },
    split: (call) =>
      inPartsOf(call, call.integer(call.get(1) ?? null), call.integer(call.get(2, 'dim') ?? 0n)),
  }
  for (const name of ['detach', 'to', 'contiguous', 'cpu', 'float', 'double', 'numpy', 'requires_grad_']) {
    Object.assign(methods, { [name]: (call: Call) => call.array(0) })
  }
  for (const name of ['long', 'int'])
    Object.assign(methods, { [name]: (call: Call) => copied(call, call.array(0), 'i') })
  return Object.entries(methods).map(([name, body]) => [
    `array.${name}`,
    new Native(name, (given, place) => {
      const interpreter = interpreterOf()
      const unknown = given.plain.find((value): value is Unknown => value instanceof Unknown)
      if (unknown !== undefined) return unknown
      const call = new Call(interpreter, tracer, given, place)
      const value = interpreter.fit(place, () => body(call))
      return call.unread() ?? value
    }),
  ])
}
