import { describe, expect, it } from 'vitest'
import { bindProblem } from '../../../src/check/problem.js'
import { userOffset } from '../../../src/network/bind.js'
import { LAYOUT_NAMES } from '../../../src/network/layout.js'
import { LOSS_NAMES } from '../../../src/network/losses.js'
import type { Model } from '../../../src/network/model.js'
import { REDUCTION_NAMES } from '../../../src/network/reductions.js'
import { FIXTURES, readFixture } from '../../support/fixtures.js'
import {
  ACTIVATIONS_UNDER_TEST,
  drawReduction,
  makeRandomProblem,
  type RandomNetworkOptions,
  type RandomProblem,
  randomOptions,
} from '../../support/random-network.js'

/**
 * With samples that are weighted or do not count, and every reduction; from the 60th on with every activation that
 * has a constant as well.
 */
function optionsOf(number: number): RandomNetworkOptions {
  const options = { ...randomOptions(number), ...drawReduction(number) }
  if (number < 60) return options
  const last = options.activations.length - 1
  const activations = options.activations.map((activation, l) => {
    const isHeld = options.loss.endsWith('cross-entropy') && l === last
    return isHeld
      ? activation
      : ACTIVATIONS_UNDER_TEST[((number >> 1) + 4 * (last - l)) % ACTIVATIONS_UNDER_TEST.length]
  })
  return { ...options, activations }
}

const NUMBERS = Array.from({ length: 120 }, (_, number) => number)

/** Largest distance of an entry of the model's gradient from the right one, in units of Σ|terms|. */
function largestError(model: Model, { gradients }: RandomProblem): number {
  const magnitudes = model.gradientMagnitudes()
  let largest = 0
  for (const [t, values] of model.gradients().entries()) {
    const parameter = model.parameters[t]
    const right = gradients.get(`d${parameter.name}`)!.data
    for (let k = 0; k < values.length; k++) {
      const distance = Math.abs(values[k] - right[userOffset(parameter, k)])
      if (distance > 0) largest = Math.max(largest, distance / magnitudes[t][k])
    }
  }
  return largest
}

/** ‖a − b‖ / (‖a‖ + ‖b‖) */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const distance = Math.hypot(...Array.from(a, (value, k) => value - b[k]))
  return distance / (Math.hypot(...Array.from(a)) + Math.hypot(...Array.from(b)))
}

describe('cost and gradients', () => {
  it.each(NUMBERS)('of random network %i are those of plain backpropagation', async (number) => {
    const random = makeRandomProblem(optionsOf(number))
    const { model } = await bindProblem(random.problem)
    // weights of both signs may cancel
    const { weights } = model.weighting
    if (weights?.some((weight) => weight < 0) !== true)
      expect(Math.abs(model.cost() - random.cost)).toBeLessThan(1e-14 * Math.abs(random.cost))
    expect(largestError(model, random)).toBeLessThan(1e-14)
  })

  it('were compared for every activation, inside and last, every loss, layout and depth', () => {
    const all = NUMBERS.map(optionsOf)
    expect(new Set(all.flatMap(({ activations }) => activations.slice(0, -1)))).toEqual(
      new Set(ACTIVATIONS_UNDER_TEST),
    )
    expect(new Set(all.map(({ activations }) => activations.at(-1)))).toEqual(new Set(ACTIVATIONS_UNDER_TEST))
    const combinations = all.map(({ loss, layout, activations }) => `${loss} ${layout} ${activations.length}`)
    expect(new Set(combinations).size).toBe(LOSS_NAMES.length * LAYOUT_NAMES.length * 5)
    expect(new Set(all.map(({ biases }) => biases))).toEqual(new Set(['all', 'some', 'none']))
    expect(new Set(all.map(({ reduction }) => reduction))).toEqual(new Set([...REDUCTION_NAMES, undefined]))
    expect(new Set(all.map(({ sampleWeights = 'none' }) => sampleWeights)).size).toBe(4)
    expect(all.some(({ l2 }) => l2 === 0) && all.some(({ l2 }) => l2! > 0)).toBe(true)
  })

  it.each(LOSS_NAMES)('keep their digits when %s is saturated', async (loss) => {
    const last =
      loss === 'binary-cross-entropy' ? 'sigmoid' : loss === 'softmax-cross-entropy' ? 'linear' : 'tanh'
    const random = makeRandomProblem({
      seed: 12,
      activations: ['tanh', 'sigmoid', last],
      loss,
      widths: [4, 6, 5, 3],
      samples: 8,
      scale: 8,
    })
    const { model } = await bindProblem(random.problem)
    expect(Math.abs(model.cost() - random.cost)).toBeLessThan(1e-11 * random.cost)
    expect(largestError(model, random)).toBeLessThan(1e-14)
  })

  it('count λ/(2m)·ΣW² and leave the biases out of it', async () => {
    const options = { ...randomOptions(4), l2: 0 }
    const without = (await bindProblem(makeRandomProblem(options).problem)).model
    const model = (await bindProblem(makeRandomProblem({ ...options, l2: 0.7 }).problem)).model
    const factor = 0.7 / model.samples
    const squares = model.layers.flatMap(({ weights }) => [...weights]).reduce((sum, w) => sum + w * w, 0)
    expect(model.cost() - without.cost()).toBeCloseTo((factor / 2) * squares, 12)
    const [gradients, plain] = [model.gradients(), without.gradients()]
    for (const [t, parameter] of model.parameters.entries()) {
      const added = parameter.role === 'weights' ? factor : 0
      for (const [k, w] of model.values(parameter).entries()) {
        expect(gradients[t][k] - plain[t][k]).toBeCloseTo(added * w, 12)
      }
    }
  })
})

describe('magnitudes', () => {
  it.each(NUMBERS.slice(0, 12))('of random network %i are at least the gradient’s size', async (number) => {
    const { model } = await bindProblem(makeRandomProblem(randomOptions(number)).problem)
    const magnitudes = model.gradientMagnitudes()
    for (const [t, values] of model.gradients().entries()) {
      for (let k = 0; k < values.length; k++) {
        expect(magnitudes[t][k]).toBeGreaterThanOrEqual(Math.abs(values[k]) * (1 - 1e-14))
      }
    }
  })

  it('are the gradient’s size where all terms have one sign, and more where they cancel', async () => {
    const positive = makeRandomProblem({
      seed: 1,
      activations: ['softplus', 'softplus'],
      loss: 'half-squared-error',
      widths: [2, 3, 2],
    })
    const { model } = await bindProblem(positive.problem)
    for (const layer of model.layers)
      for (const [k, w] of layer.weights.entries()) layer.weights[k] = Math.abs(w)
    for (const [k, x] of model.inputs.data.entries()) model.inputs.data[k] = Math.abs(x)
    model.targets.data.fill(-1)
    const gradients = model.gradients()
    for (const [t, values] of model.gradientMagnitudes().entries()) {
      for (const [k, value] of values.entries()) expect(value).toBeCloseTo(gradients[t][k], 12)
    }
    model.targets.data.fill(1e3)
    model.targets.data.fill(-1e3, 0, 2)
    const [magnitudes, mixed] = [model.gradientMagnitudes(), model.gradients()]
    expect(magnitudes[0][0]).toBeGreaterThan(1.01 * Math.abs(mixed[0][0]))
  })
})

describe('saved gradients of other programs', () => {
  it.each(FIXTURES)('%s: cost and gradient are reproduced', async (file, expected) => {
    const { model, gradients } = await bindProblem(readFixture(file))
    const isSingle = expected.gradient_precision === 'float32'
    if (expected.cost !== undefined) {
      expect(Math.abs(model.cost() - expected.cost)).toBeLessThan((isSingle ? 1e-6 : 1e-12) * expected.cost)
    }
    const wrong: Record<string, number> = file === 'three-layer-buggy.npz' ? { dW2: 2, db1: 4 } : {}
    for (const [t, values] of model.gradients().entries()) {
      const { name, values: saved } = gradients[t]
      const right = saved.map((value) => value / (wrong[name] ?? 1))
      expect(difference(values, right), name).toBeLessThan(isSingle ? 1e-6 : 1e-12)
    }
  })

  it('all are compared', () => {
    expect(FIXTURES).toHaveLength(6)
    expect(FIXTURES.filter(([, { cost }]) => cost !== undefined)).toHaveLength(5)
  })
})
