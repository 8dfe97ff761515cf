import type {
  DifferenceSettings,
  EvaluationHooks,
  Evaluator,
  TensorDerivatives,
} from '../differentiate/evaluator.js'
import type { AnalyticalGradient } from '../network/bind.js'
import type { Model } from '../network/model.js'
import {
  AGREEMENT,
  type ErrorEstimate,
  measureTruncation,
  pickResults,
  sampleSize,
} from './error-estimate.js'
import { allowedDistance } from './judge.js'

/** How many times its measured value a truncation error may be. */
const TRUNCATION_MARGIN = 2

/** What a second look at the entries that look wrong found. */
export interface SecondLook {
  /** For each tensor, positions among its results that a truncation error of their own explains. */
  readonly excused: readonly ReadonlySet<number>[]
  /** Positions that were not looked at, of a tensor whose more suspicious ones are all explained. */
  readonly open: readonly ReadonlySet<number>[]
  /** How many entries were looked at. */
  readonly checked: number
  /** Entries where difference arithmetic in float64 gives another value than the evaluator did. */
  readonly disagreements: number
}

/**
 * Looks again at the entries that disagree by more than the estimate, which knows truncation from a sample only:
 * at the most suspicious of each tensor the truncation is measured, and the evaluator's value compared with
 * float64's. Where that explains all of them, the less suspicious ones stay open.
 */
export async function lookAgain(
  model: Model,
  evaluator: Evaluator,
  settings: DifferenceSettings,
  results: readonly TensorDerivatives[],
  gradients: readonly AnalyticalGradient[],
  estimate: ErrorEstimate,
  tolerance: number,
  hooks: EvaluationHooks,
): Promise<SecondLook> {
  const suspects = results.map((tensor, t) => findSuspects(tensor, t, gradients[t], estimate, tolerance))
  const most = sampleSize(model)
  const examined = results.map((tensor, t) =>
    pickResults(
      tensor,
      suspects[t].slice(0, most).sort((a, b) => a - b),
    ),
  )
  const measured = await measureTruncation(model, settings, examined, hooks)
  let disagreements = 0
  const excused = results.map((tensor, t) => {
    const { positions, entries } = examined[t]
    const explained = positions.filter((position, k) => {
      const [analytical, numerical] = [gradients[t].values[entries[k]], tensor.derivatives[position]]
      const { truncation, derivatives, crosses } = measured[t]
      // whole losses show no kinks: the chord over one may be any value
      if (evaluator.name === 'textbook' && crosses[k]) return true
      const agreed =
        estimate.ofEntry(t, entries[k]) + AGREEMENT * (Math.abs(numerical) + Math.abs(derivatives[k]))
      if (Math.abs(numerical - derivatives[k]) > agreed) disagreements++
      const allowed = allowedDistance(t, entries[k], analytical, numerical, estimate, tolerance)
      return !(Math.abs(analytical - numerical) > allowed + TRUNCATION_MARGIN * truncation[k])
    })
    return new Set(explained)
  })
  const open = suspects.map((positions, t) =>
    excused[t].size === examined[t].positions.length ? new Set(positions.slice(most)) : new Set<number>(),
  )
  return {
    excused,
    open,
    checked: examined.reduce((sum, { positions }) => sum + positions.length, 0),
    disagreements,
  }
}

/** Positions of the entries that look wrong, the most suspicious first. */
function findSuspects(
  { entries, derivatives, kinks, done }: TensorDerivatives,
  t: number,
  gradient: AnalyticalGradient,
  estimate: ErrorEstimate,
  tolerance: number,
): number[] {
  const suspects: { position: number; ratio: number }[] = []
  for (let k = 0; k < done; k++) {
    const [analytical, numerical] = [gradient.values[entries[k]], derivatives[k]]
    if (kinks[k] !== 0 || !Number.isFinite(numerical)) continue
    const distance = Math.abs(analytical - numerical)
    const allowed = allowedDistance(t, entries[k], analytical, numerical, estimate, tolerance)
    if (distance > allowed) suspects.push({ position: k, ratio: distance / allowed })
  }
  return suspects.sort((a, b) => b.ratio - a.ratio).map(({ position }) => position)
}
