import { ofRule } from './definition.js'
import { expm1Ratio, log1pRatio, SERIES_REACH } from './exponential.js'
import { type UnaryRule, unary } from './scalar-rule.js'
import { fromTail, SMALLEST_NORMAL, slopeBetweenTails } from './tails.js'

/** Beyond this change of z the two ends differ enough to be subtracted. */
export const FAR = 1

/** σ(z) */
export const sigmoidOf = (z: number) => 1 / (1 + Math.exp(-z))
/** The tail of σ: σ(−|z|), at most ½. */
export const sigmoidTail = (z: number) => sigmoidOf(-Math.abs(z))

/**
 * Secant slope of σ at z: t·(1 − e^(−|d|))/|d| times s/(s + t·e^(−|d|)), where (s, t) is (σ(z), σ(−z)) for a
 * growing z and the reverse for a falling one. Every term is positive. Where the tail has underflowed, far
 * changes are taken from the tails of the two ends.
 */
export function sigmoidSecantSlope(z: number, tail: number, d: number): number {
  if (Math.abs(d) > FAR && tail < SMALLEST_NORMAL) {
    return slopeBetweenTails(z, tail, z + d, sigmoidTail(z + d), d)
  }
  const s = fromTail(d > 0 ? z : -z, tail)
  const t = fromTail(d > 0 ? -z : z, tail)
  const ratio = expm1Ratio(-Math.abs(d))
  const decay = d < SERIES_REACH && d > -SERIES_REACH ? 1 - Math.abs(d) * ratio : Math.exp(-Math.abs(d))
  return t * ratio * (s / (s + t * decay))
}

/** ln(1 + e^(−|z|)) */
const softplusExcess = (z: number) => Math.log1p(Math.exp(-Math.abs(z)))
export const softplusOf = (z: number) => Math.max(z, 0) + softplusExcess(z)

/**
 * Secant slope of softplus at z. With m = σ(−|z|) ≤ ½ the change is ln(1 + m·(e^d − 1)) for z ≤ 0 and
 * d + ln(1 + m·(e^(−d) − 1)) for z > 0; neither cancels by more than a factor of 3 while d is not far. Far, it
 * is the change of max(z, 0) plus that of ln(1 + e^(−|z|)).
 */
export function softplusSecantSlope(z: number, tail: number, d: number): number {
  const end = z + d
  if (Math.abs(d) > FAR && (z > 0 || end > 0 || tail < SMALLEST_NORMAL)) {
    const rise = z > 0 && end > 0 ? d : Math.max(end, 0) - Math.max(z, 0)
    return (rise + (softplusExcess(end) - softplusExcess(z))) / d
  }
  const away = z > 0 ? -d : d
  const rise = expm1Ratio(away) * tail
  const slope = rise * log1pRatio(rise * away)
  return z > 0 ? 1 - slope : slope
}

/** Slopes in terms of the value, a·(1 − a) and 1 − a². */
const ofValue = (_z: number, value: number) => Math.min(1, Math.abs(value))

export const sigmoid: UnaryRule = {
  shader: 'sigmoid',
  value: sigmoidOf,
  tail: sigmoidTail,
  secantSlope: sigmoidSecantSlope,
  terms: ofValue,
  mistakes: [
    { text: '1 − a², which is that of tanh', slope: (_z, a) => 1 - a * a },
    { text: 'a, without the factor 1 − a', slope: (_z, a) => a },
    { text: '1 − a, without the factor a', slope: (_z, a) => 1 - a },
  ],
}

// tanh z = 2·σ(2z) − 1
export const tanh: UnaryRule = {
  shader: 'tanh',
  value: Math.tanh,
  tail: (z) => sigmoidTail(2 * z),
  secantSlope: (z, tail, d) => 4 * sigmoidSecantSlope(2 * z, tail, 2 * d),
  terms: ofValue,
  mistakes: [
    { text: '1 − a, not 1 − a²', slope: (_z, a) => 1 - a },
    { text: 'a·(1 − a), which is that of the sigmoid', slope: (_z, a) => a * (1 - a) },
  ],
}

export const softplus: UnaryRule = {
  shader: 'softplus',
  // 1 − σ(−z), in whose place code has it
  terms: (z) => (z < 0 ? 1 : 0),
  value: softplusOf,
  tail: sigmoidTail,
  secantSlope: softplusSecantSlope,
}

export const softsign: UnaryRule = {
  shader: 'softsign',
  value: (z) => z / (1 + Math.abs(z)),
  secantSlope(z, _y, d) {
    const end = z + d
    const from = 1 + Math.abs(z)
    const to = 1 + Math.abs(end)
    if (z >= 0 === end >= 0) return 1 / (from * to)
    return (Math.abs(z) / from + Math.abs(end) / to) / (Math.abs(z) + Math.abs(end))
  },
}

export const SIGMOIDS = {
  sigmoid: ofRule(1, unary(sigmoid)),
  tanh: ofRule(1, unary(tanh)),
  softplus: ofRule(1, unary(softplus)),
  softsign: ofRule(1, unary(softsign)),
}
