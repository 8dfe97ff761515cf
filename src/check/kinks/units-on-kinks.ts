import { ExactValues } from '../../network/exact-values.js'
import { isOnKink, type Linearization } from '../../network/linearization.js'
import type { DType } from '../../tensor.js'
import { unitRoundoff } from '../../tensor.js'

/** The units of one layer that sit on their kinks, by the offsets of their pre-activations: samples × units. */
export interface UnitsOnKinks {
  /** Those at 0 in whatever order their terms are summed: one and the same f′(0) holds for all of them. */
  readonly exact: ReadonlySet<number>
  /** Those that rounding may put on either side, each by itself. */
  readonly rounded: ReadonlySet<number>
}

/**
 * Finds the units that sit on their kinks, by layer; undefined for a layer that has none.
 * @param dtypes what the analytical gradient is stored as, and was computed in
 */
export function findUnitsOnKinks(
  base: Linearization,
  dtypes: readonly DType[],
): (UnitsOnKinks | undefined)[] {
  const { model, pass, deviations } = base
  const digits = -Math.log2(Math.max(...dtypes.map(unitRoundoff)))
  const values = new ExactValues(base, digits)
  return model.layers.map(({ activation, endsAtLogits }, l) => {
    if (!activation.hasKink || endsAtLogits) return undefined
    const [exact, rounded] = [new Set<number>(), new Set<number>()]
    for (const [k, z] of pass.Z[l].data.entries()) {
      if (!isOnKink(activation, z, deviations.Z[l].data[k])) continue
      if (z === 0 && values.has(l, k)) exact.add(k)
      else rounded.add(k)
    }
    return exact.size + rounded.size === 0 ? undefined : { exact, rounded }
  })
}
