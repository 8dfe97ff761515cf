import { chooseEvaluator } from '../check/check-options.js'
import { DifferenceSum } from '../check/compare.js'
import { diagnoseNumbers } from '../check/diagnosis/diagnose-numbers.js'
import { defaultTolerance } from '../check/tolerances.js'
import type { Evaluator } from '../differentiate/evaluator.js'
import { WorkSlices } from '../differentiate/work-slices.js'
import { GradcheckError } from '../errors.js'
import { boundValueErrors } from '../rounding/value-errors.js'
import { setting } from '../settings.js'
import { FLOAT64_ROUNDOFF } from '../tensor.js'
import { type BoundFunction, bindFunction, type FormulaProblem } from './bind-function.js'
import { NO_CROSSING } from './changes-at-point.js'
import type { FunctionOptions, FunctionSettings } from './check-function.js'
import { concludeFormula, type Gathered, relativeTo } from './conclude-formula.js'
import { PointDerivatives } from './derive-points.js'
import type { FunctionReport } from './function-report.js'
import { type FunctionTotals, judgeDerivative } from './judge-points.js'
import {
  type BoundFormula,
  bindFormula,
  type FormulaCode,
  findFault,
  numberAt,
  valuesAt,
} from './lower-formula.js'
import { measureSeries } from './measure-series.js'
import type { NumericalDerivative } from './numerical-derivative.js'
import { namePoint } from './points.js'
import { describeFault, SpecialPlaces } from './special-places.js'
import { textbookDerivatives } from './step-series.js'

/** Values held at once, parts of the formula × points. */
const MOST_VALUES = 2 ** 20
/** Points evaluated at once: progress is told and Ctrl-C heard in between. */
const MOST_POINTS = 2 ** 14
/** Estimated errors by which the textbook value may differ at most before one of the two must be mistaken. */
const CROSS_CHECK_MARGIN = 4

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
  const { verdict, reasons, notices } = concludeFormula(bound, derivatives, found, totals, tolerance)
  const checked = Math.max(...derivatives.map((derivative) => derivative.checked))
  const series = options.steps
    ? await measureSeries(bound, code, derivatives, evaluator, found.results)
    : undefined
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
