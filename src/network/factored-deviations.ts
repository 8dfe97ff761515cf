import { RootSum } from './root-sum-squares.js'

/** Between these a sum of squares has kept its digits. */
const [LEAST, LARGEST] = [2 ** -900, 2 ** 900]

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

  /** @param ofUnits for each k outputs × samples, `ofInputs` inputs × samples */
  constructor(samples: number, ofUnits: readonly Float64Array[], ofInputs: readonly Float64Array[]) {
    this.#depth = samples * ofUnits.length
    this.#inputs = ofInputs[0].length / samples
    this.#ofUnits = interleave(ofUnits, samples)
    this.#ofInputs = interleave(ofInputs, samples)
  }

  /** The number of element `offset` of outputs × inputs. */
  at(offset: number): number {
    const unit = Math.floor(offset / this.#inputs) * this.#depth
    const input = (offset % this.#inputs) * this.#depth
    let squares = 0
    for (let k = 0; k < this.#depth; k++) {
      const term = this.#ofUnits[unit + k] * this.#ofInputs[input + k]
      squares += term * term
    }
    if (squares >= LEAST && squares <= LARGEST) return Math.sqrt(squares)
    const sum = new RootSum()
    for (let k = 0; k < this.#depth; k++) sum.add(this.#ofUnits[unit + k] * this.#ofInputs[input + k])
    return sum.value
  }

  /** The root of the sum of their squares over all elements. */
  norm(): number {
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
