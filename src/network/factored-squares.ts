/**
 * A number ≥ 0 for every weight of a layer (the square of a deviation, say), each a sum over k of a factor of its
 * unit and a factor of its input. So a few numbers a unit, an input and a sample stand for all weights.
 */
export class FactoredSquares {
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
    let sum = 0
    for (let k = 0; k < this.#depth; k++) sum += this.#ofUnits[unit + k] * this.#ofInputs[input + k]
    return sum
  }

  /** The sum over all elements. */
  total(): number {
    const [units, inputs] = [this.#sum(this.#ofUnits), this.#sum(this.#ofInputs)]
    return units.reduce((total, value, k) => total + value * inputs[k], 0)
  }

  #sum(factors: Float64Array): Float64Array {
    const sums = new Float64Array(this.#depth)
    for (let k = 0; k < factors.length; k++) sums[k % this.#depth] += factors[k]
    return sums
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
