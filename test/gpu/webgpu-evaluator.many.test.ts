import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { bindProblem } from '../../src/check/problem.js'
import { createCpuEvaluator } from '../../src/differentiate/cpu/evaluator.js'
import {
  createDerivatives,
  type DifferenceSettings,
  type EvaluationHooks,
} from '../../src/differentiate/evaluator.js'
import { selectAll, selectSample } from '../../src/differentiate/selection.js'
import {
  createWebgpuEvaluator,
  type WebgpuEvaluator,
  type WebgpuOptions,
} from '../../src/differentiate/webgpu/evaluator.js'
import { GradcheckError } from '../../src/errors.js'
import type { GpuDevice } from '../../src/gpu/device.js'
import { LAYOUT_NAMES } from '../../src/network/layout.js'
import type { Model } from '../../src/network/model.js'
import { dense, sequential } from '../../src/network/network.js'
import { tensor } from '../../src/tensor.js'
import { expectAgreement as expectEvaluatorsAgree } from '../support/agreement.js'
import { bindRandom, differenceOf, evaluateAll, inModelOrder, valuesOf } from '../support/evaluate.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { howMany, spread } from '../support/how-many.js'
import {
  ACTIVATIONS_UNDER_TEST,
  makeRandomProblem,
  type RandomNetworkOptions,
} from '../support/random-network.js'

/** Unit roundoff of single precision. */
const U = 2 ** -24
const CENTRAL: DifferenceSettings = { step: 1e-5, scheme: 'central' }
const FORWARD: DifferenceSettings = { step: 1e-5, scheme: 'forward' }

const cpu = createCpuEvaluator('')
let gpu: WebgpuEvaluator

beforeAll(async () => {
  gpu = await createWebgpuEvaluator(() => openGpuDevice('software'))
})

afterAll(() => gpu?.dispose())

afterEach(() => {
  vi.restoreAllMocks()
})

const makeModel = (options: RandomNetworkOptions) => bindRandom(makeRandomProblem(options))

/** Expects single precision to agree with float64, in the norm, in every entry and in every kink. */
function expectAgreement(
  model: Model,
  settings: DifferenceSettings,
  { difference = 2e-7, multiple = 8 }: { difference?: number; multiple?: number } = {},
  selection = selectAll(model),
): Promise<void> {
  return expectEvaluatorsAgree(
    gpu,
    cpu,
    model,
    settings,
    { difference, multiple, unitRoundoff: U },
    selection,
  )
}

/** Each has tests of its own changes (activations.test.ts); here some of every family stand for all. */
const ACTIVATIONS = spread(ACTIVATIONS_UNDER_TEST, howMany(4, ACTIVATIONS_UNDER_TEST.length))

describe.each(ACTIVATIONS)('%s in every layer', (activation) => {
  const number = ACTIVATIONS_UNDER_TEST.indexOf(activation)
  const options: RandomNetworkOptions = {
    seed: number,
    activations: [activation, activation, activation],
    loss: 'mean-squared-error',
    widths: [5, 7, 6, 3],
    samples: 33,
    layout: LAYOUT_NAMES[number % 3],
    l2: number % 2 === 0 ? 0.2 : 0,
  }

  it('agrees with float64, on both sides and on one', async () => {
    const model = await makeModel(options)
    await expectAgreement(model, CENTRAL)
    await expectAgreement(model, FORWARD)
  })

  it('takes large steps as float64 does, kinks and all', async () => {
    await expectAgreement(await makeModel(options), { step: 0.5, scheme: 'central' })
  })

  it('keeps its digits where it is saturated', async () => {
    const model = await makeModel({ ...options, seed: number + 100, scale: 6 })
    const { Z } = model.forward()
    expect(Z.some(({ data }) => data.some((z) => Math.abs(z) > 15))).toBe(true)
    await expectAgreement(model, CENTRAL, { difference: 1e-6 })
  })
})

describe('losses', () => {
  // the same layers in all, so that few kernels have to be compiled
  const depths = [1, 2, 3, 6]
  const networks = depths.flatMap((depth) =>
    (
      [
        ['binary-cross-entropy', 'sigmoid', 'zeros-and-ones'],
        ['binary-cross-entropy', 'sigmoid', 'probabilities'],
        ['softmax-cross-entropy', 'linear', 'class-numbers'],
        ['softmax-cross-entropy', 'linear', 'class-probabilities'],
        ['half-squared-error', 'tanh', 'values'],
      ] as const
    ).map(([loss, last, targets], k) => ({
      seed: depth,
      activations: [...Array<'tanh'>(depth - 1).fill('tanh'), last],
      loss,
      targets,
      widths: [4, 4, 3, 4, 4, 3].slice(0, depth).concat(3),
      name: `${loss}, ${targets}, behind ${depth - 1} layers,`,
      samples: 33,
      layout: LAYOUT_NAMES[k % 3],
      l2: k === 1 ? 0.5 : 0,
      biases: (['all', 'some', 'none', 'all', 'all'] as const)[k],
    })),
  )

  it.each(networks)('$name agrees with float64', async (options) => {
    const model = await makeModel(options)
    await expectAgreement(model, CENTRAL)
    await expectAgreement(model, FORWARD)
    await expectAgreement(model, { step: 0.5, scheme: 'central' })
  })

  it.each(networks.filter(({ activations }) => activations.length > 1))(
    '$name keeps its digits when saturated and confident',
    async (options) => {
      const model = await makeModel({ ...options, scale: 8 })
      await expectAgreement(model, CENTRAL, { difference: 1e-6 })
      const logits = model.forward().Z.at(-1)!.data
      expect(Math.max(...logits) - Math.min(...logits)).toBeGreaterThan(7)
    },
  )

  it.each(networks.filter(({ activations }) => activations.length === 3))(
    '$name gives the gradient of plain backpropagation',
    async (options) => {
      const random = makeRandomProblem(options)
      const model = await bindRandom(random)
      const results = await evaluateAll(gpu, model, CENTRAL)
      expect(differenceOf(valuesOf(results), inModelOrder(model, random.gradients))).toBeLessThan(2e-7)
    },
  )
})

describe('samples that are weighted, or do not count,', () => {
  it.each([
    { loss: 'binary-cross-entropy', targets: 'probabilities', sampleWeights: 'positive' },
    { loss: 'softmax-cross-entropy', targets: 'class-numbers', sampleWeights: 'signed', ignoresSome: true },
    { loss: 'softmax-cross-entropy', targets: 'class-probabilities', sampleWeights: 'some-zero' },
    { loss: 'half-squared-error', targets: 'values', sampleWeights: 'signed', reduction: 'mean' },
    { loss: 'mean-squared-error', targets: 'values', sampleWeights: 'positive', reduction: 'weighted-mean' },
  ] as const)('$loss, $targets, $sampleWeights weights: agree with float64', async (options) => {
    const last = options.loss === 'binary-cross-entropy' ? 'sigmoid' : 'linear'
    const random = makeRandomProblem({
      ...options,
      seed: 7,
      activations: ['tanh', 'tanh', last],
      widths: [4, 4, 3, 3],
      samples: 33,
    })
    const model = await bindRandom(random)
    await expectAgreement(model, CENTRAL)
    await expectAgreement(model, { step: 0.5, scheme: 'central' })
    const results = await evaluateAll(gpu, model, CENTRAL)
    expect(differenceOf(valuesOf(results), inModelOrder(model, random.gradients))).toBeLessThan(2e-7)
  })
})

describe('sizes', () => {
  const make = (widths: number[], samples: number) =>
    makeModel({
      seed: widths[1],
      activations: ['tanh', 'tanh', 'tanh', 'linear'],
      loss: 'half-squared-error',
      widths,
      samples,
    })

  it.each([
    [1, 1],
    [15, 16],
    [16, 17],
    [17, 15],
    [63, 64],
    [64, 65],
    [65, 63],
    [130, 2],
    [2, 130],
  ])('layers of %i and %i units, around tiles and workgroups', async (second, third) => {
    // a few parameters of the large tensors: what is around the tiles is the units, not the perturbations
    const model = await make([3, 4, second, third, 2], 33)
    await expectAgreement(model, CENTRAL, {}, selectSample(model, 400, second))
  })

  it.each([1, 2, 31, 32, 64, 100])('%i samples, shared among the lanes of a workgroup', async (samples) => {
    const model = await make([3, 5, 4, 4, 2], samples)
    await expectAgreement(model, CENTRAL)
    await expectAgreement(model, FORWARD)
  })

  it.each([1, 3, 4, 5, 63, 64, 65, 67])(
    '%i parameters in a selection, around groups of four',
    async (count) => {
      const model = await make([20, 5, 4, 4, 2], 2)
      await expectAgreement(model, CENTRAL, {}, [
        { parameter: model.parameters[0], entries: Uint32Array.from({ length: count }, (_, k) => k + 11) },
      ])
    },
  )

  it('entries that are far apart', async () => {
    const model = await make([20, 5, 4, 4, 2], 2)
    await expectAgreement(model, CENTRAL, {}, [
      { parameter: model.parameters[0], entries: Uint32Array.of(0, 19, 20, 61, 98, 99) },
    ])
  })

  it('inputs of zero change nothing', async () => {
    const model = await make([3, 5, 4, 4, 2], 2)
    model.inputs.data.fill(0)
    await expectAgreement(model, CENTRAL)
    const [W1] = await evaluateAll(gpu, model, CENTRAL)
    expect(W1.derivatives.every((value) => value === 0)).toBe(true)
  })
})

describe('scales', () => {
  const options: RandomNetworkOptions = {
    seed: 4,
    activations: ['tanh', 'tanh', 'tanh', 'linear'],
    loss: 'half-squared-error',
    widths: [3, 5, 4, 2],
    samples: 33,
  }

  it.each([1e-20, 1e20])('inputs of %d: gradients of their size keep their digits', async (inputScale) => {
    const model = await makeModel({ ...options, widths: [3, 5, 4, 4, 2], inputScale })
    await expectAgreement(model, CENTRAL)
    const W1 = model.gradients()[0].map(Math.abs)
    expect(Math.max(...W1) / inputScale).toBeGreaterThan(1e-3)
    expect(Math.max(...W1) / inputScale).toBeLessThan(1e3)
  })

  it('pre-activations of 1e-20 throughout', async () => {
    const model = await makeModel({ ...options, widths: [3, 5, 4, 4, 2], scale: 1e-20 })
    await expectAgreement(model, CENTRAL)
  })

  it.each([1e-8, 1e-3, 4])('a step of %d', async (step) => {
    const model = await makeModel({ ...options, widths: [3, 5, 4, 4, 2] })
    await expectAgreement(model, { step, scheme: 'central' })
    await expectAgreement(model, { step, scheme: 'forward' })
  })
})

describe('terms that cancel', () => {
  it.each([
    ['silu', -1.2784645],
    ['gelu', -0.7517916],
    ['gelu-tanh', -0.7524614],
  ] as const)('%s where its slope is 0: the error is small beside Σ|terms|', async (activation, z) => {
    const model = await makeModel({
      seed: 1,
      activations: [activation, 'linear'],
      loss: 'half-squared-error',
      widths: [1, 1, 1],
      samples: 1,
    })
    for (const away of [0, 1e-6, -1e-4, 1e-2]) {
      model.inputs.data[0] = 1
      model.layers[0].weights[0] = 0
      model.layers[0].biases![0] = z + away
      await expectAgreement(model, CENTRAL, { difference: 1.01 })
    }
  })

  it.each([0.3, 0.9])('binary cross-entropy at targets that the outputs reach, %d', async (y) => {
    const model = await makeModel({
      seed: 1,
      activations: ['sigmoid'],
      loss: 'binary-cross-entropy',
      widths: [1, 1],
      samples: 1,
      targets: 'probabilities',
    })
    for (const miss of [1e-8, 1e-6, 1e-4, 1e-2]) {
      model.targets.data[0] = y
      model.inputs.data[0] = 1
      model.layers[0].weights[0] = 0
      model.layers[0].biases![0] = Math.log(y / (1 - y)) + miss
      await expectAgreement(model, CENTRAL, { difference: 1.01 })
    }
  })

  it.each([-3, -5, -8])('gelu far below 0, at %d', async (z) => {
    const model = await makeModel({
      seed: 1,
      activations: ['gelu', 'linear'],
      loss: 'half-squared-error',
      widths: [1, 1, 1],
      samples: 1,
    })
    model.layers[0].weights[0] = 0
    model.layers[0].biases![0] = z + 0.0123456
    await expectAgreement(model, CENTRAL, { difference: 1.01 })
  })
})

/** Networks whose tensors take many batches; the shallow one needs few kernels, where a device has to be new. */
const DEEP: RandomNetworkOptions = {
  seed: 8,
  activations: ['tanh', 'tanh', 'tanh', 'linear'],
  loss: 'half-squared-error',
  widths: [40, 12, 6, 4, 2],
  samples: 500,
  l2: 0.3,
}
const SHALLOW: RandomNetworkOptions = {
  seed: 9,
  activations: ['tanh'],
  loss: 'half-squared-error',
  widths: [50, 20],
  samples: 2000,
  l2: 0.3,
}

/** Makes every batch seem to take so long, so that batches stay as small or grow as large as they can. */
function pretendBatchesTake(milliseconds: number): void {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => (now += milliseconds))
}

/** An evaluator of its own device, with what becomes of it. */
async function openEvaluator(
  prepare: (opened: GpuDevice, count: number) => void = () => undefined,
  options: WebgpuOptions = {},
) {
  const opened: GpuDevice[] = []
  const evaluator = await createWebgpuEvaluator(async () => {
    const device = await openGpuDevice('software')
    opened.push(device)
    prepare(device, opened.length)
    return device
  }, options)
  return { evaluator, opened, [Symbol.dispose]: () => evaluator.dispose() }
}

const kill = ({ device }: GpuDevice) => device.destroy()

/** Evaluates everything and counts the batches. */
async function evaluateCounting(evaluator: WebgpuEvaluator, model: Model, hooks: EvaluationHooks = {}) {
  const results = createDerivatives(selectAll(model))
  let batches = 0
  await evaluator.evaluate(model, results, CENTRAL, {
    ...hooks,
    onProgress(done) {
      batches++
      hooks.onProgress?.(done)
    },
  })
  return { results, batches }
}

describe('batches', () => {
  it('give the same bits whatever their size', async () => {
    const model = await makeModel(DEEP)
    pretendBatchesTake(1000)
    const small = await evaluateCounting(gpu, model)
    vi.restoreAllMocks()
    pretendBatchesTake(0)
    const large = await evaluateCounting(gpu, model)
    expect(small.batches).toBeGreaterThan(4 * large.batches)
    expect(valuesOf(small.results)).toEqual(valuesOf(large.results))
    expect(small.results.map(({ kinks }) => kinks)).toEqual(large.results.map(({ kinks }) => kinks))
  })

  it('fit into a device that allows small buffers only, into half of it once it was lost', async () => {
    const model = await makeModel({
      ...DEEP,
      activations: ['linear', 'linear', 'linear'],
      widths: [40, 4, 4, 4],
    })
    pretendBatchesTake(0)
    const limit = 2 ** 18
    using small = await openEvaluator(({ device }) => {
      Object.defineProperty(device, 'limits', {
        value: { maxStorageBufferBindingSize: limit, maxBufferSize: limit },
      })
      vi.spyOn(device, 'createBuffer')
    })
    const { opened, evaluator } = small
    const { results } = await evaluateCounting(evaluator, model, {
      onProgress: (done) => done > 40 && opened.length === 1 && kill(opened[0]),
    })
    const [first, second] = opened.map(({ device }) =>
      vi.mocked(device.createBuffer).mock.calls.map(([{ label, size }]) => ({ label, size })),
    )
    const largestOf = (calls: typeof first) => Math.max(...calls.map(({ size }) => size))
    const changesOf = (calls: typeof first) => calls.filter(({ label }) => label?.startsWith('changes'))
    expect(largestOf([...first, ...second])).toBeLessThanOrEqual(limit)
    expect(largestOf(changesOf(first))).toBeGreaterThan(limit / 2)
    expect(largestOf(changesOf(second))).toBeLessThanOrEqual(limit / 2)
    const right = await evaluateAll(cpu, model, CENTRAL)
    expect(differenceOf(valuesOf(results), valuesOf(right))).toBeLessThan(2e-7)
  })

  it('that fit into no buffer are refused with a fix', async () => {
    const model = await makeModel({ ...SHALLOW, widths: [1, 1] })
    // too small for the base point, and for the changes of one group
    for (const limit of [10_000, 40_000]) {
      using small = await openEvaluator(({ device }) => {
        Object.defineProperty(device, 'limits', {
          value: { maxStorageBufferBindingSize: limit, maxBufferSize: limit },
        })
      })
      const refused = await evaluateCounting(small.evaluator, model).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(GradcheckError)
      expect((refused as GradcheckError).code).toBe('bad-usage')
      expect((refused as GradcheckError).fix).toMatch(/fewer samples.* or .*device cpu/)
    }
  })

  it('give back every buffer, whether they end, are aborted or fail', async () => {
    const model = await makeModel({ ...SHALLOW, widths: [5, 4] })
    using own = await openEvaluator()
    const { device } = own.opened[0]
    const create = device.createBuffer.bind(device)
    const held = new Set<GPUBuffer>()
    vi.spyOn(device, 'createBuffer').mockImplementation((descriptor) => {
      const buffer = create(descriptor)
      const destroy = buffer.destroy.bind(buffer)
      held.add(buffer)
      buffer.destroy = () => {
        held.delete(buffer)
        return destroy()
      }
      return buffer
    })
    await evaluateCounting(own.evaluator, model)
    const controller = new AbortController()
    const abort = () => controller.abort()
    await evaluateCounting(own.evaluator, model, { signal: controller.signal, onProgress: abort })
    const fail = () => {
      throw new RangeError('progress bar broken')
    }
    await expect(evaluateCounting(own.evaluator, model, { onProgress: fail })).rejects.toThrow()
    expect(device.createBuffer).toHaveBeenCalled()
    expect(held.size).toBe(0)
  })

  it('give a parameter the same bits whichever others are with it', async () => {
    const model = await makeModel({ ...DEEP, samples: 33 })
    const all = await evaluateAll(gpu, model, CENTRAL)
    for (const seed of [1, 2]) {
      const some = await evaluateAll(gpu, model, CENTRAL, selectSample(model, 60, seed))
      for (const [t, { entries, derivatives }] of some.entries()) {
        expect(Array.from(derivatives)).toEqual(Array.from(entries, (entry) => all[t].derivatives[entry]))
      }
    }
  })

  it.each([2, 3, 7])('give the same bits when their grids are folded into %i rows and more', async (rows) => {
    const model = await makeModel({ ...DEEP, samples: 33, widths: [40, 12, 6, 40, 20] })
    const selection = selectSample(model, 300, 1)
    const flat = await evaluateAll(gpu, model, CENTRAL, selection)
    const dispatch = GPUComputePassEncoder.prototype.dispatchWorkgroups
    let folded = 0
    vi.spyOn(GPUComputePassEncoder.prototype, 'dispatchWorkgroups').mockImplementation(function (
      this: GPUComputePassEncoder,
      x: number,
      y = 1,
    ) {
      expect(y).toBe(1)
      folded++
      dispatch.call(this, Math.ceil(x / rows), rows)
    })
    const tall = await evaluateAll(gpu, model, CENTRAL, selection)
    expect(folded).toBeGreaterThan(20)
    expect(valuesOf(tall)).toEqual(valuesOf(flat))
    expect(tall.map(({ kinks }) => kinks)).toEqual(flat.map(({ kinks }) => kinks))
  })

  it('of more workgroups than one row of a grid holds are folded', async () => {
    const samples = 2_100_000
    const wave = (factor: number) =>
      tensor(
        Float64Array.from({ length: samples }, (_, s) => 1 + Math.sin(factor * s)),
        [1, samples],
      )
    const { model } = await bindProblem({
      network: sequential([dense('linear')], { loss: 'half-squared-error' }),
      parameters: { W1: tensor([0.7], [1, 1]) },
      gradients: { dW1: tensor([0], [1, 1]) },
      inputs: wave(0.1),
      targets: wave(0.3),
    })
    const dispatch = vi.spyOn(GPUComputePassEncoder.prototype, 'dispatchWorkgroups')
    const results = await evaluateAll(gpu, model, CENTRAL)
    const grids = dispatch.mock.calls.map(([x, y = 1]) => [x, y])
    expect(grids).toContainEqual([expect.any(Number), 2])
    expect(grids.every(([x]) => x <= 65_535)).toBe(true)
    // a lane's sum of 65,625 terms loses digits, but no term
    expect(differenceOf(valuesOf(results), model.gradients())).toBeLessThan(1e-5)
  })
})

/** Takes 16 batches and more in so little memory. */
const IN_BATCHES: RandomNetworkOptions = { ...SHALLOW, widths: [200, 20], samples: 100 }
const SMALL_BATCHES = { memoryBytes: 2 ** 15 }

describe('a lost device', () => {
  it.each([1, 3])('is replaced, %i times in one evaluation, and the results are the same', async (losses) => {
    // a device that dies may still finish the two batches on their way
    const model = await makeModel(IN_BATCHES)
    pretendBatchesTake(60)
    using mortal = await openEvaluator(undefined, SMALL_BATCHES)
    const { opened, evaluator } = mortal
    const { results } = await evaluateCounting(evaluator, model, {
      onProgress: () => opened.length <= losses && kill(opened[opened.length - 1]),
    })
    expect(opened).toHaveLength(losses + 1)
    expect(valuesOf(results)).toEqual(valuesOf((await evaluateCounting(gpu, model)).results))
    expect(results.every(({ done, entries }) => done === entries.length)).toBe(true)
  })

  it('that is told of after its work has failed is replaced all the same', async () => {
    const model = await makeModel({ ...SHALLOW, widths: [5, 4] })
    const opened: GpuDevice[] = []
    const evaluator = await createWebgpuEvaluator(async () => {
      const real = await openGpuDevice('software')
      if (opened.length > 0) {
        opened.push(real)
        return real
      }
      kill(real)
      const told = real.device.lost.then(async (info) => {
        await new Promise((resolve) => setTimeout(resolve, 50))
        return info
      })
      Object.defineProperty(real.device, 'lost', { value: told })
      const lost: GpuDevice['lost'] = { reason: undefined }
      void told.then(({ message }) => {
        lost.reason = message
      })
      opened.push({ ...real, lost })
      return opened[0]
    })
    const { results } = await evaluateCounting(evaluator, model)
    evaluator.dispose()
    expect(opened).toHaveLength(2)
    expect(valuesOf(results)).toEqual(valuesOf((await evaluateCounting(gpu, model)).results))
  })

  it('between two evaluations is replaced', async () => {
    const model = await makeModel({ ...SHALLOW, widths: [5, 4] })
    using mortal = await openEvaluator()
    const { opened, evaluator } = mortal
    const before = await evaluateCounting(evaluator, model)
    kill(opened[0])
    const after = await evaluateCounting(evaluator, model)
    expect(opened).toHaveLength(2)
    expect(valuesOf(after.results)).toEqual(valuesOf(before.results))
  })

  it('that two checks share is replaced once, and both give the same results', async () => {
    const model = await makeModel(IN_BATCHES)
    const alone = await evaluateCounting(gpu, model)
    using mortal = await openEvaluator(undefined, SMALL_BATCHES)
    const { opened, evaluator } = mortal
    const onProgress = () => opened.length === 1 && kill(opened[0])
    const both = await Promise.all([
      evaluateCounting(evaluator, model, { onProgress }),
      evaluateCounting(evaluator, model, { onProgress }),
    ])
    expect(opened).toHaveLength(2)
    for (const { results } of both) expect(valuesOf(results)).toEqual(valuesOf(alone.results))
  })

  it('time and again ends the check with device-lost', async () => {
    const model = await makeModel(SHALLOW)
    using mortal = await openEvaluator(kill)
    const lost = await evaluateCounting(mortal.evaluator, model).catch((error: unknown) => error)
    expect(lost).toBeInstanceOf(GradcheckError)
    expect((lost as GradcheckError).code).toBe('device-lost')
    expect((lost as GradcheckError).message).toMatch(/was lost 5 times/)
    expect((lost as GradcheckError).fix).toMatch(/device cpu/)
  })

  it('that cannot be replaced ends the check with the reason', async () => {
    const model = await makeModel(SHALLOW)
    let count = 0
    const evaluator = await createWebgpuEvaluator(async () => {
      if (++count > 1) throw new GradcheckError('device-unavailable', 'the adapter is gone')
      const device = await openGpuDevice('software')
      kill(device)
      return device
    })
    await expect(evaluateCounting(evaluator, model)).rejects.toThrow('the adapter is gone')
    evaluator.dispose()
  })
})

describe('a closed evaluator', () => {
  const refusal = { code: 'bad-usage', message: expect.stringContaining('is closed') }

  it('is refused, and opens no other device', async () => {
    const model = await makeModel(SHALLOW)
    const { evaluator, opened } = await openEvaluator()
    evaluator.dispose()
    await expect(evaluateCounting(evaluator, model)).rejects.toMatchObject(refusal)
    expect(opened).toHaveLength(1)
  })

  it('ends the check that runs on it', async () => {
    const model = await makeModel({ ...SHALLOW, widths: [200, 20] })
    const { evaluator, opened } = await openEvaluator()
    const onProgress = () => evaluator.dispose()
    await expect(evaluateCounting(evaluator, model, { onProgress })).rejects.toMatchObject(refusal)
    expect(opened).toHaveLength(1)
  })
})

describe('an evaluator’s options', () => {
  it.each<[object, RegExp]>([
    [{ precision: 'double' }, /unknown precision "double"/],
    [{ memoryBytes: 0 }, /memoryBytes must be a number above 0, not 0/],
    [{ memoryBytes: '1' }, /memoryBytes .* not "1"/],
    [null as unknown as object, /must be an object, not null/],
  ])('%o are refused before a device is opened', async (options, message) => {
    const open = vi.fn(() => openGpuDevice('software'))
    await expect(createWebgpuEvaluator(open, options)).rejects.toThrow(message)
    expect(open).not.toHaveBeenCalled()
  })
})

describe('an error that is no loss', () => {
  it('of the host is passed on, and the device is not replaced', async () => {
    using own = await openEvaluator()
    const model = await makeModel(SHALLOW)
    const failing = evaluateCounting(own.evaluator, model, {
      onProgress: () => {
        throw new RangeError('progress bar broken')
      },
    })
    await expect(failing).rejects.toThrow(new RangeError('progress bar broken'))
    expect(own.opened).toHaveLength(1)
  })

  it('of the GPU is an internal error that names the batch', async () => {
    using own = await openEvaluator()
    const { device } = own.opened[0]
    const create = device.createBuffer.bind(device)
    // buffers that may not be copied to
    vi.spyOn(device, 'createBuffer').mockImplementation((descriptor) =>
      create(descriptor.label === 'results' ? { ...descriptor, usage: GPUBufferUsage.STORAGE } : descriptor),
    )
    const failed = await evaluateCounting(own.evaluator, await makeModel(SHALLOW)).catch(
      (error: unknown) => error,
    )
    expect(failed).toBeInstanceOf(GradcheckError)
    expect((failed as GradcheckError).code).toBe('internal')
    expect((failed as GradcheckError).message).toMatch(/a batch of \d+ perturbations of W1/)
    expect(own.opened).toHaveLength(1)
  })
})

describe('results that the GPU did not write', () => {
  it('are noticed, and evaluated again on a new device', async () => {
    const model = await makeModel({ ...SHALLOW, widths: [5, 4] })
    using own = await openEvaluator()
    const { opened, evaluator } = own
    // the first device loses a dispatch, as systems do that end a kernel without an error
    let skipped = 0
    const dispatch = GPUComputePassEncoder.prototype.dispatchWorkgroups
    vi.spyOn(GPUComputePassEncoder.prototype, 'dispatchWorkgroups').mockImplementation(function (
      this: GPUComputePassEncoder,
      x: number,
      y?: number,
    ) {
      if (opened.length === 1) skipped++
      else dispatch.call(this, x, y)
    })
    const { results } = await evaluateCounting(evaluator, model)
    vi.restoreAllMocks()
    expect(skipped).toBeGreaterThan(0)
    expect(opened).toHaveLength(2)
    expect(valuesOf(results)).toEqual(valuesOf((await evaluateCounting(gpu, model)).results))
  })
})

describe('an aborted evaluation', () => {
  it('stops early, keeps what is verified, and can go on from there', async () => {
    const model = await makeModel(DEEP)
    const complete = valuesOf(await evaluateAll(gpu, model, CENTRAL))
    pretendBatchesTake(1000)
    const controller = new AbortController()
    const { results } = await evaluateCounting(gpu, model, {
      signal: controller.signal,
      onProgress: (done) => done >= 500 && controller.abort(),
    })
    const done = results.reduce((sum, tensor) => sum + tensor.done, 0)
    expect(done).toBeGreaterThanOrEqual(500)
    expect(done).toBeLessThan(608)
    for (const [t, tensor] of results.entries()) {
      expect(tensor.derivatives.subarray(0, tensor.done)).toEqual(complete[t].subarray(0, tensor.done))
      expect(tensor.derivatives.subarray(tensor.done).every(Number.isNaN)).toBe(true)
    }
    await gpu.evaluate(model, results, CENTRAL)
    expect(valuesOf(results)).toEqual(complete)
  })

  it('before it began does nothing', async () => {
    const { results } = await evaluateCounting(gpu, await makeModel(DEEP), { signal: AbortSignal.abort() })
    expect(results.every(({ done, derivatives }) => done === 0 && derivatives.every(Number.isNaN))).toBe(true)
  })
})
