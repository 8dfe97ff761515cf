import { ofRule } from './definition.js'
import { normalDistribution, normalSecantSlope, normalTail } from './normal-distribution.js'
import { type UnaryRule, unary } from './scalar-rule.js'
import { FAR, sigmoidOf, sigmoidSecantSlope, sigmoidTail } from './sigmoids.js'
import { fromTail, slopeBetweenTails } from './tails.js'

/**
 * Secant slope of z·v(z), v being σ or Φ: v at the lower end plus the higher end times v's slope, which cancels
 * nowhere but where the change itself passes through zero. A small fall is taken from its start as well.
 */
function gatedSlope(
  z: number,
  tail: number,
  d: number,
  gateSlope: number,
  gate: (end: number) => number,
): number {
  return d > -0.5 ? fromTail(z, tail) + (z + d) * gateSlope : gate(z + d) + z * gateSlope
}

/** v(z) + z·v′(z) cancels below 0. */
const ofGate = (z: number, value: number) => (z === 0 ? 0 : Math.abs(value / z))

/** The same where the gate itself is ½·(1 + t), which cancels below 0. */
const ofHalves = (z: number, value: number) => ofGate(z, value) + (z < 0 ? 1 : 0)

export const silu: UnaryRule = {
  shader: 'silu',
  terms: ofGate,
  value: (z) => z * sigmoidOf(z),
  tail: sigmoidTail,
  secantSlope: (z, tail, d) => gatedSlope(z, tail, d, sigmoidSecantSlope(z, tail, d), sigmoidOf),
}

export const gelu: UnaryRule = {
  shader: 'gelu',
  terms: ofHalves,
  value: (z) => z * normalDistribution(z),
  tail: normalTail,
  secantSlope: (z, tail, d) => gatedSlope(z, tail, d, normalSecantSlope(z, tail, d), normalDistribution),
}

// 2·Φ(√2·z) − 1; the constants are √2·z and the tail there
const erf = unary({
  shader: 'erf',
  value: (z) => {
    const tail = normalTail(Math.SQRT2 * z)
    // near 0 by its series, where the difference would cancel
    if (Math.abs(z) < 0.1) return erfSeries(z)
    return Math.sign(z) * (1 - 2 * tail)
  },
  constants: (z) => [Math.SQRT2 * z, normalTail(Math.SQRT2 * z)],
  secantSlope: (x, tail, d) => 2 * Math.SQRT2 * normalSecantSlope(x, tail, Math.SQRT2 * d),
})

/** 2/√π·Σ (−1)ⁿ·z²ⁿ⁺¹/(n!·(2n + 1)) */
function erfSeries(z: number): number {
  let [term, sum] = [z, z]
  for (let n = 1; n < 9; n++) {
    term *= (-z * z) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

// Hendrycks & Gimpel 2016, "Gaussian Error Linear Units": gelu(z) ≈ z·σ(2·√(2/π)·(z + 0.044715 z³)) ≈ z·σ(1.702 z)
const GELU_TANH_SCALE = 2 * Math.sqrt(2 / Math.PI)
const GELU_TANH_CUBIC = 0.044715
const GELU_SIGMOID_SCALE = 1.702
const geluTanhLogit = (z: number) => GELU_TANH_SCALE * (z + GELU_TANH_CUBIC * z * z * z)

export const geluSigmoid: UnaryRule = {
  shader: 'gelu-sigmoid',
  terms: ofGate,
  value: (z) => z * sigmoidOf(GELU_SIGMOID_SCALE * z),
  tail: (z) => sigmoidTail(GELU_SIGMOID_SCALE * z),
  // of σ(βz); far, where βz + βd would cancel, from the end
  secantSlope(z, tail, d) {
    const end = z + d
    const change = GELU_SIGMOID_SCALE * d
    if (Math.abs(change) <= FAR) {
      return fromTail(z, tail) + end * GELU_SIGMOID_SCALE * sigmoidSecantSlope(z, tail, change)
    }
    const endTail = sigmoidTail(GELU_SIGMOID_SCALE * end)
    return gatedSlope(z, tail, d, slopeBetweenTails(z, tail, end, endTail, d), () => fromTail(end, endTail))
  },
}

export const geluTanh: UnaryRule = {
  shader: 'gelu-tanh',
  terms: ofHalves,
  value: (z) => z * sigmoidOf(geluTanhLogit(z)),
  tail: (z) => sigmoidTail(geluTanhLogit(z)),
  // of σ(u), with Δu = scale·d·(1 + cubic·(3z² + 3zd + d²)); far, where the rounding of Δu would be amplified,
  // from u at the end
  secantSlope(z, tail, d) {
    const end = z + d
    const logitSlope = GELU_TANH_SCALE * (1 + GELU_TANH_CUBIC * (3 * z * end + d * d))
    if (Math.abs(logitSlope * d) <= FAR) {
      return fromTail(z, tail) + end * logitSlope * sigmoidSecantSlope(z, tail, logitSlope * d)
    }
    const endTail = sigmoidTail(geluTanhLogit(end))
    const gateSlope = slopeBetweenTails(z, tail, end, endTail, d)
    return gatedSlope(z, tail, d, gateSlope, () => fromTail(end, endTail))
  },
}

export const GATED = {
  erf: ofRule(1, erf),
  silu: ofRule(1, unary(silu)),
  gelu: ofRule(1, unary(gelu)),
  geluTanh: ofRule(1, unary(geluTanh)),
  geluSigmoid: ofRule(1, unary(geluSigmoid)),
}
