import type { EvaluationHooks } from '../../differentiate/evaluator.js'
import { forwardWork } from '../../differentiate/work.js'
import { WorkSlices } from '../../differentiate/work-slices.js'
import { differenceOf } from '../compare.js'
import type { BoundProblem } from '../problem.js'
import { compareGradients } from './explain-cost.js'
import type { CostSuspect, OtherNetworkFinding, SetupChange } from './findings.js'
import { type CostTerms, listOtherNetworks } from './variants.js'

/** Multiply-adds that the search may spend on whole forward and backward passes. */
const SEARCH_WORK = 1e9
/** What a forward and a backward pass cost together, in forward passes. */
const PASSES = 3
const MOST_SUSPECTS = 3
/** What is declared by an option, so that a wrong gradient may be a wrong option. */
const DECLARED: readonly SetupChange[] = ['loss', 'reduction', 'layout', 'activation']

/**
 * The networks, one declared property away, whose gradient the analytical one is: of a problem without a saved cost
 * nothing else tells a wrong gradient from a right one of a network that was not declared.
 * @param tolerance the check's; the network declared has to be further off
 */
export async function findOtherNetwork(
  problem: BoundProblem,
  tolerance: number,
  { signal }: EvaluationHooks,
): Promise<OtherNetworkFinding | undefined> {
  const { model, rebind } = problem
  const terms: CostTerms = { data: 1, weights: model.l2Scale, biases: 0 }
  const given = problem.gradients.map(({ values }) => values)
  if (!(differenceOf(given, model.baseGradients) > tolerance)) return undefined
  const suspects: CostSuspect[] = []
  const slices = new WorkSlices()
  const passes = PASSES * forwardWork(model)
  let work = 0
  let canDeclare = true
  for (const { change, message, fix, isUnlisted, bind } of listOtherNetworks(model, rebind)) {
    if (slices.isOver) await slices.pause()
    if (signal?.aborted || work > SEARCH_WORK || suspects.length === MOST_SUSPECTS) break
    // what cannot be declared is only looked for where nothing that can be is found
    if (isUnlisted && suspects.length > 0 && canDeclare) break
    canDeclare = !isUnlisted
    const bound = DECLARED.includes(change) ? bind() : undefined
    if (bound === undefined) continue
    work += passes
    const gradientDifference = compareGradients({ bound, terms }, tolerance)
    if (gradientDifference <= tolerance) {
      suspects.push({ change, message, fix, gradientDifference, gradientAgrees: true })
    }
  }
  if (suspects.length === 0) return undefined
  const networks = suspects.map(({ message, fix }) => `${message} (${fix})`).join(', or ')
  return {
    kind: 'other-network',
    suspects,
    message:
      `the gradient is right for another network than the one declared: ${networks}. ` +
      `${canDeclare ? 'If that is what the code computes, declare it; the' : 'The'} cost, saved as well, tells the two apart`,
  }
}
