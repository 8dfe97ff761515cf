import { ofRule, ofRules } from './definition.js'
import { expm1Ratio, log1pRatio } from './exponential.js'
import { binary, leavesSign, MANY_ROUNDINGS, type ScalarRule, unary } from './scalar-rule.js'

/** Exponents up to this are multiplied out where the base may change its sign. */
export const HIGHEST_INTEGER_POWER = 1024
/** Up to this they always are. */
const LOW_POWER = 16

const noConstants = { constants: 0, fill: () => {} }

export const add = binary({
  shader: 'add',
  ...noConstants,
  value: (a, b) => a + b,
  change: (_k, _at, a, b) => a + b,
  linearIn: [0, 1],
  roundings: 1,
})

export const subtract = binary({
  shader: 'subtract',
  ...noConstants,
  value: (a, b) => a - b,
  change: (_k, _at, a, b) => a - b,
  linearIn: [0, 1],
  roundings: 1,
})

export const negative: ScalarRule = {
  shader: 'negate',
  ...noConstants,
  arity: 1,
  value: (a) => -a,
  change: (_k, _at, a) => -a,
  linearIn: [0],
  roundings: 0,
}

// Δ(ab) = Δa·b′ + a·Δb
export const multiply = binary({
  shader: 'multiply',
  value: (a, b) => a * b,
  change: (k, at, a, b, _c, h) => a * (k[at + 1] + h * b) + k[at] * b,
  linearIn: [0, 1],
})

// Δ(a/b) = (Δa − (a/b)·Δb)/b′
export const divide = binary({
  shader: 'divide',
  value: (a, b) => a / b,
  fill(k, at, _a, b, _c, v) {
    k[at] = b
    k[at + 1] = v
  },
  change: (k, at, a, b, _c, h) => (a - k[at + 1] * b) / (k[at] + h * b),
  linearIn: [0],
  special: { kind: 'pole', where: 'its divisor is 0' },
  crosses: (k, at, _a, b, _c, h) => leavesSign(k[at], h * b),
})

// Δ(a²) = Δa·(2a + Δa)
export const square = unary({
  shader: 'integer-power',
  parameter: 2,
  value: (z) => z * z,
  secantSlope: (z, _y, d) => 2 * z + d,
})

/** Σ baseᵏ·endⁿ⁻¹⁻ᵏ: (|n|-th power's change)/(its base's). */
function powerSum(base: number, end: number, n: number): number {
  let sum = 1
  let power = 1
  for (let k = 1; k < n; k++) {
    power *= base
    sum = sum * end + power
  }
  return sum
}

/** Δ ln of a base, by the change d of the base: over d. */
const logSlope = (base: number, d: number) => log1pRatio(d / base) / base

/** aⁿ for a whole n ≥ 1: Δaⁿ = Δa·Σ aᵏ·a′ⁿ⁻¹⁻ᵏ; high powers of a base that changes little go by logarithms. */
export function integerPower(n: number): ScalarRule {
  return unary({
    shader: 'integer-power',
    parameter: n,
    value: (z) => (n === 2 ? z * z : z ** n),
    constants: (z, v) => [z, v],
    secantSlope: (z, v, d) => {
      const ratio = d / z
      if (n > LOW_POWER && ratio > -0.5 && ratio < 1) {
        const exponent = n * logSlope(z, d)
        return v * expm1Ratio(d * exponent) * exponent
      }
      return powerSum(z, z + d, n)
    },
  })
}

/** aᵖ: Δaᵖ = aᵖ·expm1(p·log1p(Δa/a)). */
export function realPower(p: number): ScalarRule {
  return powerOf(p, (z) => z ** p, 'its base is 0')
}

export const cubeRoot = powerOf(1 / 3, Math.cbrt, 'its argument is 0 and its slope infinite')

function powerOf(p: number, value: (z: number) => number, where: string): ScalarRule {
  return unary({
    shader: 'real-power',
    parameter: p,
    value,
    constants: (z, v) => [z, v],
    secantSlope: (z, v, d) => {
      const exponent = p * logSlope(z, d)
      return v * expm1Ratio(d * exponent) * exponent
    },
    special: { kind: 'edge', where },
    crosses: leavesSign,
  })
}

// aᵇ = e^(b·ln a)
export const power = binary({
  shader: 'power',
  value: (a, b) => a ** b,
  constants: 4,
  fill(k, at, a, b, _c, v) {
    k[at] = a
    k[at + 1] = b
    k[at + 2] = a > 0 ? Math.log(a) : 0
    k[at + 3] = v
  },
  change(k, at, a, b, _c, h) {
    const ofLog = a === 0 ? 0 : a * logSlope(k[at], h * a)
    const exponent = b * k[at + 2] + (k[at + 1] + h * b) * ofLog
    return exponent === 0 ? 0 : k[at + 3] * expm1Ratio(h * exponent) * exponent
  },
  roundings: MANY_ROUNDINGS,
  special: { kind: 'edge', where: 'its base is 0' },
  crosses: (k, at, a, b, _c, h) => leavesSign(k[at], h * a) || (b !== 0 && k[at] <= 0),
})

const WHOLE_EXPONENT = { exponent: { rule: 'a whole number ≥ 1', isRequired: true } } as const
const REAL_EXPONENT = { exponent: { rule: 'a number', isRequired: true } } as const

export const ARITHMETIC = {
  add: ofRule(2, add),
  subtract: ofRule(2, subtract),
  negative: ofRule(1, negative),
  multiply: ofRule(2, multiply),
  divide: ofRule(2, divide, [-3, 3], [0.5, 3]),
  square: ofRule(1, square),
  cbrt: ofRule(1, cubeRoot, [0.3, 3]),
  power: ofRule(2, power, [0.3, 3], [-2, 2]),
  /** A whole exponent ≥ 1. */
  integerPower: ofRules(
    1,
    WHOLE_EXPONENT,
    [{ attributes: { exponent: 3 } }, { attributes: { exponent: 20 }, domains: [[0.5, 1.5]] }],
    ({ exponent }: { readonly exponent: number }) => integerPower(exponent),
  ),
  realPower: ofRules(
    1,
    REAL_EXPONENT,
    [1.7, -0.5].map((exponent) => ({ attributes: { exponent }, domains: [[0.5, 3]] })),
    ({ exponent }: { readonly exponent: number }) => realPower(exponent),
  ),
}
