import type { Activation } from '../../../network/activations.js'
import type { MistakenPass } from './mistaken-pass.js'

/** Where the gradient passes an activation, dA and z in each other's part: the function applied to dA, or dA left out. */
export function upstreamMistakes({ name, value, derivative }: Activation): MistakenPass[] {
  const mistakes: MistakenPass[] = [
    {
      text: 'dA is left out, f′(z) alone stands for dA·f′(z)',
      cost: 1.12,
      pass: (_u, z) => derivative(z),
    },
    {
      text: 'it is added to dA instead of multiplied with it',
      cost: 1.15,
      pass: (u, z) => u + derivative(z),
    },
  ]
  if (name === 'linear') return []
  const isMask = name === 'relu' || name === 'leaky-relu'
  mistakes.push({
    text: isMask
      ? `${name} is applied to the gradient dA, whose sign decides instead of z's`
      : `${name} is applied to the gradient dA instead of multiplying it by f′(z)`,
    cost: 1.1,
    pass: (u) => value(u),
  })
  if (isMask) {
    mistakes.push({
      text: `${name} is applied to the gradient as well as its derivative`,
      cost: 1.12,
      pass: (u, z) => value(u) * derivative(z),
    })
    return mistakes
  }
  return [
    ...mistakes,
    { text: 'it is taken at the gradient dA instead of z', cost: 1.12, pass: (u) => u * derivative(u) },
  ]
}
