import { type NamedTensors, type Tensor, unitRoundoff } from '../../tensor.js'

/** A cost that the user's code computed. */
export interface SavedCost {
  readonly value: number
  /** The coarsest unit roundoff of what it was computed from and stored in. */
  readonly unitRoundoff: number
  /** A number as the cost's own type holds it. */
  readonly store: (value: number) => number
}

/** Names of an array with the cost, in any case; the first is preferred: a `loss` may lack the L2 term. */
const COST_NAMES: readonly string[] = ['cost', 'j', 'loss']
const FLOATS: readonly string[] = ['float64', 'float32', 'float16', 'bfloat16']

/**
 * The array that holds the cost, if there is one: a single floating-point number called cost, J or loss. A history
 * of costs, or a counter called `j`, is something else and left alone.
 */
export function findSavedCost(arrays: NamedTensors): Tensor | undefined {
  for (const wanted of COST_NAMES) {
    for (const [name, tensor] of arrays) {
      if (name.toLowerCase() !== wanted) continue
      if (tensor.data.length === 1 && FLOATS.includes(tensor.dtype)) return tensor
    }
  }
  return undefined
}

/** @param others the arrays that the cost was computed from or along with */
export function readSavedCost(cost: number | Tensor, others: Iterable<Tensor>): SavedCost {
  const [value, own] = typeof cost === 'number' ? [cost, 2 ** -53] : [cost.data[0], unitRoundoff(cost.dtype)]
  let coarsest = own
  for (const { dtype } of others) coarsest = Math.max(coarsest, unitRoundoff(dtype))
  const isSingle = typeof cost !== 'number' && cost.dtype === 'float32'
  return { value, unitRoundoff: coarsest, store: isSingle ? Math.fround : (number) => number }
}

/** Whether a cost of this name would be read, had its array a single number. */
export const isCostName = (name: string) => COST_NAMES.includes(name.toLowerCase())
