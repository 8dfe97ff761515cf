import { describeValue } from '../describe-value.js'
import { createCpuEvaluator } from '../differentiate/cpu/evaluator.js'
import {
  createDerivatives,
  type DifferenceSettings,
  type EvaluationHooks,
  type Evaluator,
  type TensorSelection,
} from '../differentiate/evaluator.js'
import { refineKinks } from '../differentiate/refine-kinks.js'
import { createTextbookEvaluator } from '../differentiate/textbook.js'
import { forwardWork } from '../differentiate/work.js'
import { GradcheckError } from '../errors.js'
import type { AnalyticalGradient } from '../network/bind.js'
import type { Model } from '../network/model.js'
import { requireStep } from './check-options.js'
import { DifferenceSum } from './compare.js'
import type { StepReport } from './report.js'

/** The steps of a sweep when none are named: from where truncation rules to where rounding does. */
export const SWEEP_STEPS: readonly number[] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8]

/** Multiply-adds that the textbook method may spend on a sweep's whole forward passes. */
const SWEEP_WORK = 6e9
const MOST_PARAMETERS = 1000

/**
 * The steps that were asked for, the largest first; none where no sweep was.
 * @throws GradcheckError `bad-usage` for a step that no check takes
 */
export function readSteps(steps: boolean | readonly number[] | undefined): readonly number[] {
  if (steps === undefined || steps === false) return []
  if (steps === true) return SWEEP_STEPS
  if (!Array.isArray(steps)) {
    throw new GradcheckError('bad-usage', `steps must be true, false or a list, not ${describeValue(steps)}`)
  }
  for (const step of steps) requireStep(step)
  return [...new Set(steps)].sort((a, b) => b - a)
}

/**
 * The difference ‖g − ĝ‖/(‖g‖ + ‖ĝ‖) at several steps, by difference arithmetic and by the textbook method, over the
 * same parameters: a sample where the network is large. Perturbations that cross a kink are refined in difference
 * arithmetic, as in a check; the textbook method takes the chord.
 * @param selection the parameters that the check was asked for
 * @param settings of the check, whose step the others take the place of
 * @returns a row for each step that was finished before the signal aborted
 */
export async function sweepSteps(
  model: Model,
  gradients: readonly AnalyticalGradient[],
  selection: readonly TensorSelection[],
  steps: readonly number[],
  settings: DifferenceSettings,
  evaluator: Evaluator,
  hooks: EvaluationHooks & { readonly onStart?: (total: number) => void },
): Promise<StepReport[]> {
  const sample = chooseSweepSample(model, selection, steps.length)
  const checked = sample.reduce((sum, { entries }) => sum + entries.length, 0)
  const difference = evaluator.name === 'textbook' ? createCpuEvaluator(evaluator.adapter) : evaluator
  const textbook = createTextbookEvaluator(evaluator.adapter)
  hooks.onStart?.(2 * checked * steps.length)
  let before = 0
  const compare = async (by: Evaluator, step: number): Promise<number | undefined> => {
    const results = createDerivatives(sample)
    const start = before
    await by.evaluate(
      model,
      results,
      { ...settings, step },
      {
        signal: hooks.signal,
        onProgress: (done) => hooks.onProgress?.(start + done),
      },
    )
    if (by !== textbook)
      await refineKinks(model, by, results, { ...settings, step }, { signal: hooks.signal })
    before += checked
    if (hooks.signal?.aborted) return undefined
    const sum = new DifferenceSum()
    for (const [t, { entries, derivatives }] of results.entries()) {
      for (const [k, entry] of entries.entries()) sum.add(gradients[t].values[entry], derivatives[k])
    }
    return sum.difference
  }
  const rows: StepReport[] = []
  for (const step of steps) {
    const ours = await compare(difference, step)
    const theirs = ours === undefined ? undefined : await compare(textbook, step)
    if (ours === undefined || theirs === undefined) break
    rows.push({ step, difference: ours, textbook: theirs, checked })
  }
  return rows
}

/** As many of the parameters, spread over the tensors and their elements, as the work allows. */
export function chooseSweepSample(
  model: Model,
  selection: readonly TensorSelection[],
  steps: number,
): TensorSelection[] {
  const forward = forwardWork(model)
  const count = Math.max(1, Math.min(MOST_PARAMETERS, Math.floor(SWEEP_WORK / (2 * forward * steps))))
  const total = selection.reduce((sum, { entries }) => sum + entries.length, 0)
  if (total <= count) return [...selection]
  const share = count / total
  const chosen = selection.map(({ parameter, entries }) => {
    const own = Math.max(1, Math.floor(share * entries.length))
    const spread = Array.from({ length: own }, (_, k) => Math.floor(((k + 0.5) * entries.length) / own))
    return { parameter, entries: Uint32Array.from(spread, (position) => entries[position]) }
  })
  if (chosen.length <= count) return chosen
  // one of every tensor is more than the work allows: the largest are kept
  const bySize = [...selection.keys()].sort(
    (a, b) => selection[b].entries.length - selection[a].entries.length,
  )
  const kept = new Set(bySize.slice(0, count))
  return chosen.map((tensor, t) => (kept.has(t) ? tensor : { ...tensor, entries: new Uint32Array(0) }))
}
