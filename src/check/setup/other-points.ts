import { differenceOf } from '../compare.js'
import type { BoundProblem } from '../problem.js'
import type { CostSuspect } from './findings.js'
import { findMovedParameters } from './moved-parameters.js'
import { findOtherSamples } from './other-samples.js'
import { isSameCost } from './saved-cost.js'

/** How much further off than the tolerance a gradient at another point may be: the parameters were rounded, too. */
const LOOSENESS = 10
/** How much nearer the gradient must be there than at the point given. */
const LEAST_GAIN = 100

/**
 * Points beside the one given at which the analytical gradient is right: parameters of another step of training, or
 * some of the samples.
 * @param saved a cost that the network has not at the point given, so that it has to at the other
 */
export function findOtherPoints(problem: BoundProblem, tolerance: number, saved?: number): CostSuspect[] {
  const suspects: CostSuspect[] = []
  const given = problem.gradients.map(({ values }) => values)
  const here = differenceOf(given, problem.model.baseGradients)
  const allowed = Math.min(LOOSENESS * tolerance, here / LEAST_GAIN)
  const samples = findOtherSamples(problem, allowed)
  if (samples !== undefined) suspects.push({ change: 'samples', ...samples, gradientAgrees: true })
  const moved = findMovedParameters(problem, allowed)
  if (moved === undefined) return suspects
  const { cost, ...suspect } = moved
  const hasCost = saved === undefined || isSameCost(cost, saved)
  if (hasCost) suspects.push({ change: 'parameters', ...suspect, gradientAgrees: true })
  return suspects
}
