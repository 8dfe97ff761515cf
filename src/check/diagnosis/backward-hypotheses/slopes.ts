import {
  ACTIVATION_NAMES,
  type Activation,
  type ActivationName,
  findActivation,
} from '../../../network/activations.js'

/** A mistaken derivative of an activation, at z with a = f(z). */
export interface MistakenSlope {
  /** What it is, after "the derivative of tanh is …". */
  readonly text: string
  readonly cost: number
  slope(z: number, a: number): number
}

/** Derivatives written in terms of a = f(z), as code that keeps a alone has them. */
const IN_TERMS_OF_OUTPUT: Partial<Record<ActivationName, { formula: string; slope(a: number): number }>> = {
  tanh: { formula: '1 − a²', slope: (a) => 1 - a * a },
  sigmoid: { formula: 'a·(1 − a)', slope: (a) => a * (1 - a) },
  elu: { formula: 'a + 1 below 0', slope: (a) => (a > 0 ? 1 : a + 1) },
  softplus: { formula: '1 − e^(−a)', slope: (a) => -Math.expm1(-a) },
  softsign: { formula: '(1 − |a|)²', slope: (a) => (1 - Math.abs(a)) ** 2 },
}

/** Slopes below 0 that are in use for leaky ReLU. */
const LEAKS = [0.1, 0.2, 0.3, 0.25, 0.05, 0.02, 0.001]

/** What code has in place of an activation's derivative, the likeliest first. */
export function mistakenSlopes(activation: Activation): MistakenSlope[] {
  const { name } = activation
  const f = (z: number) => activation.derivative(z)
  const slopes: MistakenSlope[] = []
  const own = IN_TERMS_OF_OUTPUT[name]
  const add = (text: string, cost: number, slope: MistakenSlope['slope']) =>
    slopes.push({ text, cost, slope })
  add('taken at a = f(z) instead of z', 1.1, (_z, a) => f(a))
  if (own !== undefined) {
    add(`${own.formula} with z in place of a`, 1.1, (z) => own.slope(z))
  }
  for (const other of ACTIVATION_NAMES) {
    if (other === name || other === 'linear') continue
    const { derivative } = findActivation(other)
    add(`that of ${other}`, 1.12, (z) => derivative(z))
    const form = IN_TERMS_OF_OUTPUT[other]
    if (form !== undefined) add(`that of ${other}, ${form.formula}`, 1.15, (_z, a) => form.slope(a))
  }
  add('taken twice: multiplied by itself', 1.12, (z) => f(z) ** 2)
  add('replaced by the activation itself: f(z) instead of f′(z)', 1.12, (_z, a) => a)
  add('1 − a, without the square', 1.15, (_z, a) => 1 - a)
  add('divided by instead of multiplied with', 1.15, (z) => 1 / f(z))
  add('taken at −z', 1.15, (z) => f(-z))
  if (name === 'leaky-relu' || name === 'relu') {
    for (const leak of LEAKS) add(`${leak} below 0`, 1.12, (z) => (z > 0 ? 1 : leak))
  }
  return slopes
}
