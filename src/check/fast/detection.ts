/** The probability with which everything that a partial check is said to find is found. */
export const DETECTION_PROBABILITY = 0.99

/**
 * Standard deviations beyond which a mismatch is suspicious. By Hoeffding's inequality (1963) errors within their
 * bounds exceed 4 with a probability below 7e-4 even where each of them is at its bound.
 */
const SUSPICIOUS_DEVIATIONS = 4
/** How many times the threshold proves by itself that some entry is wrong: 6 deviations, below 4e-8. */
export const PROOF_RATIO = 1.5

/** Below this, sums of squares have lost digits. */
const SMALLEST_SQUARES = 1e-280

/** Elements of a direction before it is scaled have random signs and sizes evenly spread between these. */
export const SMALLEST_ELEMENT = 0.5
const LARGEST_ELEMENT = 1.5
/** Mean square of such an element. */
const MEAN_SQUARE =
  (LARGEST_ELEMENT ** 3 - SMALLEST_ELEMENT ** 3) / (3 * (LARGEST_ELEMENT - SMALLEST_ELEMENT))

/** The factor that gives a direction of `size` elements the length 1, on average. */
export function directionScale(size: number): number {
  return 1 / Math.sqrt(size * MEAN_SQUARE)
}

/**
 * How far ⟨g, V⟩ may lie from ⟨∇J, V⟩ when every |g_i − ∇_i| is within a bound a_i of its own and the signs of V are
 * random: the sum of the errors' terms has a standard deviation of at most √Σ(a_i·v_i)² (Hoeffding 1963), and
 * reaches Σ a_i·|v_i| at most. One term that stands out is taken as it is, so that it does not hide itself.
 */
export class MismatchBound {
  /** Σ of the squared terms but the largest. */
  #squares = 0
  #sum = 0
  #largest = 0

  /** @param term a_i·|v_i| */
  add(term: number): void {
    this.#sum += term
    if (term > this.#largest) {
      this.#squares += this.#largest ** 2
      this.#largest = term
    } else {
      this.#squares += term * term
    }
  }

  get value(): number {
    const all = this.#squares + this.#largest ** 2
    // squares that overflow or underflow: the sum bounds the terms as well
    if (!(all > SMALLEST_SQUARES && all < Number.POSITIVE_INFINITY)) return this.#sum
    return Math.min(
      this.#sum,
      SUSPICIOUS_DEVIATIONS * Math.sqrt(all),
      this.#largest + SUSPICIOUS_DEVIATIONS * Math.sqrt(this.#squares),
    )
  }
}

/**
 * The smallest error of one entry among `size` that directions find with `DETECTION_PROBABILITY`: it is missed only
 * while |e|·|v| stays within `reach` in each of them, the entry's |v| being random and independent.
 * @param reach the largest mismatch of a direction that would not have been noticed: its bound and what it had
 */
export function smallestError(reach: number, size: number, directions: number): number {
  const missed = (1 - DETECTION_PROBABILITY) ** (1 / directions)
  const element = SMALLEST_ELEMENT + (LARGEST_ELEMENT - SMALLEST_ELEMENT) * missed
  return reach / (directionScale(size) * element)
}

/**
 * The smallest number of wrong entries among `size` of which `checked` ones, chosen at random without repetition,
 * hold at least one with `DETECTION_PROBABILITY`: C(size − w, checked) / C(size, checked) ≤ 1 − probability.
 */
export function smallestExtent(size: number, checked: number): number {
  const allowed = Math.log(1 - DETECTION_PROBABILITY)
  let missed = 0
  for (let wrong = 0; wrong < size; wrong++) {
    if (missed <= allowed) return wrong
    missed += Math.log1p(-checked / (size - wrong))
  }
  return size
}
