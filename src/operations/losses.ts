import { ofRule } from './definition.js'
import { MANY_ROUNDINGS, type ScalarRule } from './scalar-rule.js'
import { sigmoidOf, sigmoidTail, softplusOf, softplusSecantSlope } from './sigmoids.js'

/**
 * −y·ln σ(z) − (1 − y)·ln σ(−z) of a logit z and a target y: the first changes as softplus(−z), the second as
 * softplus(z). The constants are z, σ(−|z|) and y.
 */
export const binaryCrossEntropy: ScalarRule = {
  arity: 2,
  shader: 'binary-cross-entropy',
  value: (z, y) => (y === 0 ? 0 : y * softplusOf(-z)) + (y === 1 ? 0 : (1 - y) * softplusOf(z)),
  constants: 3,
  fill(k, at, z, y) {
    k[at] = z
    k[at + 1] = sigmoidTail(z)
    k[at + 2] = y
  },
  change(k, at, a, b, _c, h) {
    const [z, tail, y, d] = [k[at], k[at + 1], k[at + 2], h * a]
    let slope = 0
    if (y !== 0) slope -= y * softplusSecantSlope(-z, tail, -d)
    if (y !== 1) slope += (1 - y) * softplusSecantSlope(z, tail, d)
    // ∂/∂y is −z wherever z is
    return slope * a - (b === 0 ? 0 : b * (z + d))
  },
  linearIn: [1],
  roundings: MANY_ROUNDINGS,
  // a − y
  terms: (operand, z, y) => (operand === 0 ? sigmoidOf(z) + Math.abs(y) : Math.abs(z)),
}

export const LOSSES = {
  /** Of logits and of targets from 0 to 1, element by element. */
  binaryCrossEntropyWithLogits: ofRule(2, binaryCrossEntropy, [-3, 3], [0, 1]),
}
