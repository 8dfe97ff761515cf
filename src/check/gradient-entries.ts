import type { TensorDerivatives } from '../differentiate/evaluator.js'
import { userOffset } from '../network/bind.js'
import { allowedDistance, type TensorEvidence } from './judge.js'

/** Both gradients of one tensor, entry by entry: what a chart or a further analysis needs. */
export interface GradientEntries {
  /** The parameter's name, `W1`. */
  readonly name: string
  /** The name of its gradient, `dW1`. */
  readonly gradient: string
  /** Shape in the user's own layout. */
  readonly shape: readonly number[]
  /** Row-major offsets, in the user's array, of the elements that were checked; ascending. */
  readonly offsets: Uint32Array
  /** The user's values at `offsets`. */
  readonly analytical: Float64Array
  /** The numerical derivatives there; NaN where the arithmetic overflowed. */
  readonly numerical: Float64Array
  /** How far apart the two may lie there: the tolerance and the estimated error of both. */
  readonly allowed: Float64Array
}

/** Brings the checked entries of a tensor into the user's own layout. */
export function listEntries(tensor: TensorDerivatives, t: number, evidence: TensorEvidence): GradientEntries {
  const { parameter, entries, derivatives, done } = tensor
  const { gradient } = evidence
  const offsets = Uint32Array.from({ length: done }, (_, k) => userOffset(parameter, entries[k]))
  const order = Uint32Array.from({ length: done }, (_, k) => k)
  if (parameter.transposed) order.sort((a, b) => offsets[a] - offsets[b])
  const listed = {
    name: parameter.name,
    gradient: gradient.name,
    shape: parameter.shape,
    offsets: new Uint32Array(done),
    analytical: new Float64Array(done),
    numerical: new Float64Array(done),
    allowed: new Float64Array(done),
  }
  for (const [at, k] of order.entries()) {
    listed.offsets[at] = offsets[k]
    listed.analytical[at] = gradient.values[entries[k]]
    listed.numerical[at] = derivatives[k]
    listed.allowed[at] = allowedDistance(evidence, tensor, t, k)
  }
  return listed
}
