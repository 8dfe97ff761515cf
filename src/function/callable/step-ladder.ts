import type { SlopeRow } from './extrapolate.js'
import type { Noise } from './noise.js'

/** The function's values at both sides of the point, at one step. */
interface Sides {
  readonly power: number
  readonly right: number
  readonly left: number
}

/** The value of a function where one of its parameters is `x`. */
export type Along = (x: number) => number | Promise<number>

/**
 * The values of a function around a point, at steps that are powers of two without a gap between them: a point of
 * float32 stays one of float32. Steps are added at both ends while they are of use.
 */
export class StepLadder {
  readonly #along: Along
  readonly #x: number
  readonly #base: number
  readonly #noise: Noise
  /** From the largest step to the smallest. */
  #rungs: Sides[] = []
  /** The function has no finite values at larger steps. */
  #isBounded = false

  /**
   * @param along the function of one parameter
   * @param x the parameter's value
   * @param base the function's value there
   */
  constructor(along: Along, x: number, base: number, noise: Noise) {
    this.#along = along
    this.#x = x
    this.#base = base
    this.#noise = noise
  }

  get length(): number {
    return this.#rungs.length
  }

  /** The power of two that the largest step is; NaN where there is none. */
  get largest(): number {
    return this.#rungs[0]?.power ?? Number.NaN
  }

  get smallest(): number {
    return this.#rungs.at(-1)?.power ?? Number.NaN
  }

  /** Whether larger steps are known to leave the function's domain. */
  get isBounded(): boolean {
    return this.#isBounded
  }

  /** Adds a step at the end that it belongs to. Where the function has no values, it and all larger ones are left out. */
  async add(power: number): Promise<void> {
    const h = 2 ** power
    const right = await this.#along(this.#x + h)
    const left = await this.#along(this.#x - h)
    const isLarger = power > this.largest
    if (!(Number.isFinite(right) && Number.isFinite(left))) {
      this.#isBounded = true
      if (!isLarger) this.#rungs = []
      return
    }
    if (isLarger) this.#rungs.unshift({ power, right, left })
    else this.#rungs.push({ power, right, left })
  }

  /** How many rows have steps above 2 to this power. */
  countAbove(power: number): number {
    return this.#rungs.filter((rung) => rung.power > power).length
  }

  /** The step of a row. */
  stepOf(row: number): number {
    return 2 ** this.#rungs[row].power
  }

  /** (f(x + h) − f(x − h))/2h */
  central(): SlopeRow[] {
    return this.#rows(({ right, left, noise, width }) => ({
      value: (right - left) / width,
      noise: noise(right, left) / (width / 2),
    }))
  }

  /** (f(x + h) − f(x))/h */
  forward(): SlopeRow[] {
    return this.#rows(({ right, noise, rise }) => ({
      value: (right - this.#base) / rise,
      noise: (2 * noise(right, this.#base)) / rise,
    }))
  }

  /** (f(x) − f(x − h))/h */
  backward(): SlopeRow[] {
    return this.#rows(({ left, noise, fall }) => ({
      value: (this.#base - left) / fall,
      noise: (2 * noise(this.#base, left)) / fall,
    }))
  }

  /** The forward slope less the backward one: what is left of it at a step of 0 is a kink. */
  gap(): SlopeRow[] {
    return this.#rows(({ right, left, noise, rise, fall }) => ({
      value: (right - this.#base) / rise - (this.#base - left) / fall,
      noise: (4 * noise(right, left)) / Math.min(rise, fall),
    }))
  }

  #rows(
    toSlope: (sides: {
      right: number
      left: number
      /** The whole step, and those to both sides, as floating-point numbers have them. */
      width: number
      rise: number
      fall: number
      noise: (a: number, b: number) => number
    }) => SlopeRow,
  ): SlopeRow[] {
    const { bound, relative } = this.#noise
    const noise = (a: number, b: number) => Math.max(bound, relative * Math.abs(a), relative * Math.abs(b))
    return this.#rungs.map(({ power, right, left }) => {
      const [above, below] = [this.#x + 2 ** power, this.#x - 2 ** power]
      const [rise, fall] = [above - this.#x, this.#x - below]
      return toSlope({ right, left, width: above - below, rise, fall, noise })
    })
  }
}
