import type { Activation, ActivationName } from '../../../network/activations.js'
import { sigmoidOf as sigmoid } from '../../../operations/sigmoids.js'
import type { MistakenPass } from './mistaken-pass.js'

/** A derivative as code has it beside dA, and what is left of it when its parentheses are forgotten. */
interface Forgotten {
  /** The formula with its parentheses, and without. */
  readonly right: string
  readonly wrong: string
  pass(upstream: number, z: number, a: number): number
}

const FORGOTTEN: Partial<Record<ActivationName, readonly Forgotten[]>> = {
  tanh: [{ right: 'dA·(1 − a²)', wrong: 'dA·1 − a²', pass: (u, _z, a) => u - a * a }],
  sigmoid: [
    { right: 'dA·a·(1 − a)', wrong: 'dA·a·1 − a', pass: (u, _z, a) => u * a - a },
    { right: 'dA·(a − a²)', wrong: 'dA·a − a²', pass: (u, _z, a) => u * a - a * a },
  ],
  softplus: [
    { right: 'dA·(1 − e^(−a))', wrong: 'dA·1 − e^(−a)', pass: (u, _z, a) => u - Math.exp(-a) },
    { right: 'dA/(1 + e^(−z))', wrong: 'dA/1 + e^(−z)', pass: (u, z) => u + Math.exp(-z) },
  ],
  softsign: [
    { right: 'dA/(1 + |z|)²', wrong: 'dA/1 + |z|²', pass: (u, z) => u + z * z },
    { right: 'dA·(1 − |a|)²', wrong: 'dA·1 − |a|²', pass: (u, _z, a) => u - a * a },
  ],
  silu: [
    {
      right: 'dA·(σ(z) + z·σ(z)·(1 − σ(z)))',
      wrong: 'dA·σ(z) + z·σ(z)·(1 − σ(z))',
      pass: (u, z) => u * sigmoid(z) + z * sigmoid(z) * sigmoid(-z),
    },
    {
      right: 'dA·(a + σ(z)·(1 − a))',
      wrong: 'dA·a + σ(z)·(1 − a)',
      pass: (u, z, a) => u * a + sigmoid(z) * (1 - a),
    },
    {
      right: 'dA·σ(z)·(1 + z·(1 − σ(z)))',
      wrong: 'dA·σ(z)·1 + z·(1 − σ(z))',
      pass: (u, z) => u * sigmoid(z) + z * sigmoid(-z),
    },
  ],
}

/** The parentheses around an activation's derivative forgotten, so that dA multiplies its first term alone. */
export function forgottenParentheses(activation: Activation): MistakenPass[] {
  return listForgotten(activation).map(({ right, wrong, pass }) => ({
    text: `its parentheses are missing, ${wrong} for ${right}`,
    cost: 1.1,
    pass,
  }))
}

function listForgotten(activation: Activation): readonly Forgotten[] {
  const slope = (z: number) => activation.derivative(z)
  switch (activation.name) {
    case 'elu':
    case 'selu': {
      // f′ = a + c below 0, c being α or λ·α
      const constant = slope(-1) * Math.E
      const [right, wrong] = ['dA·(a + α) below 0', 'dA·a + α']
      return [{ right, wrong, pass: (u, z, a) => (z > 0 ? u * slope(z) : u * a + constant) }]
    }
    case 'gelu':
    case 'gelu-tanh': {
      // f = z·P(z), f′ = P + z·P′
      const gate = (z: number, a: number) => (z === 0 ? 0.5 : a / z)
      const [right, wrong] = ['dA·(P(z) + z·P′(z))', 'dA·P(z) + z·P′(z)']
      return [{ right, wrong, pass: (u, z, a) => u * gate(z, a) + slope(z) - gate(z, a) }]
    }
    default:
      return FORGOTTEN[activation.name] ?? []
  }
}
