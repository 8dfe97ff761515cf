import { broadcastShapes, normalizeAxis } from '../program/shapes.js'
import { elementCount } from '../tensor.js'
import { NdArray, nodeOf, type Tracer } from './arrays.js'
import type { Interpreter } from './interpreter.js'
import { type Body, Call } from './native-call.js'
import {
  broadcastTo,
  copied,
  elementsAs,
  expandDims,
  kindOf,
  NUMPY,
  parts,
  reshape,
  shapeFrom,
  shapeTuple,
  squeeze,
  swapAxes,
  transposeBy,
} from './numpy-functions.js'
import { SELECTION } from './numpy-selection.js'
import { Ellipsis, type Given, Native, type Place, PyList, PyTuple, Unknown, type Value } from './values.js'

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
  'argsort',
  'round',
  'nonzero',
  'cumprod',
  'diagonal',
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

/** A number of NumPy's as one of Python's. */
function numberIn({ kind, numbers: [number] }: NdArray): Value {
  return kind === 'f' ? number : kind === 'i' ? BigInt(number) : number !== 0
}

/** An array as lists within lists, of Python's numbers where they do not depend on the parameters. */
function listOf(call: Call, array: NdArray): Value {
  if (array.shape.length === 0) return array.isTraced ? array : numberIn(array)
  const rows = call.interpreter.iterate(array, call.place)
  return new PyList(rows.map((row) => (row instanceof NdArray ? listOf(call, row) : row)))
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
    item(call) {
      const places = call.given.plain.slice(1)
      const index = places.length === 1 ? places[0] : new PyTuple(places)
      const given = call.array(0)
      if (places.length === 1 && given.shape.length > 1) return call.refuse('an item by its place among all')
      const array = places.length === 0 ? given : call.interpreter.index(given, index, call.place)
      if (!(array instanceof NdArray) || array.size !== 1) return call.refuse('an item of many')
      return array.isTraced ? call.wrap(elementsAs(call, array, []), array.kind) : numberIn(array)
    },
    tolist: (call) => listOf(call, call.array(0)),
    sort: (call) => {
      if (isTorch()) return call.refuse('torch.sort is not understood')
      const array = call.array(0)
      call.interpreter.store(array, new Ellipsis(), SELECTION.sort(call), call.place)
      return null
    },
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
