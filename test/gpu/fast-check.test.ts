import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkGradients } from '../../src/check/check-gradients.js'
import { createWebgpuEvaluator, type WebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { withChanged } from '../support/plant-errors.js'
import { makeRandomProblem } from '../support/random-network.js'

let gpu: WebgpuEvaluator

beforeAll(async () => {
  gpu = await createWebgpuEvaluator(() => openGpuDevice('software'))
})

afterAll(() => gpu?.dispose())

it('a fast check looks at the entries that its directions suspect on the device', async () => {
  const network = makeRandomProblem({
    seed: 41,
    activations: ['tanh', 'relu', 'linear'],
    loss: 'softmax-cross-entropy',
    widths: [20, 30, 25, 4],
    samples: 10,
  })
  const right = await checkGradients(network.problem, { evaluator: gpu, fast: true })
  expect(right.verdict).toBe('pass')
  expect(right.device.evaluator).toBe('webgpu')
  expect(right.fast!.evaluator).toBe('cpu')
  expect(right.notices.join()).toContain('the directions were evaluated in float64 on the processor')
  const wrong = withChanged(network.gradients, 'dW1', (value, k) => (k === 123 ? value + 0.01 : value))
  const report = await checkGradients(
    { ...network.problem, gradients: wrong },
    { evaluator: gpu, fast: true },
  )
  expect(report.diagnosis.map(({ message }) => message)).toEqual(['entry [6, 3] of W1 is wrong'])
  const [worst] = report.tensors[0].worst
  expect(worst.index).toEqual([6, 3])
  // in single precision, as the device gives it
  expect(worst.numerical).not.toBe(network.gradients.get('dW1')!.data[123])
  expect(worst.numerical).toBeCloseTo(network.gradients.get('dW1')!.data[123], 6)
})
