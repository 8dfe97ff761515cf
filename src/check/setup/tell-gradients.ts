import { GradcheckError } from '../../errors.js'
import { listNames } from '../../list-names.js'
import type { BoundProblem } from '../problem.js'
import { compareGradients } from './explain-cost.js'
import { isSameCost } from './saved-cost.js'

/** A gradient this close to backpropagation's is that of the network, if not a right one. */
const SAME_GRADIENT = 1e-3

/**
 * Which of two sets of arrays under the same names are the parameters, told by the numbers: at the parameters the network
 * has the saved cost, or the other set is its gradient.
 * @param asGiven the problem with the sets in the order of their files
 * @param exchanged the same the other way round; undefined where the arrays do not fit that
 * @throws GradcheckError `missing-array` where the numbers speak for neither or both
 */
export function tellGradients(asGiven: BoundProblem, exchanged: BoundProblem | undefined): BoundProblem {
  const likely = [asGiven, exchanged].filter((problem) => problem !== undefined && speaksForItself(problem))
  const [only, other] = likely
  if (only !== undefined && other === undefined) return only
  const names = listNames(asGiven.model.parameters.map(({ name }) => name))
  throw new GradcheckError(
    'missing-array',
    `two files hold ${names}, and nothing says which holds the gradients`,
    {
      fix: 'save gradients under names of their own, dW1 for W1, or call their file grads.npz',
    },
  )
}

function speaksForItself(problem: BoundProblem): boolean {
  const { model, savedCost, rebind } = problem
  const terms = { data: 1, weights: model.l2Scale, biases: 0 }
  const bound = rebind({ ...model.network, l2: 0 })
  const isGradient = compareGradients({ bound, terms }, SAME_GRADIENT) <= SAME_GRADIENT
  if (isGradient || savedCost === undefined) return isGradient
  return isSameCost(model.cost(), savedCost.value)
}
