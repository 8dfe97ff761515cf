import { ofRule, ofRules } from './definition.js'
import { expm1Ratio } from './exponential.js'
import { FEW_ROUNDINGS, leavesSign, type SpecialPoint, type UnaryRule, unary } from './scalar-rule.js'
import { SMALLEST_NORMAL } from './tails.js'

const KINK_AT_ZERO: SpecialPoint = { kind: 'kink', where: 'its argument is 0' }
// Klambauer et al. 2017, "Self-Normalizing Neural Networks"
const SELU_SCALE = 1.0507009873554805
const SELU_ALPHA = 1.6732632423543772

/** `below`·z for z ≤ 0 and `above`·z above. */
function piecewiseLinear(below: number, above: number): Omit<UnaryRule, 'shader'> {
  const value = (z: number) => (z > 0 ? above : below) * z
  return {
    value,
    secantSlope(z, _y, d) {
      const end = z + d
      if (z > 0 === end > 0) return z > 0 ? above : below
      return (value(end) - value(z)) / (end - z)
    },
    special: KINK_AT_ZERO,
    crosses: leavesSign,
  }
}

export const relu: UnaryRule = {
  ...piecewiseLinear(0, 1),
  shader: 'relu',
  roundings: 0,
  value: (z) => Math.max(z, 0),
}
export const abs: UnaryRule = {
  ...piecewiseLinear(-1, 1),
  shader: 'abs',
  roundings: 0,
  value: Math.abs,
}
/** z above 0, `slope`·z below. */
export const leakyRelu = (slope = 0.01): UnaryRule => ({
  ...piecewiseLinear(slope, 1),
  shader: 'leaky-relu',
  roundings: FEW_ROUNDINGS,
  parameter: slope,
})

/** scale·z above 0 and scale·α·(e^z − 1) below; the second constant is e^z of a negative z. */
function exponentialLinear(scale: number, alpha: number): Omit<UnaryRule, 'shader'> {
  const rule: Omit<UnaryRule, 'shader'> = {
    value: (z) => scale * (z > 0 ? z : alpha * Math.expm1(z)),
    tail: (z) => (z > 0 ? 1 : Math.exp(z)),
    secantSlope(z, tail, d) {
      const end = z + d
      if (z > 0 && end > 0) return scale
      if (z > 0) return (scale * (z - alpha * Math.expm1(end))) / (z - end)
      if (end > 0) return (scale * (end - alpha * Math.expm1(z))) / (end - z)
      // far up from where e^z has underflowed, e^end has not
      const rises = d > 1 && tail < SMALLEST_NORMAL
      return scale * alpha * (rises ? Math.exp(end) * expm1Ratio(-d) : tail * expm1Ratio(d))
    },
    special: KINK_AT_ZERO,
    crosses: leavesSign,
    // a + α
    terms: (z, value) => (z > 0 ? 0 : scale * alpha + Math.abs(value)),
  }
  if (alpha !== 1) return rule
  // with α = 1 the two pieces have one slope at 0
  const { special: _special, crosses: _crosses, ...smooth } = rule
  return smooth
}

export const elu = (alpha = 1): UnaryRule => ({
  ...exponentialLinear(1, alpha),
  shader: 'elu',
  parameter: alpha,
})
export const selu: UnaryRule = { ...exponentialLinear(SELU_SCALE, SELU_ALPHA), shader: 'selu' }

export const RECTIFIERS = {
  relu: ofRule(1, unary(relu)),
  abs: ofRule(1, unary(abs)),
  leakyRelu: ofRules(
    1,
    { slope: { rule: 'a number' } },
    [{}, { attributes: { slope: 0.2 } }],
    ({ slope }: { readonly slope?: number }) => unary(leakyRelu(slope)),
  ),
  elu: ofRules(
    1,
    { alpha: { rule: 'a number' } },
    [{}, { attributes: { alpha: 1.5 } }],
    ({ alpha }: { readonly alpha?: number }) => unary(elu(alpha)),
  ),
  selu: ofRule(1, unary(selu)),
}
