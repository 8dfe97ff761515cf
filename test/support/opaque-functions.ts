import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** How a number is stored after each operation. */
export type Rounding = (value: number) => number

export const exact: Rounding = (value) => value
export const toFloat32: Rounding = Math.fround

/** Round to nearest, ties to even, as binary16 stores a number: 11 significant bits. */
export const toFloat16: Rounding = (value) => {
  if (value === 0 || !Number.isFinite(value)) return value
  const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), -14) - 10)
  const units = value / unit
  const floor = Math.floor(units)
  const isEven = floor % 2 === 0
  const rest = units - floor
  return (rest > 0.5 || (rest === 0.5 && !isEven) ? floor + 1 : floor) * unit
}

export const toMillionths: Rounding = (value) => Math.round(value * 1e6) / 1e6

/** One operation: its value, and its derivatives by both operands. */
interface Operation {
  readonly value: (a: number, b: number) => number
  readonly slopes: (a: number, b: number) => readonly [number, number]
}

const sigmoid = (a: number) => 1 / (1 + Math.exp(-a))

/** Operations whose values stay moderate where their operands are. */
const OPERATIONS: readonly Operation[] = [
  { value: (a, b) => a + b, slopes: () => [1, 1] },
  { value: (a, b) => a - b, slopes: () => [1, -1] },
  { value: (a, b) => a * b, slopes: (a, b) => [b, a] },
  { value: (a, b) => a * b, slopes: (a, b) => [b, a] },
  {
    value: (a, b) => a / (1 + b * b),
    slopes: (a, b) => [1 / (1 + b * b), (-2 * a * b) / (1 + b * b) ** 2],
  },
  { value: (a) => Math.sin(a), slopes: (a) => [Math.cos(a), 0] },
  { value: (a) => Math.cos(2 * a), slopes: (a) => [-2 * Math.sin(2 * a), 0] },
  { value: (a) => Math.tanh(a), slopes: (a) => [1 - Math.tanh(a) ** 2, 0] },
  { value: sigmoid, slopes: (a) => [sigmoid(a) * (1 - sigmoid(a)), 0] },
  { value: (a) => Math.exp(-a * a), slopes: (a) => [-2 * a * Math.exp(-a * a), 0] },
  { value: (a) => Math.log1p(a * a), slopes: (a) => [(2 * a) / (1 + a * a), 0] },
  { value: (a) => Math.sqrt(1 + a * a), slopes: (a) => [a / Math.sqrt(1 + a * a), 0] },
  { value: (a) => Math.log1p(Math.exp(a)), slopes: (a) => [sigmoid(a), 0] },
  { value: (a) => a * a, slopes: (a) => [2 * a, 0] },
]

/** What an operation takes: the results before it, by their places. */
interface Node {
  readonly operation: Operation
  readonly operands: readonly [number, number]
}

/** A random function in code, of which the gradient is known. */
export interface OpaqueFunction {
  readonly at: Float64Array
  /** @param rounding of every operation, the parameters too */
  value(x: ArrayLike<number>, rounding?: Rounding): number
  /** By reverse accumulation, every operation of which is rounded as well. */
  gradient(x: ArrayLike<number>, rounding?: Rounding): Float64Array
}

const MOST_PARAMETERS = 12

/**
 * A composition of random operations on 1 to 12 parameters of very different sizes, on which it varies at scales
 * between a tenth of them and ten times them, with values of any size, sometimes far from 0.
 */
export function createOpaqueFunction(seed: number): OpaqueFunction {
  const generator = xoroshiro128plus(seed)
  const uniform = (from: number, to: number) => from + (to - from) * uniformFloat64(generator)
  const integer = (count: number) => Math.floor(uniform(0, count))
  const chance = (probability: number) => uniform(0, 1) < probability
  const size = 1 + integer(MOST_PARAMETERS)
  const unit = 10 ** uniform(-3, 3)
  const spread = chance(0.3) ? 2 : 0.5
  const isSingle = chance(0.5)
  const scales = Float64Array.from({ length: size }, () => unit * 10 ** uniform(-spread, spread))
  const at = scales.map((scale) => {
    const value = chance(0.08) ? 0 : scale * uniform(-2, 2)
    return isSingle ? Math.fround(value) : value
  })
  // what varies at its own scale
  const inner = scales.map((scale) => 10 ** uniform(-1, 1) / scale)
  const shifts = scales.map(() => uniform(-1, 1))
  const nodes: Node[] = []
  const count = size + 2 + integer(3 * size)
  for (let k = 0; k < count; k++) {
    // every parameter is used once at least, then whatever there is
    const first = k < size ? k : integer(size + k)
    nodes.push({ operation: OPERATIONS[integer(OPERATIONS.length)], operands: [first, integer(size + k)] })
  }
  const weights = nodes.map(() => (chance(0.7) ? uniform(-1, 1) : 0))
  weights[count - 1] = 1
  const outer = 10 ** uniform(-4, 3)
  const offset = chance(0.3) ? uniform(-10, 10) : 0

  function run(x: ArrayLike<number>, round: Rounding) {
    const values: number[] = []
    for (let k = 0; k < size; k++) values.push(round(round(round(x[k]) * inner[k]) + shifts[k]))
    for (const { operation, operands } of nodes) {
      const [a, b] = operands
      values.push(round(operation.value(values[a], values[b])))
    }
    return values
  }
  return {
    at,
    value(x, round = exact) {
      const values = run(x, round)
      let sum = round(offset)
      for (const [k, weight] of weights.entries()) sum = round(sum + round(weight * values[size + k]))
      return round(sum * round(outer))
    },
    gradient(x, round = exact) {
      const values = run(x, round)
      const upstream = values.map((_, k) => (k < size ? 0 : round(weights[k - size] * outer)))
      for (let k = count - 1; k >= 0; k--) {
        const { operation, operands } = nodes[k]
        const slopes = operation.slopes(values[operands[0]], values[operands[1]])
        for (const [j, operand] of operands.entries()) {
          upstream[operand] = round(upstream[operand] + round(upstream[size + k] * round(slopes[j])))
        }
      }
      return Float64Array.from({ length: size }, (_, k) => round(upstream[k] * inner[k]))
    },
  }
}

/** In which precision a function is computed and gives its results. */
export const OPAQUE_KINDS: readonly {
  readonly name: string
  readonly inside: Rounding
  readonly result: Rounding
  /** Of a right gradient. */
  readonly gradient: (values: Float64Array) => Float64Array | Float32Array
}[] = [
  { name: 'float64', inside: exact, result: exact, gradient: (values) => values },
  {
    name: 'float32 throughout',
    inside: toFloat32,
    result: toFloat32,
    gradient: (values) => Float32Array.from(values),
  },
  { name: 'float32 results', inside: exact, result: toFloat32, gradient: (values) => values },
  { name: 'float16 results', inside: exact, result: toFloat16, gradient: (values) => values },
  { name: 'results rounded to 1e-6', inside: exact, result: toMillionths, gradient: (values) => values },
]

/** Values and gradients beyond this leave float16's range. */
const LARGEST_VALUE = 6e4

/** The first functions, by ascending seed, that have moderate values and a gradient that is not zero everywhere. */
export function sampleOpaqueFunctions(count: number, firstSeed = 1): OpaqueFunction[] {
  const found: OpaqueFunction[] = []
  for (let seed = firstSeed; found.length < count; seed++) {
    const next = createOpaqueFunction(seed)
    const gradient = next.gradient(next.at)
    const isModerate = Math.abs(next.value(next.at)) < LARGEST_VALUE
    if (isModerate && gradient.every(Number.isFinite) && gradient.some((value) => value !== 0))
      found.push(next)
  }
  return found
}
