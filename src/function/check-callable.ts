import { DifferenceSum } from '../check/compare.js'
import type { Verdict } from '../check/report.js'
import { GradcheckError } from '../errors.js'
import type { FunctionOptions, FunctionSettings } from './check-function.js'
import type { FunctionReport } from './function-report.js'
import { type FunctionTotals, judgeDerivative, type PointResult } from './judge-points.js'
import { type Extrapolated, extrapolateDerivative } from './richardson.js'

/** A function in code of a vector, with its analytical gradient; both may answer later. */
export interface CallableProblem {
  readonly function: (x: Float64Array) => number | Promise<number>
  readonly gradient: (x: Float64Array) => ArrayLike<number> | Promise<ArrayLike<number>>
  /** The point. */
  readonly at: ArrayLike<number>
}

/** Evaluations at one point that must agree. */
const REPETITIONS = 3
const DEFAULT_TOLERANCE = 1e-6
/** Share of the tolerance that the numerical side should be exact to. */
const WANTED_SHARE = 0.1

/**
 * `checkFunction` of a function in code: central differences in float64, extrapolated, with their error estimate.
 * A function that gives different values at one point is named as such, and cannot be judged.
 */
export async function checkCallable(
  problem: CallableProblem,
  settings: FunctionSettings,
  options: FunctionOptions,
): Promise<FunctionReport> {
  if (settings.scheme !== 'central' || options.steps || options.evaluator || options.step) {
    throw new GradcheckError('bad-usage', 'a function in code takes no scheme, step, steps or evaluator', {
      fix: 'leave them out: it gets central differences, extrapolated to a step of 0',
    })
  }
  const started = performance.now()
  const tolerance = settings.tolerance ?? DEFAULT_TOLERANCE
  const point = Float64Array.from(problem.at)
  requireFinite(point, 'the point')
  const evaluate = async (x: Float64Array) => {
    options.signal?.throwIfAborted()
    const value = await problem.function(x)
    if (typeof value !== 'number') {
      throw new GradcheckError('bad-value', `the function gave ${describe(value)}, not a number`)
    }
    return value
  }
  const before = await repeat(() => evaluate(point.slice()), REPETITIONS)
  const cost = before[0]
  if (!Number.isFinite(cost))
    throw new GradcheckError('bad-value', `the function's value at the point is ${cost}`)
  const gradient = await readGradient(problem, point)

  const results: PointResult[] = []
  let unjudged = 0
  let evaluations = 0
  for (const [k, x] of point.entries()) {
    const found = await extrapolateDerivative(
      (d) => evaluate(point.with(k, x + d)),
      Math.abs(x),
      WANTED_SHARE * tolerance,
    )
    evaluations += found.evaluations
    if (Number.isFinite(found.value)) results.push(toResult(k, gradient[k], found))
    else unjudged++
  }
  const after = await repeat(() => evaluate(point.slice()), REPETITIONS - 1)
  const spread = spreadOf([...before, ...after])

  const totals: FunctionTotals = { difference: new DifferenceSum(), squaredErrors: 0 }
  const derivative = judgeDerivative({ variable: 'x', text: '', source: 'user' }, results, tolerance, totals)
  const notices: string[] = []
  let verdict: Verdict = derivative.verdict
  if (unjudged > 0) {
    notices.push(
      `${unjudged} of ${point.length} derivatives are not finite: the function has no values around the point`,
    )
    if (verdict === 'pass') verdict = 'inconclusive'
  }
  if (spread !== 0) {
    verdict = 'inconclusive'
    notices.push(
      `the function is not deterministic: ${before.length + after.length} evaluations at the same point differ by up to ${spread}; fix its random numbers (dropout, sampling) and check again`,
    )
  }
  return {
    schema: 1,
    verdict,
    formula: '',
    difference: totals.difference.difference,
    tolerance,
    numericalError:
      totals.difference.norms === 0 ? 0 : Math.sqrt(totals.squaredErrors) / totals.difference.norms,
    cost,
    at: {},
    points: { total: 1, checked: results.length > 0 ? 1 : 0 },
    method: 'textbook',
    scheme: 'central',
    step: results[0]?.step ?? Number.NaN,
    precision: 'double',
    device: { evaluator: 'textbook', adapter: 'the calling thread', software: false },
    derivatives: [{ ...derivative, verdict }],
    special: [],
    crossValidation: { checked: 0, difference: 0, rounding: 0 },
    steps: undefined,
    timing: { seconds: (performance.now() - started) / 1000, perturbations: evaluations },
    notices,
  }
}

function toResult(k: number, analytical: number, { value, error, step }: Extrapolated): PointResult {
  return {
    at: {},
    index: [k],
    analytical,
    analyticalError: 0,
    numerical: value,
    textbook: value,
    step,
    error,
    oneSided: undefined,
    shrunk: false,
  }
}

async function readGradient(problem: CallableProblem, point: Float64Array): Promise<Float64Array> {
  const gradient = Float64Array.from(await problem.gradient(point.slice()))
  if (gradient.length !== point.length) {
    throw new GradcheckError(
      'bad-shape',
      `the gradient has ${gradient.length} elements and the point has ${point.length}`,
    )
  }
  requireFinite(gradient, 'the gradient')
  return gradient
}

function requireFinite(values: Float64Array, what: string): void {
  if (values.length === 0) throw new GradcheckError('bad-shape', `${what} has no elements`)
  const k = values.findIndex((value) => !Number.isFinite(value))
  if (k >= 0) throw new GradcheckError('bad-value', `element ${k} of ${what} is ${values[k]}`)
}

async function repeat(evaluate: () => Promise<number>, times: number): Promise<number[]> {
  const values: number[] = []
  for (let k = 0; k < times; k++) values.push(await evaluate())
  return values
}

/** How far values lie apart; 0 where they are all the same. */
const spreadOf = (values: readonly number[]) =>
  values.every((value) => Object.is(value, values[0])) ? 0 : Math.max(...values) - Math.min(...values)

const describe = (value: unknown) => (value === null ? 'null' : `a value of type ${typeof value}`)
