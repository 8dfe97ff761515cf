import { multiplyInBlocks } from './blocked-product.js'
import { type Matrix, rowOf } from './matrix.js'
import { normOf, RootSum } from './root-sum-squares.js'

/** Units whose sums of squares are computed together, once many of them are asked for. */
const UNITS_AT_ONCE = 32
/** Elements of the inputs whose squares are held at once. */
const SQUARES_AT_ONCE = 2 ** 18
/** Factors whose squares multiply without leaving the range of the numbers. */
const [LEAST_FACTOR, LARGEST_FACTOR] = [2 ** -200, 2 ** 100]
/** Factors that are left out, as of dead units, and the least sum that they then add nothing to. */
const [NEGLIGIBLE_FACTOR, LEAST_SUM] = [2 ** -500, 2 ** -700]

/** Factors of the units and of the inputs at each sample, that is one term of every weight's sum. */
export interface Factors {
  /** samples × outputs */
  readonly ofUnits: Matrix
  /** samples × inputs, whose elements are the factors, or what `factorOf` makes of them */
  readonly ofInputs: Matrix
  /** The factor of input `j` whose element is `a`; 0 of 0. */
  readonly factorOf?: ((a: number, j: number) => number) | undefined
}

/**
 * A number ≥ 0 for every weight of a layer, a deviation: the root of a sum of squares over factors and samples, each of
 * a factor of its unit times a factor of its input. So a few numbers a unit, an input and a sample stand for all
 * weights; nothing is copied or computed before it is asked for.
 */
export class FactoredDeviations {
  readonly #factors: readonly Factors[]
  readonly #outputs: number
  readonly #inputs: number
  readonly #terms: Float64Array
  /** The block of units that was asked for last, how often, and its sums of squares once that is often. */
  #block = -1
  #times = 0
  #sums: Float64Array | undefined
  #norm: number | undefined

  /** @param factors at least one */
  constructor(factors: readonly Factors[]) {
    this.#factors = factors
    this.#outputs = factors[0].ofUnits.columns
    this.#inputs = factors[0].ofInputs.columns
    this.#terms = new Float64Array(factors.length * factors[0].ofUnits.rows)
  }

  /** The number of element `offset` of outputs × inputs. */
  at(offset: number): number {
    const sum = this.#sumOfBlock(offset)
    if (sum !== undefined && sum >= LEAST_SUM) return Math.sqrt(sum)
    return normOf(this.#termsOf(offset))
  }

  /** What an element is the norm of, in an array that is written anew for the next one. */
  #termsOf(offset: number): Float64Array {
    const [outputs, inputs] = [this.#outputs, this.#inputs]
    const [unit, input] = [Math.floor(offset / inputs), offset % inputs]
    let k = 0
    for (const { ofUnits, ofInputs, factorOf } of this.#factors) {
      for (let s = 0; s < ofUnits.rows; s++) {
        const a = ofInputs.data[s * inputs + input]
        this.#terms[k++] =
          ofUnits.data[s * outputs + unit] * (factorOf === undefined ? a : factorOf(a, input))
      }
    }
    return this.#terms
  }

  /** The sum of squares of element `offset` as one of a block's, where so many are asked for that a product pays. */
  #sumOfBlock(offset: number): number | undefined {
    const size = UNITS_AT_ONCE * this.#inputs
    const block = Math.floor(offset / size)
    if (block !== this.#block) {
      this.#block = block
      this.#times = 0
      this.#sums = undefined
    }
    if (++this.#times === this.#inputs) this.#sums = this.#multiplySquares(block)
    return this.#sums?.[offset - block * size]
  }

  /** The sums of a block, over some samples at a time; undefined where some factor's square is too small or large. */
  #multiplySquares(block: number): Float64Array | undefined {
    const from = block * UNITS_AT_ONCE
    const units = Math.min(UNITS_AT_ONCE, this.#outputs - from)
    const sums = new Float64Array(units * this.#inputs)
    for (const factors of this.#factors) {
      const { rows } = factors.ofUnits
      const atOnce = Math.max(1, Math.ceil(SQUARES_AT_ONCE / this.#inputs))
      for (let s = 0; s < rows; s += atOnce) {
        const products = multiplyRows(factors, s, Math.min(rows, s + atOnce), from, units)
        if (products === undefined) return undefined
        for (let k = 0; k < sums.length; k++) sums[k] += products[k]
      }
    }
    return sums
  }

  /** The root of the sum of their squares over all elements. */
  norm(): number {
    this.#norm ??= this.#computeNorm()
    return this.#norm
  }

  #computeNorm(): number {
    const sum = new RootSum()
    for (const { ofUnits, ofInputs, factorOf } of this.#factors) {
      const changed = new Float64Array(factorOf === undefined ? 0 : ofInputs.columns)
      for (let s = 0; s < ofUnits.rows; s++) {
        let row = rowOf(ofInputs, s)
        if (factorOf !== undefined) {
          for (let j = 0; j < row.length; j++) changed[j] = factorOf(row[j], j)
          row = changed
        }
        sum.add(normOf(rowOf(ofUnits, s)) * normOf(row))
      }
    }
    return sum.value
  }
}

/** units × inputs: the sums of squares of some units' weights, over the samples from `sample` to `end`. */
function multiplyRows(
  { ofUnits, ofInputs, factorOf }: Factors,
  sample: number,
  end: number,
  unit: number,
  units: number,
): Float64Array | undefined {
  const depth = end - sample
  const [outputs, inputs] = [ofUnits.columns, ofInputs.columns]
  const left = new Float64Array(depth * units)
  for (let s = 0; s < depth; s++) {
    const from = (sample + s) * outputs + unit
    left.set(ofUnits.data.subarray(from, from + units), s * units)
  }
  const right = ofInputs.data.slice(sample * inputs, end * inputs)
  if (factorOf !== undefined) for (let k = 0; k < right.length; k++) right[k] = factorOf(right[k], k % inputs)
  if (!square(left) || !square(right)) return undefined
  return multiplyInBlocks(
    { data: left, count: units, depth, byVector: false },
    { data: right, count: inputs, depth, byVector: false },
  )
}

/** Squares factors, negligible ones to 0. @returns whether products of the squares stay in the range of the numbers */
function square(factors: Float64Array): boolean {
  for (let k = 0; k < factors.length; k++) {
    const size = Math.abs(factors[k])
    if (size >= LEAST_FACTOR && size <= LARGEST_FACTOR) factors[k] = size * size
    else if (size < NEGLIGIBLE_FACTOR) factors[k] = 0
    else return false
  }
  return true
}
