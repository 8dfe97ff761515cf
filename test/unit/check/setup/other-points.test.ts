import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import type { Problem } from '../../../../src/check/problem.js'
import type { ActivationName } from '../../../../src/network/activations.js'
import type { NamedTensors } from '../../../../src/tensor.js'
import { tensor } from '../../../../src/tensor.js'
import { rowsOf } from '../../../support/injected-mistakes.js'
import { withParametersMoved, withSamples } from '../../../support/mistake-classes.js'
import { columnSums, product } from '../../../support/mistaken-network.js'
import { nameArrays, plainCost, transposed } from '../../../support/plain-network.js'
import {
  makeRandomProblem,
  problemOf,
  type RandomProblem,
  randomOptions,
} from '../../../support/random-network.js'

/** Networks of some size, every loss and layout among them. */
const NUMBERS = Array.from({ length: 12 }, (_, k) => k)
const makeNetwork = (number: number): RandomProblem => {
  const options = randomOptions(number)
  const widths = options.widths.map((width) => width + 2)
  return makeRandomProblem({ ...options, widths, samples: 8, scale: 1 })
}

const signs = (gradients: NamedTensors): NamedTensors =>
  new Map(Array.from(gradients, ([name, { data, shape }]) => [name, tensor(data.map(Math.sign), shape)]))

/** A problem's parameters saved after an update, its gradient and cost of before. */
function savedAfterUpdate(
  { plain, gradients, cost }: RandomProblem,
  rate: number,
  direction = gradients,
): Problem {
  const { problem } = problemOf(withParametersMoved(plain, direction, -rate))
  return { ...problem, gradients, cost }
}

const withoutCost = ({ cost: _, ...problem }: Problem): Problem => problem

describe('parameters saved after the update', () => {
  it.each([0.01, 0.3])('are recognised, with the saved cost and without: learning rate %d', async (rate) => {
    for (const number of NUMBERS) {
      const problem = savedAfterUpdate(makeNetwork(number), rate)
      const { verdict, notices } = await checkGradients(problem)
      expect({ number, verdict }).toEqual({ number, verdict: 'inconclusive' })
      expect(notices.join('\n')).toMatch(/before an update with the learning rate/)
      const { diagnosis } = await checkGradients(withoutCost(problem))
      expect({ number, kinds: diagnosis.map(({ kind }) => kind) }).toEqual({
        number,
        kinds: ['other-parameters'],
      })
      expect(diagnosis[0].message).toContain(`learning rate ${rate}:`)
    }
  })

  it('by a step against the sign of the gradient, as Adam’s first is, are recognised', async () => {
    for (const number of NUMBERS.slice(0, 8)) {
      const network = makeNetwork(number)
      const problem = withoutCost(savedAfterUpdate(network, 0.01, signs(network.gradients)))
      const { diagnosis } = await checkGradients(problem)
      expect({ number, kinds: diagnosis.map(({ kind }) => kind) }).toEqual({
        number,
        kinds: ['other-parameters'],
      })
    }
  })
})

describe('a gradient of some of the samples', () => {
  it.each<[string, number[], string]>([
    ['the first half', [0, 1, 2, 3], 'the first 4 of the 8 samples'],
    ['the last quarter', [6, 7], 'the last 2 of the 8 samples'],
    ['one piece', [2, 3, 4], '3 of the 8 samples (2 to 4'],
    ['scattered', [1, 4, 5, 7], '4 of the 8 samples (1, 4, 5, 7'],
  ])('is recognised, with the saved cost and without: %s', async (_name, chosen, words) => {
    for (const number of NUMBERS) {
      const whole = makeNetwork(number)
      // of samples that say the same, which of them were taken cannot be told
      if (chosen.length === 4 && chosen[0] === 1 && whole.gradients.size < 3) continue
      const some = problemOf(withSamples(whole.plain, chosen))
      const problem = { ...whole.problem, gradients: some.gradients, cost: plainCost(some.plain) }
      const { verdict, notices } = await checkGradients(problem)
      expect({ number, verdict }).toEqual({ number, verdict: 'inconclusive' })
      const { diagnosis } = await checkGradients(withoutCost(problem))
      expect({ number, kinds: diagnosis.map(({ kind }) => kind) }).toEqual({
        number,
        kinds: ['other-samples'],
      })
      for (const text of [notices.join('\n'), diagnosis[0].message])
        expect(text, `${number}`).toContain(words)
    }
  })
})

/** Activations that cannot be declared, both ways, in place of one that can. */
const UNLISTED: readonly [ActivationName, string, (z: number) => number, (z: number) => number][] = [
  ['leaky-relu', 'the wrong way round', (z) => (z > 0 ? 0.01 * z : 0), (z) => (z > 0 ? 0.01 : 0)],
  ['leaky-relu', 'the wrong way round', (z) => (z > 0 ? 0.01 * z : z), (z) => (z > 0 ? 0.01 : 1)],
  ['relu', 'the wrong way round', (z) => Math.min(z, 0), (z) => (z > 0 ? 0 : 1)],
  ['silu', 'mish', (z) => z * Math.tanh(Math.log1p(Math.exp(z))), mishSlope],
  ['tanh', 'hard-tanh', (z) => Math.max(-1, Math.min(1, z)), (z) => (Math.abs(z) < 1 ? 1 : 0)],
]

function mishSlope(z: number): number {
  const t = Math.tanh(Math.log1p(Math.exp(z)))
  return t + (z * (1 - t * t)) / (1 + Math.exp(-z))
}

describe('an activation that cannot be declared, forward and backward', () => {
  it.each(UNLISTED)(
    'is named, with the saved cost and without: for %s, %s',
    async (declared, words, f, slope) => {
      for (let number = 0; number < 4; number++) {
        const { problem } = makeRandomProblem({
          seed: number,
          activations: [declared, 'linear'],
          loss: 'mean-squared-error',
          layout: 'pytorch',
          widths: [3, 5, 2],
          samples: 6,
        })
        const run = runWith(problem, f, slope)
        const { verdict, notices } = await checkGradients({ ...problem, ...run })
        expect(verdict).toBe('inconclusive')
        expect(notices.join('\n')).toContain(words)
        const { diagnosis } = await checkGradients({ ...problem, gradients: run.gradients })
        expect(diagnosis.map(({ kind }) => kind)).toEqual(['other-network'])
        expect(diagnosis[0].message).toContain(words)
      }
    },
  )
})

/** Cost and gradient of two layers in PyTorch's layout, the second linear, by mean squared error. */
function runWith(
  { parameters, inputs, targets }: Problem,
  f: (z: number) => number,
  slope: (z: number) => number,
): { cost: number; gradients: NamedTensors } {
  const of = (name: string) => rowsOf((parameters as NamedTensors).get(name)!)
  const [W1, W2, X, Y] = [of('W1'), of('W2'), rowsOf(inputs), rowsOf(targets)]
  const [b1, b2] = ['b1', 'b2'].map((name) => (parameters as NamedTensors).get(name)!.data)
  const Z1 = product(X, transposed(W1)).map((row) => row.map((z, i) => z + b1[i]))
  const A1 = Z1.map((row) => row.map(f))
  const residual = product(A1, transposed(W2)).map((row, s) => row.map((z, i) => z + b2[i] - Y[s][i]))
  const count = Y.flat().length
  const dZ2 = residual.map((row) => row.map((r) => (2 * r) / count))
  const dZ1 = product(dZ2, W2).map((row, s) => row.map((d, i) => d * slope(Z1[s][i])))
  const weights = [product(transposed(dZ1), X), product(transposed(dZ2), A1)]
  const gradients = nameArrays({ weights, biases: [columnSums(dZ1), columnSums(dZ2)] }, 'd')
  return { cost: residual.flat().reduce((sum, r) => sum + r * r, 0) / count, gradients }
}
