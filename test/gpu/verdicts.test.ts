import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createWebgpuEvaluator, type WebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import { openGpuDevice } from '../../src/gpu/node/open-adapter.js'
import { calibrate } from '../support/calibration.js'
import { bindRandom, inModelOrder } from '../support/evaluate.js'
import { expectVerdicts } from '../support/expect-verdicts.js'
import { makeRandomProblem } from '../support/random-network.js'
import { rightNetworkOptions } from '../support/right-networks.js'

let gpu: WebgpuEvaluator

beforeAll(async () => {
  gpu = await createWebgpuEvaluator(() => openGpuDevice('software'))
})

afterAll(() => gpu?.dispose())

/** Of the 300 networks those that take a few kernels: what they cost is mostly compiling them. */
const NUMBERS = Array.from({ length: 24 }, (_, number) => 12 * number + 1)

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

  it('the estimated error of a derivative is above the true one, and not far above', async () => {
    async function* cases() {
      for (const number of NUMBERS) {
        const random = makeRandomProblem(rightNetworkOptions(number))
        const model = await bindRandom(random)
        yield { model, right: inModelOrder(model, random.gradients) }
      }
    }
    const { covered, ratio, norms } = await calibrate(gpu, { step: 1e-5, scheme: 'central' }, cases())
    expect(covered).toBeGreaterThanOrEqual(0.999)
    expect(ratio).toBeGreaterThan(1)
    expect(ratio).toBeLessThan(100)
    expect(norms.covered).toBeGreaterThanOrEqual(0.95)
    expect(norms.ratio).toBeLessThan(30)
  })
})
