import type { Verdict } from '../../check/report.js'
import { listNames } from '../../list-names.js'
import { formatDifference, formatSetting } from '../../report/format-numbers.js'
import type { FunctionSettings } from '../check-function.js'
import type { BoundPoint } from './bind-point.js'
import type { Derivative } from './derivative.js'
import { describeNoise, explainKinks, explainOpen } from './explain-verdict.js'
import type { EntryTotals, TensorOfEntries } from './judge-entries.js'
import type { Noise } from './noise.js'
import { explainSpread, type Repetitions, spreadOf } from './repeatability.js'

/** Every tensor's judgement, and what the whole is judged by. */
export interface Judged {
  readonly tensors: readonly TensorOfEntries[]
  readonly totals: EntryTotals
  readonly tolerance: number
}

/** The verdict on the whole, every reason why it is inconclusive, and what else a reader should know. */
export function conclude(
  { tensors }: BoundPoint,
  { tensors: judged, totals, tolerance }: Judged,
  derivatives: readonly Derivative[],
  noise: Noise,
  repetitions: Repetitions,
  settings: FunctionSettings,
): { verdict: Verdict; reasons: string[]; notices: string[] } {
  const notices: string[] = []
  const ofNoise = describeNoise(noise)
  if (ofNoise !== undefined) notices.push(ofNoise)
  notices.push(...explainKinks(tensors, derivatives))
  const spread = spreadOf(repetitions)
  if (spread > 0 && !(noise.source === 'declared' && spread <= 2 * noise.bound)) {
    return { verdict: 'inconclusive', reasons: [explainSpread(repetitions)], notices }
  }
  const entries = judged.flatMap((tensor) => tensor.entries)
  if (entries.some((entry) => entry.verdict === 'wrong')) return { verdict: 'fail', reasons: [], notices }
  if (entries.every((entry) => entry.isZero)) {
    const nothing =
      'the gradient is zero on both sides: nothing was tested. Take a point where the function changes'
    return { verdict: 'inconclusive', reasons: [nothing], notices }
  }
  const untested = tensors.filter((_, t) => judged[t].entries.every((entry) => entry.isZero))
  if (untested.length > 0) {
    const names = listNames(untested.map(({ gradient }) => gradient))
    notices.push(
      `${names} ${untested.length === 1 ? 'is' : 'are'} zero on both sides: nothing of ${untested.length === 1 ? 'it' : 'them'} was tested`,
    )
  }
  const open = explainOpen(tensors, judged, noise, settings.isStepGiven)
  const { norms, difference } = totals.difference
  const numericalError = norms === 0 ? 0 : Math.sqrt(totals.squaredErrors) / norms
  if (open.length === 0 && (numericalError > tolerance || !(difference <= tolerance))) {
    open.push(
      `the error of the numerical gradient, ${formatDifference(numericalError)}, is above the tolerance of ${formatSetting(tolerance)}: it cannot confirm the gradient to within that`,
    )
  }
  return { verdict: open.length > 0 ? 'inconclusive' : 'pass', reasons: open, notices }
}
