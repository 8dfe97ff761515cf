import { DifferenceSum } from '../check/compare.js'
import { diagnoseNumbers } from '../check/diagnosis/diagnose-numbers.js'
import type { Verdict } from '../check/report.js'
import { WorkSlices } from '../differentiate/work-slices.js'
import { GradcheckError } from '../errors.js'
import { listNames } from '../list-names.js'
import { formatDifference, formatSetting } from '../report/format-numbers.js'
import { setting } from '../settings.js'
import { FLOAT64_ROUNDOFF } from '../tensor.js'
import {
  type BoundDerivative,
  type BoundFunction,
  bindFunction,
  type FormulaProblem,
} from './bind-function.js'
import type { FunctionOptions, FunctionSettings } from './check-function.js'
import { changeOf, NO_CROSSING } from './differences.js'
import { createCpuFunctionEvaluator, type FunctionEvaluator } from './function-evaluator.js'
import type { FunctionReport } from './function-report.js'
import { type FunctionTotals, isZero, judgeDerivative, type PointResult } from './judge-points.js'
import { deriveFromChanges, listSteps, type NumericalDerivative } from './numerical-derivative.js'
import { namePoint } from './points.js'
import { estimateRounding, type RoundingAt, valueErrors } from './rounding.js'
import { branchesMeet, constantsOnSeams, slopesByConvention } from './seams.js'
import { describeFault, SpecialPlaces } from './special-places.js'
import { measureSteps, type StepSeries, textbookDerivative } from './step-series.js'
import { deriveFormula } from './symbolic-derivative.js'
import { compileTape, constantsAt, evaluateTape, findFault, type Tape, valueAt } from './tape.js'

/** Base-point constants held at once, in instructions × points. */
const MOST_CONSTANTS = 2 ** 20
/** Points evaluated at once: progress is told and Ctrl-C heard in between. */
const MOST_POINTS = 2 ** 14
/** Estimated errors by which the textbook value may differ at most before one of the two must be mistaken. */
const CROSS_CHECK_MARGIN = 4

/** Derivatives below this may have lost digits to underflow in single precision: 2^24 of its smallest normal numbers. */
const SMALLEST_EXACT = 2 ** -102

/** Tolerances that rounding may be estimated to take of a derivative in single precision. */
const MOST_ROUNDING = 1

/** A point where the function has a value. */
interface BasePoint {
  readonly point: Float64Array
  readonly values: Float64Array
  readonly constants: Float64Array
}

/** What a check of a formula gathers on its way. */
interface Gathered {
  readonly special: SpecialPlaces
  readonly results: readonly PointResult[][]
  readonly crossDifference: DifferenceSum
  crossChecked: number
  /** Σ of the squared estimates of the textbook's rounding. */
  squaredRounding: number
  disagreements: number
  /** Derivatives that were beyond single precision and were evaluated in float64. */
  repeated: number
  /** Derivatives that do not exist, on a special point. */
  unjudged: number
}

/** `checkFunction` of a formula. */
export async function checkFormula(
  problem: FormulaProblem,
  settings: FunctionSettings,
  options: FunctionOptions,
): Promise<FunctionReport> {
  const bound = await bindFunction(problem)
  const started = performance.now()
  const evaluator = options.evaluator ?? createCpuFunctionEvaluator()
  const tolerance = settings.tolerance ?? defaultTolerance(evaluator, settings)
  if (options.steps && bound.points.length > 1) {
    throw new GradcheckError(
      'bad-usage',
      'the error against the step is measured at one point, not on a grid',
      {
        fix: 'give every variable one value',
      },
    )
  }
  const found: Gathered = {
    special: new SpecialPlaces(bound.tape),
    results: bound.derivatives.map(() => []),
    crossDifference: new DifferenceSum(),
    crossChecked: 0,
    squaredRounding: 0,
    disagreements: 0,
    repeated: 0,
    unjudged: 0,
  }
  const length = Math.max(
    1,
    Math.min(MOST_POINTS, Math.floor(MOST_CONSTANTS / bound.tape.instructions.length)),
  )
  const total = bound.points.length
  const slices = new WorkSlices()
  let first: BasePoint | undefined
  for (let start = 0; start < bound.points.length; start += length) {
    options.signal?.throwIfAborted()
    const bases = findBasePoints(bound, bound.points.slice(start, start + length), found)
    first ??= bases[0]
    await checkPoints(bound, bases, { ...settings, tolerance }, evaluator, found, async (done) => {
      if (!slices.isOver) return
      options.onProgress?.({ done: start + done, total })
      await slices.pause()
      options.signal?.throwIfAborted()
    })
  }
  if (first === undefined) throw undefinedEverywhere(bound)

  const totals: FunctionTotals = { difference: new DifferenceSum(), squaredErrors: 0 }
  const derivatives = bound.derivatives.map((derivative, d) =>
    judgeDerivative(derivative, found.results[d], tolerance, totals),
  )
  const { verdict, reasons, notices } = conclude(bound, derivatives, found, totals, tolerance)
  const checked = Math.max(...derivatives.map((derivative) => derivative.checked))
  const series = options.steps ? await measureSeries(bound, derivatives, first, evaluator, found) : undefined
  return {
    schema: 1,
    verdict,
    formula: problem.formula,
    difference: totals.difference.difference,
    tolerance,
    numericalError: relativeTo(totals.difference, totals.squaredErrors),
    cost: first.values.at(-1)!,
    at: namePoint(bound.variables, first.point),
    points: { total: bound.points.length, checked },
    method: 'difference',
    scheme: settings.scheme,
    step: settings.step,
    precision: evaluator.precision,
    device: { evaluator: evaluator.name, adapter: evaluator.adapter, software: evaluator.software },
    derivatives,
    tensors: [],
    diagnosis: verdict === 'fail' ? diagnose(derivatives, found, tolerance) : [],
    special: found.special.list(),
    crossValidation: {
      checked: found.crossChecked,
      difference: found.crossDifference.difference,
      rounding: relativeTo(found.crossDifference, found.squaredRounding),
    },
    steps: series,
    timing: {
      seconds: (performance.now() - started) / 1000,
      perturbations: bound.points.length * bound.derivatives.length * listSteps(settings.step).length,
    },
    reasons,
    notices,
  }
}

const relativeTo = ({ norms }: DifferenceSum, squares: number) =>
  norms === 0 ? 0 : Math.sqrt(squares) / norms

function defaultTolerance(evaluator: FunctionEvaluator, { scheme, step }: FunctionSettings): number {
  const byPrecision = evaluator.precision === 'single' ? 1e-6 : 1e-7
  return scheme === 'forward' ? Math.max(byPrecision, 10 * step) : byPrecision
}

/** The points where the function has a value; the others are noted. */
function findBasePoints(
  { tape }: BoundFunction,
  points: readonly Float64Array[],
  found: Gathered,
): BasePoint[] {
  return points.flatMap((point) => {
    const values = evaluateTape(tape, point)
    const fault = findFault(tape, values)
    if (fault === undefined) return [{ point, values, constants: constantsOnSeams(tape, values) }]
    found.special.addUndefined(fault, point)
    return []
  })
}

function undefinedEverywhere({ tape, points }: BoundFunction): GradcheckError {
  const values = evaluateTape(tape, points[0])
  const fault = findFault(tape, values)!
  const where = points.length > 1 ? `, and has no value at any of the ${points.length} points` : ''
  return new GradcheckError(
    'bad-value',
    `the function has no value: ${describeFault(tape, values, fault, points[0])}${where}`,
    { fix: `take another point, ${setting('at')}` },
  )
}

async function checkPoints(
  bound: BoundFunction,
  bases: readonly BasePoint[],
  settings: FunctionSettings & { tolerance: number },
  evaluator: FunctionEvaluator,
  found: Gathered,
  onPoint: (done: number) => Promise<void>,
): Promise<void> {
  const { tape, derivatives } = bound
  const steps = listSteps(settings.step)
  const moved = derivatives.map((derivative) => derivative.moved)
  const points = bases.map(({ constants }) => constants)
  const changes = await evaluator.evaluate({ tape, points, moved, steps })
  const repeat = createCpuFunctionEvaluator()
  for (const [k, base] of bases.entries()) {
    await onPoint(k)
    const roundingOf = (precision: 'single' | 'double') =>
      estimateRounding(tape, base.values, base.constants, moved, precision)
    const ofEvaluator = roundingOf(evaluator.precision)
    for (const [d, derivative] of derivatives.entries()) {
      const at = (k * derivatives.length + d) * steps.length
      const { step, scheme, tolerance } = settings
      let numerical = deriveFromChanges(changes, at, step, scheme, tolerance)
      let rounding = ofEvaluator
      const exact = () => slopeAt(tape, base, moved[d])
      if (
        evaluator.precision === 'single' &&
        isBeyondSingle(numerical, rounding.derivatives[d], tolerance, exact)
      ) {
        const again = await repeat.evaluate({ tape, points: [base.constants], moved: [moved[d]], steps })
        numerical = deriveFromChanges(again, 0, step, scheme, tolerance)
        rounding = roundingOf('double')
        found.repeated++
      }
      const isOn = numerical.on !== NO_CROSSING
      const isNear = !isOn && numerical.near !== NO_CROSSING
      // where branches meet with one slope there is nothing special
      const meets = isOn && branchesMeet(tape, base.constants, numerical.on)
      const isSmooth = meets && agree(numerical.oneSided, tolerance)
      if (isOn && !isSmooth) found.special.add(numerical.on, base.point, 'on', meets)
      if (isNear) found.special.add(numerical.near, base.point, 'near')
      if ((isOn && numerical.oneSided === undefined) || !Number.isFinite(numerical.value)) {
        found.unjudged++
        continue
      }
      const textbook = crossCheck(bound, base, derivative, numerical.atStep, settings, rounding, d, found)
      const analytical = evaluateGradient(derivative, base.point)
      if (analytical === undefined) continue
      found.results[d].push({
        at: namePoint(bound.variables, base.point),
        index: [],
        analytical: analytical.value,
        analyticalError: analytical.error,
        numerical: numerical.value,
        textbook,
        step: numerical.step,
        error: rounding.derivatives[d] + rounding.ofCurvature(numerical.curvature) + numerical.truncation,
        oneSided: numerical.oneSided,
        conventions: isOn ? slopesByConvention(tape, base.constants, moved[d]) : [],
        shrunk: (isOn && !isSmooth) || isNear,
      })
    }
  }
}

/** Whether the slopes to both sides are one. */
function agree(slopes: NumericalDerivative['oneSided'], tolerance: number): boolean {
  if (slopes === undefined) return false
  const [left, right] = slopes
  return Math.abs(left - right) <= tolerance * (Math.abs(left) + Math.abs(right))
}

const slopeAt = (tape: Tape, { constants }: BasePoint, moved: number) =>
  changeOf(tape, constants, moved, 0).slope

/**
 * Whether a derivative is beyond single precision: it has overflowed, digits of it have underflowed, or its terms
 * cancel so far that their rounding hides it.
 */
function isBeyondSingle(
  { value, on }: NumericalDerivative,
  rounding: number,
  tolerance: number,
  exact: () => number,
): boolean {
  if (on !== NO_CROSSING) return false
  if (!Number.isFinite(value)) return true
  const isHidden = rounding > MOST_ROUNDING * tolerance * Math.abs(value)
  return (Math.abs(value) < SMALLEST_EXACT || isHidden) && exact() !== 0
}

/** The analytical gradient's value and what its own evaluation in float64 rounds; undefined where there is none. */
function evaluateGradient(
  { tape }: BoundDerivative,
  point: Float64Array,
): { value: number; error: number } | undefined {
  if (tape === undefined) return undefined
  const values = evaluateTape(tape, point)
  const value = values.at(-1)!
  if (!Number.isFinite(value)) return { value, error: 0 }
  return { value, error: valueErrors(tape, values, constantsAt(tape, values)).at(-1)! }
}

/**
 * The derivative by its definition in float64, at the step asked for, and whether difference arithmetic gave the
 * same there: they differ by the rounding of the function's values, divided by the step, and that of x ± h.
 */
function crossCheck(
  { tape }: BoundFunction,
  { point }: BasePoint,
  { moved }: BoundDerivative,
  atStep: NumericalDerivative['atStep'],
  { step, scheme }: FunctionSettings,
  rounding: RoundingAt,
  d: number,
  found: Gathered,
): number {
  const { value: textbook, size } = textbookDerivative(tape, point, moved, step, scheme)
  if (atStep === undefined || !Number.isFinite(atStep.value) || !Number.isFinite(textbook)) return Number.NaN
  const ofPoint = FLOAT64_ROUNDOFF * Math.abs(textbook * point[moved])
  const ofValues = (rounding.values.at(-1)! + 2 * FLOAT64_ROUNDOFF * size + ofPoint) / step
  found.crossChecked++
  found.squaredRounding += ofValues ** 2
  found.crossDifference.add(textbook, atStep.value)
  const allowed = ofValues + rounding.derivatives[d] + rounding.ofCurvature(atStep.curvature)
  if (Math.abs(textbook - atStep.value) > CROSS_CHECK_MARGIN * allowed) found.disagreements++
  return textbook
}

function conclude(
  bound: BoundFunction,
  derivatives: FunctionReport['derivatives'],
  found: Gathered,
  { difference, squaredErrors }: FunctionTotals,
  tolerance: number,
): { verdict: Verdict; reasons: string[]; notices: string[] } {
  const reasons: string[] = []
  const notices: string[] = []
  if (found.disagreements > 0) {
    reasons.push(
      `internal error: the textbook definition disagrees with difference arithmetic at ${found.disagreements} of ${found.crossChecked} points; please report it`,
    )
  }
  const isWrong = derivatives.some((derivative) => derivative.verdict === 'fail')
  for (const { variable, tape } of bound.derivatives) {
    if (tape !== undefined) continue
    reasons.push(
      `the formula is too long for a symbolic derivative by ${variable}: give it yourself, ${setting('gradient', `d/d${variable}=…`)}`,
    )
  }
  if (found.unjudged > 0) {
    const count = found.unjudged === 1 ? 'one derivative does' : `${found.unjudged} derivatives do`
    const sentence = `${count} not exist where the function is not smooth, and could not be judged`
    if (derivatives.some(({ checked }) => checked === 0)) reasons.push(sentence)
    else notices.push(sentence)
  }
  const between = derivatives.reduce((sum, derivative) => sum + derivative.undecidedPoints, 0)
  if (between > 0) {
    const count = between === 1 ? 'one value lies' : `${between} values lie`
    reasons.push(
      `${count} between the slopes to both sides of a kink: right there are the slope to the left, to the right, their mean, and what these make of every kink of the formula; take a point beside the kink`,
    )
  }
  const results = found.results.flat()
  if (results.length > 0 && results.every(isZero)) {
    reasons.push(
      'the derivative is zero on both sides: nothing was tested. Take a point where the function changes',
    )
  } else {
    const untested = bound.derivatives.filter(
      (_, d) => found.results[d].length > 0 && found.results[d].every(isZero),
    )
    if (untested.length > 0) {
      const names = listNames(untested.map(({ variable }) => `d/d${variable}`))
      const [are, of] = untested.length === 1 ? ['is', 'it'] : ['are', 'them']
      notices.push(`${names} ${are} zero on both sides: nothing of ${of} was tested`)
    }
  }
  const numericalError = relativeTo(difference, squaredErrors)
  if (
    reasons.length === 0 &&
    !isWrong &&
    (numericalError > tolerance || !(difference.difference <= tolerance))
  ) {
    reasons.push(
      `the error of the numerical derivative, ${formatDifference(numericalError)}, is above the tolerance of ${formatSetting(tolerance)}: it cannot confirm the derivative to within that`,
    )
  }
  if (found.repeated > 0) {
    const count = found.repeated === 1 ? 'one derivative is' : `${found.repeated} derivatives are`
    notices.push(
      `${count} beyond single precision (overflow, underflow, rounding above the tolerance), and evaluated in float64`,
    )
  }
  if (isWrong && found.disagreements === 0)
    return { verdict: 'fail', reasons: [], notices: [...reasons, ...notices] }
  return { verdict: reasons.length > 0 ? 'inconclusive' : 'pass', reasons, notices: [...reasons, ...notices] }
}

/** What is wrong with derivatives that fail, by their numbers at the points. */
function diagnose(
  derivatives: FunctionReport['derivatives'],
  { results }: Gathered,
  tolerance: number,
): FunctionReport['diagnosis'] {
  const numbers = derivatives.map(({ variable, verdict }, d) => ({
    name: variable,
    gradient: `d/d${variable}`,
    shape: [results[d].length],
    analytical: Float64Array.from(results[d], ({ analytical }) => analytical),
    numerical: Float64Array.from(results[d], ({ numerical }) => numerical),
    // on a kink one value among several was chosen
    errors: Float64Array.from(results[d], ({ error, analyticalError, oneSided }) =>
      oneSided === undefined ? error + analyticalError : Number.POSITIVE_INFINITY,
    ),
    tolerance,
    isWrong: verdict === 'fail',
  }))
  return diagnoseNumbers(numbers, false)
}

/**
 * The error against the step, at the only point and of the first derivative: against the user's where that is right,
 * else against mathjs's, else against the numerical one.
 */
async function measureSeries(
  bound: BoundFunction,
  derivatives: FunctionReport['derivatives'],
  { point, values, constants }: BasePoint,
  evaluator: FunctionEvaluator,
  { results }: Gathered,
): Promise<StepSeries | undefined> {
  const d = results.findIndex((points) => points.length > 0)
  if (d < 0) return undefined
  const { moved, variable } = bound.derivatives[d]
  const [result] = results[d]
  let reference = result.analytical
  if (derivatives[d].verdict !== 'pass') {
    const derived = await deriveFormula(bound.formula, variable)
    const tape = derived && compileTape(derived.formula.expression, bound.variables)
    reference = tape === undefined ? result.numerical : valueAt(tape, point)
  }
  const [floor] = estimateRounding(bound.tape, values, constants, [moved], evaluator.precision).derivatives
  const measured = await measureSteps(bound.tape, point, moved, evaluator, reference, floor)
  return { variable, at: result.at, reference, ...measured }
}
