import { ofRule } from './definition.js'
import { leavesSign, unary } from './scalar-rule.js'

/** Up to here the Taylor series below are exact to float64's last digit, and several times faster than Math's. */
export const SERIES_REACH = 0.004

/** (e^x − 1) / x */
export function expm1Ratio(x: number): number {
  if (Math.abs(x) > SERIES_REACH) return Math.expm1(x) / x
  return 1 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720)))))
}

/** ln(1 + x) / x */
export function log1pRatio(x: number): number {
  if (Math.abs(x) > SERIES_REACH) return Math.log1p(x) / x
  return 1 - x * (1 / 2 - x * (1 / 3 - x * (1 / 4 - x * (1 / 5 - x * (1 / 6 - x * (1 / 7))))))
}

const argumentIsZero = (at: string) => ({ kind: 'edge', where: `its argument is ${at}` }) as const

// e^(z + d) − e^z = e^z·(e^d − 1)
export const exp = unary({
  shader: 'exp',
  value: Math.exp,
  constants: (_z, v) => [v],
  secantSlope: (x, _y, d) => x * expm1Ratio(d),
})

export const expm1 = unary({
  shader: 'exp',
  value: Math.expm1,
  constants: (z) => [Math.exp(z)],
  secantSlope: (x, _y, d) => x * expm1Ratio(d),
  // f + 1
  terms: (_z, value) => 1 + Math.abs(value),
})

export const log = unary({
  shader: 'log',
  value: Math.log,
  secantSlope: (z, _y, d) => log1pRatio(d / z) / z,
  special: argumentIsZero('0'),
  crosses: leavesSign,
})

export const log1p = unary({
  shader: 'log',
  value: Math.log1p,
  constants: (z) => [1 + z],
  secantSlope: (x, _y, d) => log1pRatio(d / x) / x,
  special: argumentIsZero('−1'),
  crosses: leavesSign,
})

// Δ√a = Δa/(√a + √a′)
export const sqrt = unary({
  shader: 'sqrt',
  value: Math.sqrt,
  constants: (z, v) => [z, v],
  secantSlope: (z, v, d) => 1 / (v + Math.sqrt(z + d)),
  special: { kind: 'edge', where: 'its argument is 0 and its slope infinite' },
  crosses: leavesSign,
})

// Δ(1/√a) = −Δa/(√a·√a′·(√a + √a′))
const rsqrt = unary({
  shader: 'rsqrt',
  value: (z) => 1 / Math.sqrt(z),
  constants: (z) => [z, Math.sqrt(z)],
  secantSlope: (z, root, d) => {
    const end = Math.sqrt(z + d)
    return -1 / (root * end * (root + end))
  },
  special: { kind: 'pole', where: 'its argument is 0' },
  crosses: leavesSign,
})

/** (e^x − 1 − x)/x */
export function exponentialExcess(x: number): number {
  if (Math.abs(x) > 0.3) return (Math.expm1(x) - x) / x
  if (Math.abs(x) <= SERIES_REACH) {
    return x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720 + x * (1 / 5040))))))
  }
  let [term, sum] = [x / 2, x / 2]
  for (let n = 3; n < 14; n++) {
    term *= x / n
    sum += term
  }
  return sum
}

// its slope e^z − 1 vanishes at 0, where e^z·(e^d − 1)/d − 1 would cancel
const expMinusSelf = unary({
  shader: 'exp-minus-self',
  value: (z) => Math.exp(z) - z,
  constants: (z) => [Math.expm1(z), Math.exp(z)],
  secantSlope: (rise, power, d) => rise + power * exponentialExcess(d),
  terms: (z) => Math.exp(z) + 1,
})

export const EXPONENTIAL = {
  /** e^a − a */
  expMinusSelf: ofRule(1, expMinusSelf),
  exp: ofRule(1, exp),
  expm1: ofRule(1, expm1),
  log: ofRule(1, log, [0.4, 4]),
  log1p: ofRule(1, log1p, [-0.6, 3]),
  sqrt: ofRule(1, sqrt, [0.3, 4]),
  /** 1/√a */
  rsqrt: ofRule(1, rsqrt, [0.3, 4]),
}
