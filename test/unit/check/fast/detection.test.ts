import { describe, expect, it } from 'vitest'
import { estimateGradientRounding } from '../../../../src/check/error-estimate.js'
import { MismatchBound, smallestExtent } from '../../../../src/check/fast/detection.js'
import { Prober } from '../../../../src/check/fast/prober.js'
import { bindProblem } from '../../../../src/check/problem.js'
import { describeSampling, explainSampling } from '../../../../src/check/sampling.js'
import { createDerivatives } from '../../../../src/differentiate/evaluator.js'
import { selectSample } from '../../../../src/differentiate/selection.js'
import { linearize } from '../../../../src/network/linearization.js'
import { bindRandom } from '../../../support/evaluate.js'
import { Draws, makeRandomProblem } from '../../../support/random-network.js'

const network = makeRandomProblem({
  seed: 11,
  activations: ['tanh', 'linear'],
  loss: 'half-squared-error',
  widths: [15, 20, 3],
  samples: 6,
})

describe('MismatchBound', () => {
  const boundOf = (terms: readonly number[]) => {
    const bound = new MismatchBound()
    for (const term of terms) bound.add(term)
    return bound.value
  }

  it('is exceeded by no sum of random signs in ten thousand, and not far above the largest', () => {
    const terms = Array.from({ length: 400 }, (_, k) => 1 + (k % 7))
    const draws = new Draws(1)
    let largest = 0
    for (let trial = 0; trial < 10_000; trial++) {
      largest = Math.max(largest, Math.abs(terms.reduce((sum, term) => sum + term * draws.pick([-1, 1]), 0)))
    }
    expect(largest).toBeLessThan(boundOf(terms) * 1.2)
    expect(largest).toBeGreaterThan(boundOf(terms) / 1.5)
  })

  it('takes a few terms, and one that stands out, at their size', () => {
    expect(boundOf([3, 2])).toBe(5)
    expect(boundOf([1000, ...new Array(100).fill(0.1)])).toBeCloseTo(1000 + 4 * Math.sqrt(100 * 0.01), 9)
    expect(boundOf([])).toBe(0)
    expect(boundOf([Number.POSITIVE_INFINITY, 1])).toBe(Number.POSITIVE_INFINITY)
  })

  it('keeps what is too small to be squared', () => {
    expect(boundOf(new Array(100).fill(1e-200))).toBeGreaterThanOrEqual(4e-199)
  })
})

describe('the smallest error of an entry that directions find', () => {
  it('is found in 99 of 100 plantings, and a third of it never', async () => {
    const { model, gradients } = await bindProblem(network.problem)
    const rounding = estimateGradientRounding(linearize(model), gradients)
    const settings = { step: 1e-5, scheme: 'central' } as const
    const region = { rows: Uint32Array.from({ length: 20 }, (_, row) => row) }
    const right = gradients[0].values.slice()
    const probe = async (seed: number) => {
      const setting = {
        model,
        gradients,
        rounding,
        settings,
        tolerances: [1e-7, 1e-7, 1e-7, 1e-7],
        seed,
        hooks: {},
      }
      return (await new Prober(setting).probe(0, [region], 4, 'test'))![0]
    }
    const { smallestError, size } = await probe(0)
    expect(size).toBe(300)
    const draws = new Draws(2)
    const rateAt = async (error: number) => {
      let found = 0
      for (let trial = 1; trial <= 400; trial++) {
        gradients[0].values.set(right)
        gradients[0].values[draws.below(300)] += draws.pick([-1, 1]) * error
        if ((await probe(trial)).excess > 1) found++
      }
      gradients[0].values.set(right)
      return found / 400
    }
    // 99 % of 400, less three standard deviations
    expect(await rateAt(smallestError)).toBeGreaterThanOrEqual(0.975)
    const between = await rateAt(0.5 * smallestError)
    expect(between).toBeGreaterThan(0.1)
    expect(between).toBeLessThan(0.9)
    expect(await rateAt(smallestError / 3)).toBe(0)
  })
})

describe('what a sample finds', () => {
  it('is the least number of wrong entries that few samples miss', () => {
    const missed = (size: number, checked: number, wrong: number) => {
      let probability = 1
      for (let k = 0; k < checked; k++) probability *= Math.max(0, size - wrong - k) / (size - k)
      return probability
    }
    for (const [size, checked] of [
      [80, 20],
      [1000, 30],
      [50, 49],
      [5, 1],
      [7, 7],
      [100_000, 500],
    ]) {
      const wrong = smallestExtent(size, checked)
      expect(missed(size, checked, wrong)).toBeLessThanOrEqual(0.01 + 1e-12)
      if (wrong > 1) expect(missed(size, checked, wrong - 1)).toBeGreaterThan(0.01)
    }
    // of a large tensor, 1 − 0.01^(1/n)
    expect(smallestExtent(1e6, 100) / 1e6).toBeCloseTo(1 - 0.01 ** (1 / 100), 3)
  })

  it('comes true over a thousand samples', async () => {
    const model = await bindRandom(network)
    const sampled = (seed: number) => createDerivatives(selectSample(model, 60, seed))
    const results = sampled(0)
    for (const tensor of results) tensor.done = tensor.entries.length
    const { tensors } = describeSampling(results)
    const [W1] = tensors
    expect(W1).toMatchObject({ name: 'W1', singleEntry: results[0].entries.length / 300 })
    const wrong = Math.round(W1.extent * 300)
    let [single, several] = [0, 0]
    for (let seed = 1; seed <= 1000; seed++) {
      const [{ entries }] = sampled(seed)
      if (entries.includes(123)) single++
      if (entries.some((entry) => entry % 300 < wrong)) several++
    }
    expect(single / 1000).toBeGreaterThan(W1.singleEntry - 0.04)
    expect(single / 1000).toBeLessThan(W1.singleEntry + 0.04)
    expect(several / 1000).toBeGreaterThan(0.98)
  })

  it('is said of the tensor of which least was checked', () => {
    const probability = 0.99
    expect(
      explainSampling({
        probability,
        tensors: [
          { name: 'W1', singleEntry: 0.01, extent: 0.04 },
          { name: 'b1', singleEntry: 0.2, extent: 0.7 },
          { name: 'b2', singleEntry: 1, extent: 0 },
        ],
      }),
    ).toEqual([
      'a sample can miss errors: a single wrong entry is found with a probability of 1 % (W1) or more; wrong entries are found with 99 % probability where they are 70 % of a tensor (b1) or more',
    ])
    expect(
      explainSampling({ probability, tensors: [{ name: 'b1', singleEntry: 0.2, extent: 1 }] }).join(),
    ).toMatch(/where a tensor \(b1\) is wrong in every entry$/)
    expect(explainSampling({ probability, tensors: [{ name: 'W1', singleEntry: 1, extent: 0 }] })).toEqual([])
  })
})
