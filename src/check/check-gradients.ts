import { createCpuEvaluator } from '../differentiate/cpu/evaluator.js'
import {
  createDerivatives,
  type DifferenceSettings,
  type Evaluator,
  SCHEME_NAMES,
  type Scheme,
  type TensorDerivatives,
} from '../differentiate/evaluator.js'
import { refineKinks } from '../differentiate/refine-kinks.js'
import { selectAll, selectSample } from '../differentiate/selection.js'
import { createTextbookEvaluator } from '../differentiate/textbook.js'
import { GradcheckError } from '../errors.js'
import { suggestName } from '../suggest.js'
import { DifferenceSum } from './compare.js'
import { conclude } from './conclude.js'
import {
  type CrossValidation,
  crossValidate,
  estimateError,
  estimateRounding,
  sampleResults,
} from './error-estimate.js'
import { listEntries } from './gradient-entries.js'
import { defaultTolerance, judgeTensor, type Totals } from './judge.js'
import { type BoundProblem, bindProblem, type Problem } from './problem.js'
import type { CheckReport } from './report.js'
import { lookAgain } from './suspects.js'

export type Method = 'difference' | 'textbook'

const METHOD_NAMES: readonly Method[] = ['difference', 'textbook']

/** What a check has done so far. */
export interface Progress {
  /** Parameters perturbed. */
  readonly done: number
  /** Parameters to perturb in all. */
  readonly total: number
  readonly phase: 'perturbing' | 'cross-validating'
}

export interface CheckOptions {
  /** Where losses are evaluated: a device's evaluator. @default float64 on the CPU */
  evaluator?: Evaluator
  /** `difference` carries changes through the network; `textbook` subtracts whole losses. @default 'difference' */
  method?: Method
  /** h, absolute. @default 1e-5 */
  step?: number
  /** @default 'central' */
  scheme?: Scheme
  /** Threshold on the difference. @default by precision: see `defaultTolerance` */
  tolerance?: number
  /** Check this many parameters chosen at random, some of every tensor. @default all */
  sample?: number
  /** Seed of that choice. @default 0 */
  seed?: number
  /** Keep both gradients, entry by entry, as the report's `gradients`. @default false */
  keepGradients?: boolean
  /** Stops the check; the report then covers what was checked so far and says `interrupted`. */
  signal?: AbortSignal
  onProgress?: (progress: Progress) => void
}

const DEFAULT_STEP = 1e-5

/**
 * Checks an analytical gradient: perturbs every parameter (or a sample) by ±h, compares the numerical gradient
 * with the analytical one by ‖g − ĝ‖₂/(‖g‖₂ + ‖ĝ‖₂) and judges every entry against its own error estimate. A
 * wrong gradient is a result (`verdict: 'fail'`), not an exception.
 * @throws GradcheckError for input that cannot be checked, or a device that stays lost
 */
export async function checkGradients(problem: Problem, options: CheckOptions = {}): Promise<CheckReport> {
  const settings = readSettings(options)
  const bound = await bindProblem(problem)
  const started = performance.now()
  const evaluator = chooseEvaluator(options)
  const { model, gradients } = bound
  const selection =
    options.sample === undefined ? selectAll(model) : selectSample(model, options.sample, options.seed ?? 0)
  const results = createDerivatives(selection)
  const total = results.reduce((sum, tensor) => sum + tensor.entries.length, 0)
  await evaluator.evaluate(model, results, settings, {
    signal: options.signal,
    onProgress: (done) => options.onProgress?.({ done, total, phase: 'perturbing' }),
  })
  const checked = results.reduce((sum, tensor) => sum + tensor.done, 0)
  const interrupted = checked < total
  options.onProgress?.({ done: checked, total, phase: 'cross-validating' })
  const sample = sampleResults(model, results)
  const rounding = estimateRounding(model, gradients)
  const estimate = await estimateError(model, evaluator, settings, sample, rounding, {})
  const crossValidation: CrossValidation = interrupted
    ? { checked: 0, difference: 0, disagreements: 0 }
    : await crossValidate(model, evaluator, settings, results, sample, estimate, rounding, {
        signal: options.signal,
      })
  const tolerance = options.tolerance ?? defaultTolerance(evaluator, gradients, settings)
  const crossings = await refineKinks(model, evaluator, results, settings, { signal: options.signal })
  const secondLook = await lookAgain(model, evaluator, settings, results, gradients, estimate, tolerance, {})
  const totals: Totals = { difference: new DifferenceSum(), squaredErrors: 0, anyNonZero: false }
  const judgements = results.map((tensor, t) =>
    judgeTensor(
      tensor,
      t,
      gradients[t],
      estimate,
      tolerance,
      { excused: secondLook.excused[t], open: secondLook.open[t] },
      crossings[t],
      totals,
    ),
  )
  const norms = totals.difference.norms
  const numericalError = norms === 0 ? 0 : Math.sqrt(totals.squaredErrors) / norms
  const { verdict, notices } = conclude({
    judgements,
    crossValidation,
    secondLook,
    totals,
    tolerance,
    numericalError,
    evaluator,
    interrupted,
  })
  return {
    schema: 1,
    verdict,
    difference: totals.difference.difference,
    tolerance,
    numericalError,
    cost: model.cost(),
    parameters: { total: countParameters(bound), checked },
    method: options.method ?? 'difference',
    scheme: settings.scheme,
    step: settings.step,
    precision: evaluator.precision,
    device: { evaluator: evaluator.name, adapter: evaluator.adapter, software: evaluator.software },
    tensors: judgements.map((judgement) => judgement.report),
    diagnosis: [],
    crossValidation: { checked: crossValidation.checked, difference: crossValidation.difference },
    timing: {
      seconds: (performance.now() - started) / 1000,
      perturbations: countPerturbations(results, settings),
    },
    notices,
    interrupted,
    ...(options.keepGradients === true
      ? { gradients: results.map((tensor, t) => listEntries(tensor, t, gradients[t], estimate, tolerance)) }
      : {}),
  }
}

/** @throws GradcheckError `bad-usage` */
function readSettings(options: CheckOptions): DifferenceSettings {
  const { step = DEFAULT_STEP, scheme = 'central', method, tolerance, sample, seed } = options
  requireOneOf('scheme', scheme, SCHEME_NAMES)
  if (method !== undefined) requireOneOf('method', method, METHOD_NAMES)
  requirePositive('step', step)
  if (tolerance !== undefined) requirePositive('tolerance', tolerance)
  if (sample !== undefined && !(Number.isSafeInteger(sample) && sample >= 1)) {
    throw new GradcheckError('bad-usage', `sample must be an integer ≥ 1, not ${sample}`)
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
