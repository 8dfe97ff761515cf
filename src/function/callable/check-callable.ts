import { DifferenceSum, relativeError } from '../../check/compare.js'
import { diagnoseNumbers } from '../../check/diagnosis/diagnose-numbers.js'
import type { TensorReport, Verdict } from '../../check/report.js'
import { defaultTolerance, toleranceOfWhole } from '../../check/tolerances.js'
import { WorkSlices } from '../../differentiate/work-slices.js'
import { GradcheckError } from '../../errors.js'
import { listNames } from '../../list-names.js'
import { unitRoundoff, unravelIndex } from '../../tensor.js'
import type { FunctionOptions, FunctionSettings } from '../check-function.js'
import type { DerivativeReport, FunctionReport } from '../function-report.js'
import { type BoundPoint, bindPoint, type GivenGradient } from './bind-point.js'
import { conclude, type Judged } from './conclude.js'
import type { Derivative } from './derivative.js'
import { derive } from './derive.js'
import { deriveAt } from './derive-at.js'
import {
  type AnalyticalPrecision,
  type EntryTotals,
  judgeTensorOfEntries,
  type TensorOfEntries,
} from './judge-entries.js'
import { measureNoise, type Noise } from './noise.js'
import { FLOAT64, recogniseFormat } from './number-format.js'
import type { CallableProblem } from './problem.js'
import type { NumbersRead } from './read-numbers.js'
import { callFunction, callGradient, contract, readScalar } from './run-function.js'
import { listUpstreams, shapeOf } from './upstreams.js'

/** Evaluations at one point, one after the other, that must agree. */
const REPETITIONS = 2
/** Share of the tolerance that the numerical side should be exact to. */
const WANTED_SHARE = 0.1
/** Entries this much smaller than the gradient's root mean square need not be known to their own size. */
const SMALL_SHARE = 1e-9
/** The least scale of a parameter's steps, as a share of the root mean square of all. */
const LEAST_SCALE = 1e-2
/** Thresholds that a function with noisy values may get, the largest well below a mistake of a hundredth. */
const NOISY_TOLERANCES = [1e-6, 1e-5, 1e-4, 1e-3]

const TEXTBOOK = { name: 'textbook', precision: 'double' } as const

/**
 * `checkFunction` of a function in code: central differences of its values, whose noise is measured, at the steps
 * that give the least error, extrapolated. With several upstream gradients it is checked with each, and the report is
 * that of the worst.
 * @throws GradcheckError for what cannot be checked
 */
export async function checkCallable(
  problem: CallableProblem,
  settings: FunctionSettings,
  options: FunctionOptions,
): Promise<FunctionReport> {
  if (settings.scheme !== 'central' || options.steps || options.evaluator) {
    throw new GradcheckError('bad-usage', 'a function in code takes no scheme, steps or evaluator', {
      fix: 'leave them out: it gets central differences at the steps that fit it',
    })
  }
  for (const part of ['function', 'gradient'] as const) {
    if (typeof problem[part] === 'function') continue
    throw new GradcheckError('bad-usage', `the problem has no ${part} function`, {
      fix: 'pass { function, gradient, at }: the function, a function that gives its gradient, and the point',
    })
  }
  const point = bindPoint(problem.at)
  if (problem.upstream === undefined) return await checkOnce(problem, point, undefined, settings, options)
  const { output } = await callFunction(problem, point, point.values)
  const upstreams = listUpstreams(problem.upstream, shapeOf(output))
  const reports: FunctionReport[] = []
  for (const upstream of upstreams) {
    reports.push(await checkOnce(problem, point, upstream, settings, options))
  }
  return chooseWorst(reports)
}

/** The report of several upstream gradients that says most: a failing one, else an inconclusive one, else the first. */
function chooseWorst(reports: readonly FunctionReport[]): FunctionReport {
  if (reports.length === 1) return reports[0]
  const order: readonly Verdict[] = ['fail', 'inconclusive', 'pass']
  const worst = order.flatMap((verdict) => reports.filter((report) => report.verdict === verdict))[0]
  const counts = order
    .map((verdict) => [verdict, reports.filter((report) => report.verdict === verdict).length] as const)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${count} ${verdict}`)
  const notice = `checked with ${reports.length} random upstream gradients: ${counts.join(', ')}; the report is that of number ${reports.indexOf(worst) + 1}`
  return { ...worst, notices: [...worst.notices, notice] }
}

async function checkOnce(
  problem: CallableProblem,
  point: BoundPoint,
  upstream: NumbersRead | undefined,
  settings: FunctionSettings,
  options: FunctionOptions,
): Promise<FunctionReport> {
  const started = performance.now()
  let evaluations = 0
  const written = new Set<string>()
  const evaluate = async (values: Float64Array): Promise<number> => {
    options.signal?.throwIfAborted()
    evaluations++
    const called = await callFunction(problem, point, values)
    for (const name of called.written) written.add(name)
    return upstream === undefined ? readScalar(called.output) : contract(called.output, upstream)
  }
  const { values: x } = point
  const first = await repeat(() => evaluate(x), REPETITIONS)
  const cost = first[0]
  if (!Number.isFinite(cost)) {
    throw new GradcheckError('bad-value', `the function's value at the point is ${cost}`, {
      fix: 'take a point where it is finite',
    })
  }
  const gradient = await callGradient(problem, point, upstream)
  const afterGradient = await evaluate(x)
  const noise = await findNoise(evaluate, x, cost, options.noise)
  const derivatives = await deriveAll(evaluate, x, cost, noise, gradient.values, settings, options)
  const last = await repeat(() => evaluate(x), REPETITIONS)
  const repetitions = { first, afterGradient, last }

  const judged = judgeAll(point, gradient, derivatives, noise, settings.tolerance)
  const { verdict, reasons, notices } = conclude(point, judged, derivatives, noise, repetitions, settings)
  if (written.size > 0) {
    const names = point.tensors.length === 1 ? 'the point' : listNames([...written])
    notices.push(
      `the function writes into ${names} that it is given: it was given copies, but code that calls it elsewhere loses its parameters`,
    )
  }
  const { totals, tolerance, tensors } = judged
  const { norms, difference } = totals.difference
  const reports = tensors.map(({ report }) => (verdict === 'inconclusive' ? demote(report) : report))
  return {
    schema: 1,
    verdict,
    formula: '',
    difference,
    tolerance,
    numericalError: norms === 0 ? 0 : Math.sqrt(totals.squaredErrors) / norms,
    cost,
    at: {},
    points: { total: 1, checked: derivatives.some(({ error }) => Number.isFinite(error)) ? 1 : 0 },
    method: 'textbook',
    scheme: 'central',
    step: settings.isStepGiven ? settings.step : (derivatives[0]?.step ?? Number.NaN),
    precision: 'double',
    device: { evaluator: 'textbook', adapter: 'the calling thread', software: false },
    derivatives: tensors.map((tensor, t) => {
      const { start, size } = point.tensors[t]
      const [given, found] = [
        gradient.values.subarray(start, start + size),
        derivatives.slice(start, start + size),
      ]
      return toDerivativeReport(tensor, reports[t].verdict, given, found)
    }),
    tensors: reports,
    noise: { bound: noise.bound, format: noise.format.kind, source: noise.source },
    diagnosis: verdict === 'fail' ? diagnose(point, gradient.values, derivatives, tensors) : [],
    special: [],
    crossValidation: { checked: 0, difference: 0, rounding: 0 },
    steps: undefined,
    timing: { seconds: (performance.now() - started) / 1000, perturbations: evaluations },
    reasons,
    notices: [...reasons, ...notices],
  }
}

/** The noise of the function's values: as declared, or measured along a line that moves every parameter. */
async function findNoise(
  evaluate: (values: Float64Array) => Promise<number>,
  x: Float64Array,
  cost: number,
  declared: number | undefined,
): Promise<Noise> {
  if (declared !== undefined) {
    const format = FLOAT64
    return { bound: declared, relative: unitRoundoff('float64'), format, source: 'declared' }
  }
  const scales = scalesOf(x)
  // a direction whose numbers have all their digits, so that the values have, too
  const direction = scales.map((scale, k) => scale * (1 + 0.5 * Math.sin(k + 1)) * (k % 2 === 0 ? 1 : -1))
  return await measureNoise((t) => evaluate(x.map((value, k) => value + t * direction[k])), cost)
}

/** How large steps of each parameter are to be: its own size, or a part of what parameters have on average. */
function scalesOf(x: Float64Array): Float64Array {
  const largest = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  if (largest === 0) return new Float64Array(x.length).fill(1)
  const mean = largest * Math.sqrt(x.reduce((sum, value) => sum + (value / largest) ** 2, 0) / x.length)
  return x.map((value) => (value === 0 ? mean : Math.max(Math.abs(value), LEAST_SCALE * mean)))
}

/** A size that most parameters exceed: that of one which is 0 is not known, and is not taken to be larger. */
function smallSizeOf(x: Float64Array): number {
  const sizes = x.map(Math.abs).filter((size) => size > 0)
  return sizes.length === 0 ? 1 : sizes.sort()[Math.floor(sizes.length / 4)]
}

async function deriveAll(
  evaluate: (values: Float64Array) => Promise<number>,
  x: Float64Array,
  cost: number,
  noise: Noise,
  gradient: Float64Array,
  settings: FunctionSettings,
  { signal, onProgress }: FunctionOptions,
): Promise<Derivative[]> {
  const scales = scalesOf(x)
  const small = smallSizeOf(x)
  const share = WANTED_SHARE * (settings.tolerance ?? NOISY_TOLERANCES[0])
  const mean = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0) / gradient.length)
  const slices = new WorkSlices()
  const derivatives: Derivative[] = []
  for (const [k, value] of x.entries()) {
    const along = (moved: number) => evaluate(x.with(k, moved))
    const derivative = settings.isStepGiven
      ? await deriveAt(along, value, cost, noise, settings.step)
      : await derive(along, value, cost, noise, {
          scale: scales[k],
          size: Math.abs(value) || small,
          expected: gradient[k],
          error: (found) => share * Math.max(Math.abs(found), Math.abs(gradient[k]), SMALL_SHARE * mean),
        })
    derivatives.push(derivative)
    if (!slices.isOver) continue
    onProgress?.({ done: k + 1, total: x.length })
    await slices.pause()
    signal?.throwIfAborted()
  }
  return derivatives
}

/**
 * Judges every tensor. A threshold that the user gives holds for all; else each has that of what its gradient is
 * stored as, or more where the function's noise allows no less.
 */
function judgeAll(
  { tensors }: BoundPoint,
  { values, dtypes }: GivenGradient,
  derivatives: readonly Derivative[],
  noise: Noise,
  given: number | undefined,
): Judged {
  const largest = Math.max(
    ...Array.from(values, Math.abs),
    ...derivatives.map(({ value, error }) => (error < Math.abs(value) ? Math.abs(value) : 0)),
  )
  const ofNoise = given ?? toleranceOfNoise(values, derivatives, noise)
  const precisions = tensors.map(({ start, size }, t): AnalyticalPrecision => {
    const part = values.subarray(start, start + size)
    const dtype = dtypes[t] === 'float64' && recogniseFormat(part).kind === 'float32' ? 'float32' : dtypes[t]
    const byPrecision = defaultTolerance(TEXTBOOK, dtype, { scheme: 'central', step: 0 })
    return { tolerance: given ?? Math.max(byPrecision, ofNoise), roundoff: unitRoundoff(dtype) }
  })
  const totals: EntryTotals = { difference: new DifferenceSum(), squaredErrors: 0 }
  const judged = tensors.map((tensor, t) =>
    judgeTensorOfEntries(tensor, values, derivatives, precisions[t], largest, totals),
  )
  const tolerance = toleranceOfWhole(
    precisions.map((precision) => precision.tolerance),
    judged.map(({ norms }) => norms),
    totals.difference.norms,
  )
  return { tensors: judged, totals, tolerance }
}

/** The least of the thresholds that the numerical error leaves room for, where it is the function's noise that makes it. */
function toleranceOfNoise(
  gradient: Float64Array,
  derivatives: readonly Derivative[],
  { format, source }: Noise,
): number {
  const [least] = NOISY_TOLERANCES
  if (format.kind === 'float64' && source === 'measured') return least
  let [errors, squares] = [0, 0]
  for (const [k, { error }] of derivatives.entries()) {
    if (!Number.isFinite(error)) continue
    errors += error ** 2
    squares += gradient[k] ** 2
  }
  const relative = Math.sqrt(errors / squares)
  return NOISY_TOLERANCES.find((tolerance) => relative <= tolerance) ?? NOISY_TOLERANCES.at(-1)!
}

function diagnose(
  { tensors }: BoundPoint,
  analytical: Float64Array,
  derivatives: readonly Derivative[],
  judged: readonly TensorOfEntries[],
): FunctionReport['diagnosis'] {
  const numbers = tensors.map(({ name, gradient, shape, start, size }, t) => ({
    name,
    gradient,
    shape,
    analytical: analytical.subarray(start, start + size),
    numerical: Float64Array.from(judged[t].entries, (entry) => entry.numerical),
    // a value that was chosen among several says nothing of the others
    errors: Float64Array.from(judged[t].entries, ({ error }, k) =>
      derivatives[start + k].oneSided === undefined ? error : Number.POSITIVE_INFINITY,
    ),
    tolerance: judged[t].report.tolerance,
    isWrong: judged[t].report.verdict === 'fail',
  }))
  return diagnoseNumbers(numbers, true)
}

/** A tensor that fails in a check which cannot tell is left open. */
const demote = (report: TensorReport): TensorReport =>
  report.verdict === 'fail' ? { ...report, verdict: 'inconclusive' } : report

/** A tensor as the report on a function has the derivative by one variable. */
function toDerivativeReport(
  { report, entries, shown }: TensorOfEntries,
  verdict: Verdict,
  analytical: Float64Array,
  derivatives: readonly Derivative[],
): DerivativeReport {
  const { name, shape, checked, difference, wrongEntries, undecidedEntries, kinks } = report
  return {
    variable: name,
    gradient: '',
    source: 'user',
    checked,
    difference,
    verdict,
    wrongPoints: wrongEntries,
    undecidedPoints: undecidedEntries,
    kinks,
    worst: shown.map((k) => ({
      at: {},
      index: unravelIndex(k, shape),
      analytical: analytical[k],
      numerical: entries[k].numerical,
      textbook: entries[k].numerical,
      step: derivatives[k].step,
      error: entries[k].error,
      relativeError: relativeError(analytical[k], entries[k].numerical),
    })),
  }
}

async function repeat(evaluate: () => Promise<number>, times: number): Promise<number[]> {
  const values: number[] = []
  for (let k = 0; k < times; k++) values.push(await evaluate())
  return values
}
