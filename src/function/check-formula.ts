import { reversePass } from '../backward/reverse-pass.js'
import { chooseEvaluator } from '../check/check-options.js'
import { DifferenceSum } from '../check/compare.js'
import { diagnoseNumbers } from '../check/diagnosis/diagnose-numbers.js'
import { errorsIn, estimateRounding } from '../check/program/program-estimate.js'
import type { Verdict } from '../check/report.js'
import { defaultTolerance } from '../check/tolerances.js'
import type { Evaluator } from '../differentiate/evaluator.js'
import { WorkSlices } from '../differentiate/work-slices.js'
import { GradcheckError } from '../errors.js'
import { listNames } from '../list-names.js'
import { createCpuCarrier } from '../program/carry-changes.js'
import { formatDifference, formatSetting } from '../report/format-numbers.js'
import { boundValueErrors } from '../rounding/value-errors.js'
import { setting } from '../settings.js'
import { FLOAT64_ROUNDOFF } from '../tensor.js'
import { type BoundFunction, bindFunction, type FormulaProblem } from './bind-function.js'
import { ChangesAtPoint, NO_CROSSING } from './changes-at-point.js'
import type { FunctionOptions, FunctionSettings } from './check-function.js'
import { PointDerivatives } from './derive-points.js'
import type { FunctionReport } from './function-report.js'
import { type FunctionTotals, isZero, judgeDerivative, type PointResult } from './judge-points.js'
import {
  type BoundFormula,
  bindFormula,
  type FormulaCode,
  findFault,
  numberAt,
  valuesAt,
} from './lower-formula.js'
import type { NumericalDerivative } from './numerical-derivative.js'
import { namePoint } from './points.js'
import { describeFault, SpecialPlaces } from './special-places.js'
import { measureSteps, type StepSeries, textbookDerivatives } from './step-series.js'
import { deriveFormula } from './symbolic-derivative.js'

/** Values held at once, parts of the formula × points. */
const MOST_VALUES = 2 ** 20
/** Points evaluated at once: progress is told and Ctrl-C heard in between. */
const MOST_POINTS = 2 ** 14
/** Estimated errors by which the textbook value may differ at most before one of the two must be mistaken. */
const CROSS_CHECK_MARGIN = 4

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
  /** Changes that were carried. */
  perturbations: number
  /** Values that mathjs's derivative does not have, where there is one; and the user's. */
  underived: number
  valueless: number
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
  const evaluator = chooseEvaluator({ evaluator: options.evaluator })
  if (evaluator.name === 'textbook') {
    throw new GradcheckError('bad-usage', 'a formula is checked by difference arithmetic', {
      fix: 'give the evaluator of a device, or leave it out',
    })
  }
  const tolerance = settings.tolerance ?? defaultTolerance(evaluator, 'float64', settings)
  if (options.steps && bound.points.length > 1) {
    throw new GradcheckError(
      'bad-usage',
      'the error against the step is measured at one point, not on a grid',
      {
        fix: 'give every variable one value',
      },
    )
  }
  const code: FormulaCode = { expression: bound.formula.expression, variables: bound.variables }
  const atFirst = bindFormula(code, bound.points.slice(0, 1))
  const found: Gathered = {
    special: new SpecialPlaces(atFirst, bound.variables),
    results: bound.derivatives.map(() => []),
    crossDifference: new DifferenceSum(),
    crossChecked: 0,
    squaredRounding: 0,
    disagreements: 0,
    repeated: 0,
    perturbations: 0,
    unjudged: 0,
    underived: 0,
    valueless: 0,
  }
  const length = Math.max(1, Math.min(MOST_POINTS, Math.floor(MOST_VALUES / atFirst.program.values.length)))
  const total = bound.points.length
  const slices = new WorkSlices()
  let first: Float64Array | undefined
  for (let start = 0; start < bound.points.length; start += length) {
    options.signal?.throwIfAborted()
    const points = findBasePoints(code, bound.points.slice(start, start + length), found)
    if (points.length === 0) continue
    first ??= points[0]
    const formula = bindFormula(code, points)
    const check = { bound, code, formula, settings: { ...settings, tolerance }, evaluator, found }
    await checkPoints(check, options.signal, async (done) => {
      if (!slices.isOver) return
      options.onProgress?.({ done: start + done, total })
      await slices.pause()
      options.signal?.throwIfAborted()
    })
  }
  if (first === undefined) throw undefinedEverywhere(bound, atFirst)

  const totals: FunctionTotals = {
    difference: new DifferenceSum(),
    squaredErrors: 0,
    squaredAnalyticalErrors: 0,
  }
  const derivatives = bound.derivatives.map((derivative, d) =>
    judgeDerivative(derivative, found.results[d], tolerance, totals),
  )
  const { verdict, reasons, notices } = conclude(bound, derivatives, found, totals, tolerance)
  const checked = Math.max(...derivatives.map((derivative) => derivative.checked))
  const series = options.steps ? await measureSeries(bound, code, derivatives, evaluator, found) : undefined
  return {
    schema: 1,
    verdict,
    formula: problem.formula,
    difference: totals.difference.difference,
    tolerance,
    numericalError: relativeTo(totals.difference, totals.squaredErrors),
    cost: valuesAt(code, [first])[0],
    at: namePoint(bound.variables, first),
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
      perturbations: found.perturbations,
    },
    reasons,
    notices,
  }
}

const relativeTo = ({ norms }: DifferenceSum, squares: number) =>
  norms === 0 ? 0 : Math.sqrt(squares) / norms

/** The points where the function has a value; the others are noted. */
function findBasePoints(
  code: FormulaCode,
  points: readonly Float64Array[],
  found: Gathered,
): readonly Float64Array[] {
  const formula = bindFormula(code, points)
  return points.filter((point, k) => {
    const fault = findFault(formula, k)
    if (fault !== undefined) found.special.addUndefined(fault, point)
    return fault === undefined
  })
}

function undefinedEverywhere({ points, variables }: BoundFunction, atFirst: BoundFormula): GradcheckError {
  const fault = findFault(atFirst, 0)!
  const where = points.length > 1 ? `, and has no value at any of the ${points.length} points` : ''
  return new GradcheckError(
    'bad-value',
    `the function has no value: ${describeFault(atFirst, variables, 0, fault)}${where}`,
    { fix: `take another point, ${setting('at')}` },
  )
}

/** Points that are checked together. */
interface PointsCheck {
  readonly bound: BoundFunction
  readonly code: FormulaCode
  /** At points where it has a value. */
  readonly formula: BoundFormula
  readonly settings: FunctionSettings & { readonly tolerance: number }
  readonly evaluator: Evaluator
  readonly found: Gathered
}

async function checkPoints(
  { bound, code, formula, settings, evaluator, found }: PointsCheck,
  signal: AbortSignal | undefined,
  onPoint: (done: number) => Promise<void>,
): Promise<void> {
  const { derivatives, variables } = bound
  const { points } = formula
  const { step, scheme, tolerance } = settings
  const errors = boundValueErrors(formula)
  const moved = derivatives.map((derivative) => derivative.moved)
  const derived = await PointDerivatives.carry({ formula, errors, moved, settings, evaluator }, signal)
  found.perturbations += derived.perturbations
  const textbooks = moved.map((variable) => textbookDerivatives(code, points, variable, step, scheme))
  const analyticals = derivatives.map(({ expression }) =>
    expression === undefined ? undefined : evaluateGradient({ expression, variables }, points),
  )
  for (const [k, point] of points.entries()) {
    await onPoint(k)
    for (const [d, analytical] of analyticals.entries()) {
      const { numerical, ofRounding, isRepeated, exactly } = derived.derive(d, k)
      if (isRepeated) found.repeated++
      const isOn = numerical.on !== NO_CROSSING
      const isNear = !isOn && numerical.near !== NO_CROSSING
      // where branches meet with one slope there is nothing special
      const meets = isOn && exactly().meets(numerical.on)
      const isSmooth = meets && agree(numerical.oneSided, tolerance)
      if (isOn && !isSmooth) found.special.add(numerical.on, point, 'on', meets)
      if (isNear) found.special.add(numerical.near, point, 'near')
      if ((isOn && numerical.oneSided === undefined) || !Number.isFinite(numerical.value)) {
        found.unjudged++
        continue
      }
      const textbook = textbooks[d][k]
      const { atStep } = numerical
      const isCompared =
        atStep !== undefined && Number.isFinite(atStep.value) && Number.isFinite(textbook.value)
      if (isCompared) {
        // wherever between x − h and x + h it is rounded
        const slopes = Math.abs(textbook.value) + Math.abs(numerical.value) + atStep.curvature
        const ofPoint = slopes * Math.abs(point[moved[d]])
        const ofValues = numberAt(errors[formula.program.output], k) + 2 * textbook.size + ofPoint
        const allowed = (FLOAT64_ROUNDOFF * ofValues) / step
        crossCheck(textbook.value, atStep.value, allowed, ofRounding(atStep), found)
      }
      if (analytical === undefined) continue
      const given = numberAt(analytical.values, k)
      if (!Number.isFinite(given)) {
        if (derivatives[d].source === 'mathjs') {
          found.underived++
          continue
        }
        found.valueless++
      }
      found.results[d].push({
        at: namePoint(variables, point),
        index: [],
        analytical: given,
        analyticalError: numberAt(analytical.errors, k),
        numerical: numerical.value,
        textbook: isCompared ? textbook.value : Number.NaN,
        step: numerical.step,
        error: knownOr(Number.POSITIVE_INFINITY, ofRounding(numerical) + numerical.truncation),
        oneSided: numerical.oneSided,
        conventions: isOn ? exactly().slopesByConvention(moved[d]) : [],
        shrunk: (isOn && !isSmooth) || isNear,
      })
    }
  }
}

/** A number, or another where it is none. */
const knownOr = (other: number, value: number) => (Number.isNaN(value) ? other : value)

/** Whether the slopes to both sides are one. */
function agree(slopes: NumericalDerivative['oneSided'], tolerance: number): boolean {
  if (slopes === undefined) return false
  const [left, right] = slopes
  return Math.abs(left - right) <= tolerance * (Math.abs(left) + Math.abs(right))
}

/** The analytical gradient's values and what their own evaluation in float64 rounds. */
function evaluateGradient(
  gradient: FormulaCode,
  points: readonly Float64Array[],
): { values: Float64Array; errors: Float64Array } {
  const formula = bindFormula(gradient, points)
  const { output } = formula.program
  const values = formula.base[output]
  const errors = boundValueErrors(formula)[output]
  return {
    values,
    errors: errors.map((error, k) => (Number.isFinite(values[k]) ? FLOAT64_ROUNDOFF * error : 0)),
  }
}

/**
 * Whether difference arithmetic gives the derivative by its definition, at the step asked for.
 * @param ofValues what rounding the function's values, and x ± h, does to the definition
 * @param error of difference arithmetic
 */
function crossCheck(
  textbook: number,
  numerical: number,
  ofValues: number,
  error: number,
  found: Gathered,
): void {
  found.crossChecked++
  found.squaredRounding += ofValues ** 2
  found.crossDifference.add(textbook, numerical)
  if (Math.abs(textbook - numerical) > CROSS_CHECK_MARGIN * (ofValues + error)) found.disagreements++
}

function conclude(
  bound: BoundFunction,
  derivatives: FunctionReport['derivatives'],
  found: Gathered,
  { difference, squaredErrors, squaredAnalyticalErrors }: FunctionTotals,
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
  for (const { variable, expression } of bound.derivatives) {
    if (expression !== undefined) continue
    reasons.push(
      `the formula is too long for a symbolic derivative by ${variable}: give it yourself, ${setting('gradient', `d/d${variable}=…`)}`,
    )
  }
  if (found.underived > 0) {
    const places = found.underived === 1 ? 'one point' : `${found.underived} points`
    const sentence = `mathjs's derivative has no value at ${places} where the function has one: give it yourself, ${setting('gradient')}`
    if (derivatives.some(({ checked }) => checked === 0)) reasons.push(sentence)
    else notices.push(sentence)
  }
  if (found.valueless > 0) {
    const places = found.valueless === 1 ? 'one point' : `${found.valueless} points`
    notices.push(`the derivative given has no value at ${places} where the function has one`)
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
  const analyticalError = relativeTo(difference, squaredAnalyticalErrors)
  if (reasons.length === 0 && !isWrong && analyticalError > tolerance) {
    reasons.push(
      `rounding moves the derivative's own formula by ${formatDifference(analyticalError)}, above the tolerance of ${formatSetting(tolerance)}: it would hide a mistake of that size; write it so that less of it cancels`,
    )
  }
  if (found.repeated > 0) {
    const count = found.repeated === 1 ? 'one derivative is' : `${found.repeated} derivatives are`
    notices.push(
      `${count} beyond single precision (overflow, underflow, rounding above the tolerance, steps that do not settle), and evaluated in float64`,
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
  code: FormulaCode,
  derivatives: FunctionReport['derivatives'],
  evaluator: Evaluator,
  { results }: Gathered,
): Promise<StepSeries | undefined> {
  const d = results.findIndex((points) => points.length > 0)
  if (d < 0) return undefined
  const { moved, variable } = bound.derivatives[d]
  const [result] = results[d]
  let reference = result.analytical
  if (derivatives[d].verdict !== 'pass') {
    const derived = await deriveFormula(bound.formula, variable)
    const expression = derived?.formula.expression
    reference =
      expression === undefined
        ? result.numerical
        : valuesAt({ expression, variables: bound.variables }, bound.points)[0]
  }
  const formula = bindFormula(code, bound.points)
  const [rounding] = estimateRounding(formula, reversePass(formula, { wanted: [moved] }), [moved])
  const [floor] = errorsIn(evaluator.precision, rounding)
  const exact = new ChangesAtPoint(formula, 0, boundValueErrors(formula))
  const carrier = evaluator.createCarrier?.(formula) ?? createCpuCarrier(formula)
  try {
    const measured = await measureSteps(code, formula, exact, moved, carrier, reference, floor)
    return { variable, at: result.at, reference, ...measured }
  } finally {
    carrier.dispose()
  }
}
