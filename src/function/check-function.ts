import { SCHEME_NAMES, type Scheme } from '../differentiate/evaluator.js'
import { GradcheckError } from '../errors.js'
import { suggestName } from '../suggest.js'
import type { FormulaProblem } from './bind-function.js'
import { type CallableProblem, checkCallable } from './check-callable.js'
import { checkFormula } from './check-formula.js'
import type { FunctionEvaluator } from './function-evaluator.js'
import type { FunctionReport } from './function-report.js'

/** How a function is checked. */
export interface FunctionOptions {
  /** Where a formula's changes are evaluated. @default float64 on the CPU */
  evaluator?: FunctionEvaluator
  /** h, absolute, of a formula. @default 1e-5 */
  step?: number
  /** @default 'central' */
  scheme?: Scheme
  /** Threshold on the difference. @default 1e-7 in float64, 1e-6 in single precision, 10·h for forward differences */
  tolerance?: number
  /** Whether to measure a formula's error against the step as well. @default false */
  steps?: boolean
  /** Stops the check, which then throws the signal's reason. */
  signal?: AbortSignal
  /** How many points of a formula have been judged, of how many. */
  onProgress?: (progress: { readonly done: number; readonly total: number }) => void
}

/** The options with their defaults, but the tolerance's. */
export interface FunctionSettings {
  readonly step: number
  readonly scheme: Scheme
  readonly tolerance: number | undefined
}

const DEFAULT_STEP = 1e-5

/**
 * Checks the derivative of a function against the numerical one. A formula is evaluated by exact difference
 * arithmetic, at one point or on a grid, and cross-checked by the textbook definition. A function in code gets the
 * textbook definition with Richardson extrapolation (Ridders 1982) and its error estimate.
 * @throws GradcheckError for input that cannot be checked, or a device that stays lost
 */
export async function checkFunction(
  problem: FormulaProblem | CallableProblem,
  options: FunctionOptions = {},
): Promise<FunctionReport> {
  const settings = readSettings(options)
  if ('formula' in problem) return await checkFormula(problem, settings, options)
  return await checkCallable(problem, settings, options)
}

function readSettings({
  step = DEFAULT_STEP,
  scheme = 'central',
  tolerance,
}: FunctionOptions): FunctionSettings {
  if (!SCHEME_NAMES.includes(scheme)) {
    throw new GradcheckError('bad-usage', `unknown scheme "${scheme}"${suggestName(scheme, SCHEME_NAMES)}`, {
      fix: `use one of ${SCHEME_NAMES.join(', ')}`,
    })
  }
  for (const [name, value] of Object.entries({ step, tolerance })) {
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
      throw new GradcheckError('bad-usage', `the ${name} must be a number above 0, not ${value}`)
    }
  }
  return { step, scheme, tolerance }
}
