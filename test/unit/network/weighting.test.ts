import { expect, it } from 'vitest'
import { bindProblem } from '../../../src/check/problem.js'
import { linearize } from '../../../src/network/linearization.js'
import type { Model } from '../../../src/network/model.js'
import { backpropagationRounding, formatOf } from '../../../src/network/rounding.js'
import { computeHigherDerivatives, truncationScale } from '../../../src/network/truncation.js'
import { tensor } from '../../../src/tensor.js'
import { makeRandomProblem } from '../../support/random-network.js'

const WEIGHTS = [0.5, 3, 1.25, 0.75]

async function bindWeighted(weights: readonly number[]): Promise<Model> {
  const { problem } = makeRandomProblem({
    seed: 4,
    activations: ['tanh', 'softplus', 'linear'],
    loss: 'softmax-cross-entropy',
    reduction: 'weighted-mean',
    widths: [4, 5, 4, 3],
    samples: WEIGHTS.length,
    l2: 0.3,
  })
  const sampleWeights = tensor(Float64Array.from(weights), [weights.length])
  return (await bindProblem({ ...problem, sampleWeights })).model
}

/** What a check takes from a model, entry by entry. */
function listSizes(model: Model): Record<string, readonly (readonly number[])[]> {
  const base = linearize(model)
  const settings = { scheme: 'central', step: 1e-5 } as const
  const truncation = truncationScale(base, computeHigherDerivatives(base, undefined), settings, () => false)
  const rounding = backpropagationRounding(base, formatOf('float32'))
  const perEntry = (of: (t: number, k: number) => number) =>
    model.parameters.map(({ size }, t) => Array.from({ length: size }, (_, k) => of(t, k)))
  return {
    gradients: model.gradients().map((values) => [...values]),
    magnitudes: model.gradientMagnitudes().map((values) => [...values]),
    truncation: perEntry((t, k) => truncation.of(t, k)),
    rounding: perEntry((t, k) => rounding.of(t, k)),
  }
}

it('a weighted mean is the same with every weight negated, and so are the sizes of its errors', async () => {
  const [model, negated] = [await bindWeighted(WEIGHTS), await bindWeighted(WEIGHTS.map((weight) => -weight))]
  expect(negated.cost()).toBe(model.cost())
  expect(listSizes(negated)).toEqual(listSizes(model))
})

it('a scale is above 0 where weights add up to less than 0', async () => {
  const model = await bindWeighted([0.5, -3, 1.25, 0.75])
  expect(model.lossScale).toBeGreaterThan(0)
})
