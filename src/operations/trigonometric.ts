import { ofRule } from './definition.js'
import { unary } from './scalar-rule.js'

/** sin(x)/x */
const sineRatio = (x: number) => (x === 0 ? 1 : Math.sin(x) / x)
const atanRatio = (x: number) => (x === 0 ? 1 : Math.atan(x) / x)

// Δsin a = 2·cos(a + Δa/2)·sin(Δa/2); the constants are cos a and sin a
const sineSlope = (cosine: number, sine: number, d: number) =>
  sineRatio(d / 2) * (cosine * Math.cos(d / 2) - sine * Math.sin(d / 2))

export const sin = unary({
  shader: 'sin',
  value: Math.sin,
  constants: (z, v) => [Math.cos(z), v],
  secantSlope: sineSlope,
})

// −sin(a + Δa/2) for cos(a + Δa/2): the same with −sin a for cos a
export const cos = unary({
  shader: 'sin',
  value: Math.cos,
  constants: (z, v) => [-Math.sin(z), v],
  secantSlope: sineSlope,
})

// Δtan a = sin(Δa)/(cos a·cos a′)
const cosineAfter = (cosine: number, sine: number, d: number) => cosine * Math.cos(d) - sine * Math.sin(d)

export const tan = unary({
  shader: 'tan',
  value: Math.tan,
  constants: (z) => [Math.cos(z), Math.sin(z)],
  secantSlope: (cosine, sine, d) => sineRatio(d) / (cosine * cosineAfter(cosine, sine, d)),
  special: { kind: 'pole', where: 'the cosine of its argument is 0' },
  crosses: (cosine, d, sine) =>
    d !== 0 && (cosine > 0 !== cosineAfter(cosine, sine, d) > 0 || Math.abs(d) >= Math.PI),
})

// Δatan a = atan(Δa/(1 + a·a′)), and π more where a·a′ ≤ −1
export const atan = unary({
  shader: 'atan',
  value: Math.atan,
  secantSlope: (z, _y, d) => {
    const divisor = 1 + z * (z + d)
    if (divisor > 0) return atanRatio(d / divisor) / divisor
    return (Math.sign(d) * Math.PI + Math.atan(d / divisor)) / d
  },
})

export const TRIGONOMETRIC = {
  sin: ofRule(1, sin),
  cos: ofRule(1, cos),
  tan: ofRule(1, tan, [-1, 1]),
  atan: ofRule(1, atan),
}
