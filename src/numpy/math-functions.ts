import { NdArray } from './arrays.js'
import type { Body, Call } from './native-call.js'
import { INFINITE } from './native-call.js'
import { elementsAs, NUMPY } from './numpy-functions.js'
import { LARGEST_WHOLE } from './operators.js'
import { Refusal } from './refusal.js'
import { PyInstance, plainNumber, type Value } from './values.js'

/** A number of an argument that does not depend on the parameters. */
function numberOf(call: Call, position: number): number {
  const value = call.required(position)
  const own =
    value instanceof PyInstance ? call.interpreter.callMethod(value, '__float__', [], call.place) : undefined
  const number = plainNumber(own ?? value)
  if (number === undefined)
    throw new Refusal('a number that depends on the parameters is not understood here')
  return number
}

/** To its last digit, which a number of JavaScript's may not hold. */
function wholeOf(call: Call, position: number): bigint {
  const value = call.required(position)
  return typeof value === 'bigint' ? value : BigInt(call.integer(value))
}

/** What is no number of a number is an error of Python's. */
function checked(made: number, given: readonly number[]): number {
  if (given.some((number) => !Number.isFinite(number))) return made
  if (Number.isNaN(made)) throw new Refusal('math domain error', 'ValueError')
  if (!Number.isFinite(made)) throw new Refusal('math range error', 'OverflowError')
  return made
}

/** Functions of one number that NumPy has too: of what depends on the parameters they are traced. */
const SMOOTH: Readonly<Record<string, { readonly f: (x: number) => number; readonly numpy: string }>> = {
  exp: { f: Math.exp, numpy: 'exp' },
  expm1: { f: Math.expm1, numpy: 'expm1' },
  log1p: { f: Math.log1p, numpy: 'log1p' },
  log2: { f: Math.log2, numpy: 'log2' },
  log10: { f: Math.log10, numpy: 'log10' },
  sqrt: { f: Math.sqrt, numpy: 'sqrt' },
  cbrt: { f: Math.cbrt, numpy: 'cbrt' },
  sin: { f: Math.sin, numpy: 'sin' },
  cos: { f: Math.cos, numpy: 'cos' },
  tan: { f: Math.tan, numpy: 'tan' },
  asin: { f: Math.asin, numpy: 'arcsin' },
  acos: { f: Math.acos, numpy: 'arccos' },
  atan: { f: Math.atan, numpy: 'arctan' },
  sinh: { f: Math.sinh, numpy: 'sinh' },
  cosh: { f: Math.cosh, numpy: 'cosh' },
  tanh: { f: Math.tanh, numpy: 'tanh' },
  asinh: { f: Math.asinh, numpy: 'arcsinh' },
  atanh: { f: Math.atanh, numpy: 'arctanh' },
  fabs: { f: Math.abs, numpy: 'fabs' },
}

function smooth(name: string): Body {
  const { f, numpy } = SMOOTH[name]
  return (call) => {
    const value = call.required(0)
    if (value instanceof NdArray && value.size !== 1) {
      throw new Refusal('only arrays of one element are numbers', 'TypeError', `write np.${numpy}`)
    }
    if (value instanceof NdArray && value.isTraced) return NUMPY[numpy](numberFirst(call, value))
    const number = numberOf(call, 0)
    const isPole = /^log/.test(name) && (name === 'log1p' ? number <= -1 : number <= 0)
    if (isPole) throw new Refusal('math domain error', 'ValueError')
    return checked(f(number), [number])
  }
}

/** The same call with a number in the place of an array of one element. */
function numberFirst(call: Call, value: NdArray): Call {
  const first = call.wrap(elementsAs(call, value, []), 'f')
  return call.with([first, ...call.given.plain.slice(1)])
}

const wholeNumber =
  (f: (x: number) => number): Body =>
  (call) => {
    const number = numberOf(call, 0)
    if (!Number.isFinite(number) || Math.abs(number) >= INFINITE) {
      throw new Refusal('cannot convert this float to an integer', 'OverflowError')
    }
    const value = call.required(0)
    return typeof value === 'bigint' ? value : BigInt(f(number))
  }

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? (a < 0n ? -a : a) : gcd(b, a % b)
}

/** The product of whole numbers from one to another, each of which is a step. */
function product(call: Call, from: bigint, to: bigint): bigint {
  if (to - from > 2000n) throw new Refusal('a factorial as large is not understood')
  call.interpreter.takeSteps(Math.max(0, Number(to - from)), call.place)
  let made = 1n
  for (let k = from; k <= to; k++) made *= k
  return made
}

/** Functions of the module math. */
export const MATH: Readonly<Record<string, Body>> = {
  ...Object.fromEntries(Object.keys(SMOOTH).map((name): [string, Body] => [name, smooth(name)])),
  log(call) {
    const value = call.required(0)
    if (call.given.plain.length === 1) {
      if (value instanceof NdArray && value.isTraced) return NUMPY.log(numberFirst(call, value))
      const number = numberOf(call, 0)
      if (number <= 0) throw new Refusal('math domain error', 'ValueError')
      return checked(Math.log(number), [number])
    }
    const [x, base] = [numberOf(call, 0), numberOf(call, 1)]
    if (x <= 0 || base <= 0) throw new Refusal('math domain error', 'ValueError')
    if (base === 1) throw new Refusal('a logarithm to base 1', 'ZeroDivisionError')
    return Math.log(x) / Math.log(base)
  },
  erf: (call) => {
    const made = NUMPY.erf(call)
    return made instanceof NdArray && !made.isTraced ? made.numbers[0] : made
  },
  pow(call) {
    const [x, y] = [call.required(0), call.required(1)]
    const isTraced = [x, y].some((value) => value instanceof NdArray && value.isTraced)
    if (isTraced) return call.interpreter.binary('**', x, y, call.place)
    const [a, b] = [numberOf(call, 0), numberOf(call, 1)]
    if (a === 0 && b < 0) throw new Refusal('math domain error', 'ValueError')
    return checked(a ** b, [a, b])
  },
  floor: wholeNumber(Math.floor),
  ceil: wholeNumber(Math.ceil),
  trunc: wholeNumber(Math.trunc),
  hypot: (call) => Math.hypot(...call.given.plain.map((_, k) => numberOf(call, k))),
  atan2: (call) => Math.atan2(numberOf(call, 0), numberOf(call, 1)),
  copysign(call) {
    const [size, sign] = [Math.abs(numberOf(call, 0)), numberOf(call, 1)]
    return sign < 0 || Object.is(sign, -0) ? -size : size
  },
  fmod(call) {
    const [x, y] = [numberOf(call, 0), numberOf(call, 1)]
    return checked(x % y, [x, y])
  },
  degrees: (call) => numberOf(call, 0) * (180 / Math.PI),
  radians: (call) => numberOf(call, 0) * (Math.PI / 180),
  isnan: (call) => Number.isNaN(numberOf(call, 0)),
  isinf: (call) => Math.abs(numberOf(call, 0)) >= INFINITE,
  isfinite: (call) => Math.abs(numberOf(call, 0)) < INFINITE,
  isclose(call) {
    const [x, y] = [numberOf(call, 0), numberOf(call, 1)]
    const part = (name: string, usual: number) => plainNumber(call.get(99, name) ?? usual) ?? usual
    const [relative, absolute] = [part('rel_tol', 1e-9), part('abs_tol', 0)]
    return x === y || Math.abs(x - y) <= Math.max(relative * Math.max(Math.abs(x), Math.abs(y)), absolute)
  },
  gcd: (call) => call.given.plain.map((_, k) => wholeOf(call, k)).reduce(gcd, 0n),
  lcm: (call) =>
    call.given.plain
      .map((_, k) => wholeOf(call, k))
      .reduce<Value>((a, b) => {
        const other = BigInt(a as bigint)
        const least = other === 0n || b === 0n ? 0n : other / gcd(other, b)
        return call.interpreter.binary('*', least, b < 0n ? -b : b, call.place)
      }, 1n),
  factorial(call) {
    const n = wholeOf(call, 0)
    if (n < 0n) throw new Refusal('factorial() not defined for negative values', 'ValueError')
    return product(call, 1n, n)
  },
  comb(call) {
    const [n, k] = [wholeOf(call, 0), wholeOf(call, 1)]
    if (n < 0n || k < 0n) throw new Refusal('a choice of fewer than nothing', 'ValueError')
    return k > n ? 0n : product(call, n - k + 1n, n) / product(call, 1n, k)
  },
  perm(call) {
    const n = wholeOf(call, 0)
    const k = call.given.plain.length > 1 ? wholeOf(call, 1) : n
    return k > n ? 0n : product(call, n - k + 1n, n)
  },
  isqrt(call) {
    const n = wholeOf(call, 0)
    if (n < 0n) throw new Refusal('isqrt() argument must be nonnegative', 'ValueError')
    if (n === 0n) return n
    if (n > LARGEST_WHOLE) throw new Refusal('the root of a number larger than any float is not understood')
    // Newton's steps from above go down until they are there
    let root = 1n << BigInt(Math.ceil(n.toString(2).length / 2))
    for (let next = (root + n / root) / 2n; next < root; next = (root + n / root) / 2n) root = next
    return root
  },
  prod: (call) =>
    call.interpreter
      .iterate(call.required(0), call.place)
      .reduce<Value>(
        (made, item) => call.interpreter.binary('*', made, item, call.place),
        call.get(99, 'start') ?? 1n,
      ),
}
