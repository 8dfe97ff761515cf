import { expect, it } from 'vitest'
import { createRandomProblem } from '../../../../src/bench/random-problem.js'
import { entryLimit } from '../../../../src/check/fast/plan.js'

const CENTRAL = { step: 1e-6, scheme: 'central' } as const

it('as many entries are looked at one by one as their work allows: fewer with more samples or more layers behind', async () => {
  const widths = [40, 300, 300, 300, 10]
  const { model } = await createRandomProblem({ widths, activation: 'tanh', samples: 64 })
  const more = (await createRandomProblem({ widths, activation: 'tanh', samples: 256 })).model
  const first = entryLimit(model, model.parameters[0], CENTRAL)
  const last = entryLimit(model, model.parameters.at(-1)!, CENTRAL)
  expect(first).toBeLessThan(last)
  expect(entryLimit(more, more.parameters[0], CENTRAL) / first).toBeCloseTo(1 / 4, 2)
  // one side is half the work
  expect(entryLimit(model, model.parameters[0], { ...CENTRAL, scheme: 'forward' }) / first).toBeCloseTo(2, 2)
})
