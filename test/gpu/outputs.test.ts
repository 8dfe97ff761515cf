import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCpuEvaluator } from '../../src/differentiate/cpu/evaluator.js'
import { createDerivatives, type DifferenceSettings } from '../../src/differentiate/evaluator.js'
import { selectAll, selectSample } from '../../src/differentiate/selection.js'
import { createWebgpuEvaluator, type WebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import type { GpuDevice } from '../../src/gpu/device.js'
import { ACTIVATION_NAMES } from '../../src/network/activations.js'
import { LOSS_NAMES } from '../../src/network/losses.js'
import type { Model } from '../../src/network/model.js'
import { scaleSteps } from '../../src/network/step-scales.js'
import { expectAgreement } from '../support/agreement.js'
import { bindRandom, differenceOf, evaluateAll, inModelOrder, valuesOf } from '../support/evaluate.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { makeRandomProblem, type RandomNetworkOptions } from '../support/random-network.js'

const cpu = createCpuEvaluator('')

const BOUNDS = {
  single: { difference: 2e-7, multiple: 8, unitRoundoff: 2 ** -24 },
  extended: { difference: 1e-12, multiple: 8, unitRoundoff: 2 ** -44 },
}

const makeModel = (options: RandomNetworkOptions) => bindRandom(makeRandomProblem(options))

describe('outputs moved on a device', () => {
  const settings: DifferenceSettings = { step: Math.fround(1e-5), scheme: 'central' }
  let gpu: WebgpuEvaluator
  beforeAll(async () => {
    gpu = await createWebgpuEvaluator(() => openGpuDevice('software'))
  })
  afterAll(() => gpu?.dispose())

  const expectOutputs = (model: Model, selection = selectAll(model), by = settings) =>
    expectAgreement(gpu, cpu, model, by, BOUNDS.single, selection, 'outputs')

  it.each(ACTIVATION_NAMES)('%s: agree with float64', async (activation) => {
    const number = ACTIVATION_NAMES.indexOf(activation)
    const model = await makeModel({
      seed: number,
      activations: [activation, activation, activation],
      loss: 'mean-squared-error',
      widths: [4, 6, 5, 3],
      samples: 7,
      l2: number % 2 === 0 ? 0.2 : 0,
    })
    await expectOutputs(model)
  })

  it.each(LOSS_NAMES)('%s: agree with float64 in every layer, for all parameters and some', async (loss) => {
    const last = loss === 'binary-cross-entropy' ? 'sigmoid' : 'linear'
    for (const activations of [[last], ['tanh', last], ['tanh', 'relu', 'tanh', last]] as const) {
      const widths = [5, ...activations.map((_, l) => 19 + l)]
      const model = await makeModel({ seed: 3, activations, loss, widths, samples: 5, biases: 'some' })
      await expectOutputs(model)
      await expectOutputs(model, selectSample(model, 30, 1))
    }
  })

  it('are divided by the scales of their units', async () => {
    const model = await makeModel({
      seed: 5,
      activations: ['relu', 'tanh', 'linear'],
      loss: 'half-squared-error',
      widths: [6, 9, 7, 2],
      samples: 4,
      inputScale: 1e4,
    })
    for (const w of [model.layers[0].weights, model.layers[0].biases!]) {
      for (let k = 0; k < w.length; k++) w[k] *= 1e5
    }
    for (let k = 0; k < model.layers[1].weights.length; k++) model.layers[1].weights[k] /= 1e5
    const scales = scaleSteps(model)
    expect(new Set(scales.units.flatMap((of) => [...of])).size).toBeGreaterThan(1)
    await expectOutputs(model, selectAll(model), { ...settings, scales })
  })

  it('give the derivative where a step crosses kinks, and mark what sits on one', async () => {
    const random = makeRandomProblem({
      seed: 8,
      activations: ['relu', 'leaky-relu', 'relu', 'sigmoid'],
      loss: 'binary-cross-entropy',
      widths: [7, 41, 18, 15, 2],
      samples: 3,
      kinkMargin: 1e-7,
    })
    const model = await bindRandom(random)
    const large = { step: Math.fround(1e-2), scheme: 'central' } as const
    const crossed = await evaluateAll(cpu, model, large)
    expect(crossed.some(({ kinks }) => kinks.some((count) => count > 0))).toBe(true)
    const results = await evaluateAll(gpu, model, large, selectAll(model), 'outputs')
    for (const { kinks } of results) expect(kinks.every((count) => count === 0)).toBe(true)
    const right = inModelOrder(model, random.gradients)
    expect(differenceOf(valuesOf(results), right)).toBeLessThan(1e-4)
    model.layers[0].biases!.fill(0)
    model.inputs.data.fill(0, 7, 14)
    const [onKinks, exact] = await Promise.all(
      [gpu, cpu].map((by) => evaluateAll(by, model, settings, selectAll(model), 'outputs')),
    )
    expect(onKinks.map(({ kinks }) => [...kinks])).toEqual(exact.map(({ kinks }) => [...kinks]))
    expect(onKinks[0].kinks.every((count) => count === 0)).toBe(true)
    expect(onKinks[1].kinks.some((count) => count > 0)).toBe(true)
  })
})

describe('outputs moved on a device in extended precision', () => {
  it('agree with float64, in every layer, for all parameters and some', async () => {
    const gpu = await createWebgpuEvaluator(() => openGpuDevice('software'), { precision: 'extended' })
    const settings: DifferenceSettings = { step: Math.fround(1e-6), scheme: 'central' }
    const model = await makeModel({
      seed: 7,
      activations: ['tanh', 'relu', 'tanh', 'linear'],
      loss: 'softmax-cross-entropy',
      widths: [5, 9, 8, 7, 3],
      samples: 5,
    })
    for (const selection of [selectAll(model), selectSample(model, 30, 1)]) {
      await expectAgreement(gpu, cpu, model, settings, BOUNDS.extended, selection, 'outputs')
    }
    gpu.dispose()
    // some drivers compile extended precision for minutes
  }, 900_000)
})

describe('batches of outputs', () => {
  const settings: DifferenceSettings = { step: Math.fround(1e-5), scheme: 'central' }
  const makeWide = () =>
    makeModel({
      seed: 1,
      activations: ['tanh', 'tanh', 'tanh'],
      loss: 'half-squared-error',
      widths: [9, 70, 66, 5],
      samples: 6,
    })

  it('go on from where a device was lost, and stop where the signal aborts', async () => {
    const opened: GpuDevice[] = []
    const gpu = await createWebgpuEvaluator(async () => {
      opened.push(await openGpuDevice('software'))
      return opened[opened.length - 1]
    })
    const model = await makeWide()
    const right = valuesOf(await evaluateAll(cpu, model, settings, selectAll(model), 'outputs'))
    const results = createDerivatives(selectAll(model), () => 'outputs')
    await gpu.evaluate(model, results, settings, {
      onProgress: () => opened.length === 1 && opened[0].device.destroy(),
    })
    expect(opened).toHaveLength(2)
    expect(differenceOf(valuesOf(results), right)).toBeLessThan(2e-7)
    const controller = new AbortController()
    const stopped = createDerivatives(selectAll(model), () => 'outputs')
    await gpu.evaluate(model, stopped, settings, {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    })
    const whole = stopped.filter(({ done, entries }) => done === entries.length)
    expect(whole.length).toBeGreaterThan(0)
    expect(whole.length).toBeLessThan(stopped.length)
    expect(differenceOf(valuesOf(whole), right.slice(0, whole.length))).toBeLessThan(2e-7)
    await gpu.evaluate(model, stopped, settings)
    expect(valuesOf(stopped)).toEqual(valuesOf(results))
    gpu.dispose()
  })
})
