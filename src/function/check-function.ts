import { requireSignal, requireStep, requireTolerance } from '../check/check-options.js'
import { type Evaluator, SCHEME_NAMES, type Scheme } from '../differentiate/evaluator.js'
import { GradcheckError } from '../errors.js'
import { requireOneOf, requireType } from '../requirements.js'
import type { FormulaProblem } from './bind-function.js'
import { checkCallable } from './callable/check-callable.js'
import type { CallableProblem, Point } from './callable/problem.js'
import { checkFormula } from './check-formula.js'
import type { FunctionReport } from './function-report.js'

/** How a function is checked. */
export interface FunctionOptions {
  /** Where a formula's changes are evaluated. @default float64 on the CPU */
  evaluator?: Evaluator
  /** h, absolute. @default 1e-5 of a formula; a function in code gets the steps that fit its noise and curvature */
  step?: number
  /** @default 'central' */
  scheme?: Scheme
  /**
   * Threshold on the difference. @default 1e-7 in float64, 1e-6 in single precision and of a function in code, more
   * where a gradient is stored in less than float64 or a function's noise asks for it; 10·h for forward differences
   */
  tolerance?: number
  /** Bound on the error of a function's values in code, absolute. @default measured */
  noise?: number
  /** Whether to measure a formula's error against the step as well. @default false */
  steps?: boolean
  /** Stops the check, which then throws the signal's reason. */
  signal?: AbortSignal
  /** How many points of a formula, or elements of a point, have been judged, of how many. */
  onProgress?: (progress: { readonly done: number; readonly total: number }) => void
}

/** The options with their defaults, but the tolerance's. */
export interface FunctionSettings {
  readonly step: number
  /** False where the step is a default. */
  readonly isStepGiven: boolean
  readonly scheme: Scheme
  readonly tolerance: number | undefined
}

const DEFAULT_STEP = 1e-5

/**
 * Checks the derivative of a function against the numerical one. A formula is evaluated by exact difference
 * arithmetic, at one point or on a grid, and cross-checked by the textbook definition. A function in code is judged by
 * the textbook definition, at steps that its curvature and the noise of its values ask for.
 * @throws GradcheckError for input that cannot be checked, or a device that stays lost
 */
export async function checkFunction<P extends Point>(
  problem: FormulaProblem | CallableProblem<P>,
  options: FunctionOptions = {},
): Promise<FunctionReport> {
  if (typeof problem !== 'object' || problem === null) {
    throw new GradcheckError('bad-usage', `the problem is ${String(problem)}, not an object`, {
      fix: 'pass { formula, gradient, at } or { function, gradient, at }',
    })
  }
  const settings = readSettings(options)
  if (!('formula' in problem)) return await checkCallable(problem, settings, options)
  if (options.noise !== undefined) {
    throw new GradcheckError('bad-usage', 'a formula takes no noise', {
      fix: 'leave it out: what rounding does to a formula is known',
    })
  }
  return await checkFormula(problem, settings, options)
}

function readSettings(options: FunctionOptions): FunctionSettings {
  const { step, scheme = 'central', tolerance, noise } = options
  requireSignal(options.signal)
  requireType('onProgress', options.onProgress, 'function')
  requireOneOf('scheme', scheme, SCHEME_NAMES)
  if (step !== undefined) requireStep(step)
  if (tolerance !== undefined) requireTolerance(tolerance)
  if (noise !== undefined && !(Number.isFinite(noise) && noise >= 0)) {
    throw new GradcheckError('bad-usage', `the noise must be a number from 0 on, not ${noise}`, {
      fix: 'give the most that a value of the function may be off by, or leave it out: it is measured',
    })
  }
  return { step: step ?? DEFAULT_STEP, isStepGiven: step !== undefined, scheme, tolerance }
}
