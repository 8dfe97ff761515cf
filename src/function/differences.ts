import { OPERATIONS } from './operations.js'
import { constantsOf, type Tape } from './tape.js'

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
    const [a, b, c] = operands
    const change = OPERATIONS[operation].change(
      constantsOf(constants, k),
      slopes[a],
      b === undefined ? 0 : slopes[b],
      c === undefined ? 0 : slopes[c],
      h,
      parameter,
    )
    slopes[k] = change.slope
    const passing = change.through === undefined ? operands : [operands[change.through]]
    const inherited = passing.find((operand) => crossings[operand] !== NO_CROSSING)
    if (inherited !== undefined) crossings[k] = crossings[inherited]
    else if (change.crosses) crossings[k] = k
  }
  const last = instructions.length - 1
  return { slope: slopes[last], crossing: crossings[last] }
}
