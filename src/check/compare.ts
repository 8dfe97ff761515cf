/** Two vectors' difference ‖g − ĝ‖₂ / (‖g‖₂ + ‖ĝ‖₂), gathered element by element; 0 when both are zero. */
export class DifferenceSum {
  #scale = 0
  #analytical = 0
  #numerical = 0
  #distance = 0

  add(analytical: number, numerical: number): void {
    const largest = Math.max(Math.abs(analytical), Math.abs(numerical))
    if (largest > this.#scale) this.#rescale(largest)
    if (this.#scale === 0) return
    this.#analytical += (analytical / this.#scale) ** 2
    this.#numerical += (numerical / this.#scale) ** 2
    this.#distance += ((analytical - numerical) / this.#scale) ** 2
  }

  /** ‖g‖₂ + ‖ĝ‖₂ */
  get norms(): number {
    return this.#scale * (Math.sqrt(this.#analytical) + Math.sqrt(this.#numerical))
  }

  /** ‖g − ĝ‖₂ */
  get distance(): number {
    return this.#scale * Math.sqrt(this.#distance)
  }

  get difference(): number {
    const norms = Math.sqrt(this.#analytical) + Math.sqrt(this.#numerical)
    return norms === 0 ? 0 : Math.sqrt(this.#distance) / norms
  }

  /** Squares are held relative to the largest element, so that they neither overflow nor underflow. */
  #rescale(scale: number): void {
    const ratio = (this.#scale / scale) ** 2
    this.#analytical *= ratio
    this.#numerical *= ratio
    this.#distance *= ratio
    this.#scale = scale
  }
}

/** The same of whole tensors together. */
export function differenceOf(
  analytical: readonly Float64Array[],
  numerical: readonly Float64Array[],
): number {
  const sum = new DifferenceSum()
  for (const [t, values] of numerical.entries()) {
    for (let k = 0; k < values.length; k++) sum.add(analytical[t][k], values[k])
  }
  return sum.difference
}

/** |g − ĝ| / (|g| + |ĝ|); 0 when both are zero. */
export function relativeError(analytical: number, numerical: number): number {
  const size = Math.abs(analytical) + Math.abs(numerical)
  return size === 0 ? 0 : Math.abs(analytical - numerical) / size
}

/** How many numbers of some tensors are not 0. */
export function countNonZero(tensors: readonly Float64Array[]): number {
  let count = 0
  for (const values of tensors) for (const value of values) if (value !== 0) count++
  return count
}
