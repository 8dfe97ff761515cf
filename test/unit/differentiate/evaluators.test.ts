import { afterEach, describe, expect, it, vi } from 'vitest'
import { createCpuEvaluator } from '../../../src/differentiate/cpu/evaluator.js'
import { createDerivatives, type DifferenceSettings } from '../../../src/differentiate/evaluator.js'
import { selectAll, selectSample } from '../../../src/differentiate/selection.js'
import { createTextbookEvaluator } from '../../../src/differentiate/textbook.js'
import { userOffset } from '../../../src/network/bind.js'
import { linearize } from '../../../src/network/linearization.js'
import type { Model } from '../../../src/network/model.js'
import { lossRounding } from '../../../src/network/rounding.js'
import { bindRandom, evaluateAll, inModelOrder, largestMultiple, valuesOf } from '../../support/evaluate.js'
import {
  costWithChange,
  makeRandomProblem,
  type RandomProblem,
  randomOptions,
} from '../../support/random-network.js'

const cpu = createCpuEvaluator('')
const textbook = createTextbookEvaluator('')
// test/unit/network/model.test.ts shows that these cover every activation, loss, layout and depth
const NUMBERS = Array.from({ length: 60 }, (_, number) => number)

const U = 2 ** -53

/** One standard deviation of what rounding two losses does to a textbook derivative. */
const roundoffOf = (model: Model, step: number) => (U * lossRounding(linearize(model))) / step

/** Every difference quotient of the plain cost by subtraction, in the model's order. */
function subtractCosts(
  random: RandomProblem,
  model: Model,
  { step, scheme }: DifferenceSettings,
): Float64Array[] {
  return model.parameters.map((parameter) =>
    Float64Array.from({ length: parameter.size }, (_, k) => {
      const costAt = (change: number) =>
        costWithChange(random, parameter.name, userOffset(parameter, k), change)
      return scheme === 'central'
        ? (costAt(step) - costAt(-step)) / (2 * step)
        : (costAt(step) - random.cost) / step
    }),
  )
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('cpu', () => {
  it.each(NUMBERS)('network %i: gives the gradient of plain backpropagation', async (number) => {
    const random = makeRandomProblem(randomOptions(number))
    const model = await bindRandom(random)
    const magnitudes = model.gradientMagnitudes()
    const results = await evaluateAll(cpu, model, { step: 1e-6, scheme: 'central' })
    const right = inModelOrder(model, random.gradients)
    expect(largestMultiple(valuesOf(results), right, (t, k) => magnitudes[t][k])).toBeLessThan(3e-9)
    for (const { kinks } of results) expect(kinks.every((count) => count === 0)).toBe(true)
  })

  it.each(NUMBERS)(
    'network %i: the forward scheme is off by an amount that shrinks with h',
    async (number) => {
      const random = makeRandomProblem(randomOptions(number))
      const model = await bindRandom(random)
      const magnitudes = model.gradientMagnitudes()
      const right = inModelOrder(model, random.gradients)
      const errorAt = async (step: number) => {
        const results = await evaluateAll(cpu, model, { step, scheme: 'forward' })
        return largestMultiple(valuesOf(results), right, (t, k) => magnitudes[t][k])
      }
      const [coarse, fine] = [await errorAt(4e-6), await errorAt(1e-6)]
      expect(coarse).toBeLessThan(1e-3)
      expect(coarse).toBeGreaterThan(0)
      expect(fine / coarse).toBeCloseTo(1 / 4, 2)
    },
  )

  it.each(
    NUMBERS.flatMap((number) => [
      { number, step: 0.1, scheme: 'central' as const },
      { number, step: 1, scheme: 'central' as const },
      { number, step: 1, scheme: 'forward' as const },
    ]),
  )(
    'network $number, h = $step, $scheme: is the true change of the loss, no linearisation',
    async (settings) => {
      const random = makeRandomProblem(randomOptions(settings.number))
      const model = await bindRandom(random)
      const results = await evaluateAll(cpu, model, settings)
      const true_ = subtractCosts(random, model, settings)
      const magnitudes = model.gradientMagnitudes()
      // the reference subtracts: its rounding is that of the cost
      const unit = (t: number, k: number) => U * (random.cost / settings.step + magnitudes[t][k])
      expect(largestMultiple(valuesOf(results), true_, unit)).toBeLessThan(100)
    },
  )

  it('is far from the gradient at a large step, where the loss is curved', async () => {
    const random = makeRandomProblem({ ...randomOptions(27), l2: 0 })
    const model = await bindRandom(random)
    const magnitudes = model.gradientMagnitudes()
    const results = await evaluateAll(cpu, model, { step: 1, scheme: 'central' })
    const right = inModelOrder(model, random.gradients)
    expect(largestMultiple(valuesOf(results), right, (t, k) => magnitudes[t][k])).toBeGreaterThan(1e-2)
  })

  it('follows parameters that were changed between two evaluations', async () => {
    const random = makeRandomProblem(randomOptions(4))
    const model = await bindRandom(random)
    await evaluateAll(cpu, model, { step: 1e-6, scheme: 'central' })
    for (const parameter of model.parameters) {
      const values = model.values(parameter)
      for (let k = 0; k < values.length; k++) values[k] *= 1 + 0.3 * Math.sin(k)
    }
    const magnitudes = model.gradientMagnitudes()
    const results = await evaluateAll(cpu, model, { step: 1e-6, scheme: 'central' })
    expect(largestMultiple(valuesOf(results), model.gradients(), (t, k) => magnitudes[t][k])).toBeLessThan(
      3e-9,
    )
  })

  it('evaluates a selection as it evaluates all', async () => {
    const model = await bindRandom(makeRandomProblem(randomOptions(14)))
    const settings = { step: 1e-5, scheme: 'central' as const }
    const all = await evaluateAll(cpu, model, settings)
    const some = await evaluateAll(cpu, model, settings, selectSample(model, 20, 3))
    const magnitudes = model.gradientMagnitudes()
    for (const [t, { entries, derivatives }] of some.entries()) {
      for (const [k, entry] of entries.entries()) {
        const distance = Math.abs(derivatives[k] - all[t].derivatives[entry])
        expect(distance).toBeLessThanOrEqual(1e-14 * magnitudes[t][entry])
      }
    }
  })
})

describe('kinks', () => {
  const kinked = ['relu', 'leaky-relu', 'selu'] as const

  it.each(kinked)('%s: an entry is marked when a perturbation carries a unit across', async (activation) => {
    const random = makeRandomProblem({
      seed: 31,
      activations: [activation, activation, 'linear'],
      loss: 'half-squared-error',
      widths: [3, 4, 3, 2],
      samples: 3,
    })
    const model = await bindRandom(random)
    const { Z } = model.forward()
    const settings = { step: 0.3, scheme: 'central' as const }
    const results = await evaluateAll(cpu, model, settings)
    let crossings = 0
    for (const { parameter, kinks } of results) {
      const theta = model.values(parameter)
      for (let k = 0; k < parameter.size; k++) {
        const kept = theta[k]
        let crossed = 0
        for (const h of [settings.step, -settings.step]) {
          theta[k] = kept + h
          const moved = model.forward().Z
          for (const l of [0, 1]) {
            crossed += moved[l].data.filter((z, at) => z > 0 !== Z[l].data[at] > 0).length
          }
        }
        theta[k] = kept
        expect(kinks[k]).toBe(crossed)
        crossings += crossed
      }
    }
    expect(crossings).toBeGreaterThan(5)
  })

  it('are counted to 255 and no further', async () => {
    const random = makeRandomProblem({
      seed: 1,
      activations: ['relu'],
      loss: 'half-squared-error',
      widths: [1, 1],
      samples: 400,
      kinkMargin: 0,
    })
    const model = await bindRandom(random)
    const [W] = await evaluateAll(cpu, model, { step: 100, scheme: 'central' })
    expect(W.kinks[0]).toBe(255)
  })

  it('are none for smooth activations however far a unit goes', async () => {
    const model = await bindRandom(makeRandomProblem(randomOptions(38)))
    const results = await evaluateAll(cpu, model, { step: 2, scheme: 'central' })
    for (const { kinks } of results) expect(kinks.every((count) => count === 0)).toBe(true)
  })

  it('of a unit at 0 are crossed by any step upwards', async () => {
    const random = makeRandomProblem({
      seed: 2,
      activations: ['relu', 'linear'],
      loss: 'half-squared-error',
      widths: [1, 1, 1],
      samples: 1,
    })
    const model = await bindRandom(random)
    model.inputs.data[0] = 0
    model.layers[0].biases!.fill(0)
    const results = await evaluateAll(cpu, model, { step: 1e-5, scheme: 'central' })
    expect(results.map(({ kinks }) => [...kinks])).toEqual([[0], [1], [0], [0]])
  })
})

describe('textbook', () => {
  it.each(NUMBERS)(
    'network %i: gives the gradient of plain backpropagation to its own roundoff',
    async (number) => {
      const random = makeRandomProblem(randomOptions(number))
      const model = await bindRandom(random)
      const magnitudes = model.gradientMagnitudes()
      const results = await evaluateAll(textbook, model, { step: 1e-5, scheme: 'central' })
      const right = inModelOrder(model, random.gradients)
      const roundoff = roundoffOf(model, 1e-5)
      const unit = (t: number, k: number) => roundoff + 1e-7 * magnitudes[t][k]
      expect(largestMultiple(valuesOf(results), right, unit)).toBeLessThan(4)
    },
  )

  it.each(NUMBERS)(
    'network %i: agrees with cpu in the forward scheme to its own roundoff',
    async (number) => {
      const model = await bindRandom(makeRandomProblem(randomOptions(number)))
      const settings = { step: 1e-5, scheme: 'forward' as const }
      const slow = await evaluateAll(textbook, model, settings)
      const fast = await evaluateAll(cpu, model, settings)
      const roundoff = roundoffOf(model, settings.step / 2)
      expect(largestMultiple(valuesOf(slow), valuesOf(fast), () => roundoff)).toBeLessThan(4)
    },
  )

  it('loses digits as the step shrinks, as its roundoff says, and cpu does not', async () => {
    const random = makeRandomProblem(randomOptions(27))
    const model = await bindRandom(random)
    const right = inModelOrder(model, random.gradients)
    const errorAt = async (evaluator: typeof cpu, step: number) =>
      largestMultiple(
        valuesOf(await evaluateAll(evaluator, model, { step, scheme: 'central' })),
        right,
        () => 1,
      )
    for (const step of [1e-8, 1e-10, 1e-12]) {
      const lost = await errorAt(textbook, step)
      const roundoff = roundoffOf(model, step)
      expect(lost).toBeLessThan(4 * roundoff)
      expect(lost).toBeGreaterThan(roundoff / 100)
    }
    expect(await errorAt(cpu, 1e-12)).toBeLessThan(1e-14)
  })

  it.each(['central', 'forward'] as const)('leaves the parameters as they were: %s', async (scheme) => {
    const model = await bindRandom(makeRandomProblem(randomOptions(17)))
    const before = model.parameters.map((parameter) => model.values(parameter).slice())
    await evaluateAll(textbook, model, { step: 0.1, scheme })
    expect(model.parameters.map((parameter) => model.values(parameter))).toEqual(before)
  })
})

describe.each([cpu, textbook])('$name', (evaluator) => {
  /** Makes every entry as long as a slice of work, so that the evaluator pauses before each. */
  const slowDown = () => {
    let now = 0
    vi.spyOn(performance, 'now').mockImplementation(() => (now += 1000))
  }

  it('reports progress, and the last report is everything', async () => {
    slowDown()
    const model = await bindRandom(makeRandomProblem(randomOptions(4)))
    const results = createDerivatives(selectAll(model))
    const total = results.reduce((sum, { entries }) => sum + entries.length, 0)
    const seen: number[] = []
    await evaluator.evaluate(
      model,
      results,
      { step: 1e-5, scheme: 'central' },
      { onProgress: (n) => seen.push(n) },
    )
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(seen.length).toBeGreaterThan(2)
    expect(seen.at(-1)).toBe(total)
  })

  it('stops early when it is aborted, and says how far it came', async () => {
    slowDown()
    const model = await bindRandom(makeRandomProblem(randomOptions(4)))
    const before = model.parameters.map((parameter) => model.values(parameter).slice())
    const settings = { step: 1e-5, scheme: 'central' as const }
    const complete = await evaluateAll(evaluator, model, settings)
    const results = createDerivatives(selectAll(model))
    const total = results.reduce((sum, { entries }) => sum + entries.length, 0)
    const stopAt = results[0].entries.length + 1
    const controller = new AbortController()
    await evaluator.evaluate(model, results, settings, {
      signal: controller.signal,
      onProgress: (done) => {
        if (done >= stopAt) controller.abort()
      },
    })
    const evaluated = results.reduce((sum, { done }) => sum + done, 0)
    expect(evaluated).toBeGreaterThanOrEqual(stopAt)
    expect(evaluated).toBeLessThan(total)
    // tensors in their order: none is begun before the one before it is done
    const open = results.findIndex(({ done, entries }) => done < entries.length)
    expect(results.slice(open + 1).every(({ done }) => done === 0)).toBe(true)
    for (const [t, { done, derivatives }] of results.entries()) {
      expect(derivatives.subarray(0, done)).toEqual(complete[t].derivatives.subarray(0, done))
      expect(derivatives.subarray(done).every(Number.isNaN)).toBe(true)
    }
    expect(model.parameters.map((parameter) => model.values(parameter))).toEqual(before)
  })

  it('does nothing when it was aborted before', async () => {
    const model = await bindRandom(makeRandomProblem(randomOptions(4)))
    const results = createDerivatives(selectAll(model))
    await evaluator.evaluate(
      model,
      results,
      { step: 1e-5, scheme: 'central' },
      { signal: AbortSignal.abort() },
    )
    expect(results.every(({ done, derivatives }) => done === 0 && derivatives.every(Number.isNaN))).toBe(true)
  })

  it('goes on from where an aborted evaluation stopped', async () => {
    slowDown()
    const model = await bindRandom(makeRandomProblem(randomOptions(14)))
    const settings = { step: 1e-5, scheme: 'forward' as const }
    const results = createDerivatives(selectAll(model))
    const controller = new AbortController()
    await evaluator.evaluate(model, results, settings, {
      signal: controller.signal,
      onProgress: (done) => {
        if (done >= 5) controller.abort()
      },
    })
    const evaluated = results.reduce((sum, { done }) => sum + done, 0)
    expect(evaluated).toBeGreaterThanOrEqual(5)
    expect(evaluated).toBeLessThan(results.reduce((sum, { entries }) => sum + entries.length, 0))
    await evaluator.evaluate(model, results, settings)
    expect(valuesOf(results)).toEqual(valuesOf(await evaluateAll(evaluator, model, settings)))
  })
})

describe('selectSample', () => {
  const model = () =>
    bindRandom(
      makeRandomProblem({
        seed: 1,
        activations: ['tanh', 'tanh', 'sigmoid'],
        loss: 'binary-cross-entropy',
        widths: [30, 20, 3, 1],
      }),
    )

  it('takes distinct elements of every tensor, in ascending order, as many as asked for', async () => {
    const bound = await model()
    for (const count of [6, 7, 50, 300, 600]) {
      const selection = selectSample(bound, count, 9)
      expect(selection.map(({ parameter }) => parameter)).toEqual(bound.parameters)
      for (const { parameter, entries } of selection) {
        expect(entries.length).toBeGreaterThanOrEqual(1)
        expect([...new Set(entries)].sort((a, b) => a - b)).toEqual([...entries])
        expect(entries.at(-1)).toBeLessThan(parameter.size)
      }
      const chosen = selection.reduce((sum, { entries }) => sum + entries.length, 0)
      expect(chosen).toBeGreaterThanOrEqual(count)
      expect(chosen).toBeLessThanOrEqual(count + bound.parameters.length)
    }
  })

  it('takes one of every tensor when fewer are asked for', async () => {
    const selection = selectSample(await model(), 1, 0)
    expect(selection.map(({ entries }) => entries.length)).toEqual([1, 1, 1, 1, 1, 1])
  })

  it('takes the most of the largest tensors', async () => {
    const selection = selectSample(await model(), 100, 0)
    const counts = selection.map(({ entries }) => entries.length)
    expect(counts[0]).toBeGreaterThan(80)
    expect(Math.max(...counts.slice(1))).toBeLessThan(12)
  })

  it('chooses the same for the same seed and others for another', async () => {
    const bound = await model()
    expect(selectSample(bound, 50, 4)).toEqual(selectSample(bound, 50, 4))
    expect(selectSample(bound, 50, 4)).not.toEqual(selectSample(bound, 50, 5))
  })

  it('takes everything when more are asked for than there are', async () => {
    const bound = await model()
    for (const count of [bound.parameters.reduce((sum, { size }) => sum + size, 0), 1e6]) {
      expect(selectSample(bound, count, 1)).toEqual(selectAll(bound))
    }
  })

  it('can choose any element', async () => {
    const bound = await model()
    const seen = new Set<number>()
    for (let seed = 0; seed < 200; seed++)
      for (const entry of selectSample(bound, 60, seed)[0].entries) seen.add(entry)
    expect(seen.size).toBe(600)
  })
})
