import { describeValue } from '../../describe-value.js'
import { GradcheckError } from '../../errors.js'
import { isRecord } from '../../requirements.js'
import { type NamedTensors, requireTensor, type Tensor, tensor, unitRoundoff } from '../../tensor.js'

/** A cost that the user's code computed. */
export interface SavedCost {
  readonly value: number
  /** The coarsest unit roundoff of what it was computed from and stored in. */
  readonly unitRoundoff: number
  /** A number as the cost's own type holds it. */
  readonly store: (value: number) => number
}

/** Two costs agree within this, relative: what an ε inside a logarithm or a printed number is off by. */
export const COST_AGREEMENT = 1e-6

export const isSameCost = (cost: number, saved: number) =>
  Math.abs(cost - saved) <= COST_AGREEMENT * Math.abs(saved)

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

/**
 * @param others the arrays that the cost was computed from or along with
 * @throws GradcheckError `bad-value` for what is no single number
 */
export function readSavedCost(cost: number | Tensor, others: Iterable<Tensor>): SavedCost {
  const { data, dtype } = typeof cost === 'number' ? tensor([cost], []) : readCostTensor(cost)
  let coarsest = unitRoundoff(dtype)
  for (const other of others) coarsest = Math.max(coarsest, unitRoundoff(other.dtype))
  return {
    value: data[0],
    unitRoundoff: coarsest,
    store: dtype === 'float32' ? Math.fround : (number) => number,
  }
}

function readCostTensor(cost: unknown): Tensor {
  const fix = 'give J as a number, or as a tensor of one element'
  if (!isRecord(cost)) {
    throw new GradcheckError('bad-value', `the cost is ${describeValue(cost)}, not a number`, { fix })
  }
  const read = requireTensor('the cost', cost)
  if (read.data.length === 1) return read
  throw new GradcheckError('bad-value', `the cost has ${read.data.length} elements`, { fix })
}

/** Whether a cost of this name would be read, had its array a single number. */
export const isCostName = (name: string) => COST_NAMES.includes(name.toLowerCase())
