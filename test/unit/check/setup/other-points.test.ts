import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import type { Problem } from '../../../../src/check/problem.js'
import type { NamedTensors } from '../../../../src/tensor.js'
import { tensor } from '../../../../src/tensor.js'
import { withParametersMoved, withSamples } from '../../../support/mistake-classes.js'
import { plainCost } from '../../../support/plain-network.js'
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
