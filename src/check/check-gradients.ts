import { createCpuEvaluator } from '../differentiate/cpu/evaluator.js'
import {
  createDerivatives,
  type DifferenceSettings,
  defaultStepOf,
  type Evaluator,
  SCHEME_NAMES,
  type Scheme,
  type TensorDerivatives,
  type TensorSelection,
} from '../differentiate/evaluator.js'
import { refineKinks } from '../differentiate/refine-kinks.js'
import { selectAll, selectSample } from '../differentiate/selection.js'
import { createTextbookEvaluator } from '../differentiate/textbook.js'
import { GradcheckError } from '../errors.js'
import { linearize } from '../network/linearization.js'
import { suggestName } from '../suggest.js'
import { DifferenceSum } from './compare.js'
import { conclude } from './conclude.js'
import { type CrossValidation, crossValidate, estimateFromSample, sampleResults } from './cross-validation.js'
import { diagnose } from './diagnosis/diagnose.js'
import { estimateGradientRounding, findErrorSources, type GradientRounding } from './error-estimate.js'
import { combineFindings } from './fast/combine-findings.js'
import { checkDirections, type FastFindings } from './fast/fast-check.js'
import { mergeFindings } from './fast/merge-findings.js'
import { listEntries } from './gradient-entries.js'
import { defaultTolerance, judgeTensor, type Totals } from './judge.js'
import { describeKinks, settleEntriesOnKinks } from './kinks.js'
import { type BoundProblem, bindProblem, type Problem } from './problem.js'
import type { CheckReport, StepReport } from './report.js'
import { describeSampling, explainSampling } from './sampling.js'
import { inspectSetup } from './setup/inspect-setup.js'
import { lookAgain } from './suspects.js'
import { readSteps, sweepSteps } from './sweep-steps.js'

export type Method = 'difference' | 'textbook'

const METHOD_NAMES: readonly Method[] = ['difference', 'textbook']

/** What a check has done so far. */
export interface Progress {
  /** Parameters perturbed, in a sweep once for every step and method. */
  readonly done: number
  /** Parameters to perturb in all. */
  readonly total: number
  /** `probing` random directions comes before `perturbing` single parameters in a fast check alone. */
  readonly phase: 'probing' | 'perturbing' | 'cross-validating' | 'sweeping steps'
}

export interface CheckOptions {
  /** Where losses are evaluated: a device's evaluator. @default float64 on the CPU */
  evaluator?: Evaluator
  /** `difference` carries changes through the network; `textbook` subtracts whole losses. @default 'difference' */
  method?: Method
  /** h, absolute. @default 1e-6; 1e-5 in single precision and by the textbook method */
  step?: number
  /** @default 'central' */
  scheme?: Scheme
  /** Threshold on the difference. @default by precision: see `defaultTolerance` */
  tolerance?: number
  /** Check this many parameters chosen at random, some of every tensor. @default all */
  sample?: number
  /**
   * Check by random directions within every tensor, and search what disagrees: for networks too large to perturb
   * every parameter. The report says how small an error it can miss. @default false
   */
  fast?: boolean
  /** Seed of the random choices of `sample` and `fast`. @default 0 */
  seed?: number
  /** Keep both gradients, entry by entry, as the report's `gradients`. @default false */
  keepGradients?: boolean
  /**
   * Also measures the difference at several steps, by both methods: at those given, or from 1e-1 to 1e-8. A large
   * network is sampled for it.
   * @default false
   */
  steps?: boolean | readonly number[]
  /** Stops the check; the report then covers what was checked so far and says `interrupted`. */
  signal?: AbortSignal
  onProgress?: (progress: Progress) => void
}

/**
 * Checks an analytical gradient: perturbs every parameter (or a sample) by ±h, compares the numerical gradient
 * with the analytical one by ‖g − ĝ‖₂/(‖g‖₂ + ‖ĝ‖₂) and judges every entry against its own error estimate. A
 * wrong gradient is a result (`verdict: 'fail'`), not an exception.
 * @throws GradcheckError for input that cannot be checked, or a device that stays lost
 */
export async function checkGradients(problem: Problem, options: CheckOptions = {}): Promise<CheckReport> {
  const evaluator = chooseEvaluator(options)
  const settings = readSettings(options, evaluator)
  const steps = readSteps(options.steps)
  const bound = await bindProblem(problem)
  const started = performance.now()
  const { model, gradients } = bound
  const tolerance = options.tolerance ?? defaultTolerance(evaluator, gradients, settings)
  const base = linearize(model)
  const rounding = estimateGradientRounding(base, gradients)
  const fast = await probe(bound, rounding, settings, tolerance, options)
  const selection = fast?.selection ?? select(bound, options)
  const results = createDerivatives(selection)
  const total = results.reduce((sum, tensor) => sum + tensor.entries.length, 0)
  await evaluator.evaluate(model, results, settings, {
    signal: options.signal,
    onProgress: (done) => options.onProgress?.({ done, total, phase: 'perturbing' }),
  })
  const checked = results.reduce((sum, tensor) => sum + tensor.done, 0)
  const interrupted = checked < total || fast?.interrupted === true
  options.onProgress?.({ done: checked, total, phase: 'cross-validating' })
  const sources = findErrorSources(base, evaluator, settings, gradients)
  const sample = sampleResults(model, results)
  const estimate = await estimateFromSample(sources, settings, sample)
  const crossValidation: CrossValidation = interrupted
    ? { checked: 0, difference: 0, disagreements: 0 }
    : await crossValidate(sources, estimate, evaluator, settings, results, sample, { signal: options.signal })
  const hooks = { signal: options.signal }
  // whole losses lose their digits where a step is small
  const ofSmallSteps = evaluator.name === 'textbook' ? createCpuEvaluator('') : evaluator
  const refinement = await refineKinks(model, ofSmallSteps, results, settings, hooks)
  const truncations = settleEntriesOnKinks(base, results, gradients, refinement)
  const evidence = { model, evaluator, settings, results, gradients, estimate, tolerance }
  const secondLook = await lookAgain(evidence, truncations, hooks)
  const totals: Totals = { difference: new DifferenceSum(), squaredErrors: 0, anyNonZero: false }
  const ofEntries = results.map((tensor, t) =>
    judgeTensor(
      tensor,
      t,
      {
        gradient: gradients[t],
        estimate,
        tolerance,
        truncations: secondLook.truncations[t],
        crossings: refinement.crossed[t].length,
      },
      totals,
    ),
  )
  const merged =
    fast && mergeFindings(fast, { results, gradients, judgements: ofEntries, tolerance, evaluator })
  const judgements = merged?.judgements ?? ofEntries
  totals.anyNonZero ||= merged?.anyNonZero === true
  const sampling = options.sample === undefined ? undefined : describeSampling(results)
  const norms = totals.difference.norms
  const numericalError = norms === 0 ? 0 : Math.sqrt(totals.squaredErrors) / norms
  const concluded = conclude({
    judgements,
    crossValidation,
    secondLook,
    totals,
    tolerance,
    numericalError,
    evaluator,
    interrupted,
  })
  const tensors = judgements.map((judgement) => judgement.report)
  const checkedProblem = {
    problem: bound,
    results,
    rounding,
    evaluator,
    tolerance,
    verdict: concluded.verdict,
  }
  const setup = await inspectSetup(checkedProblem, { signal: options.signal })
  const judged = { model, gradients, results, estimate, tolerance, tensors }
  const explain = () => (merged === undefined ? diagnose(judged) : combineFindings(judged, merged))
  const diagnosis = setup.verdict === 'fail' ? explain() : []
  const swept = await sweep(bound, selection, steps, evaluator, settings, options)
  return {
    schema: 1,
    verdict: setup.verdict,
    difference: merged?.difference ?? totals.difference.difference,
    tolerance,
    numericalError,
    cost: model.cost(),
    parameters: { total: countParameters(bound), checked },
    method: options.method ?? 'difference',
    scheme: settings.scheme,
    step: settings.step,
    precision: evaluator.precision,
    device: { evaluator: evaluator.name, adapter: evaluator.adapter, software: evaluator.software },
    tensors,
    setup: setup.findings,
    diagnosis,
    crossValidation: { checked: crossValidation.checked, difference: crossValidation.difference },
    ...(swept === undefined ? {} : { steps: swept.steps }),
    timing: {
      seconds: (performance.now() - started) / 1000,
      perturbations: countPerturbations(results, settings) + (fast?.perturbations ?? 0),
    },
    notices: [
      ...setup.findings.map(({ message }) => message),
      ...concluded.notices,
      ...describeKinks(base, results, refinement, settings),
      ...(merged?.notices ?? []),
      ...(sampling === undefined || interrupted ? [] : explainSampling(sampling)),
      ...(swept?.notices ?? []),
    ],
    interrupted,
    ...(options.keepGradients === true
      ? { gradients: results.map((tensor, t) => listEntries(tensor, t, gradients[t], estimate, tolerance)) }
      : {}),
    ...(merged === undefined ? {} : { fast: merged.report }),
    ...(sampling === undefined ? {} : { sampling }),
  }
}

/** The differences at other steps; undefined where none were asked for. */
async function sweep(
  { model, gradients }: BoundProblem,
  selection: readonly TensorSelection[],
  steps: readonly number[],
  evaluator: Evaluator,
  { scheme }: DifferenceSettings,
  { signal, onProgress }: CheckOptions,
): Promise<{ steps: readonly StepReport[]; notices: string[] } | undefined> {
  if (steps.length === 0) return undefined
  let total = 0
  const rows = await sweepSteps(model, gradients, selection, steps, scheme, evaluator, {
    signal,
    onStart: (count) => {
      total = count
    },
    onProgress: (done) => onProgress?.({ done, total, phase: 'sweeping steps' }),
  })
  const missing = steps.length - rows.length
  const notice = `the sweep was interrupted: ${missing} of its ${steps.length} steps are missing`
  return { steps: rows, notices: missing === 0 ? [] : [notice] }
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
  tolerance: number,
  { fast, seed, signal, onProgress }: CheckOptions,
): Promise<FastFindings | undefined> {
  if (fast !== true) return undefined
  const total = model.parameters.reduce((sum, { size }) => sum + size, 0)
  return checkDirections({
    model,
    gradients,
    rounding,
    settings,
    tolerance,
    seed: seed ?? 0,
    hooks: { signal },
    onProgress: (done) => onProgress?.({ done, total, phase: 'probing' }),
  })
}

/** @throws GradcheckError `bad-usage` */
function readSettings(options: CheckOptions, evaluator: Evaluator): DifferenceSettings {
  const { step = defaultStepOf(evaluator), scheme = 'central', method, tolerance, sample, seed } = options
  requireOneOf('scheme', scheme, SCHEME_NAMES)
  if (method !== undefined) requireOneOf('method', method, METHOD_NAMES)
  requirePositive('step', step)
  if (tolerance !== undefined) requirePositive('tolerance', tolerance)
  if (sample !== undefined && !(Number.isSafeInteger(sample) && sample >= 1)) {
    throw new GradcheckError('bad-usage', `sample must be an integer ≥ 1, not ${sample}`)
  }
  if (options.fast && sample !== undefined) {
    throw new GradcheckError('bad-usage', 'fast and sample cannot be combined', {
      fix: 'leave one out: a fast check covers every parameter by directions, a sample checks some one by one',
    })
  }
  if (options.fast && (method === 'textbook' || options.evaluator?.name === 'textbook')) {
    throw new GradcheckError('bad-usage', 'a fast check does not use the textbook method', {
      fix: 'leave the method out: directions are evaluated by difference arithmetic',
    })
  }
  if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new GradcheckError('bad-usage', `seed must be an integer ≥ 0, not ${seed}`)
  }
  return { step, scheme }
}

function requireOneOf(what: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return
  throw new GradcheckError('unknown-name', `unknown ${what} "${value}"${suggestName(value, allowed)}`, {
    fix: `use one of ${allowed.join(', ')}`,
  })
}

function requirePositive(what: string, value: number): void {
  if (value > 0 && Number.isFinite(value)) return
  throw new GradcheckError('bad-usage', `${what} must be a finite number above 0, not ${value}`)
}

function chooseEvaluator(options: CheckOptions): Evaluator {
  const given = options.evaluator ?? createCpuEvaluator('CPU')
  return options.method === 'textbook' ? createTextbookEvaluator(given.adapter) : given
}

const countParameters = ({ model }: BoundProblem) =>
  model.parameters.reduce((sum, parameter) => sum + parameter.size, 0)

function countPerturbations(results: readonly TensorDerivatives[], { scheme }: DifferenceSettings): number {
  const checked = results.reduce((sum, tensor) => sum + tensor.done, 0)
  return scheme === 'central' ? 2 * checked : checked
}
