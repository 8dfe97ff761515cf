import { reversePass } from '../backward/reverse-pass.js'
import { errorsIn, estimateRounding } from '../check/program/program-estimate.js'
import type { Evaluator } from '../differentiate/evaluator.js'
import { createCpuCarrier } from '../program/carry-changes.js'
import { boundValueErrors } from '../rounding/value-errors.js'
import type { BoundFunction } from './bind-function.js'
import { ChangesAtPoint } from './changes-at-point.js'
import type { FunctionReport } from './function-report.js'
import type { PointResult } from './judge-points.js'
import { bindFormula, type FormulaCode, valuesAt } from './lower-formula.js'
import { measureSteps, type StepSeries } from './step-series.js'
import { deriveFormula } from './symbolic-derivative.js'

/**
 * The error against the step, at the only point and of the first derivative: against the user's where that is right,
 * else against mathjs's, else against the numerical one.
 */
export async function measureSeries(
  bound: BoundFunction,
  code: FormulaCode,
  derivatives: FunctionReport['derivatives'],
  evaluator: Evaluator,
  results: readonly (readonly PointResult[])[],
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
