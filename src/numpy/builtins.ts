import { NdArray, nodeOf } from './arrays.js'
import { roundFloat } from './float-text.js'
import { type Body, type Call, INFINITE } from './native-call.js'
import { elementsAs, NUMPY } from './numpy-functions.js'
import { roundedTo } from './numpy-rounding.js'
import { Refusal } from './refusal.js'
import {
  Native,
  PyClass,
  PyCounter,
  PyDict,
  PyDictView,
  PyFunction,
  PyInstance,
  PyIterator,
  PyList,
  PyModule,
  PyOrderedDict,
  PyRange,
  PySet,
  PySlice,
  PyTuple,
  plainNumber,
  typeName,
  Unknown,
  type Value,
} from './values.js'

/** Items beyond which a range is not gone through. */
const LONGEST_RANGE = 2e6

/** Python's own functions. */
export const BUILTINS: Readonly<Record<string, Body>> = {
  print: () => null,
  len(call) {
    const value = call.required(0)
    if (value instanceof NdArray && value.shape.length > 0) return BigInt(value.shape[0])
    if (value instanceof PyDict || value instanceof PySet) return BigInt(value.entries.size)
    if (value instanceof PyInstance) {
      const length = call.interpreter.callMethod(value, '__len__', [], call.place)
      if (length !== undefined) return length
    }
    if (value instanceof PyRange) return BigInt(value.length)
    if (typeof value === 'string') return BigInt([...value].length)
    if (value instanceof PyList || value instanceof PyTuple || value instanceof PyDictView)
      return BigInt(value.items.length)
    throw new Refusal(`object of type '${typeName(value)}' has no len()`, 'TypeError')
  },
  range(call) {
    const numbers = call.given.plain.map((value) => call.integer(value))
    const [start, stop, step = 1] = numbers.length === 1 ? [0, numbers[0]] : numbers
    if (step === 0) throw new Refusal('range() arg 3 must not be zero', 'ValueError')
    const made = new PyRange(start, stop, step)
    return made.length > LONGEST_RANGE ? call.refuse(`a range of ${made.length} is too long`) : made
  },
  xrange: (call) => BUILTINS.range(call),
  enumerate(call) {
    const start = call.get(1, 'start')
    const from = start === undefined ? 0n : BigInt(call.integer(start))
    return new PyIterator(numbered(call.items(0), from))
  },
  zip(call) {
    const isStrict = call.flag('strict')
    const lists = call.given.plain.map((_, k) => call.items(k))
    return new PyIterator(inStep(lists, isStrict))
  },
  reversed(call) {
    const value = call.required(0)
    if (value instanceof PyInstance) return call.refuse('reversed of an object')
    return new PyIterator([...call.interpreter.iterate(value, call.place)].reverse()[Symbol.iterator]())
  },
  sorted: (call) =>
    new PyList(sortItems(call, call.interpreter.iterateInAnyOrder(call.required(0), call.place))),
  map(call) {
    const [f] = call.given.plain
    const lists = call.given.plain.slice(1).map((_, k) => call.items(k + 1))
    return new PyIterator(mapped(call, f, lists))
  },
  filter: (call) => new PyIterator(filtered(call, call.required(0), call.items(1))),
  iter(call) {
    if (call.given.plain.length > 1) return call.refuse('iter of a function')
    return new PyIterator(call.items(0))
  },
  next(call) {
    const source = call.required(0)
    if (source instanceof PyIterator) {
      const next = source.source.next()
      if (next.done !== true) return next.value
    } else if (source instanceof PyInstance) {
      const made = call.interpreter.callMethod(source, '__next__', [], call.place)
      return made ?? call.refuse('next of this')
    } else throw new Refusal(`'${typeName(source)}' object is not an iterator`, 'TypeError')
    const [, usual] = call.given.plain
    if (usual !== undefined) return usual
    throw new Refusal('nothing comes next', 'StopIteration')
  },
  list: (call) => new PyList(call.given.plain.length === 0 ? [] : [...listed(call)]),
  tuple: (call) => new PyTuple(call.given.plain.length === 0 ? [] : listed(call)),
  set: (call) => new PySet(call.given.plain.length === 0 ? [] : inAnyOrder(call)),
  frozenset: (call) => new PySet(call.given.plain.length === 0 ? [] : inAnyOrder(call), true),
  dict: (call) => filledDictionary(call, new PyDict()),
  'dict.fromkeys': (call) => {
    const made = new PyDict()
    for (const key of call.interpreter.iterate(call.required(0), call.place))
      made.set(key, call.get(1) ?? null)
    return made
  },
  OrderedDict: (call) => filledDictionary(call, new PyOrderedDict()),
  sum(call) {
    const items = inAnyOrder(call)
    return items.reduce(
      (sum, item) => call.interpreter.binary('+', sum, item, call.place),
      call.get(1, 'start') ?? 0n,
    )
  },
  max: (call) => best(call, '>'),
  min: (call) => best(call, '<'),
  abs(call) {
    const value = call.required(0)
    if (typeof value === 'bigint' || typeof value === 'boolean') {
      const number = BigInt(value)
      return number < 0n ? -number : number
    }
    if (value instanceof PyInstance) {
      const made = call.interpreter.callMethod(value, '__abs__', [], call.place)
      if (made !== undefined) return made
    }
    return typeof value === 'number' ? Math.abs(value) : NUMPY.abs(call)
  },
  round(call) {
    const value = call.required(0)
    const given = call.get(1, 'ndigits')
    if (value instanceof NdArray) {
      if (given !== undefined && given !== null) return roundedTo(call, value, call.integer(given))
      if (value.isTraced || value.shape.length > 0)
        return call.refuse('a whole number that depends on the parameters', 'write np.round')
    }
    const number = plainNumber(value)
    if (number === undefined) return call.refuse('rounding of this')
    if (given === undefined || given === null) {
      if (typeof value === 'bigint') return value
      if (!Number.isFinite(number)) throw new Refusal('cannot convert this float to an integer', 'ValueError')
      return BigInt(roundFloat(number, 0))
    }
    const digits = call.integer(given)
    if (typeof value === 'number') return roundFloat(number, digits)
    return BigInt(digits >= 0 ? number : roundFloat(number, digits))
  },
  int: (call) => toInteger(call),
  float(call) {
    const value = call.get(0) ?? 0
    if (value instanceof PyInstance) {
      const made = call.interpreter.callMethod(value, '__float__', [], call.place)
      if (made !== undefined) return made
    }
    if (value instanceof NdArray) {
      if (value.size !== 1) throw new Refusal('only arrays of one element are floats', 'TypeError')
      return value.isTraced ? call.wrap(elementsAs(call, value, []), 'f') : value.numbers[0]
    }
    if (typeof value === 'string') return readFloat(call, value)
    const number = plainNumber(value)
    if (number === undefined) throw new Refusal(`a float is made of no '${typeName(value)}'`, 'TypeError')
    return number
  },
  bool: (call) => call.given.plain.length > 0 && call.interpreter.truth(call.given.plain[0], call.place),
  str: (call) => (call.given.plain.length === 0 ? '' : call.interpreter.texts.str(known(call), call.place)),
  repr: (call) => call.interpreter.texts.repr(known(call), call.place),
  format: (call) => {
    const spec = call.get(1) ?? ''
    if (typeof spec !== 'string') throw new Refusal('a format is a text', 'TypeError')
    return call.interpreter.texts.format(known(call), spec, call.place)
  },
  type: (call) => typeOf(call),
  callable: (call) => {
    const [value] = call.given.plain
    if (value instanceof PyInstance) return value.of?.find('__call__') !== undefined
    return value instanceof PyFunction || value instanceof Native || value instanceof PyClass
  },
  any: (call) => {
    const items = call.items(0)
    for (let next = items.next(); next.done !== true; next = items.next())
      if (call.interpreter.truth(next.value, call.place)) return true
    return false
  },
  all: (call) => {
    const items = call.items(0)
    for (let next = items.next(); next.done !== true; next = items.next())
      if (!call.interpreter.truth(next.value, call.place)) return false
    return true
  },
  isinstance(call) {
    const [value, of] = call.given.plain
    const kinds = kindsIn(of)
    const unknown = [value, ...kinds].find((kind): kind is Unknown => kind instanceof Unknown)
    return unknown ?? kinds.some((kind) => isInstance(value, kind))
  },
  issubclass(call) {
    const [of, given] = call.given.plain
    if (!(of instanceof PyClass)) return call.refuse('whether this is a class of that kind')
    return kindsIn(given).some((kind) => kind instanceof PyClass && of.order().includes(kind))
  },
  hasattr: (call) =>
    call.interpreter.hasMember(call.required(0), nameIn(call), call.place) ??
    call.refuse(`whether this has ${nameIn(call)} is not known`),
  getattr(call) {
    const [object, name] = [call.required(0), nameIn(call)]
    if (call.given.plain.length < 3) return call.interpreter.member(object, name, call.place)
    const isThere = call.interpreter.hasMember(object, name, call.place)
    if (isThere === undefined) return call.refuse(`whether this has ${name} is not known`)
    return isThere ? call.interpreter.member(object, name, call.place) : call.given.plain[2]
  },
  setattr(call) {
    call.interpreter.setMember(call.required(0), nameIn(call), call.required(2), call.place)
    return null
  },
  delattr(call) {
    const [object] = call.given.plain
    if (object instanceof PyInstance && object.attributes.delete(nameIn(call))) return null
    return call.refuse('what is deleted here')
  },
  vars: (call) => call.interpreter.member(call.required(0), '__dict__', call.place),
  divmod(call) {
    const [x, y] = [call.required(0), call.required(1)]
    return new PyTuple([
      call.interpreter.binary('//', x, y, call.place),
      call.interpreter.binary('%', x, y, call.place),
    ])
  },
  pow(call) {
    if (call.given.plain.length > 2) return call.refuse('a power of a rest')
    return call.interpreter.binary('**', call.required(0), call.required(1), call.place)
  },
  ord(call) {
    const value = call.required(0)
    if (typeof value !== 'string' || [...value].length !== 1)
      throw new Refusal('ord() takes a character', 'TypeError')
    return BigInt(value.codePointAt(0) ?? 0)
  },
  chr: (call) => String.fromCodePoint(call.integer(call.required(0))),
  bin: (call) => call.interpreter.texts.format(call.required(0), '#b', call.place),
  hex: (call) => call.interpreter.texts.format(call.required(0), '#x', call.place),
  oct: (call) => call.interpreter.texts.format(call.required(0), '#o', call.place),
  slice: (call) => {
    const [a, b = null, c = null] = call.given.plain
    return call.given.plain.length === 1 ? new PySlice(null, a, null) : new PySlice(a, b, c)
  },
  object: () => new PyInstance(undefined),
  id: (call) => call.refuse('where an object lies in memory'),
  hash: (call) => call.refuse('the hash of an object'),
}

function* numbered(items: Iterator<Value>, from: bigint): Generator<Value> {
  let k = from
  for (let next = items.next(); next.done !== true; next = items.next()) yield new PyTuple([k++, next.value])
}

/** Items of several lists together, up to the end of the first that ends. */
function* inStep(lists: readonly Iterator<Value>[], isStrict = false): Generator<PyTuple> {
  if (lists.length === 0) return
  for (;;) {
    const items: Value[] = []
    for (const list of lists) {
      const next = list.next()
      if (next.done === true) {
        const isEven =
          items.length === 0 && lists.slice(1).every((other) => !isStrict || other.next().done === true)
        if (isStrict && !isEven) throw new Refusal('what is zipped differs in length', 'ValueError')
        return
      }
      items.push(next.value)
    }
    yield new PyTuple(items)
  }
}

function* mapped(call: Call, f: Value, lists: readonly Iterator<Value>[]): Generator<Value> {
  for (const { items } of inStep(lists)) {
    yield call.interpreter.call(f, { plain: items, named: new Map() }, call.place)
  }
}

function* filtered(call: Call, f: Value, items: Iterator<Value>): Generator<Value> {
  for (let next = items.next(); next.done !== true; next = items.next()) {
    const answer =
      f === null
        ? next.value
        : call.interpreter.call(f, { plain: [next.value], named: new Map() }, call.place)
    if (call.interpreter.truth(answer, call.place)) yield next.value
  }
}

/** The items of the first argument, whose order matters. */
function listed(call: Call): readonly Value[] {
  const value = call.required(0)
  if (value instanceof NdArray && value.shape.length === 0) {
    throw new Refusal('a number cannot be gone through', 'TypeError')
  }
  return call.interpreter.iterate(value, call.place)
}

const inAnyOrder = (call: Call): readonly Value[] =>
  call.interpreter.iterateInAnyOrder(call.required(0), call.place)

/** What is to be written: what is unknown cannot. */
function known(call: Call): Value {
  const value = call.required(0)
  if (value instanceof Unknown) throw new Refusal(value.message)
  return value
}

function nameIn(call: Call): string {
  const name = call.required(1)
  if (typeof name !== 'string') throw new Refusal('a name is a text', 'TypeError')
  return name
}

/** Items in order, as `sorted` and a list's `sort` put them: by a key, those that are equal as they came. */
export function sortItems(call: Call, items: readonly Value[]): Value[] {
  const key = call.get(99, 'key')
  const of = (item: Value) =>
    key === undefined || key === null
      ? item
      : call.interpreter.call(key, { plain: [item], named: new Map() }, call.place)
  const keys = items.map(of)
  const unknown = keys.find((value): value is Unknown => value instanceof Unknown)
  if (unknown !== undefined) throw call.interpreter.errorOf(unknown, call.place)
  const moving = keys.some((value) => value instanceof NdArray && value.isTraced)
  if (moving) {
    throw new Refusal(
      'an order that depends on the parameters is not understood',
      undefined,
      'sort by what does not, or write max and min',
    )
  }
  const order = items.map((_, k) => k)
  const sign = call.flag('reverse') ? -1 : 1
  order.sort((one, other) => sign * call.interpreter.compareOrder(keys[one], keys[other], call.place))
  return order.map((k) => items[k])
}

/** A dictionary of another, of pairs and of names. */
export function filledDictionary(call: Call, made: PyDict): PyDict {
  const [first] = call.given.plain
  addEntries(call, made, first)
  for (const [key, value] of call.given.named) made.set(key, value)
  return made
}

/** Adds the entries of a dictionary, or pairs. */
export function addEntries(
  call: Pick<Call, 'interpreter' | 'place'>,
  to: PyDict,
  from: Value | undefined,
): void {
  if (from === undefined) return
  if (from instanceof PyDict) {
    for (const { key, value } of [...from.entries.values()]) to.set(key, value)
    return
  }
  for (const pair of call.interpreter.iterate(from, call.place)) {
    const items = call.interpreter.iterate(pair, call.place)
    if (items.length !== 2) throw new Refusal('an entry is a pair', 'ValueError')
    to.set(items[0], items[1])
  }
}

function toInteger(call: Call): Value {
  const value = call.get(0) ?? 0n
  const base = call.get(1, 'base')
  if (typeof value === 'string') return readInteger(value, base === undefined ? 10 : call.integer(base))
  if (value instanceof PyInstance) {
    const made =
      call.interpreter.callMethod(value, '__int__', [], call.place) ??
      call.interpreter.callMethod(value, '__index__', [], call.place)
    if (made !== undefined) return made
  }
  if (typeof value === 'bigint') return value
  const number = plainNumber(value)
  if (value instanceof NdArray && value.isTraced) {
    return call.refuse(
      'a whole number that depends on the parameters',
      'it must come from the data or the shapes',
    )
  }
  if (number === undefined)
    throw new Refusal(`a whole number is made of no '${typeName(value)}'`, 'TypeError')
  if (!Number.isFinite(number) || Math.abs(number) >= INFINITE) {
    throw new Refusal(
      'cannot convert this float to an integer',
      Number.isNaN(number) ? 'ValueError' : 'OverflowError',
    )
  }
  return BigInt(Math.trunc(number))
}

/** A whole number that is written as a text. */
function readInteger(text: string, base: number): bigint {
  const plain = text
    .trim()
    .replaceAll(/(?<=\w)_(?=\w)/g, '')
    .toLowerCase()
  const parts = /^([+-]?)(0x|0o|0b)?([0-9a-z]+)$/.exec(plain)
  const wrong = new Refusal(`invalid literal for int() with base ${base}: '${text}'`, 'ValueError')
  if (parts === null) throw wrong
  const [, sign, prefix, digits] = parts
  const prefixed = { '0x': 16, '0o': 8, '0b': 2 }[prefix ?? '']
  if (prefix !== undefined && base !== 0 && base !== prefixed) throw wrong
  const radix = base === 0 ? (prefixed ?? 10) : base
  let value = 0n
  for (const digit of digits) {
    const of = Number.parseInt(digit, 36)
    if (!(of < radix)) throw wrong
    value = value * BigInt(radix) + BigInt(of)
  }
  return sign === '-' ? -value : value
}

/** A number that is written as a text. */
function readFloat(call: Call, text: string): Value {
  const plain = text
    .trim()
    .toLowerCase()
    .replaceAll(/(?<=\d)_(?=\d)/g, '')
  if (/^[+-]?inf(inity)?$/.test(plain)) return plain.startsWith('-') ? -INFINITE : INFINITE
  if (/^[+-]?nan$/.test(plain)) return call.refuse('nan is no number that is followed')
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(plain)) return Number(plain)
  throw new Refusal(`could not convert string to float: '${text}'`, 'ValueError')
}

function kindsIn(of: Value): readonly Value[] {
  return of instanceof PyTuple ? of.items.flatMap(kindsIn) : [of]
}

const isOf = (of: PyClass | undefined, kind: PyClass): boolean => of?.order().includes(kind) ?? false

/** Python's and NumPy's types, by the names that they have here. */
const TYPES: Readonly<Record<string, (value: Value) => boolean>> = {
  int: (value) => typeof value === 'bigint' || typeof value === 'boolean',
  float: (value) => typeof value === 'number' || isNumber(value, 'f'),
  complex: () => false,
  str: (value) => typeof value === 'string',
  list: (value) => value instanceof PyList && typeName(value) === 'list',
  tuple: (value) => value instanceof PyTuple,
  dict: (value) => value instanceof PyDict,
  OrderedDict: (value) => value instanceof PyOrderedDict,
  Counter: (value) => value instanceof PyCounter,
  bool: (value) => typeof value === 'boolean',
  set: (value) => value instanceof PySet && !value.isFrozen,
  frozenset: (value) => value instanceof PySet && value.isFrozen,
  range: (value) => value instanceof PyRange,
  slice: (value) => value instanceof PySlice,
  object: () => true,
  ndarray: (value) => value instanceof NdArray && value.isArray,
  generic: (value) => isNumber(value),
  number: (value) => isNumber(value, 'f') || isNumber(value, 'i'),
  floating: (value) => isNumber(value, 'f'),
  integer: (value) => isNumber(value, 'i'),
  float64: (value) => isNumber(value, 'f'),
  float32: () => false,
  int64: (value) => isNumber(value, 'i'),
  int32: () => false,
  bool_: (value) => isNumber(value, 'b'),
}

/** A number of NumPy's. */
const isNumber = (value: Value, kind?: string) =>
  value instanceof NdArray && !value.isArray && (kind === undefined || value.kind === kind)

function isInstance(value: Value, kind: Value): boolean {
  if (kind instanceof PyClass) return value instanceof PyInstance && isOf(value.of, kind)
  const name = kind instanceof Native ? kind.name : String(kind)
  if (!Object.hasOwn(TYPES, name))
    throw new Refusal(`whether something is of the type ${name} is not understood`)
  return TYPES[name](value)
}

function typeOf(call: Call): Value {
  const value = call.required(0)
  if (call.given.plain.length > 1) return call.refuse('a class that is made by type')
  if (value instanceof Unknown) return value
  if (value instanceof PyInstance) return value.of ?? call.refuse('the type of this')
  if (value instanceof NdArray) {
    if (value.isArray) return call.interpreter.native('numpy.ndarray') ?? call.refuse('the type of this')
    return call.refuse('the type of a number of NumPy', 'write isinstance')
  }
  if (value instanceof PyModule || value instanceof PyFunction || value instanceof PyClass) {
    return call.refuse('the type of this')
  }
  return call.interpreter.native(`builtins.${typeName(value)}`) ?? call.refuse('the type of this')
}

function best(call: Call, operator: '>' | '<'): Value {
  const key = call.get(99, 'key')
  const usual = call.get(99, 'default')
  const items =
    call.given.plain.length === 1
      ? call.interpreter.iterateInAnyOrder(call.given.plain[0], call.place)
      : call.given.plain
  if (items.length === 0) {
    if (usual !== undefined) return usual
    throw new Refusal('of nothing there is no greatest and no least', 'ValueError')
  }
  const isBetter = (one: Value, other: Value) =>
    call.interpreter.truth(call.interpreter.compare(operator, one, other, call.place), call.place)
  if (key !== undefined && key !== null) {
    const keys = items.map((item) =>
      call.interpreter.call(key, { plain: [item], named: new Map() }, call.place),
    )
    let at = 0
    for (let k = 1; k < items.length; k++) if (isBetter(keys[k], keys[at])) at = k
    return items[at]
  }
  return items.reduce((one, other) => {
    if (one instanceof NdArray || other instanceof NdArray) {
      const { b } = call.tracer
      const [x, y] = [one, other].map((value) => call.interpreter.toArray(value, call.place))
      if (x.size !== 1 || y.size !== 1) {
        throw new Refusal(
          'of arrays it is not known which is greater',
          'ValueError',
          'write np.maximum or np.minimum',
        )
      }
      const [p, q] = [nodeOf(call.tracer, x), nodeOf(call.tracer, y)]
      const kind = x.kind === y.kind ? x.kind : 'f'
      return call.wrap(operator === '>' ? b.maximum(p, q) : b.minimum(p, q), kind)
    }
    return isBetter(other, one) ? other : one
  })
}
