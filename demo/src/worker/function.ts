import { checkFunction, createCpuEvaluator, GradcheckError } from 'webgpu-gradcheck'
import { bindFunction } from '../../../src/function/bind-function.js'
import { ChangesAtPoint } from '../../../src/function/changes-at-point.js'
import { bindFormula, valuesAt } from '../../../src/function/lower-formula.js'
import { parseFormula } from '../../../src/function/parse-formula.js'
import { textbookDerivatives } from '../../../src/function/step-series.js'
import { boundValueErrors } from '../../../src/rounding/value-errors.js'
import type { FunctionRequest, FunctionResult, StepSample } from './protocol.js'

/** Points of the curve. */
const CURVE_POINTS = 401
/** Steps in a decade of the series. */
const STEPS_PER_DECADE = 4
const SMALLEST_POWER = -14

/** The steps of the slider and of the error curves, from small to large: 10⁻¹⁴ … 1. */
const SERIES: readonly number[] = Array.from(
  { length: -SMALLEST_POWER * STEPS_PER_DECADE + 1 },
  (_, k) => 10 ** (SMALLEST_POWER + k / STEPS_PER_DECADE),
)

/**
 * Checks a formula's derivative at a point, and computes what the charts show: the curve, and both ways of
 * computing the derivative at every step.
 * @throws GradcheckError for a formula that cannot be read or drawn
 */
export async function examineFunction(request: FunctionRequest): Promise<FunctionResult> {
  const { formula, gradient, at, scheme } = request
  const variable = await findVariable(formula)
  const problem = { formula, at: { [variable]: at }, ...(gradient === '' ? {} : { gradient }) }
  const report = await checkFunction(problem, {
    evaluator: createCpuEvaluator('this computer’s processor'),
    scheme,
    steps: true,
  })
  const bound = await bindFunction(problem)
  const code = { expression: bound.formula.expression, variables: bound.variables }
  const point = Float64Array.of(at)
  const reach = reachAround(at)
  const x = Float64Array.from(
    { length: CURVE_POINTS },
    (_, k) => at + reach * ((2 * k) / (CURVE_POINTS - 1) - 1),
  )
  const valuesOf = (numbers: ArrayLike<number>) =>
    valuesAt(
      code,
      Array.from(numbers, (number) => Float64Array.of(number)),
    )
  const atPoint = bindFormula(code, [point])
  const changes = new ChangesAtPoint(atPoint, 0, boundValueErrors(atPoint))
  const samples = SERIES.map((h): StepSample => {
    const right = changes.carry(0, h).slope
    const left = changes.carry(0, -h).slope
    const [below, above] = valuesOf([at - h, at + h])
    const textbook = (by: 'central' | 'forward') => textbookDerivatives(code, [point], 0, h, by)[0].value
    return {
      h,
      below,
      above,
      textbook: { central: textbook('central'), forward: textbook('forward') },
      difference: { central: (right + left) / 2, forward: right },
    }
  })
  return {
    report,
    variable,
    at,
    value: valuesOf([at])[0],
    curve: { x, y: valuesOf(x) },
    reference: report.steps?.reference,
    samples,
  }
}

/** How far to both sides the curve is drawn: the largest step fits in. */
function reachAround(at: number): number {
  return Math.max(1.6, 0.4 * Math.abs(at))
}

/** @throws GradcheckError `bad-formula` for none or several */
async function findVariable(formula: string): Promise<string> {
  const { variables } = await parseFormula(formula)
  if (variables.length === 1) return variables[0]
  const found =
    variables.length === 0 ? 'no variable' : `${variables.length} variables: ${variables.join(', ')}`
  throw new GradcheckError('bad-formula', `${formula} has ${found}; a curve is drawn of one`, {
    fix:
      variables.length === 0
        ? 'name the variable by a letter, as in x^2'
        : 'put numbers in place of the others; the gradcheck command takes several',
  })
}
