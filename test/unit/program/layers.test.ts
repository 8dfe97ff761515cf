import { describe, expect, it } from 'vitest'
import { reversePass } from '../../../src/backward/reverse-pass.js'
import { lowerModel } from '../../../src/check/lower-model.js'
import { userOffset } from '../../../src/network/bind.js'
import { createCpuCarrier } from '../../../src/program/carry-changes.js'
import { differentiateValue } from '../../../src/program/numerical-gradient.js'
import { inputsOf } from '../../../src/program/program.js'
import { bindRandom } from '../../support/evaluate.js'
import { makeRandomProblem, randomOptions } from '../../support/random-network.js'

const NUMBERS = Array.from({ length: 60 }, (_, number) => number)

describe('a stack of layers as a program', () => {
  it('has the cost and the gradient of the model, and by differences the same', async () => {
    for (const number of NUMBERS) {
      const sampleWeights = number % 5 === 0 ? 'signed' : 'none'
      const random = makeRandomProblem({ ...randomOptions(number), sampleWeights })
      const model = await bindRandom(random)
      const bound = lowerModel(model)
      const { program } = bound
      const cost = bound.base[program.output][0]
      // the model's ln(1 − a) is the published one, which loses what a is rounded by
      const allowed = model.network.loss === 'binary-cross-entropy' ? 1e-12 : 1e-15
      expect(Math.abs(cost - model.cost()), `network ${number}`).toBeLessThanOrEqual(allowed * Math.abs(cost))
      const cotangents = reversePass(bound)
      const carrier = createCpuCarrier(bound)
      for (const [t, gradient] of model.gradients().entries()) {
        const parameter = model.parameters[t]
        const input = inputsOf(program).find(({ name }) => name === parameter.name)!
        const largest = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
        const { gradient: numerical } = (await differentiateValue(carrier, input, 1e-9, undefined))!
        for (const [k, value] of gradient.entries()) {
          const offset = userOffset(parameter, k)
          const where = `network ${number}, ${parameter.name}[${offset}]`
          expect(Math.abs(cotangents[input.id]![offset] - value), where).toBeLessThanOrEqual(1e-13 * largest)
          expect(Math.abs(numerical[offset] - value), where).toBeLessThanOrEqual(1e-10 * largest)
        }
      }
    }
  })
})
