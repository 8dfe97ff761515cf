import { multiplyInBlocks } from './blocked-product.js'
import { keepsDigits, RootSum } from './root-sum-squares.js'

/** Units whose sums of squares are computed together, once many of them are asked for. */
const UNITS_AT_ONCE = 32
/** Factors whose squares multiply without leaving the range of the numbers. */
const [LEAST_FACTOR, LARGEST_FACTOR] = [2 ** -200, 2 ** 100]
/** Factors that are left out, as of dead units, and the least sum that they then add nothing to. */
const [NEGLIGIBLE_FACTOR, LEAST_SUM] = [2 ** -500, 2 ** -700]
/** Factors of inputs whose squares are kept: no more memory than a few layers take. */
const MOST_FACTORS = 2 ** 21

/**
 * A number ≥ 0 for every weight of a layer, a deviation: the root of a sum over k of squares, each of a factor of its
 * unit times a factor of its input. So a few numbers a unit, an input and a sample stand for all weights.
 */
export class FactoredDeviations {
  readonly #depth: number
  readonly #inputs: number
  /** outputs × depth */
  readonly #ofUnits: Float64Array
  /** inputs × depth */
  readonly #ofInputs: Float64Array
  /** Squares of the inputs' factors; null where they are too many, too small or too large. */
  #squaresOfInputs: Float64Array | null | undefined
  /** The block of units that was asked for last, how often, and its sums of squares once that is often. */
  #block = -1
  #times = 0
  #sums: Float64Array | undefined
  #norm: number | undefined

  /** @param ofUnits for each k outputs × samples, `ofInputs` inputs × samples */
  constructor(samples: number, ofUnits: readonly Float64Array[], ofInputs: readonly Float64Array[]) {
    this.#depth = samples * ofUnits.length
    this.#inputs = ofInputs[0].length / samples
    this.#ofUnits = interleave(ofUnits, samples)
    this.#ofInputs = interleave(ofInputs, samples)
  }

  /** The number of element `offset` of outputs × inputs. */
  at(offset: number): number {
    const sum = this.#sumOfBlock(offset)
    if (sum !== undefined && sum >= LEAST_SUM) return Math.sqrt(sum)
    const unit = Math.floor(offset / this.#inputs) * this.#depth
    const input = (offset % this.#inputs) * this.#depth
    let squares = 0
    for (let k = 0; k < this.#depth; k++) {
      const term = this.#ofUnits[unit + k] * this.#ofInputs[input + k]
      squares += term * term
    }
    if (keepsDigits(squares)) return Math.sqrt(squares)
    const exact = new RootSum()
    for (let k = 0; k < this.#depth; k++) exact.add(this.#ofUnits[unit + k] * this.#ofInputs[input + k])
    return exact.value
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

  #multiplySquares(block: number): Float64Array | undefined {
    const depth = this.#depth
    if (this.#squaresOfInputs === undefined) {
      this.#squaresOfInputs = this.#ofInputs.length > MOST_FACTORS ? null : squaresOf(this.#ofInputs)
    }
    const from = block * UNITS_AT_ONCE * depth
    const ofUnits = squaresOf(this.#ofUnits.subarray(from, from + UNITS_AT_ONCE * depth))
    if (this.#squaresOfInputs === null || ofUnits === null) return undefined
    return multiplyInBlocks(
      { data: ofUnits, count: ofUnits.length / depth, depth, byVector: true },
      { data: this.#squaresOfInputs, count: this.#inputs, depth, byVector: true },
    )
  }

  /** The root of the sum of their squares over all elements. */
  norm(): number {
    this.#norm ??= this.#computeNorm()
    return this.#norm
  }

  #computeNorm(): number {
    const [units, inputs] = [this.#normsByDepth(this.#ofUnits), this.#normsByDepth(this.#ofInputs)]
    const sum = new RootSum()
    for (const [k, norm] of units.entries()) sum.add(norm * inputs[k])
    return sum.value
  }

  #normsByDepth(factors: Float64Array): number[] {
    const sums = Array.from({ length: this.#depth }, () => new RootSum())
    for (let k = 0; k < factors.length; k++) sums[k % this.#depth].add(factors[k])
    return sums.map((sum) => sum.value)
  }
}

/** The squares of factors, 0 of negligible ones; null where products of squares could leave the range of the numbers. */
function squaresOf(factors: Float64Array): Float64Array | null {
  const squares = new Float64Array(factors.length)
  for (let k = 0; k < factors.length; k++) {
    const size = Math.abs(factors[k])
    if (size < NEGLIGIBLE_FACTOR) continue
    if (!(size >= LEAST_FACTOR && size <= LARGEST_FACTOR)) return null
    squares[k] = size * size
  }
  return squares
}

/** Parts of rows × samples side by side in each row. */
function interleave(parts: readonly Float64Array[], samples: number): Float64Array {
  if (parts.length === 1) return parts[0]
  const depth = samples * parts.length
  const result = new Float64Array(parts[0].length * parts.length)
  for (const [p, part] of parts.entries()) {
    for (let row = 0; row * samples < part.length; row++) {
      result.set(part.subarray(row * samples, (row + 1) * samples), row * depth + p * samples)
    }
  }
  return result
}
