import {
  ACTIVATION_NAMES,
  type Activation,
  type ActivationName,
  findActivation,
} from '../../../network/activations.js'
import { type MistakenPass, mistakenSlope } from './mistaken-pass.js'

/** Derivatives written in terms of a = f(z), as code that keeps a alone has them. */
const IN_TERMS_OF_OUTPUT: Partial<Record<ActivationName, { formula: string; slope(a: number): number }>> = {
  tanh: { formula: '1 − a²', slope: (a) => 1 - a * a },
  sigmoid: { formula: 'a·(1 − a)', slope: (a) => a * (1 - a) },
  elu: { formula: 'a + 1 below 0', slope: (a) => (a > 0 ? 1 : a + 1) },
  softplus: { formula: '1 − e^(−a)', slope: (a) => -Math.expm1(-a) },
  softsign: { formula: '(1 − |a|)²', slope: (a) => (1 - Math.abs(a)) ** 2 },
}

/** Another function in place of f′, or f′ taken at another place, the likeliest first. */
export function mistakenSlopes(activation: Activation): MistakenPass[] {
  const { name } = activation
  const f = (z: number) => activation.derivative(z)
  const slopes: MistakenPass[] = []
  const own = IN_TERMS_OF_OUTPUT[name]
  const add = (...mistake: Parameters<typeof mistakenSlope>) => slopes.push(mistakenSlope(...mistake))
  add('it is taken at a = f(z) instead of z', 1.1, (_z, a) => f(a))
  if (own !== undefined) add(`it is ${own.formula} with z in place of a`, 1.1, (z) => own.slope(z))
  for (const other of ACTIVATION_NAMES) {
    if (other === name || other === 'linear') continue
    const { derivative } = findActivation(other)
    add(`it is that of ${other}`, 1.12, (z) => derivative(z))
    const form = IN_TERMS_OF_OUTPUT[other]
    if (form !== undefined) add(`it is that of ${other}, ${form.formula}`, 1.15, (_z, a) => form.slope(a))
  }
  add('it is taken twice: multiplied by itself', 1.12, (z) => f(z) ** 2)
  add('it is the activation itself: f(z) instead of f′(z)', 1.12, (_z, a) => a)
  add('it is 1 − a, without the square', 1.15, (_z, a) => 1 - a)
  add('dA is divided by it instead of multiplied with it', 1.15, (z) => 1 / f(z))
  add('it is taken at −z', 1.15, (z) => f(-z))
  return slopes
}
