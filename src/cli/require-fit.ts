import { bindProblem, type Problem } from '../check/problem.js'
import { GradcheckError } from '../errors.js'
import { LAYOUT_NAMES } from '../network/layout.js'

/**
 * Finds out before a device is opened that the arrays fit the network declared.
 * @throws GradcheckError what `bindProblem` throws; where another layout fits the shapes, with that as the fix
 */
export async function requireFit(problem: Problem): Promise<void> {
  try {
    await bindProblem(problem)
  } catch (error) {
    if (!(error instanceof GradcheckError) || error.code !== 'bad-shape') throw error
    const fitting: string[] = []
    for (const layout of LAYOUT_NAMES) {
      if (layout !== problem.network.layout && (await fits(problem, layout))) fitting.push(layout)
    }
    if (fitting.length === 0) throw error
    const options = fitting.map((layout) => `--layout ${layout}`).join(' or ')
    throw new GradcheckError(error.code, error.message, {
      detail: error.detail,
      fix: `declare ${options}: the arrays fit that`,
      cause: error,
    })
  }
}

async function fits(problem: Problem, layout: Problem['network']['layout']): Promise<boolean> {
  try {
    await bindProblem({ ...problem, network: { ...problem.network, layout } })
    return true
  } catch (error) {
    if (error instanceof GradcheckError) return false
    throw error
  }
}
