import { afterAll, beforeAll, expect, it } from 'vitest'
import { createWebgpuEvaluator, type WebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import { openGpuDevice } from '../../src/gpu/node/open-adapter.js'
import { howMany, numbersOf } from '../support/how-many.js'
import { checkRightly, findsChange } from '../support/scaled-networks.js'

const evaluators: WebgpuEvaluator[] = []

beforeAll(async () => {
  for (const precision of ['single', 'extended'] as const) {
    evaluators.push(await createWebgpuEvaluator(() => openGpuDevice('software'), { precision }))
  }
})

afterAll(() => {
  for (const evaluator of evaluators) evaluator.dispose()
})

/** Inputs from 1e-12 to 1e15 and weights that fit. */
it.each([
  // the error of single precision itself is above the tolerance now and then
  { index: 0, precision: 'single', some: 6, all: 12, mayBeOpen: 0.3 },
  { index: 1, precision: 'extended', some: 2, all: 2, mayBeOpen: 0.05 },
])(
  'WGSL in $precision precision: data of every size, right gradients pass and one changed entry is found',
  async ({ index, some, all, mayBeOpen }) => {
    const evaluator = evaluators[index]
    const numbers = numbersOf(howMany(some, all))
    let [open, missed] = [0, 0]
    for (const number of numbers) {
      const { verdict, notices } = await checkRightly(number, { evaluator })
      if (verdict !== 'pass' && !notices.join().includes('zero everywhere')) open++
      if ((await findsChange(number, 1e-2, { evaluator })) === false) missed++
    }
    expect(open).toBeLessThanOrEqual(mayBeOpen * numbers.length)
    expect(missed).toBeLessThanOrEqual(0.01 * numbers.length)
  },
  1_200_000,
)
