import type { Node } from '../program/builder.js'
import { type Kind, NdArray, nodeOf, type Tracer } from './arrays.js'
import type { Interpreter } from './interpreter.js'
import {
  Ellipsis,
  MOST_STEPS,
  NOT_IMPLEMENTED,
  type Place,
  PyCounter,
  PyDeque,
  PyDict,
  PyDictView,
  PyFunction,
  PyInstance,
  PyList,
  PyRange,
  PySet,
  PySlice,
  PyTuple,
  plainNumber,
  typeName,
  Unknown,
  type Value,
} from './values.js'

/** Items that are repeated in the time of a step. */
const ITEMS_PER_STEP = 4

/** Powers of whole numbers that are multiplied out. */
const MOST_POWER = 1000
/** Whole numbers beyond those that a float holds: a loop that makes them longer and longer takes longer and longer. */
export const LARGEST_WHOLE = 2n ** 1024n

/** What operators make of values: arithmetic, comparisons, membership. */
export class Operators {
  readonly #interpreter: Interpreter
  readonly #tracer: Tracer

  constructor(interpreter: Interpreter, tracer: Tracer) {
    this.#interpreter = interpreter
    this.#tracer = tracer
  }

  unary(operator: string, value: Value, place: Place): Value {
    if (value instanceof Unknown) return value
    if (operator === 'not') return !this.#interpreter.truth(value, place)
    if (typeof value === 'bigint' || typeof value === 'boolean') {
      const number = BigInt(value)
      return operator === '-' ? -number : operator === '~' ? ~number : number
    }
    if (typeof value === 'number' && operator !== '~') return operator === '-' ? -value : value
    if (value instanceof PyInstance) {
      const made = this.#interpreter.callMethod(value, UNARY_METHODS[operator], [], place)
      if (made !== undefined) return made
    }
    if (!(value instanceof NdArray)) throw this.#wrongOperands(operator, [value], place)
    if (operator === '+') return value
    if (operator === '~' && value.kind !== 'b')
      throw this.#interpreter.error(place, '~ is understood of truth values alone')
    if (operator === '-' && value.kind === 'b') throw this.#wrongOperands(operator, [value], place)
    return this.#interpreter.make(place, value.kind, (b) => {
      const node = nodeOf(this.#tracer, value)
      return operator === '~' ? b.subtract(1, node) : b.negative(node)
    })
  }

  #wrongOperands(operator: string, values: readonly Value[], place: Place) {
    const types = values.map((value) => `'${typeName(value)}'`).join(' and ')
    return this.#interpreter.raised(place, 'TypeError', `${operator} is not understood of ${types}`)
  }

  binary(operator: string, left: Value, right: Value, place: Place): Value {
    if (left instanceof Unknown) return left
    if (right instanceof Unknown) return right
    if (isPlain(left) && isPlain(right)) return this.#arithmetic(operator, left, right, place)
    if (left instanceof PyInstance || right instanceof PyInstance) {
      return this.#ofInstances(operator, left, right, place)
    }
    if (left instanceof NdArray || right instanceof NdArray) {
      if (typeof left === 'string' && operator === '%') return this.#interpreter.percent(left, right, place)
      return this.arrays(
        operator,
        this.#interpreter.toArray(left, place),
        this.#interpreter.toArray(right, place),
        place,
      )
    }
    return this.#ofContainers(operator, left, right, place)
  }

  /** Operators of texts, lists, tuples, sets and dictionaries. */
  #ofContainers(operator: string, left: Value, right: Value, place: Place): Value {
    if (operator === '%' && typeof left === 'string') return this.#interpreter.percent(left, right, place)
    if (operator === '+') {
      if (typeof left === 'string' && typeof right === 'string') {
        this.#count(1n, left.length + right.length, place)
        return left + right
      }
      if (isList(left) && isList(right) && left.constructor === right.constructor) {
        const items = [...left.items, ...right.items]
        this.#count(1n, items.length, place)
        return left instanceof PyDeque ? new PyDeque(items, left.most) : new PyList(items)
      }
      if (left instanceof PyTuple && right instanceof PyTuple)
        return new PyTuple([...left.items, ...right.items])
    }
    if (operator === '*') {
      const [list, count] =
        typeof left === 'bigint' || typeof left === 'boolean' ? [right, left] : [left, right]
      if (typeof count === 'bigint' || typeof count === 'boolean') {
        if (typeof list === 'string') return list.repeat(this.#count(count, list.length, place))
        if ((list instanceof PyList && !(list instanceof PyDeque)) || list instanceof PyTuple) {
          const times = this.#count(count, list.items.length, place)
          const items = Array.from({ length: times }, () => list.items).flat()
          return list instanceof PyList ? new PyList(items) : new PyTuple(items)
        }
      }
    }
    const [one, other] = [asSet(left), asSet(right)]
    if (one !== undefined && other !== undefined && /^[-&|^]$/.test(operator)) {
      return new PySet(combineSets(operator, one, other), one.isFrozen)
    }
    if (operator === '|' && left instanceof PyDict && right instanceof PyDict) {
      if (left.constructor === PyDict && right.constructor === PyDict) return left.merged(right)
    }
    throw this.#wrongOperands(operator, [left, right], place)
  }

  /** What objects of the user's classes make of an operator. */
  #ofInstances(operator: string, left: Value, right: Value, place: Place): Value {
    const name = BINARY_METHODS[operator]
    const forward = () =>
      left instanceof PyInstance ? this.#answer(left, `__${name}__`, right, place) : undefined
    const reflected = () =>
      right instanceof PyInstance ? this.#answer(right, `__r${name}__`, left, place) : undefined
    if (left instanceof NdArray && left.shape.length > 0 && !defersTo(right)) {
      throw this.#interpreter.error(
        place,
        'an array asks an object of this class for each of its elements, which is not understood',
        'write the object first, or give its class __array_ufunc__ = None',
      )
    }
    const isDerived =
      left instanceof PyInstance &&
      right instanceof PyInstance &&
      left.of !== right.of &&
      left.of !== undefined &&
      right.of?.order().includes(left.of) === true &&
      right.of.find(`__r${name}__`)?.owner !== left.of.find(`__r${name}__`)?.owner
    const made = isDerived
      ? (reflected() ?? forward())
      : (forward() ?? (isSameClass(left, right) ? undefined : reflected()))
    if (made !== undefined) return made
    throw this.#wrongOperands(operator, [left, right], place)
  }

  /** What a method makes of another value; undefined where it is not there, or knows no answer. */
  #answer(object: PyInstance, name: string, other: Value, place: Place): Value | undefined {
    const made = this.#interpreter.callMethod(object, name, [other], place)
    return made === NOT_IMPLEMENTED ? undefined : made
  }

  /** `left operator= right` of an object that says what that is; undefined where it does not. */
  inPlace(operator: string, left: Value, right: Value, place: Place): Value | undefined {
    if (!(left instanceof PyInstance) || right instanceof Unknown) return undefined
    return this.#answer(left, `__i${BINARY_METHODS[operator]}__`, right, place)
  }

  /** How often something is repeated, within reason. */
  #count(value: Value, length: number, place: Place): number {
    const count = Math.max(0, this.#interpreter.integer(value, place))
    if (count * length <= MOST_STEPS) {
      this.#interpreter.takeSteps((count * length) / ITEMS_PER_STEP, place)
      return count
    }
    throw this.#interpreter.error(place, `${count} times ${length} items are too many`)
  }

  /** An operator between arrays. */
  arrays(operator: string, left: NdArray, right: NdArray, place: Place): NdArray {
    const isWhole = left.kind !== 'f' && right.kind !== 'f'
    const isTruth = left.kind === 'b' && right.kind === 'b'
    if (isTruth && operator === '-') throw this.#wrongOperands(operator, [left, right], place)
    if (/[&|^]|<<|>>/.test(operator) && !isTruth) {
      throw this.#interpreter.error(place, `${operator} is understood between truth values alone`)
    }
    if (isTruth && (operator === '+' || operator === '*')) {
      return this.arrays(operator === '+' ? '|' : '&', left, right, place)
    }
    const kind: Kind =
      operator === '/' ? 'f' : isWhole ? (/[&|^]/.test(operator) && left.kind === 'b' ? 'b' : 'i') : 'f'
    return this.#interpreter.make(place, kind, (b) => {
      const [x, y] = [left, right].map((array) => nodeOf(this.#tracer, array))
      switch (operator) {
        case '+':
          return b.add(x, y)
        case '-':
          return b.subtract(x, y)
        case '*':
          return b.multiply(x, y)
        case '/':
          return b.divide(x, y)
        case '@':
          return b.matmul(x, y)
        case '**':
          return this.#power(x, y, right)
        case '//':
          return b.floor(b.divide(x, y))
        case '%':
          return b.subtract(x, b.multiply(y, b.floor(b.divide(x, y))))
        case '&':
          return b.multiply(x, y)
        case '|':
          return b.maximum(x, y)
        case '^':
          return b.notEqual(x, y)
        default:
          throw this.#interpreter.error(place, `${operator} is not understood between arrays`)
      }
    })
  }

  #power(x: Node, y: Node, exponent: NdArray) {
    const { b } = this.#tracer
    const number =
      exponent.size === 1 && !exponent.isTraced && exponent.shape.length === 0
        ? exponent.numbers[0]
        : undefined
    if (number === undefined) return b.power(x, y)
    if (number === 2) return b.square(x)
    if (number === 0.5) return b.sqrt(x)
    if (number === -0.5) return b.rsqrt(x)
    if (number === 1) return b.multiply(x, 1)
    if (Number.isInteger(number) && Math.abs(number) <= 64 && number !== 0) {
      const power = Math.abs(number) === 1 ? x : b.integerPower(x, { exponent: Math.abs(number) })
      return number > 0 ? power : b.divide(1, power)
    }
    return b.power(x, y)
  }

  #arithmetic(operator: string, left: Plain, right: Plain, place: Place): Value {
    if (typeof left !== 'number' && typeof right !== 'number') {
      const made = this.#ofWholeNumbers(operator, left, right, place)
      if (typeof made === 'bigint' && (made > LARGEST_WHOLE || made < -LARGEST_WHOLE))
        throw this.#interpreter.error(
          place,
          'this whole number is larger than any float',
          'write it as a float',
        )
      return made
    }
    const [x, y] = [Number(left), Number(right)]
    switch (operator) {
      case '+':
        return x + y
      case '-':
        return x - y
      case '*':
        return x * y
      case '/':
      case '//':
      case '%':
        if (y === 0) throw this.#interpreter.raised(place, 'ZeroDivisionError', 'this divides by zero')
        return operator === '/' ? x / y : divideFloats(x, y)[operator === '%' ? 'rest' : 'whole']
      case '**':
        return this.#powerOf(x, y, place)
      default:
        throw this.#wrongOperands(operator, [left, right], place)
    }
  }

  #powerOf(x: number, y: number, place: Place): number {
    if (x === 0 && y < 0)
      throw this.#interpreter.raised(place, 'ZeroDivisionError', 'a power of 0 that divides by it')
    const power = x ** y
    if (Number.isNaN(power) && !Number.isNaN(x) && !Number.isNaN(y)) {
      throw this.#interpreter.error(place, 'complex numbers are not understood')
    }
    if (!Number.isFinite(power) && Number.isFinite(x) && Number.isFinite(y)) {
      throw this.#interpreter.raised(place, 'OverflowError', 'this power is too large')
    }
    return power
  }

  #ofWholeNumbers(operator: string, left: bigint | boolean, right: bigint | boolean, place: Place): Value {
    const [p, q] = [BigInt(left), BigInt(right)]
    const isTruth = typeof left === 'boolean' && typeof right === 'boolean'
    const keep = (made: bigint): Value => (isTruth ? made !== 0n : made)
    switch (operator) {
      case '+':
        return p + q
      case '-':
        return p - q
      case '*':
        return p * q
      case '/':
      case '//':
      case '%': {
        if (q === 0n) throw this.#interpreter.raised(place, 'ZeroDivisionError', 'this divides by zero')
        if (operator === '/') return Number(p) / Number(q)
        const rest = ((p % q) + q) % q
        return operator === '%' ? rest : (p - rest) / q
      }
      case '**':
        if (q < 0n) return this.#powerOf(Number(p), Number(q), place)
        if (q > MOST_POWER && p !== 0n && p !== 1n && p !== -1n)
          throw this.#interpreter.error(place, `a power of ${q} is too large`)
        return p ** q
      case '&':
        return keep(p & q)
      case '|':
        return keep(p | q)
      case '^':
        return keep(p ^ q)
      case '<<':
      case '>>':
        if (q < 0n) throw this.#interpreter.raised(place, 'ValueError', 'a shift by a negative number')
        if (q > MOST_POWER) throw this.#interpreter.error(place, `a shift by ${q} is too large`)
        return operator === '<<' ? p << q : p >> q
      default:
        throw this.#wrongOperands(operator, [left, right], place)
    }
  }

  compare(operator: string, left: Value, right: Value, place: Place): Value {
    if (operator === 'is' || operator === 'is not') {
      const same = this.#isSame(left, right, place)
      if (typeof same !== 'boolean') return same
      return operator === 'is' ? same : !same
    }
    if (left instanceof Unknown) return left
    if (right instanceof Unknown) return right
    if (operator === 'in' || operator === 'not in') {
      const holds = this.#contains(right, left, place)
      return operator === 'in' ? holds : !holds
    }
    if (left instanceof PyInstance || right instanceof PyInstance) {
      return this.#compareInstances(operator, left, right, place)
    }
    if (left instanceof NdArray || right instanceof NdArray) {
      const other = left instanceof NdArray ? right : left
      const array = left instanceof NdArray ? left : right
      const isSimple = other === null || typeof other === 'string'
      if (isSimple && array instanceof NdArray && array.shape.length === 0 && /^[!=]=$/.test(operator)) {
        return operator === '!='
      }
      if (isSimple) throw this.#wrongOperands(operator, [left, right], place)
      const [x, y] = [this.#interpreter.toArray(left, place), this.#interpreter.toArray(right, place)]
      const name = COMPARISONS[operator]
      return this.#interpreter.make(place, 'b', (b) =>
        b[name](nodeOf(this.#tracer, x), nodeOf(this.#tracer, y)),
      )
    }
    if (operator === '==' || operator === '!=') {
      const same = this.#equal(left, right, place)
      return operator === '==' ? same : !same
    }
    const [one, other] = [asSet(left), asSet(right)]
    if (one !== undefined && other !== undefined) return compareSets(operator, one, other)
    const order = this.#order(left, right, place)
    switch (operator) {
      case '<':
        return order < 0
      case '<=':
        return order <= 0
      case '>':
        return order > 0
      default:
        return order >= 0
    }
  }

  #isSame(left: Value, right: Value, place: Place): boolean | Unknown {
    const unknown = [left, right].find((value): value is Unknown => value instanceof Unknown)
    if (unknown !== undefined && left !== null && right !== null) return unknown
    if (left instanceof Ellipsis && right instanceof Ellipsis) return true
    if (typeof left !== typeof right) return false
    // Python keeps small whole numbers once; of others it depends on how they were made
    if (
      typeof left === 'number' ||
      (typeof left === 'bigint' && left === right && (left < -5n || left > 256n))
    ) {
      throw this.#interpreter.error(place, 'whether two numbers are one object is not known', 'write ==')
    }
    return left === right
  }

  #compareInstances(operator: string, left: Value, right: Value, place: Place): Value {
    const [name, mirrored] = COMPARISON_METHODS[operator]
    const ask = (object: Value, method: string, other: Value) =>
      object instanceof PyInstance ? this.#answer(object, method, other, place) : undefined
    if (left instanceof NdArray) throw this.#wrongOperands(operator, [left, right], place)
    const made = ask(left, name, right) ?? ask(right, mirrored, left)
    if (made !== undefined) return made
    if (operator === '!=') {
      const equal = ask(left, '__eq__', right) ?? ask(right, '__eq__', left)
      return equal === undefined ? left !== right : !this.#interpreter.truth(equal, place)
    }
    if (operator === '==') {
      const fields = dataFieldsOf(left, right)
      if (fields === undefined) return left === right
      return this.#equal(fields[0], fields[1], place)
    }
    throw this.#wrongOperands(operator, [left, right], place)
  }

  /** Below 0 where the first comes first: numbers, texts, and sequences of them. */
  #order(left: Value, right: Value, place: Place): number {
    if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0
    const isSequence = (value: Value): value is PyTuple | PyList =>
      value instanceof PyTuple || value instanceof PyList
    if (isSequence(left) && isSequence(right)) {
      for (const [k, item] of left.items.entries()) {
        if (k >= right.items.length) return 1
        if (item === right.items[k]) continue
        const order = this.#order(item, right.items[k], place)
        if (order !== 0) return order
      }
      return left.items.length - right.items.length
    }
    const [x, y] = [plainNumber(left), plainNumber(right)]
    if (x !== undefined && y !== undefined) return x - y
    if (left instanceof PyInstance || right instanceof PyInstance) {
      if (this.#interpreter.truth(this.compare('<', left, right, place), place)) return -1
      return this.#interpreter.truth(this.compare('<', right, left, place), place) ? 1 : 0
    }
    throw this.#wrongOperands('<', [left, right], place)
  }

  /** The same, for sorting. */
  compareOrder(left: Value, right: Value, place: Place): number {
    return this.#order(left, right, place)
  }

  #equal(left: Value, right: Value, place: Place): boolean {
    if (isPlain(left) && isPlain(right)) {
      const isWhole = typeof left !== 'number' && typeof right !== 'number'
      return isWhole ? BigInt(left) === BigInt(right) : Number(left) === Number(right)
    }
    const same = (one: Value, other: Value) =>
      one === other || this.#interpreter.truth(this.compare('==', one, other, place), place)
    const isEach = (one: readonly Value[], others: readonly Value[]) =>
      one.length === others.length && one.every((item, k) => same(item, others[k]))
    if (left instanceof PyTuple && right instanceof PyTuple) return isEach(left.items, right.items)
    if (left instanceof PyList && right instanceof PyList) {
      return left instanceof PyDeque === right instanceof PyDeque && isEach(left.items, right.items)
    }
    if (left instanceof PyDict && right instanceof PyDict) {
      if (left instanceof PyCounter !== right instanceof PyCounter) {
        throw this.#interpreter.error(place, 'whether these are equal is not understood')
      }
      return (
        left.entries.size === right.entries.size &&
        [...left.entries.values()].every(({ key, value }) => {
          const other = right.get(key)
          return other !== undefined && same(value, other)
        })
      )
    }
    const [one, other] = [asSet(left), asSet(right)]
    if (one !== undefined && other !== undefined) return compareSets('==', one, other)
    if (left instanceof PyRange && right instanceof PyRange) {
      const items = (range: PyRange) => Array.from({ length: range.length }, (_, k) => range.at(k))
      return left.length === right.length && isEach(items(left), items(right))
    }
    if (left instanceof Ellipsis) return right instanceof Ellipsis
    if (left === right) return true
    const isOther = [left, right].some((value) => value instanceof PyFunction || value instanceof PySlice)
    if (isOther && typeName(left) === typeName(right)) {
      throw this.#interpreter.error(place, 'whether these are equal is not understood')
    }
    // what is of different kinds, or compared by what it is, differs
    return false
  }

  #contains(list: Value, item: Value, place: Place): boolean {
    if (list instanceof PyDict || list instanceof PySet) return list.has(item)
    if (typeof list === 'string') {
      if (typeof item !== 'string') throw this.#wrongOperands('in', [item, list], place)
      return list.includes(item)
    }
    if (list instanceof PyInstance) {
      const made = this.#interpreter.callMethod(list, '__contains__', [item], place)
      if (made !== undefined) return this.#interpreter.truth(made, place)
      // an object that takes anything, such as a context, holds nothing
      if (list.of === undefined) return false
    }
    if (list instanceof NdArray) {
      const equal = this.compare('==', list, item, place)
      return equal instanceof NdArray ? equal.numbers.some((value) => value !== 0) : equal === true
    }
    return this.#interpreter
      .iterateInAnyOrder(list, place)
      .some(
        (other) => other === item || this.#interpreter.truth(this.compare('==', other, item, place), place),
      )
  }
}

/** Numbers and truth values of Python's own. */
type Plain = number | bigint | boolean

const isPlain = (value: Value): value is Plain =>
  typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'

const isList = (value: Value): value is PyList => value instanceof PyList

const isSameClass = (left: Value, right: Value) =>
  left instanceof PyInstance && right instanceof PyInstance && left.of === right.of

/** Whether NumPy's arrays leave an operator to an object. */
function defersTo(value: Value): boolean {
  if (!(value instanceof PyInstance)) return false
  if (value.of?.find('__array_ufunc__')?.value === null) return true
  const hasOwn = value.of?.find('__array_ufunc__') !== undefined
  const priority = value.of?.find('__array_priority__')?.value
  return !hasOwn && priority !== undefined && (plainNumber(priority) ?? 0) > 0
}

/** What two objects of a data class hold, to be compared. */
function dataFieldsOf(left: Value, right: Value): [PyTuple, PyTuple] | undefined {
  if (!(left instanceof PyInstance) || !(right instanceof PyInstance) || left.of !== right.of)
    return undefined
  const fields = left.of?.dataFields
  if (fields === undefined) return undefined
  const valuesOf = (object: PyInstance) =>
    new PyTuple(fields.map(({ name }) => object.attributes.get(name) ?? null))
  return [valuesOf(left), valuesOf(right)]
}

function asSet(value: Value): PySet | undefined {
  if (value instanceof PySet) return value
  return value instanceof PyDictView && value.what !== 'values' ? new PySet(value.items) : undefined
}

function combineSets(operator: string, one: PySet, other: PySet): Value[] {
  const own = [...one.entries.values()]
  const others = [...other.entries.values()].filter((item) => !one.has(item))
  if (operator === '|') return [...own, ...others]
  if (operator === '&') return own.filter((item) => other.has(item))
  const rest = own.filter((item) => !other.has(item))
  return operator === '-' ? rest : [...rest, ...others]
}

function compareSets(operator: string, one: PySet, other: PySet): boolean {
  const isWithin = (inner: PySet, outer: PySet) =>
    [...inner.entries.keys()].every((key) => outer.entries.has(key))
  const isSame = one.entries.size === other.entries.size && isWithin(one, other)
  switch (operator) {
    case '==':
      return isSame
    case '<=':
      return isWithin(one, other)
    case '>=':
      return isWithin(other, one)
    case '<':
      return isWithin(one, other) && !isSame
    default:
      return isWithin(other, one) && !isSame
  }
}

/** Python's // and % of floats: the rest has the divisor's sign. */
function divideFloats(x: number, y: number): { whole: number; rest: number } {
  let rest = x % y
  if (rest !== 0 && rest < 0 !== y < 0) rest += y
  return { whole: Math.round((x - rest) / y), rest: rest === 0 ? (y < 0 ? -0 : 0) : rest }
}

/** Names of the methods that operators call. */
const UNARY_METHODS: Readonly<Record<string, string>> = { '-': '__neg__', '+': '__pos__', '~': '__invert__' }
const BINARY_METHODS: Readonly<Record<string, string>> = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'truediv',
  '//': 'floordiv',
  '%': 'mod',
  '**': 'pow',
  '@': 'matmul',
  '&': 'and',
  '|': 'or',
  '^': 'xor',
  '<<': 'lshift',
  '>>': 'rshift',
}
/** A comparison's method, and that of the other side. */
const COMPARISON_METHODS: Readonly<Record<string, readonly [string, string]>> = {
  '<': ['__lt__', '__gt__'],
  '<=': ['__le__', '__ge__'],
  '>': ['__gt__', '__lt__'],
  '>=': ['__ge__', '__le__'],
  '==': ['__eq__', '__eq__'],
  '!=': ['__ne__', '__ne__'],
}

const COMPARISONS: Readonly<
  Record<string, 'less' | 'lessEqual' | 'greater' | 'greaterEqual' | 'equal' | 'notEqual'>
> = {
  '<': 'less',
  '<=': 'lessEqual',
  '>': 'greater',
  '>=': 'greaterEqual',
  '==': 'equal',
  '!=': 'notEqual',
}
