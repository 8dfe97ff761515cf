import type { Activation } from '../../network/activations.js'
import { DenseLayer } from '../../network/dense-layer.js'
import { Model } from '../../network/model.js'
import { sigmoidOf as sigmoid, softplusOf } from '../../operations/sigmoids.js'
import type { BoundNetwork, Rebind } from '../problem.js'
import type { OtherNetwork } from './variants.js'

/** An activation that cannot be declared, as code computes it by mistake or on purpose. */
interface UnlistedActivation {
  /** What it is, after "layer 1 has". */
  readonly text: string
  value(z: number): number
  derivative(z: number): number
}

/** Two straight pieces, of slopes `above` and `below` 0. */
const pieces = (text: string, above: number, below: number): UnlistedActivation => ({
  text,
  value: (z) => (z > 0 ? above * z : below * z),
  derivative: (z) => (z > 0 ? above : below),
})

/** λ·z above 0 and c·(e^z − 1) below. */
const exponential = (text: string, above: number, below: number): UnlistedActivation => ({
  text,
  value: (z) => (z > 0 ? above * z : below * Math.expm1(z)),
  derivative: (z) => (z > 0 ? above : below * Math.exp(z)),
})

/** z·P(z) for a gate P. */
const gated = (
  text: string,
  gate: (z: number) => number,
  slope: (z: number) => number,
): UnlistedActivation => ({
  text,
  value: (z) => z * gate(z),
  derivative: (z) => gate(z) + z * slope(z),
})

/** A straight line kept between two values. */
const clipped = (
  text: string,
  slope: number,
  offset: number,
  least: number,
  most: number,
): UnlistedActivation => ({
  text,
  value: (z) => Math.max(least, Math.min(most, slope * z + offset)),
  derivative: (z) => (slope * z + offset > least && slope * z + offset < most ? slope : 0),
})

const hardGate = (z: number) => Math.max(0, Math.min(1, (z + 3) / 6))

/** Functions in use that no declaration has. */
const IN_USE: readonly UnlistedActivation[] = [
  gated(
    'mish, z·tanh(softplus(z))',
    (z) => Math.tanh(softplusOf(z)),
    (z) => sigmoid(z) * (1 - Math.tanh(softplusOf(z)) ** 2),
  ),
  gated('hard-swish, z·min(max(z + 3, 0), 6)/6', hardGate, (z) => (Math.abs(z) < 3 ? 1 / 6 : 0)),
  clipped('relu6, min(max(z, 0), 6)', 1, 0, 0, 6),
  clipped('hard-sigmoid, 0.2·z + 0.5 within 0 and 1', 0.2, 0.5, 0, 1),
  clipped('hard-sigmoid, z/6 + 0.5 within 0 and 1', 1 / 6, 0.5, 0, 1),
  clipped('hard-tanh, z within −1 and 1', 1, 0, -1, 1),
  {
    text: '1.7159·tanh(2z/3)',
    value: (z) => 1.7159 * Math.tanh((2 * z) / 3),
    derivative: (z) => 1.7159 * (2 / 3) * (1 - Math.tanh((2 * z) / 3) ** 2),
  },
  { text: 'its square, z²', value: (z) => z * z, derivative: (z) => 2 * z },
  {
    text: 'relu squared, max(z, 0)²',
    value: (z) => Math.max(0, z) ** 2,
    derivative: (z) => 2 * Math.max(0, z),
  },
  { text: 'sin(z)', value: Math.sin, derivative: Math.cos },
]

/** The networks with such an activation in one layer, or in all that are declared alike. */
export function* listUnlistedNetworks({ layers, network }: Model, rebind: Rebind): Generator<OtherNetwork> {
  const inner = layers.flatMap(({ activation, endsAtLogits }, l) => (endsAtLogits ? [] : [{ activation, l }]))
  const names = [...new Set(inner.map(({ activation }) => activation.text))]
  for (const name of names) {
    const alike = inner.filter(({ activation }) => activation.text === name)
    const choices = alike.length > 1 ? [alike, ...alike.map((one) => [one])] : [alike]
    for (const other of listUnlisted(alike[0].activation)) {
      for (const choice of choices) {
        const chosen = choice.map(({ l }) => l)
        const which = chosen.map((l) => l + 1).join(', ')
        yield {
          change: 'activation',
          isUnlisted: true,
          message: `${chosen.length === 1 ? `layer ${which} has` : `layers ${which} have`} ${other.text}, not ${name}`,
          fix: `compute ${name} there, if that is what is meant: the other cannot be declared`,
          bind: () => replaceActivations(rebind({ ...network, l2: 0 }), chosen, other),
        }
      }
    }
  }
}

function replaceActivations(
  { model, gradients }: BoundNetwork,
  chosen: readonly number[],
  { value, derivative }: UnlistedActivation,
): BoundNetwork {
  const layers = model.layers.map((layer, l) => {
    if (!chosen.includes(l)) return layer
    // of another network's activation the value and the slope alone are asked
    return new DenseLayer({ ...layer, activation: { ...layer.activation, value, derivative } })
  })
  return { model: new Model({ ...model, layers }), gradients }
}

/** What may have been computed in place of an activation that was declared, that nothing declares. */
function listUnlisted(activation: Activation): UnlistedActivation[] {
  return [...mistaken(activation), ...IN_USE]
}

/** The activation with a mistake in it. */
function mistaken({ name, derivative, value }: Activation): UnlistedActivation[] {
  switch (name) {
    case 'relu':
      return [pieces('relu the wrong way round, min(z, 0)', 0, 1), pieces('|z|', 1, -1)]
    case 'leaky-relu': {
      const slope = derivative(-1)
      const wrong = (text: string) => `leaky ReLU the wrong way round, ${text}`
      return [
        pieces(wrong(`${slope}·z above 0 and 0 below`), slope, 0),
        pieces(wrong(`${slope}·z above 0 and z below`), slope, 1),
        pieces(wrong(`0 above 0 and ${slope}·z below`), 0, slope),
        pieces(wrong('0 above 0 and z below'), 0, 1),
        pieces(`leaky ReLU with −${slope}·z below 0`, 1, -slope),
        pieces(`the slope ${slope} everywhere, ${slope}·z`, slope, slope),
      ]
    }
    case 'selu': {
      const scale = derivative(1)
      const alpha = (derivative(-1) * Math.E) / scale
      return [
        exponential('selu with λ and α rounded to 1.0507 and 1.6733', 1.0507, 1.0507 * 1.6733),
        exponential('selu with λ and α rounded to 1.0507 and 1.67326', 1.0507, 1.0507 * 1.67326),
        exponential('selu with λ and α rounded to 1.05 and 1.67', 1.05, 1.05 * 1.67),
        exponential('selu without its scale λ', 1, alpha),
        exponential('selu without its α', scale, scale),
        exponential('selu with λ and α in each other’s place', alpha, scale * alpha),
        exponential('selu with its scale λ above 0 alone', scale, alpha),
      ]
    }
    case 'softplus':
      return [
        {
          text: 'softplus to base 2',
          value: (z) => value(z) / Math.LN2,
          derivative: (z) => derivative(z) / Math.LN2,
        },
      ]
    case 'sigmoid':
      return [{ text: 'σ(−z)', value: (z) => sigmoid(-z), derivative: (z) => -derivative(-z) }]
    default:
      return []
  }
}
