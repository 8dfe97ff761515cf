import { isOnKink, type Linearization } from './linearization.js'
import { lowestBit } from './lowest-bit.js'

/**
 * Which pre-activations are what they are in whatever order they are summed: every term and every partial sum is a
 * number of the format itself. Such a 0 is a 0 in anybody's code; another may come out on either side of it.
 */
export class ExactValues {
  readonly #base: Linearization
  readonly #digits: number
  readonly #known: (Uint8Array | undefined)[] = []

  /** @param digits significant bits of the format, 53 of float64 */
  constructor(base: Linearization, digits: number) {
    this.#base = base
    this.#digits = digits
  }

  /** Whether element `k` of layer `l`'s pre-activations is exact. */
  has(l: number, k: number): boolean {
    this.#known[l] ??= new Uint8Array(this.#base.pass.Z[l].data.length)
    const known = this.#known[l]
    if (known[k] === UNKNOWN) known[k] = this.#isExactSum(l, k) ? EXACT : ROUNDED
    return known[k] === EXACT
  }

  #isExactSum(l: number, k: number): boolean {
    const { inputs, outputs, weights, biases } = this.#base.model.layers[l]
    const input = this.#base.pass.A[l].data
    const [row, unit] = [inputs * Math.floor(k / outputs), k % outputs]
    const bias = biases === undefined ? 0 : biases[unit]
    let lowest = bias === 0 ? Number.POSITIVE_INFINITY : lowestBit(bias)
    let sum = Math.abs(bias)
    for (let j = 0; j < inputs; j++) {
      const [a, w] = [input[row + j], weights[unit * inputs + j]]
      if (w === 0) continue
      if (!this.#isExactInput(l, row + j)) return false
      if (a === 0) continue
      sum += Math.abs(a * w)
      lowest = Math.min(lowest, lowestBit(a) + lowestBit(w))
    }
    return sum === 0 || sum < 2 ** (lowest + this.#digits)
  }

  /** The data are exact; an activation is on a linear piece of a short slope, or where f(0) is a short number. */
  #isExactInput(l: number, k: number): boolean {
    if (l === 0) return true
    const { activation } = this.#base.model.layers[l - 1]
    const z = this.#base.pass.Z[l - 1].data[k]
    const slope = activation.constantSlope?.(z, 0)
    if (slope === 0 && !isOnKink(activation, z, this.#base.deviations.Z[l - 1].data[k])) return true
    if (!this.has(l - 1, k)) return false
    if (z === 0) return SHORT.includes(activation.value(0))
    if (slope === undefined || slope === 0) return slope === 0
    return Math.abs(slope * z) < 2 ** (lowestBit(slope) + lowestBit(z) + this.#digits)
  }
}

const [UNKNOWN, EXACT, ROUNDED] = [0, 1, 2]
const SHORT: readonly number[] = [0, 0.5]
