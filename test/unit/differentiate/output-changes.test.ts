import { describe, expect, it } from 'vitest'
import { createCpuEvaluator } from '../../../src/differentiate/cpu/evaluator.js'
import type { DifferenceSettings } from '../../../src/differentiate/evaluator.js'
import { selectAll, selectSample } from '../../../src/differentiate/selection.js'
import { type ActivationName, findActivation } from '../../../src/network/activations.js'
import type { Model } from '../../../src/network/model.js'
import type { NamedTensors } from '../../../src/tensor.js'
import { bindRandom, evaluateAll, inModelOrder, largestMultiple, valuesOf } from '../../support/evaluate.js'
import {
  costWithChange,
  makeRandomProblem,
  type RandomProblem,
  randomOptions,
} from '../../support/random-network.js'

const cpu = createCpuEvaluator('')
const SETTINGS: DifferenceSettings = { step: 1e-6, scheme: 'central' }
const U = 2 ** -53
const NUMBERS = Array.from({ length: 60 }, (_, number) => number)

const byOutputs = (model: Model, settings = SETTINGS, selection = selectAll(model)) =>
  evaluateAll(cpu, model, settings, selection, 'outputs')

describe('outputs moved in place of parameters', () => {
  it.each(NUMBERS)('network %i: give the gradient of plain backpropagation', async (number) => {
    const random = makeRandomProblem(randomOptions(number))
    const model = await bindRandom(random)
    const magnitudes = model.gradientMagnitudes()
    const results = await byOutputs(model, { ...SETTINGS, step: 1e-7 })
    const right = inModelOrder(model, random.gradients)
    expect(largestMultiple(valuesOf(results), right, (t, k) => magnitudes[t][k])).toBeLessThan(3e-9)
    for (const { kinks } of results) expect(kinks.every((count) => count === 0)).toBe(true)
  })

  it.each(NUMBERS)('network %i: give what parameters moved one by one give', async (number) => {
    const model = await bindRandom(makeRandomProblem(randomOptions(number)))
    const magnitudes = model.gradientMagnitudes()
    const settings = { ...SETTINGS, step: 1e-9 }
    const ofParameters = valuesOf(await evaluateAll(cpu, model, settings))
    const distance = largestMultiple(
      valuesOf(await byOutputs(model, settings)),
      ofParameters,
      (t, k) => magnitudes[t][k],
    )
    expect(distance).toBeLessThan(1e-12)
  })

  const smooth = NUMBERS.filter(
    (number) => !randomOptions(number).activations.some((name) => findActivation(name).hasKink),
  )

  it.each(smooth)(
    'network %i, h = 0.5: are the true change of the loss, no linearisation',
    async (number) => {
      // with one sample a bias moves what the output moves
      const random = makeRandomProblem({ ...randomOptions(number), samples: 1, biases: 'all', l2: 0 })
      const model = await bindRandom(random)
      const magnitudes = model.gradientMagnitudes()
      const step = 0.5
      const results = await byOutputs(model, { step, scheme: 'central' })
      for (const [t, { derivatives, parameter }] of results.entries()) {
        if (parameter.role === 'weights') continue
        const costAt = (unit: number, change: number) => costWithChange(random, parameter.name, unit, change)
        for (const [unit, derivative] of derivatives.entries()) {
          const quotient = (costAt(unit, step) - costAt(unit, -step)) / (2 * step)
          const rounding = 100 * U * (Math.max(1, random.cost) / step + magnitudes[t][unit])
          expect(Math.abs(derivative - quotient)).toBeLessThan(rounding)
        }
      }
    },
  )

  it('are the same for a selection as for all', async () => {
    const model = await bindRandom(makeRandomProblem(randomOptions(14)))
    const all = await byOutputs(model)
    const some = await byOutputs(model, SETTINGS, selectSample(model, 20, 3))
    const magnitudes = model.gradientMagnitudes()
    for (const [t, { entries, derivatives }] of some.entries()) {
      for (const [k, entry] of entries.entries()) {
        const distance = Math.abs(derivatives[k] - all[t].derivatives[entry])
        expect(distance).toBeLessThanOrEqual(1e-14 * magnitudes[t][entry])
      }
    }
  })
})

describe('where outputs cross kinks', () => {
  const deep = (seed: number, activation: ActivationName, kinkMargin: number) =>
    makeRandomProblem({
      seed,
      activations: [activation, activation, activation, 'sigmoid'],
      loss: 'binary-cross-entropy',
      widths: [7, 41, 38, 35, 2],
      samples: 3,
      kinkMargin,
    })

  it.each(['relu', 'leaky-relu', 'selu'] as const)(
    '%s: a step across many of them gives the derivative, not the chord',
    async (activation) => {
      const random = deep(5, activation, 1e-7)
      const model = await bindRandom(random)
      const settings = { step: 1e-2, scheme: 'central' } as const
      const ofParameters = await evaluateAll(cpu, model, settings)
      expect(ofParameters.some(({ kinks }) => kinks.some((count) => count > 0))).toBe(true)
      const results = await byOutputs(model, settings)
      for (const { kinks } of results) expect(kinks.every((count) => count === 0)).toBe(true)
      const right = inModelOrder(model, random.gradients)
      const magnitudes = model.gradientMagnitudes()
      expect(largestMultiple(valuesOf(results), right, (t, k) => magnitudes[t][k])).toBeLessThan(1e-4)
    },
  )

  it('marks every parameter that moves a unit on its kink, and no other', async () => {
    const { problem } = deep(6, 'relu', 1e-3)
    const parameters = problem.parameters as NamedTensors
    const W1 = parameters.get('W1')!
    const X = problem.inputs
    // unit 2 is at 0 for sample 1 alone: its weights are 0 but for one input, that this sample has not
    W1.data.fill(0, 14, 21)
    W1.data[16] = 1
    X.data[2 * 3 + 1] = 0
    parameters.get('b1')!.data[2] = 0
    const model = await bindRandom({ problem } as RandomProblem)
    const [weights, biases, ...others] = await byOutputs(model)
    const isMarked = (k: number) => Math.floor(k / 7) === 2 && k % 7 !== 2
    expect(Array.from(weights.kinks, Boolean)).toEqual(Array.from(weights.kinks, (_, k) => isMarked(k)))
    expect(Array.from(biases.kinks, Boolean)).toEqual(Array.from(biases.kinks, (_, k) => k === 2))
    for (const { kinks } of others) expect(kinks.every((count) => count === 0)).toBe(true)
  })
})
