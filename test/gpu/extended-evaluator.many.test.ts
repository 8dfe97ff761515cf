import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCpuEvaluator } from '../../src/differentiate/cpu/evaluator.js'
import type { DifferenceSettings } from '../../src/differentiate/evaluator.js'
import { selectAll, selectSample } from '../../src/differentiate/selection.js'
import { createWebgpuEvaluator, type WebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import { LAYOUT_NAMES } from '../../src/network/layout.js'
import type { Model } from '../../src/network/model.js'
import { expectAgreement } from '../support/agreement.js'
import { bindRandom, differenceOf, evaluateAll, inModelOrder, valuesOf } from '../support/evaluate.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { howMany, spread } from '../support/how-many.js'
import {
  ACTIVATIONS_UNDER_TEST,
  makeRandomProblem,
  type RandomNetworkOptions,
} from '../support/random-network.js'

/** The kernels' step is a float32. */
const STEP = Math.fround(1e-6)
const CENTRAL: DifferenceSettings = { step: STEP, scheme: 'central' }
const FORWARD: DifferenceSettings = { step: STEP, scheme: 'forward' }
const LARGE: DifferenceSettings = { step: 0.5, scheme: 'central' }

const cpu = createCpuEvaluator('')
let gpu: WebgpuEvaluator
beforeAll(async () => {
  gpu = await createWebgpuEvaluator(() => openGpuDevice('software'), { precision: 'extended' })
})
afterAll(() => gpu?.dispose())

/** Against float64, whose own error is in it: the unit roundoff is that of its elementary functions. */
const BOUNDS = { difference: 1e-12, multiple: 8, unitRoundoff: 2 ** -44 }

const expectExtended = (
  model: Model,
  settings: DifferenceSettings,
  bounds = BOUNDS,
  selection = selectAll(model),
) => expectAgreement(gpu, cpu, model, settings, bounds, selection)

const makeModel = (options: RandomNetworkOptions) => bindRandom(makeRandomProblem(options))

it('says what it is', () => {
  expect(gpu).toMatchObject({ name: 'webgpu', precision: 'extended', software: true })
})

/** Each has tests of its own changes (activations.test.ts); here some of every family stand for all. */
const ACTIVATIONS = spread(ACTIVATIONS_UNDER_TEST, howMany(3, ACTIVATIONS_UNDER_TEST.length))

describe.each(ACTIVATIONS)('%s in every layer, in extended precision', (activation) => {
  const number = ACTIVATIONS_UNDER_TEST.indexOf(activation)
  const options: RandomNetworkOptions = {
    seed: number,
    activations: [activation, activation],
    loss: 'mean-squared-error',
    widths: [4, 3, 2],
    samples: 9,
    layout: LAYOUT_NAMES[number % 3],
    l2: number % 2 === 0 ? 0.2 : 0,
  }

  it('agrees with float64, on both sides, on one and far, saturated or not', async () => {
    const model = await makeModel(options)
    await expectExtended(model, CENTRAL)
    await expectExtended(model, FORWARD)
    await expectExtended(model, LARGE)
    const saturated = await makeModel({ ...options, seed: number + 100, scale: 6 })
    await expectExtended(saturated, CENTRAL, { ...BOUNDS, difference: 1e-11 })
  })
})

describe('losses in extended precision', () => {
  const networks = (
    [
      ['binary-cross-entropy', 'sigmoid', 'probabilities', 'positive'],
      ['softmax-cross-entropy', 'linear', 'class-numbers', 'none'],
      ['half-squared-error', 'tanh', 'values', 'signed'],
      ['softmax-cross-entropy', 'linear', 'class-probabilities', 'some-zero'],
    ] as const
  ).map(([loss, last, targets, sampleWeights], k) => ({
    seed: k,
    activations: ['tanh', 'tanh', last] as const,
    loss,
    targets,
    sampleWeights,
    widths: [4, 3, 4, 3],
    samples: 33,
    layout: LAYOUT_NAMES[k % 3],
    l2: k === 1 ? 0.5 : 0,
  }))

  it.each(networks)(
    '$loss, $targets, weights $sampleWeights: agrees with float64 and with plain backpropagation',
    async (options) => {
      const random = makeRandomProblem({ ...options, activations: [...options.activations] })
      const model = await bindRandom(random)
      await expectExtended(model, CENTRAL)
      await expectExtended(model, LARGE)
      const results = await evaluateAll(gpu, model, CENTRAL)
      // what is left is the step's truncation
      expect(differenceOf(valuesOf(results), inModelOrder(model, random.gradients))).toBeLessThan(1e-10)
    },
  )
})

describe('sizes in extended precision', () => {
  it.each([
    [15, 17],
    [64, 65],
    [1, 130],
  ])('layers of %i and %i units, around tiles and workgroups', async (second, third) => {
    const model = await makeModel({
      seed: second,
      activations: ['tanh', 'relu', 'relu', 'linear'],
      loss: 'half-squared-error',
      widths: [3, 4, second, third, 2],
      samples: 33,
    })
    await expectExtended(model, CENTRAL, BOUNDS, selectSample(model, 200, second))
  })

  it.each([1, 3, 63, 64, 65])('%i parameters in a selection, around groups of four', async (count) => {
    const model = await makeModel({
      seed: 3,
      activations: ['relu', 'linear'],
      loss: 'half-squared-error',
      widths: [20, 5, 2],
      samples: 2,
    })
    const entries = Uint32Array.from({ length: count }, (_, k) => k + 11)
    await expectExtended(model, CENTRAL, BOUNDS, [{ parameter: model.parameters[0], entries }])
  })
})
