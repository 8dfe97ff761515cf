import { ShapeMismatch } from '../program/shapes.js'
import { NdArray, nodeOf } from './arrays.js'
import { type Body, type Call, INFINITE } from './native-call.js'
import { elementsAs, NUMPY } from './numpy-functions.js'
import { formatValue } from './text.js'
import {
  Native,
  PyClass,
  PyDict,
  PyFunction,
  PyInstance,
  PyList,
  PySet,
  PySlice,
  PyTuple,
  plainNumber,
  Unknown,
  type Value,
} from './values.js'

/** Kinds of values that isinstance tells. */
const KINDS = new Set(['int', 'float', 'str', 'list', 'tuple', 'dict', 'bool', 'ndarray', 'set', 'object'])

/** Python's own functions. */
export const BUILTINS: Readonly<Record<string, Body>> = {
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
    const number = plainNumber(call.given.plain[0])
    if (number === undefined || call.given.plain.length > 1)
      return call.refuse('rounding to digits, or of what depends on the parameters')
    const whole = Math.round(number)
    // halves to even ones
    return BigInt(Math.abs(number % 1) === 0.5 && whole % 2 !== 0 ? whole - 1 : whole)
  },
  int(call) {
    const [value] = call.given.plain
    const number = typeof value === 'string' ? Number(value) : plainNumber(value)
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
    return plainNumber(value) ?? value
  },
  bool: (call) => call.interpreter.truth(call.given.plain[0], call.place),
  str: (call) => formatValue(call.given.plain[0], ''),
  repr: (call) => formatValue(call.given.plain[0], ''),
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
