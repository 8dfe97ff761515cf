import { ofRule } from './definition.js'
import { exponentialExcess, log1pRatio } from './exponential.js'
import { MANY_ROUNDINGS, type ScalarRule } from './scalar-rule.js'
import { sigmoidOf, sigmoidTail, softplusOf, softplusSecantSlope } from './sigmoids.js'

/** Beyond this change of the logit the two sides are taken for themselves. */
const FAR_LOGIT = 1

/**
 * −y·ln σ(z) − (1 − y)·ln σ(−z) of a logit z and a target y = softplus(z) − y·z. With p = σ(z), q = 1 − p and d = Δz it
 * changes by (p − y)·d + ln(1 + Z), Z = q·ψ(−p·d) + p·ψ(q·d), ψ(x) = e^x − 1 − x: Z is of second order, so that nothing
 * cancels where p is near y. Far, the first side changes as softplus(−z), the second as softplus(z). The constants are z,
 * σ(−|z|) and p − y.
 */
export const binaryCrossEntropy: ScalarRule = {
  arity: 2,
  shader: 'binary-cross-entropy',
  value: (z, y) => (y === 0 ? 0 : y * softplusOf(-z)) + (y === 1 ? 0 : (1 - y) * softplusOf(z)),
  constants: 3,
  fill(k, at, z, y) {
    const tail = sigmoidTail(z)
    k[at] = z
    k[at + 1] = tail
    k[at + 2] = z >= 0 ? 1 - y - tail : tail - y
  },
  change(k, at, a, b, _c, h) {
    const [z, tail, residual, d] = [k[at], k[at + 1], k[at + 2], h * a]
    const [p, q] = z >= 0 ? [1 - tail, tail] : [tail, 1 - tail]
    // ∂/∂y is −z wherever z is
    const ofTarget = b === 0 ? 0 : b * (z + d)
    if (Math.abs(d) <= FAR_LOGIT) {
      const second = p * q * (exponentialExcess(q * d) - exponentialExcess(-p * d)) * a
      return residual * a + second * log1pRatio(h * second) - ofTarget
    }
    const y = p - residual
    let slope = 0
    if (y !== 0) slope -= y * softplusSecantSlope(-z, tail, -d)
    if (y !== 1) slope += (1 - y) * softplusSecantSlope(z, tail, d)
    return slope * a - ofTarget
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
