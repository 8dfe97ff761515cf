import { normOf } from '../network/root-sum-squares.js'
import { elementCount } from '../tensor.js'
import type { ChangeCarrier } from './carry-changes.js'
import { applicationOf, type BoundProgram } from './evaluate.js'
import { differentiateValue } from './numerical-gradient.js'
import type { ParameterPlan } from './plan.js'
import type { ComputedValue, InputValue } from './program.js'

/** Central differences of the loss by a parameter's elements. */
export interface ParameterDerivatives {
  readonly derivatives: Float64Array
  /** Non-zero where a perturbation that counts for the element ran over a special point. */
  readonly crossed: Uint8Array
  /** Perturbations, of one sign each. */
  readonly perturbations: number
}

/**
 * Differentiates the loss by a parameter, in the way that was planned.
 * @returns undefined where the signal aborts
 * @param step of what is moved where its size is 1 or more; that share of its size where it is below
 */
export async function differentiateParameter(
  bound: BoundProgram,
  carrier: ChangeCarrier,
  parameter: InputValue,
  plan: ParameterPlan,
  step: number,
  signal?: AbortSignal,
): Promise<ParameterDerivatives | undefined> {
  const size = elementCount(parameter.shape)
  if (plan.perturbed === 'parameters') {
    const moved = step * scaleOf(bound.base[parameter.id])
    const found = await differentiateValue(carrier, parameter, moved, undefined, signal)
    if (found === undefined) return undefined
    const { gradient, crossings } = found
    return {
      derivatives: gradient,
      crossed: Uint8Array.from(crossings, (count) => (count === 0 ? 0 : 1)),
      perturbations: 2 * size,
    }
  }
  const derivatives = new Float64Array(size)
  const crossed = new Uint8Array(size)
  let perturbations = 0
  for (const { user, operand, laneAxis } of plan.edges) {
    const value = bound.program.values[user] as ComputedValue
    const application = applicationOf(bound, value)
    const moved = step * scaleOf(application.result.data)
    const found = await differentiateValue(carrier, value, moved, laneAxis, signal)
    if (found === undefined) return undefined
    const { gradient, crossings } = found
    const pulled = value.operation.pullBack(application, gradient, operand)
    for (let k = 0; k < size; k++) derivatives[k] += pulled[k]
    perturbations += 2 * gradient.length
    if (crossings.every((count) => count === 0)) continue
    const marks = Float64Array.from(crossings, (count) => (count === 0 ? 0 : 1))
    const touched = value.operation.pullBackSquares(application, marks, operand)
    for (let k = 0; k < size; k++) if (touched[k] !== 0) crossed[k] = 1
  }
  return { derivatives, crossed, perturbations }
}

/** What a step is multiplied by: the root mean square of what is moved, at most 1, so that units do not matter. */
function scaleOf(values: Float64Array): number {
  const size = normOf(values) / Math.sqrt(values.length)
  return size > 0 ? Math.min(1, size) : 1
}
