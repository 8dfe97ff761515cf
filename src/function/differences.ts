import { OPERATIONS } from './operations.js'
import { CONSTANTS, type Tape } from './tape.js'

/** Crossing of an evaluation that runs over no special point. */
export const NO_CROSSING = -1

/** What a step in one variable does to a formula. */
export interface FormulaChange {
  /** (f(x + h) − f(x))/h */
  readonly slope: number
  /** The first instruction that runs over its special point, or `NO_CROSSING`. */
  readonly crossing: number
}

/**
 * Difference arithmetic in float64: carries the change that a step makes through the formula, divided by the step.
 * @param constants the base point's, of every instruction
 * @param moved the variable that is moved
 * @param h the step with its sign; 0 gives the derivative
 */
export function changeOf(
  { instructions }: Tape,
  constants: Float64Array,
  moved: number,
  h: number,
): FormulaChange {
  const slopes = new Float64Array(instructions.length)
  const crossings = new Int32Array(instructions.length).fill(NO_CROSSING)
  for (const [k, { operation, operands, parameter, variable }] of instructions.entries()) {
    if (operation === undefined) {
      slopes[k] = variable === moved && variable >= 0 ? 1 : 0
      continue
    }
    const rule = OPERATIONS[operation].rule(parameter)
    const [a, b = 0, c = 0] = operands.map((operand) => slopes[operand])
    const at = CONSTANTS * k
    slopes[k] = rule.change(constants, at, a, b, c, h)
    const through = rule.through?.(constants, at, a, b, c, h)
    const passing = through === undefined ? operands : [operands[through]]
    const inherited = passing.find((operand) => crossings[operand] !== NO_CROSSING)
    if (inherited !== undefined) crossings[k] = crossings[inherited]
    else if (rule.crosses?.(constants, at, a, b, c, h)) crossings[k] = k
  }
  const last = instructions.length - 1
  return { slope: slopes[last], crossing: crossings[last] }
}
