import { describe, expect, it } from 'vitest'
import { createRandomProblem } from '../../src/bench/random-problem.js'
import { createDerivatives } from '../../src/differentiate/evaluator.js'
import { selectAll } from '../../src/differentiate/selection.js'
import { createWebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import { openGpuDevice } from '../support/gpu-device.js'

const { model } = await createRandomProblem({ widths: [6, 9, 3], activation: 'tanh', samples: 5 })
const SETTINGS = { step: 1e-5, scheme: 'central' } as const

/** Evaluates on a device whose error scopes report that memory ran out, the first `times` times. */
async function evaluateShortOfMemory(times: number) {
  let reports = 0
  const evaluator = await createWebgpuEvaluator(async () => {
    const gpu = await openGpuDevice('software')
    const pop = gpu.device.popErrorScope.bind(gpu.device)
    gpu.device.popErrorScope = async () => {
      const error = await pop()
      return error === null && reports++ < times ? new GPUOutOfMemoryError('no room') : error
    }
    return gpu
  })
  const results = createDerivatives(selectAll(model))
  try {
    await evaluator.evaluate(model, results, SETTINGS)
  } finally {
    evaluator.dispose()
  }
  return results
}

describe('a device that runs out of memory', () => {
  it('gives the same bits once batches are small enough', async () => {
    const enough = await evaluateShortOfMemory(0)
    const short = await evaluateShortOfMemory(2)
    expect(short.map(({ derivatives }) => derivatives)).toEqual(enough.map(({ derivatives }) => derivatives))
  })

  it('ends the check with what to do when nothing is small enough', async () => {
    await expect(evaluateShortOfMemory(Number.POSITIVE_INFINITY)).rejects.toMatchObject({
      code: 'bad-usage',
      message: expect.stringMatching(/does not fit into the memory of .*no room/),
      fix: expect.stringMatching(/device cpu/),
    })
  })
})

describe('a memory budget', () => {
  it.each([64, 256, 1024])(
    'of %i KiB holds all buffers of the batches of every tensor',
    async (kibibytes) => {
      const wide = await createRandomProblem({ widths: [30, 40, 20, 40, 5], activation: 'tanh', samples: 7 })
      const ofBatches = new Map<GPUBuffer, number>()
      let most = 0
      const evaluator = await createWebgpuEvaluator(
        async () => {
          const gpu = await openGpuDevice('software')
          const create = gpu.device.createBuffer.bind(gpu.device)
          gpu.device.createBuffer = (descriptor) => {
            const buffer = create(descriptor)
            // the buffers of the network itself are named after layers, targets and outputs
            if (/^(batch|entries|starts|changes|results|read-back)/.test(descriptor.label ?? '')) {
              ofBatches.set(buffer, descriptor.size)
              const destroy = buffer.destroy.bind(buffer)
              buffer.destroy = () => {
                ofBatches.delete(buffer)
                destroy()
              }
              most = Math.max(
                most,
                [...ofBatches.values()].reduce((sum, size) => sum + size, 0),
              )
            }
            return buffer
          }
          return gpu
        },
        { memoryBytes: kibibytes * 1024 },
      )
      const results = createDerivatives(selectAll(wide.model))
      await evaluator.evaluate(wide.model, results, SETTINGS)
      evaluator.dispose()
      expect(results.every(({ done, entries }) => done === entries.length)).toBe(true)
      // the uniforms and the canary words come on top
      expect(most).toBeLessThanOrEqual(kibibytes * 1024 + 256)
      expect(most).toBeGreaterThan(kibibytes * 256)
    },
  )
})
