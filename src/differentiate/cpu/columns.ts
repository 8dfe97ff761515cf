/** Perturbations carried together: of one unit's parameters, at one sample, on both sides. */
export interface Columns {
  /** The signed step h of each. */
  readonly steps: Float64Array
  /** ΔA/h of the perturbed unit. */
  readonly starts: Float64Array
  /** How many units each has carried across a kink. */
  readonly kinks: Uint32Array
  /** ΔJ_s/h. */
  readonly changes: Float64Array
}

/** Makes room for `capacity` columns. */
export function createColumns(capacity: number): Columns {
  return {
    steps: new Float64Array(capacity),
    starts: new Float64Array(capacity),
    kinks: new Uint32Array(capacity),
    changes: new Float64Array(capacity),
  }
}
