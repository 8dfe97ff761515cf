import type { Node } from '../program/builder.js'
import { type Kind, NdArray, nodeOf, type Tracer } from './arrays.js'
import type { Interpreter } from './interpreter.js'
import { formatPercent } from './text.js'
import {
  Ellipsis,
  MOST_STEPS,
  Native,
  type Place,
  PyClass,
  PyDict,
  PyInstance,
  PyList,
  PyTuple,
  plainNumber,
  Unknown,
  type Value,
} from './values.js'

/** Powers of whole numbers that are multiplied out. */
const MOST_POWER = 1000

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
    if (typeof value === 'number') return operator === '-' ? -value : value
    const array = this.#interpreter.toArray(value, place)
    if (operator === '+') return array
    if (operator === '~' && array.kind !== 'b')
      throw this.#interpreter.error(place, '~ is understood of truth values alone')
    return this.#interpreter.make(place, operator === '~' && array.kind === 'b' ? 'b' : array.kind, (b) => {
      const node = nodeOf(this.#tracer, array)
      return operator === '~' ? b.subtract(1, node) : b.negative(node)
    })
  }

  binary(operator: string, left: Value, right: Value, place: Place): Value {
    if (left instanceof Unknown) return left
    if (right instanceof Unknown) return right
    const isPlain = (value: Value) =>
      typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    if (isPlain(left) && isPlain(right)) return this.#arithmetic(operator, left, right, place)
    if (typeof left === 'string') {
      if (operator === '+' && typeof right === 'string') {
        if (left.length + right.length > MOST_STEPS)
          throw this.#interpreter.error(place, 'the text grows too long')
        return left + right
      }
      if (operator === '%') return formatPercent(left, right)
      if (operator === '*') return left.repeat(this.#count(right, left.length, place))
    }
    if (left instanceof PyList && right instanceof PyList && operator === '+') {
      if (left.items.length + right.items.length > MOST_STEPS)
        throw this.#interpreter.error(place, 'the list grows too long')
      return new PyList([...left.items, ...right.items])
    }
    if (left instanceof PyTuple && right instanceof PyTuple && operator === '+') {
      return new PyTuple([...left.items, ...right.items])
    }
    for (const [list, count] of [
      [left, right],
      [right, left],
    ]) {
      if (
        operator === '*' &&
        (list instanceof PyList || list instanceof PyTuple) &&
        typeof count === 'bigint'
      ) {
        const times = this.#count(count, list.items.length, place)
        const items = Array.from({ length: times }, () => list.items).flat()
        return list instanceof PyList ? new PyList(items) : new PyTuple(items)
      }
    }
    return this.arrays(
      operator,
      this.#interpreter.toArray(left, place),
      this.#interpreter.toArray(right, place),
      place,
    )
  }

  /** How often something is repeated, within reason. */
  #count(value: Value, length: number, place: Place): number {
    const count = Math.max(0, this.#interpreter.integer(value, place))
    if (count * length <= MOST_STEPS) return count
    throw this.#interpreter.error(place, `${count} times ${length} items are too many`)
  }

  /** An operator between arrays. */
  arrays(operator: string, left: NdArray, right: NdArray, place: Place): NdArray {
    const isWhole = left.kind !== 'f' && right.kind !== 'f'
    const isTruth = left.kind === 'b' && right.kind === 'b'
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

  #arithmetic(operator: string, left: Value, right: Value, place: Place): Value {
    const isWhole = typeof left !== 'number' && typeof right !== 'number'
    const [x, y] = [Number(left), Number(right)]
    switch (operator) {
      case '+':
        return isWhole ? BigInt(left as bigint) + BigInt(right as bigint) : x + y
      case '-':
        return isWhole ? BigInt(left as bigint) - BigInt(right as bigint) : x - y
      case '*':
        return isWhole ? BigInt(left as bigint) * BigInt(right as bigint) : x * y
      case '/':
      case '//':
      case '%':
        if (isWhole && operator !== '/' && y !== 0) {
          const [p, q] = [BigInt(left as bigint), BigInt(right as bigint)]
          const rest = ((p % q) + q) % q
          return operator === '%' ? rest : (p - rest) / q
        }
        if (y === 0) throw this.#interpreter.error(place, 'this divides by zero')
        return operator === '/' ? x / y : divideFloats(x, y)[operator === '%' ? 'rest' : 'whole']
      case '**':
        if (!isWhole || y < 0) return x ** y
        if (Math.abs(x) > 1 && y > MOST_POWER)
          throw this.#interpreter.error(place, `a power of ${y} is too large`)
        return BigInt(left as bigint) ** BigInt(right as bigint)
      case '&':
      case '|':
        if (!isWhole)
          throw this.#interpreter.error(place, `${operator} is understood between whole numbers alone`)
        if (typeof left === 'boolean' && typeof right === 'boolean')
          return operator === '&' ? left && right : left || right
        return operator === '&'
          ? BigInt(left as bigint) & BigInt(right as bigint)
          : BigInt(left as bigint) | BigInt(right as bigint)
      case '<<':
        if (!isWhole || y < 0)
          throw this.#interpreter.error(place, '<< is understood between whole numbers alone')
        if (y > MOST_POWER) throw this.#interpreter.error(place, `a shift by ${y} is too large`)
        return BigInt(x) << BigInt(y)
      case '>>':
        if (!isWhole || y < 0)
          throw this.#interpreter.error(place, '>> is understood between whole numbers alone')
        return BigInt(x) >> BigInt(y)
      default:
        throw this.#interpreter.error(place, `${operator} is not understood`)
    }
  }

  compare(operator: string, left: Value, right: Value, place: Place): Value {
    if (operator === 'is' || operator === 'is not') {
      const unknown = [left, right].find((value): value is Unknown => value instanceof Unknown)
      if (unknown !== undefined && left !== null && right !== null) return unknown
      const same = left === right || (isNone(left) && isNone(right))
      return operator === 'is' ? same : !same
    }
    if (left instanceof Unknown) return left
    if (right instanceof Unknown) return right
    if (operator === 'in' || operator === 'not in') {
      const holds = this.#contains(right, left, place)
      return operator === 'in' ? holds : !holds
    }
    if (left instanceof NdArray || right instanceof NdArray) {
      if (left === null || right === null || typeof left === 'string' || typeof right === 'string') {
        return operator === '!='
      }
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

  /** Below 0 where the first comes first: numbers, texts, and sequences of them. */
  #order(left: Value, right: Value, place: Place): number {
    if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0
    const isSequence = (value: Value): value is PyTuple | PyList =>
      value instanceof PyTuple || value instanceof PyList
    if (isSequence(left) && isSequence(right)) {
      for (const [k, item] of left.items.entries()) {
        if (k >= right.items.length) return 1
        const order = this.#order(item, right.items[k], place)
        if (order !== 0) return order
      }
      return left.items.length - right.items.length
    }
    const [x, y] = [plainNumber(left), plainNumber(right)]
    if (x === undefined || y === undefined)
      throw this.#interpreter.error(place, 'these cannot be put in order')
    return x - y
  }

  /** The same, for sorting. */
  compareOrder(left: Value, right: Value, place: Place): number {
    return this.#order(left, right, place)
  }

  #equal(left: Value, right: Value, place: Place): boolean {
    const isNumber = (value: Value) =>
      typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    if (isNumber(left) && isNumber(right)) return Number(left) === Number(right)
    const isSequence = (value: Value): value is PyTuple | PyList =>
      value instanceof PyTuple || value instanceof PyList
    if (isSequence(left) && isSequence(right)) {
      return (
        left.items.length === right.items.length &&
        left.items.every((item, k) =>
          this.#interpreter.truth(this.compare('==', item, right.items[k], place), place),
        )
      )
    }
    const isPlain = left === null || right === null || typeof left === 'string' || typeof right === 'string'
    if (isPlain || left === right || left instanceof PyClass || left instanceof Native) return left === right
    if (left instanceof Ellipsis) return right instanceof Ellipsis
    throw this.#interpreter.error(place, 'whether these are equal is not understood')
  }

  #contains(list: Value, item: Value, place: Place): boolean {
    if (list instanceof PyDict) return list.has(item)
    if (typeof list === 'string') return list.includes(String(item))
    if (list instanceof PyInstance) return false
    return this.#interpreter
      .iterate(list, place)
      .some((other) => this.#interpreter.truth(this.compare('==', other, item, place), place))
  }
}

const isNone = (value: Value) => value === null

/** Python's // and % of floats: the rest has the divisor's sign. */
function divideFloats(x: number, y: number): { whole: number; rest: number } {
  let rest = x % y
  if (rest !== 0 && rest < 0 !== y < 0) rest += y
  return { whole: Math.round((x - rest) / y), rest }
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
