import {
  type DifferenceSettings,
  type Evaluator,
  type Precision,
  unitRoundoffOf,
} from '../differentiate/evaluator.js'
import type { AnalyticalGradient } from '../network/bind.js'
import { type DType, FLOAT32_ROUNDOFF, FLOAT64_ROUNDOFF, unitRoundoff } from '../tensor.js'

/** What forward differences are off by, relative to the gradient and in units of h, where a loss is well scaled. */
const FORWARD_ERROR = 10

/** The threshold on the difference of each tensor: the user's, or by the precision of each. */
export function chooseTolerances(
  given: number | undefined,
  evaluator: Pick<Evaluator, 'name' | 'precision'>,
  gradients: readonly AnalyticalGradient[],
  settings: DifferenceSettings,
): number[] {
  return gradients.map(({ dtype }) => chooseTolerance(given, evaluator, dtype, settings))
}

/** The same of a tensor that is stored as `dtype`. */
export const chooseTolerance = (
  given: number | undefined,
  evaluator: Pick<Evaluator, 'name' | 'precision'>,
  dtype: DType,
  settings: DifferenceSettings,
) => given ?? defaultTolerance(evaluator, dtype, settings)

/**
 * The threshold on the difference of a tensor when the user gives none. 1e-7 is the textbook's, for float64 on both
 * sides; single precision and the textbook method (whose own rounding is about 1e-7) get 1e-6, float32 gradients 1e-5,
 * and half-precision ones what their digits allow. Forward differences are off by a multiple of h, and get as much.
 * @param dtype what the analytical gradient is stored as
 */
export function defaultTolerance(
  evaluator: { name: string; precision: Precision },
  dtype: DType,
  settings: DifferenceSettings,
): number {
  const byPrecision = toleranceOfPrecision(evaluator, unitRoundoff(dtype))
  return settings.scheme === 'forward' ? Math.max(byPrecision, FORWARD_ERROR * settings.step) : byPrecision
}

function toleranceOfPrecision(evaluator: { name: string; precision: Precision }, roundoff: number): number {
  if (roundoff > FLOAT32_ROUNDOFF) return 32 * roundoff
  if (roundoff > FLOAT64_ROUNDOFF) return 1e-5
  const isCoarse = unitRoundoffOf(evaluator.precision) >= FLOAT32_ROUNDOFF
  return isCoarse || evaluator.name === 'textbook' ? 1e-6 : 1e-7
}

/**
 * The threshold on the difference of all tensors together: what it may be where each tensor is at its own threshold.
 * @param norms ‖g‖ + ‖ĝ‖ of each tensor
 * @param norm the same of all of them together
 */
export function toleranceOfWhole(
  tolerances: readonly number[],
  norms: readonly number[],
  norm: number,
): number {
  const [least, most] = [Math.min(...tolerances), Math.max(...tolerances)]
  if (least === most || !(norm > 0 && Number.isFinite(norm))) return least
  const share = Math.hypot(...tolerances.map((tolerance, t) => tolerance * (norms[t] / norm)))
  return Number(Math.min(most, Math.max(least, share)).toPrecision(3))
}
