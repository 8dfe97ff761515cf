import { Decimal } from 'decimal.js'
import { expect } from 'vitest'
import type { ActivationName, ActivationText } from '../../src/network/activations.js'

/**
 * Activations and losses as textbooks define them, in so many decimal digits that their changes can be had by
 * plain subtraction. Shares no formula with the code under test.
 */

/** Enough for a change of 1e-20 where tanh has saturated to within 1e-87 of 1. */
const DIGITS = 150
/** Distance, relative to z, of the two points from which a derivative is taken. */
const DERIVATIVE_STEP = new Decimal('1e-40')

type Arithmetic = typeof Decimal

// an operation rounds to the digits of its left operand, so that none may be without
Decimal.set({ precision: DIGITS })

const arithmetics = new Map<number, Arithmetic>()

/** Arithmetic in which a change of size |d| keeps its digits. */
export function arithmeticFor(d: Decimal): Arithmetic {
  const digits = DIGITS + Math.max(0, -d.e - 20)
  let found = arithmetics.get(digits)
  if (found === undefined) {
    found = Decimal.clone({ precision: digits })
    arithmetics.set(digits, found)
  }
  return found
}

/** The exact value of a float64: `new Decimal(0.1)` would be one tenth. */
export function exactly(x: number, D: Arithmetic): Decimal {
  if (x === 0) return new D(0)
  const exponent = Math.floor(Math.log2(Math.abs(x))) - 52
  return new D(x / 2 ** exponent).times(new D(2).pow(exponent))
}

const arithmeticOf = (z: Decimal) => z.constructor as Arithmetic
const pi = (D: Arithmetic) => D.acos(-1)

/** 1 − erf x, x ≥ 0: by erf's series, and far out by Laplace's continued fraction. */
function erfc(x: Decimal): Decimal {
  const D = arithmeticOf(x)
  const square = x.times(x)
  const density = D.exp(square.negated()).div(D.sqrt(pi(D)))
  if (x.lt(6)) {
    // erf x = 2/√π·e^(−x²)·Σ 2ⁿ·x^(2n+1)/(2n + 1)!!
    let term = x
    let sum = x
    for (let n = 1; term.gt(`1e-${D.precision}`); n++) {
      term = term
        .times(square)
        .times(2)
        .div(2 * n + 1)
      sum = sum.plus(term)
    }
    return new D(1).minus(density.times(2).times(sum))
  }
  // erfc x = e^(−x²)/√π · 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …))))
  let fraction = x
  for (let n = Math.ceil(D.precision ** 2 / square.toNumber()) + 20; n > 0; n--) {
    fraction = x.plus(new D(n / 2).div(fraction))
  }
  return density.div(fraction)
}

/** Φ */
function normalDistribution(z: Decimal): Decimal {
  const D = arithmeticOf(z)
  const tail = erfc(z.abs().div(D.sqrt(2))).div(2)
  return z.gt(0) ? new D(1).minus(tail) : tail
}

const sigmoid = (z: Decimal) => arithmeticOf(z).div(1, arithmeticOf(z).exp(z.negated()).plus(1))
const onlyAbove = (z: Decimal, below: (z: Decimal) => Decimal) => (z.gt(0) ? z : below(z))
const exponentialBelow = (z: Decimal) => arithmeticOf(z).exp(z).minus(1)

/** At z, with the constant as the float64 that the code under test has. */
const ACTIVATIONS: Record<ActivationName, (z: Decimal, constant: Decimal) => Decimal> = {
  linear: (z) => z,
  relu: (z) => onlyAbove(z, () => z.times(0)),
  'leaky-relu': (z, slope) => onlyAbove(z, () => z.times(slope)),
  elu: (z, alpha) => onlyAbove(z, () => exponentialBelow(z).times(alpha)),
  // Klambauer et al. 2017, equation 2
  selu: (z) =>
    onlyAbove(z, () => exponentialBelow(z).times('1.6732632423543772848170429916717')).times(
      '1.0507009873554804934193349852946',
    ),
  sigmoid,
  tanh: (z) => {
    const e = arithmeticOf(z).exp(z.times(2))
    return e.minus(1).div(e.plus(1))
  },
  softplus: (z) => arithmeticOf(z).exp(z).plus(1).ln(),
  softsign: (z) => z.div(z.abs().plus(1)),
  silu: (z) => z.times(sigmoid(z)),
  gelu: (z) => z.times(normalDistribution(z)),
  // PyTorch's approximate='tanh': ½z·(1 + tanh u), and 1 + tanh u = 2/(1 + e^(−2u))
  'gelu-tanh': (z) => {
    const D = arithmeticOf(z)
    const u = D.sqrt(new D(2).div(pi(D))).times(z.plus(z.pow(3).times('0.044715')))
    return z.times(sigmoid(u.times(2)))
  },
  'gelu-sigmoid': (z) => z.times(sigmoid(z.times(exactly(1.702, arithmeticOf(z))))),
}

const values = new Map<string, Decimal>()

export function activationValue(text: ActivationText, z: Decimal): Decimal {
  const key = `${text} ${arithmeticOf(z).precision} ${z}`
  let value = values.get(key)
  if (value === undefined) {
    const [name, constant] = text.split(/[()]/)
    const given = exactly(Number(constant ?? (name === 'elu' ? 1 : 0.01)), arithmeticOf(z))
    value = ACTIVATIONS[name as ActivationName](z, given)
    values.set(key, value)
  }
  return value
}

/** f(z) */
export function referenceValue(name: ActivationText, z: number): number {
  return activationValue(name, exactly(z, arithmeticFor(new Decimal(z)))).toNumber()
}

/** (f(z + d) − f(z)) / d; the derivative where d is 0 or so small that the two agree to 100 digits. */
export function referenceSlope(name: ActivationText, z: number, d: number): number {
  if (Math.abs(d) <= 1e-100 * Math.abs(z) || d === 0) return referenceDerivative(name, z)
  const D = arithmeticFor(new Decimal(d))
  return decimalSlope(name, exactly(z, D), exactly(d, D)).toNumber()
}

/** f′(z), from the left where the two sides differ. */
export function referenceDerivative(name: ActivationText, z: number): number {
  const step = DERIVATIVE_STEP.times(z === 0 ? -1 : -Math.abs(z))
  const D = arithmeticFor(step)
  return decimalSlope(name, exactly(z, D), new D(step)).toNumber()
}

function decimalSlope(name: ActivationText, z: Decimal, d: Decimal): Decimal {
  return activationValue(name, z.plus(d)).minus(activationValue(name, z)).div(d)
}

/**
 * Unit roundoffs by which a slope may be off, relative to itself. Measured: 6.7 in float64; 6.6 in WGSL, on
 * SwiftShader and on lavapipe alike (silu; 5.2 without it).
 */
const ALLOWED_ROUNDOFFS = 8

/** The exponent of the tail of z·v(z) left of 0, times the number of its roundings that were seen to add up. */
const roundedTailExponent: Partial<Record<ActivationText, (z: number) => number>> = {
  silu: () => 0,
  gelu: (z) => 4 * (z ** 2 / 2),
  'gelu-sigmoid': (z) => 4 * 1.702 * Math.abs(z),
  'gelu-tanh': (z) => 4 * 1.6 * (Math.abs(z) + 0.045 * Math.abs(z) ** 3),
}

/**
 * How far a computed slope may be off in an arithmetic of this unit roundoff.
 *
 * A slope of z·v(z), v being σ or Φ, passes through zero left of z = 0. There it is a difference of two numbers,
 * one of them v at the lower end, and it is these that are rounded. Moreover the exponent in the tail of gelu's v
 * is not z but z²/2, and of gelu-tanh's a polynomial of z: large numbers, whose own rounding v amplifies.
 */
export function allowedError(
  name: ActivationText,
  z: number,
  d: number,
  slope: number,
  unitRoundoff: number,
): number {
  const size = Math.abs(slope)
  const exponent = roundedTailExponent[name]
  if (exponent === undefined) return ALLOWED_ROUNDOFFS * unitRoundoff * size
  const [low, high] = [Math.min(z, z + d), Math.max(z, z + d)]
  const gate = low === 0 ? 0.5 : referenceValue(name, low) / low
  const amplified = (low < 0 ? exponent(low) * gate : 0) + (high < 0 ? exponent(high) * size : 0)
  return unitRoundoff * (ALLOWED_ROUNDOFFS * Math.max(size, gate) + amplified)
}

/** Loss of one sample from what the last layer puts out: logits, or for the squared error its activations. */
type ReferenceLoss = (outputs: readonly Decimal[], targets: readonly number[]) => Decimal

const sumOver = (outputs: readonly Decimal[], term: (output: Decimal, i: number) => Decimal) =>
  outputs.map(term).reduce((sum, next) => sum.plus(next))

/** weight·ln of a probability, whose logarithm may not exist where the weight is 0. */
const weighted = (weight: number, probability: Decimal) =>
  weight === 0 ? probability.times(0) : probability.ln().times(exactly(weight, arithmeticOf(probability)))

const LOSSES = {
  /** −Σ (y·ln a + (1 − y)·ln(1 − a)), a = σ(z) and 1 − a = σ(−z) */
  'binary-cross-entropy': (outputs, targets) =>
    sumOver(outputs, (z, i) =>
      weighted(targets[i], sigmoid(z))
        .plus(weighted(1 - targets[i], sigmoid(z.negated())))
        .negated(),
    ),
  /** −Σ y·ln p, p being softmax */
  'softmax-cross-entropy': (outputs, targets) => {
    const exponentials = outputs.map((z) => z.exp())
    const total = sumOver(exponentials, (e) => e)
    return sumOver(exponentials, (e, i) => weighted(targets[i], e.div(total))).negated()
  },
  /** Σ (a − y)² */
  'squared-error': (outputs, targets) =>
    sumOver(outputs, (a, i) => a.minus(exactly(targets[i], arithmeticOf(a))).pow(2)),
} satisfies Record<string, ReferenceLoss>

type ReferenceLossName = keyof typeof LOSSES

const losses = new Map<string, Decimal>()

export function lossValue(
  name: ReferenceLossName,
  outputs: readonly Decimal[],
  targets: readonly number[],
): Decimal {
  const key = `${name} ${arithmeticOf(outputs[0]).precision} ${outputs} ${targets}`
  let value = losses.get(key)
  if (value === undefined) {
    value = LOSSES[name](outputs, targets)
    losses.set(key, value)
  }
  return value
}

/**
 * J of one sample.
 * @param targets by output; for softmax cross-entropy one-hot
 */
export function referenceLoss(
  name: ReferenceLossName,
  outputs: readonly number[],
  targets: readonly number[],
): number {
  const D = arithmeticFor(new Decimal(1))
  return lossValue(
    name,
    outputs.map((z) => exactly(z, D)),
    targets,
  ).toNumber()
}

/** The derivative of one sample's J by one output. */
export function referenceLossDerivative(
  name: ReferenceLossName,
  outputs: readonly number[],
  targets: readonly number[],
  unit: number,
): number {
  const changes = outputs.map((_, i) => (i === unit ? 1 : 0))
  return referenceLossChange(name, outputs, targets, changes, DERIVATIVE_STEP.toNumber())
}

/** (J(outputs + h·changes) − J(outputs)) / h of one sample. */
export function referenceLossChange(
  name: ReferenceLossName,
  outputs: readonly number[],
  targets: readonly number[],
  changes: readonly number[],
  h: number,
): number {
  const D = arithmeticFor(new Decimal(h))
  const start = outputs.map((z) => exactly(z, D))
  const end = start.map((z, i) => z.plus(exactly(changes[i], D).times(exactly(h, D))))
  return lossValue(name, end, targets)
    .minus(lossValue(name, start, targets))
    .div(exactly(h, D))
    .toNumber()
}

/**
 * Σ over the other classes of the size of the change of softmax cross-entropy when that logit alone moves against
 * the target's: the terms that a change of all logits is made of, of either sign.
 */
export function referenceSoftmaxTerms(
  outputs: readonly number[],
  targets: readonly number[],
  changes: readonly number[],
  h: number,
): number {
  const ofTarget = changes[targets.indexOf(1)]
  const sizes = outputs.map((_, k) => {
    const alone = changes.map((change, i) => (i === k ? change - ofTarget : 0))
    return Math.abs(referenceLossChange('softmax-cross-entropy', outputs, targets, alone, h))
  })
  return sizes.reduce((sum, size) => sum + size, 0)
}

/**
 * Expects every value within what is allowed of its reference; the message names the worst.
 * @param underflown size below which numbers may have been lost on the way
 */
export function expectNear(
  values: readonly { at: string; value: number; reference: number; allowed: number }[],
  underflown: number,
): void {
  let worst = { ratio: 0, text: '' }
  for (const { at, value, reference, allowed } of values) {
    const error = Math.max(0, Math.abs(value - reference) - underflown)
    const ratio = error === 0 ? 0 : error / allowed
    if (!(ratio <= worst.ratio)) worst = { ratio, text: `${at}: ${value}, not ${reference}` }
  }
  expect(worst.ratio, worst.text).toBeLessThanOrEqual(1)
}
