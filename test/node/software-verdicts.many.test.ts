import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkGradients } from '../../src/check/check-gradients.js'
import { createWebgpuEvaluator, type WebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import { openGpuDevice } from '../../src/gpu/node/open-adapter.js'
import { calibrate } from '../support/calibration.js'
import { bindRandom, inModelOrder } from '../support/evaluate.js'
import { expectVerdicts } from '../support/expect-verdicts.js'
import { howMany, numbersOf } from '../support/how-many.js'
import { withChanged } from '../support/plant-errors.js'
import { makeRandomProblem } from '../support/random-network.js'
import { backpropagateRelu, makeReluNetwork, reluProblem } from '../support/relu-network.js'
import { rightNetworkOptions } from '../support/right-networks.js'

let gpu: WebgpuEvaluator

beforeAll(async () => {
  gpu = await createWebgpuEvaluator(() => openGpuDevice('software'))
})

afterAll(() => gpu?.dispose())

/** Of the 300 networks some of every depth and loss: what they cost is mostly compiling their kernels. */
const NUMBERS = numbersOf(howMany(4, 8)).map((number) => 7 * number + 1)

describe('single precision in WGSL', () => {
  it.each([
    { dtype: 'float64', leastShare: 1e-3 },
    { dtype: 'float32', leastShare: 1e-2 },
  ] as const)(
    '$dtype: right gradients do not fail, and one changed entry does',
    async (expectation) => {
      let inconclusive = 0
      for (const number of NUMBERS) {
        if (await expectVerdicts(number, expectation, { evaluator: gpu })) inconclusive++
      }
      expect(inconclusive).toBeLessThanOrEqual(1)
    },
    600_000,
  )

  it.each([0, 1, 0.5])(
    'units on their kinks: the gradient with f′(0) = %d passes, a wrong one fails',
    async (slope) => {
      const network = makeReluNetwork({
        widths: [3, 8, 6, 2],
        samples: 9,
        bias: 0,
        input: (draws) => (draws.uniform() < 0.6 ? 0 : draws.normal()),
      })
      const gradients = backpropagateRelu(network, slope)
      const report = await checkGradients(reluProblem(network, gradients), { evaluator: gpu })
      expect(report.verdict, report.notices.join()).toBe('pass')
      expect(report.tensors.some(({ kinks }) => kinks > 0)).toBe(true)
      const wrong = withChanged(gradients, 'db1', (value, k) => (k === 3 ? 100 : value))
      const failing = await checkGradients(reluProblem(network, wrong), { evaluator: gpu })
      expect(failing.verdict).toBe('fail')
      expect(failing.tensors.find(({ name }) => name === 'b1')!.worst[0].index).toEqual([3])
    },
  )

  it.each(['parameters', 'outputs'] as const)(
    'by %s, the estimated error of a derivative is above the true one, and not far above',
    async (perturbed) => {
      async function* cases() {
        for (const number of NUMBERS) {
          const random = makeRandomProblem(rightNetworkOptions(number))
          const model = await bindRandom(random)
          yield { model, right: inModelOrder(model, random.gradients) }
        }
      }
      const { covered, ratio, norms } = await calibrate(
        gpu,
        { step: 1e-5, scheme: 'central' },
        cases(),
        perturbed,
      )
      expect(covered).toBeGreaterThanOrEqual(0.999)
      expect(ratio).toBeGreaterThan(1)
      expect(ratio).toBeLessThan(100)
      expect(norms.covered).toBeGreaterThanOrEqual(0.95)
      expect(norms.ratio).toBeLessThan(30)
    },
  )
})
