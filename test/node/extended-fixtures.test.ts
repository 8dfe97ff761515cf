import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkGradients } from '../../src/check/check-gradients.js'
import { createWebgpuEvaluator, type WebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import { openGpuDevice } from '../../src/gpu/node/open-adapter.js'
import { FIXTURES, readFixture } from '../support/fixtures.js'

let gpu: WebgpuEvaluator
beforeAll(async () => {
  gpu = await createWebgpuEvaluator(() => openGpuDevice('software'), { precision: 'extended' })
})
afterAll(() => gpu?.dispose())

const inFloat64 = FIXTURES.filter(
  ([, { verdict, gradient_precision }]) => verdict === 'pass' && gradient_precision === undefined,
)

it.each(inFloat64)(
  '%s in extended precision: the difference is at most 1e-11 at the default step',
  async (file) => {
    const report = await checkGradients(readFixture(file), { evaluator: gpu })
    expect(report).toMatchObject({ verdict: 'pass', precision: 'extended', step: 1e-6, tolerance: 1e-7 })
    expect(report.difference).toBeLessThanOrEqual(1e-11)
  },
)
