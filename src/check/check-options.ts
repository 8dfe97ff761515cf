import { describeValue } from '../describe-value.js'
import { createCpuEvaluator } from '../differentiate/cpu/evaluator.js'
import {
  type DifferenceSettings,
  defaultStepOf,
  type Evaluator,
  type Precision,
  SCHEME_NAMES,
  type Scheme,
  STEP_LIMITS,
} from '../differentiate/evaluator.js'
import { PERTURB_CHOICES, type PerturbChoice } from '../differentiate/plan.js'
import { createTextbookEvaluator } from '../differentiate/textbook.js'
import { GradcheckError } from '../errors.js'
import { isRecord, requireOneOf, requireRecord, requireType } from '../requirements.js'

export type Method = 'difference' | 'textbook'

const METHOD_NAMES: readonly Method[] = ['difference', 'textbook']
const EVALUATOR_NAMES: readonly Evaluator['name'][] = ['webgpu', 'cpu', 'textbook']
const PRECISION_NAMES: readonly Precision[] = ['single', 'extended', 'double']

/** What a check has done so far. */
export interface Progress {
  /** Parameters perturbed, in a sweep once for every step and method. */
  readonly done: number
  /** Parameters to perturb in all. */
  readonly total: number
  /**
   * In a fast check alone, `probing` random directions comes before `perturbing` single parameters, and is broken off
   * by `searching` a tensor that disagrees.
   */
  readonly phase: 'probing' | 'searching' | 'perturbing' | 'cross-validating' | 'sweeping steps'
  /** Of `searching`: how many rounds of splitting what disagrees are over. */
  readonly round?: number
}

export interface CheckOptions {
  /** Where losses are evaluated: a device's evaluator. @default float64 on the CPU */
  evaluator?: Evaluator
  /** `difference` carries changes through the network; `textbook` subtracts whole losses. @default 'difference' */
  method?: Method
  /**
   * What is moved: every parameter by itself, or every output of its layer before the activation, a unit at a sample,
   * contracted with the layer's inputs. `auto`: outputs where that costs less, the scheme is central and the step at
   * most 1e-5.
   * @default 'auto'
   */
  perturb?: PerturbChoice
  /**
   * h, which every parameter of ordinary numbers moves by; less or more where what it moves is far from 1.
   * @default 1e-6; 1e-5 in single precision and by the textbook method
   */
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
 * How parameters are to be perturbed.
 * @throws GradcheckError `bad-usage`, `unknown-name` for any option that cannot be
 */
export function readSettings(options: CheckOptions, evaluator: Evaluator): DifferenceSettings {
  const { step = defaultStepOf(evaluator), scheme = 'central', method, sample, seed } = options
  requireOneOf('scheme', scheme, SCHEME_NAMES)
  if (method !== undefined) requireOneOf('method', method, METHOD_NAMES)
  requireStep(step)
  const { perturb } = options
  if (perturb === 'outputs' && (scheme === 'forward' || isTextbook(options))) {
    const other = scheme === 'forward' ? 'the forward scheme' : 'the textbook method'
    throw new GradcheckError('bad-usage', `${other} moves parameters, not outputs`, {
      fix: 'leave one of the two out: outputs are moved to both sides, by difference arithmetic',
    })
  }
  requireCommonOptions(options)
  if (sample !== undefined && !(Number.isSafeInteger(sample) && sample >= 1)) {
    throw new GradcheckError('bad-usage', `sample must be an integer ≥ 1, not ${describeValue(sample)}`)
  }
  requireType('fast', options.fast, 'boolean')
  if (options.fast && sample !== undefined) {
    throw new GradcheckError('bad-usage', 'fast and sample cannot be combined', {
      fix: 'leave one out: a fast check covers every parameter by directions, a sample checks some one by one',
    })
  }
  if (options.fast && isTextbook(options)) {
    throw new GradcheckError('bad-usage', 'a fast check does not use the textbook method', {
      fix: 'leave the method out: directions are evaluated by difference arithmetic',
    })
  }
  if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new GradcheckError('bad-usage', `seed must be an integer ≥ 0, not ${describeValue(seed)}`)
  }
  return { step, scheme }
}

/**
 * What checks of networks and of programs have in common.
 * @throws GradcheckError `bad-usage`, `unknown-name`
 */
export function requireCommonOptions(options: CheckOptions): void {
  const { perturb, tolerance, signal } = options as Omit<CheckOptions, 'signal'> & { signal: unknown }
  if (perturb !== undefined) requireOneOf('perturb', perturb, PERTURB_CHOICES)
  if (tolerance !== undefined) requireTolerance(tolerance)
  requireType('keepGradients', options.keepGradients, 'boolean')
  requireType('onProgress', options.onProgress, 'function')
  requireSignal(signal)
}

/** @throws GradcheckError `bad-usage` */
export function requireSignal(signal: unknown): void {
  if (signal === undefined || (isRecord(signal) && typeof signal.aborted === 'boolean')) return
  throw new GradcheckError('bad-usage', `the signal is ${describeValue(signal)}, not an AbortSignal`, {
    fix: 'give the signal of an AbortController',
  })
}

const isTextbook = ({ method, evaluator }: CheckOptions) =>
  method === 'textbook' || evaluator?.name === 'textbook'

/** @throws GradcheckError `bad-usage` */
export function requireStep(step: number): void {
  const { least, largest } = STEP_LIMITS
  if (typeof step === 'number' && step >= least && step <= largest) return
  throw new GradcheckError(
    'bad-usage',
    `step must be a number from ${least} to ${largest}, not ${describeValue(step)}`,
  )
}

/** @throws GradcheckError `bad-usage` */
export function requireTolerance(tolerance: number): void {
  if (typeof tolerance === 'number' && tolerance > 0 && tolerance < 1) return
  throw new GradcheckError(
    'bad-usage',
    `tolerance must be above 0 and below 1, not ${describeValue(tolerance)}`,
    { fix: 'the difference is never above 1: a tolerance of 1 passes every gradient' },
  )
}

/**
 * The evaluator that the options ask for.
 * @throws GradcheckError `bad-usage` for what is no evaluator
 */
export function chooseEvaluator(options: Pick<CheckOptions, 'evaluator' | 'method'>): Evaluator {
  requireRecord('the options', options, 'give { step, tolerance, … }, or leave them out')
  const given = options.evaluator ?? createCpuEvaluator('CPU')
  if (!isEvaluator(given)) {
    throw new GradcheckError('bad-usage', `the evaluator is ${describeValue(given)}, not an evaluator`, {
      fix: 'give the evaluator of a device, (await openDevice(…)).evaluator, or await createBrowserEvaluator()',
    })
  }
  return options.method === 'textbook' ? createTextbookEvaluator(given.adapter) : given
}

function isEvaluator(value: unknown): boolean {
  return (
    isRecord(value) &&
    typeof value.evaluate === 'function' &&
    typeof value.adapter === 'string' &&
    typeof value.software === 'boolean' &&
    EVALUATOR_NAMES.some((name) => name === value.name) &&
    PRECISION_NAMES.some((name) => name === value.precision)
  )
}
