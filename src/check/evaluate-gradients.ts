import { createCpuEvaluator } from '../differentiate/cpu/evaluator.js'
import {
  createDerivatives,
  type DifferenceSettings,
  type Evaluator,
  type TensorDerivatives,
  type TensorSelection,
} from '../differentiate/evaluator.js'
import { countPerturbations, planPerturbations } from '../differentiate/plan.js'
import { type KinkRefinement, refineKinks } from '../differentiate/refine-kinks.js'
import { selectAll, selectSample } from '../differentiate/selection.js'
import { type Linearization, linearize } from '../network/linearization.js'
import type { CheckOptions } from './check-options.js'
import { type CrossValidation, crossValidate, estimateFromSample, sampleResults } from './cross-validation.js'
import {
  type ErrorEstimate,
  estimateGradientRounding,
  findErrorSources,
  type GradientRounding,
} from './error-estimate.js'
import { checkDirections, type FastFindings } from './fast/fast-check.js'
import { type SettledKinks, settleKinks } from './kinks/settle-kinks.js'
import type { BoundProblem } from './problem.js'
import { lookAgain, type SecondLook } from './suspects.js'

/** The numerical gradient of a problem, and all that is known of its errors and of the analytical one's. */
export interface EvaluatedGradients {
  readonly base: Linearization
  /** What was perturbed, one by one. */
  readonly selection: readonly TensorSelection[]
  readonly results: readonly TensorDerivatives[]
  /** How many parameters were perturbed. */
  readonly checked: number
  /** Perturbations whose losses were evaluated for it. */
  readonly perturbations: number
  readonly interrupted: boolean
  readonly estimate: ErrorEstimate
  readonly rounding: GradientRounding
  readonly crossValidation: CrossValidation
  readonly refinement: KinkRefinement
  readonly kinks: SettledKinks
  readonly secondLook: SecondLook
  /** What random directions found, in a fast check. */
  readonly fast: FastFindings | undefined
}

/**
 * Evaluates the numerical gradient and its errors: perturbs the parameters, cross-validates a sample of them, refines
 * what crosses kinks, and looks again at what disagrees.
 */
export async function evaluateGradients(
  problem: BoundProblem,
  evaluator: Evaluator,
  settings: DifferenceSettings,
  tolerances: readonly number[],
  options: CheckOptions,
): Promise<EvaluatedGradients> {
  const { model, gradients } = problem
  const hooks = { signal: options.signal }
  const base = linearize(model)
  const rounding = estimateGradientRounding(base, gradients)
  const fast = await probe(problem, rounding, settings, tolerances, options)
  const selection = fast?.selection ?? select(problem, options)
  // whole losses know parameters alone
  const choice = evaluator.name === 'textbook' ? 'parameters' : options.perturb
  const perturbed = planPerturbations(model, selection, settings, choice)
  const results = createDerivatives(selection, (t) => perturbed[t])
  const total = results.reduce((sum, tensor) => sum + tensor.entries.length, 0)
  await evaluator.evaluate(model, results, settings, {
    ...hooks,
    onProgress: (done) => options.onProgress?.({ done, total, phase: 'perturbing' }),
  })
  const checked = results.reduce((sum, tensor) => sum + tensor.done, 0)
  const interrupted = checked < total || fast?.interrupted === true
  options.onProgress?.({ done: checked, total, phase: 'cross-validating' })
  const sources = findErrorSources(base, evaluator, settings, gradients, results)
  const sample = sampleResults(model, results)
  const estimate = await estimateFromSample(sources, settings, sample)
  const crossValidation: CrossValidation = interrupted
    ? { checked: 0, difference: 0, disagreements: 0 }
    : await crossValidate(
        { sources, estimate, evaluator, settings, results, gradients, tolerances },
        sample,
        hooks,
      )
  // whole losses lose their digits where a step is small
  const ofSmallSteps = evaluator.name === 'textbook' ? createCpuEvaluator('') : evaluator
  const refinement = await refineKinks(model, ofSmallSteps, results, settings, hooks)
  const kinks = settleKinks({ base, results, gradients, estimate, tolerances }, refinement)
  const evidence = { model, evaluator, settings, results, gradients, estimate, tolerances }
  const secondLook = await lookAgain(evidence, kinks.truncations, hooks)
  return {
    base,
    selection,
    results,
    checked,
    perturbations: countPerturbations(model, results, settings) + (fast?.perturbations ?? 0),
    interrupted,
    estimate,
    rounding,
    crossValidation,
    refinement,
    kinks,
    secondLook,
    fast,
  }
}

/** The parameters to perturb in a check that is not fast. */
function select({ model }: BoundProblem, { sample, seed }: CheckOptions): TensorSelection[] {
  return sample === undefined ? selectAll(model) : selectSample(model, sample, seed ?? 0)
}

/** The directions of a fast check. */
async function probe(
  { model, gradients }: BoundProblem,
  rounding: GradientRounding,
  settings: DifferenceSettings,
  tolerances: readonly number[],
  { fast, seed, signal, onProgress }: CheckOptions,
): Promise<FastFindings | undefined> {
  if (fast !== true) return undefined
  const total = model.parameters.reduce((sum, { size }) => sum + size, 0)
  return checkDirections({
    model,
    gradients,
    rounding,
    settings,
    tolerances,
    seed: seed ?? 0,
    hooks: { signal },
    onProgress: (done, round) =>
      onProgress?.({
        done,
        total,
        ...(round === undefined ? { phase: 'probing' } : { phase: 'searching', round }),
      }),
  })
}
