import { ofRule } from './definition.js'
import { log1pRatio } from './exponential.js'
import { unary } from './scalar-rule.js'

/** Changes beyond this are taken from the two ends. */
const FAR = 1

/** sinh(x)/x */
const hyperbolicSineRatio = (x: number) => (x === 0 ? 1 : Math.sinh(x) / x)

// 2·cosh(a + Δa/2)·sinh(Δa/2) for sinh, with sinh and cosh exchanged for cosh; far, the two ends
const slopeOf = (f: (z: number) => number) => (other: number, z: number, d: number, value: number) =>
  Math.abs(d) > FAR
    ? (f(z + d) - value) / d
    : hyperbolicSineRatio(d / 2) * (other * Math.cosh(d / 2) + value * Math.sinh(d / 2))

export const sinh = unary({
  shader: 'sinh',
  value: Math.sinh,
  constants: (z, v) => [Math.cosh(z), z, v],
  secantSlope: slopeOf(Math.sinh),
})

export const cosh = unary({
  shader: 'cosh',
  value: Math.cosh,
  constants: (z, v) => [Math.sinh(z), z, v],
  secantSlope: slopeOf(Math.cosh),
})

// asinh |a| = ln(|a| + √(1 + a²)); the constants are a, that sum and the root
const asinh = unary({
  shader: 'asinh',
  value: Math.asinh,
  constants: (z) => [z, Math.abs(z) + Math.hypot(1, z), Math.hypot(1, z)],
  secantSlope: (z, sum, d, root) => {
    const size = Math.abs(z)
    const moved = z < 0 ? -d : d
    const ratio = (1 + (2 * size + moved) / (root + Math.hypot(1, size + moved))) / sum
    return ratio * log1pRatio(moved * ratio)
  },
})

export const HYPERBOLIC = {
  asinh: ofRule(1, asinh),
  sinh: ofRule(1, sinh),
  cosh: ofRule(1, cosh),
}
