/** The slopes to both sides of a kink that the point sits on. */
export interface OneSided {
  readonly left: number
  readonly right: number
  /** Bounds on their errors. */
  readonly leftError: number
  readonly rightError: number
}

/** A derivative by one parameter. */
export interface Derivative {
  readonly value: number
  /** Bound on its error, absolute; infinite where the derivative settles at no step. */
  readonly error: number
  /** The part of it that the values' noise makes. */
  readonly noise: number
  /**
   * What refutes another value: it must contradict every member of one of these groups, which are the derivative by
   * some neighbouring small steps. Large ones may step over what a function does within its noise; and what a single
   * step shows, chance may.
   */
  readonly witnesses: readonly (readonly Witness[])[]
  /** The smallest step that it was taken with. */
  readonly step: number
  /** Where the point sits on a kink, as nearly as the values can tell. */
  readonly oneSided: OneSided | undefined
  /** The step by which a kink beside the point is met, where there is one; smaller steps were taken. */
  readonly kinkWithin: number | undefined
}

/** A derivative by some steps, and a bound on its error. */
export interface Witness {
  readonly value: number
  readonly error: number
}

/** Where no step gives a derivative. */
export const UNSETTLED = {
  value: Number.NaN,
  error: Number.POSITIVE_INFINITY,
  noise: 0,
  witnesses: [],
  step: Number.NaN,
  oneSided: undefined,
  kinkWithin: undefined,
} as const
