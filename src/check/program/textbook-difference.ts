import { WorkSlices } from '../../differentiate/work-slices.js'
import { evaluateFrom } from '../../program/evaluate.js'
import { coneOf } from '../../program/program.js'
import { elementCount } from '../../tensor.js'
import { DifferenceSum } from '../compare.js'
import { bindProgramProblem, type ProgramProblem } from './bind-program-problem.js'

/**
 * The difference of the gradients that the textbook's loop prints of a program: (J(θ + h) − J(θ − h))/2h of whole losses in
 * float64, one element at a time. It judges nothing.
 * @param step h
 * @param onProgress told now and then how many of all elements are done
 * @throws GradcheckError for a program that does not fit its arrays
 */
export async function textbookDifference(
  problem: ProgramProblem,
  step: number,
  onProgress?: (done: number, total: number) => void,
): Promise<number> {
  // as it is written: what rounding makes of the user's own formulas is in the figure
  const { bound, checked } = bindProgramProblem(problem, { asWritten: true })
  const total = checked.reduce((count, { input }) => count + elementCount(input.shape), 0)
  const slices = new WorkSlices()
  const sum = new DifferenceSum()
  let done = 0
  for (const { input, gradient } of checked) {
    // the arrays are the caller's
    const theta = bound.base[input.id].slice()
    const moved = new Map([[input.id, theta]])
    const cone = coneOf(bound.program, [input.id])
    for (let k = 0; k < theta.length; k++, done++) {
      if (slices.isOver) {
        onProgress?.(done, total)
        await slices.pause()
      }
      const kept = theta[k]
      theta[k] = kept + step
      const above = evaluateFrom(bound, moved, cone)
      theta[k] = kept - step
      const below = evaluateFrom(bound, moved, cone)
      theta[k] = kept
      sum.add(gradient.values[k], (above - below) / (2 * step))
    }
  }
  onProgress?.(total, total)
  return sum.difference
}
