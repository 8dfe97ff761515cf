import type { Activation } from '../../../network/activations.js'
import { formatFactor } from '../messages.js'
import { type MistakenPass, mistakenSlope } from './mistaken-pass.js'

/** Slopes below 0 that are in use for leaky ReLU. */
const LEAKS = [0.01, 0.1, 0.2, 0.3, 0.25, 0.05, 0.02, 0.001]

/** How SELU's two constants are rounded in print and in code: scale and α (Klambauer et al. 2017). */
const SELU_ROUNDED: readonly (readonly [number, number])[] = [
  [1.05070098, 1.67326324],
  [1.0507, 1.67326],
  [1.0507, 1.6733],
  [1.0507, 1.673],
  [1.051, 1.673],
  [1.05, 1.67],
  [1.05, 1.673],
]

/** Wrong constants in the derivative of an activation that has some. */
export function mistakenConstants(activation: Activation): MistakenPass[] {
  switch (activation.name) {
    case 'relu':
    case 'leaky-relu':
      return leakyMistakes(activation)
    case 'elu':
      return eluMistakes(activation)
    case 'selu':
      return seluMistakes(activation)
    default:
      return []
  }
}

/** A slope of two pieces. */
const pieces = (above: number, below: number) => (z: number) => (z > 0 ? above : below)

function leakyMistakes(activation: Activation): MistakenPass[] {
  const slope = activation.derivative(-1)
  const mistakes = LEAKS.filter((leak) => leak !== slope).map((leak) =>
    mistakenSlope(`it is ${leak} below 0, not ${slope}`, 1.12, pieces(1, leak)),
  )
  if (slope === 0) return mistakes
  const own = formatFactor(slope)
  return [
    ...mistakes,
    mistakenSlope(`it is ${own} everywhere, also above 0`, 1.1, () => slope),
    mistakenSlope(`it is the wrong way round: 0 above 0 and ${own} below`, 1.1, pieces(0, slope)),
    mistakenSlope(`it is the wrong way round: ${own} above 0 and 0 below`, 1.1, pieces(slope, 0)),
    mistakenSlope('it is 0 above 0 and 1 below', 1.12, pieces(0, 1)),
    mistakenSlope(`it is −${own} below 0`, 1.12, pieces(1, -slope)),
    mistakenSlope(`it is 1/${own} below 0`, 1.15, pieces(1, 1 / slope)),
    mistakenSlope(`it is 1 + ${own} above 0`, 1.15, pieces(1 + slope, slope)),
    mistakenSlope(`it is 1 − ${own} below 0`, 1.15, pieces(1, 1 - slope)),
    mistakenSlope(`it is 1 + ${own} below 0`, 1.15, pieces(1, 1 + slope)),
    {
      text: `below 0 dZ is set to ${own} instead of multiplied by it`,
      cost: 1.12,
      pass: (upstream, z) => (z > 0 ? upstream : slope),
    },
  ]
}

/** A slope of λ above 0 and c·e^z below. */
const exponential = (above: number, below: number) => (z: number) => (z > 0 ? above : below * Math.exp(z))

function eluMistakes(activation: Activation): MistakenPass[] {
  const alpha = activation.derivative(-1) * Math.E
  const isUsual = Math.abs(alpha - 1) < 1e-12
  return [
    ...(isUsual
      ? []
      : [
          mistakenSlope('its α is left out: e^z below 0', 1.1, exponential(1, 1)),
          mistakenSlope('its α is also above 0', 1.12, exponential(alpha, alpha)),
          mistakenSlope('it is a + 1 below 0, with 1 in place of α', 1.12, (z, a) => (z > 0 ? 1 : a + 1)),
        ]),
    mistakenSlope('it is α·(e^z − 1) below 0, the activation itself', 1.12, (z, a) => (z > 0 ? 1 : a)),
    mistakenSlope('it is e^z everywhere, also above 0', 1.12, (z) => alpha * Math.exp(z)),
    mistakenSlope('it is a + α everywhere, also above 0', 1.12, (_z, a) => a + alpha),
    mistakenSlope('it is 0 below 0', 1.15, pieces(1, 0)),
    mistakenSlope('it is α below 0, without e^z', 1.15, pieces(1, alpha)),
  ]
}

function seluMistakes(activation: Activation): MistakenPass[] {
  const scale = activation.derivative(1)
  const alpha = (activation.derivative(-1) * Math.E) / scale
  const constants = (above: number, below: number, text: string, cost = 1.1) =>
    mistakenSlope(`its constants are wrong: ${text}`, cost, exponential(above, below))
  return [
    constants(1, alpha, 'the scale λ is left out'),
    constants(1, scale * alpha, 'the scale λ is left out above 0'),
    constants(scale, alpha, 'the scale λ is left out below 0'),
    constants(scale, scale, 'α is left out'),
    constants(1, 1, 'λ and α are left out'),
    constants(scale, 1, 'λ and α are left out below 0'),
    constants(alpha, scale * alpha, 'λ and α are in each other’s place'),
    constants(scale * alpha, scale * alpha, 'α is also above 0'),
    constants(alpha, alpha, 'α stands above 0 as well, without the scale λ'),
    mistakenSlope('it is a + α below 0, where λ·α belongs', 1.1, (z, a) => (z > 0 ? scale : a + alpha)),
    mistakenSlope('it is a + λ below 0, where λ·α belongs', 1.12, (z, a) => (z > 0 ? scale : a + scale)),
    mistakenSlope('it is λ·(a + α) below 0: a has the λ already', 1.12, (z, a) =>
      z > 0 ? scale : scale * (a + alpha),
    ),
    mistakenSlope('it is the activation itself below 0', 1.12, (z, a) => (z > 0 ? scale : a)),
    ...SELU_ROUNDED.map(([λ, α]) =>
      constants(λ, λ * α, `they are rounded to ${λ} and ${α}, the activation’s are not`, 1.15),
    ),
  ]
}
