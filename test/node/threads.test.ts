import { describe, expect, it } from 'vitest'
import { createRandomProblem } from '../../src/bench/random-problem.js'
import { createCpuEvaluator } from '../../src/differentiate/cpu/evaluator.js'
import { createDerivatives } from '../../src/differentiate/evaluator.js'
import { useThreads } from '../../src/differentiate/node/threads.js'
import { selectAll } from '../../src/differentiate/selection.js'
import type { Model } from '../../src/network/model.js'

const SETTINGS = { step: 1e-5, scheme: 'central' } as const

// long enough that the evaluator does not finish before it would start threads
const { model } = await createRandomProblem({ widths: [40, 60, 60, 60, 10], activation: 'tanh', samples: 16 })

async function evaluate(of: Model, threads: number) {
  const workers = { ...useThreads(), count: threads }
  const results = createDerivatives(selectAll(of))
  await createCpuEvaluator('processor', threads === 0 ? undefined : workers).evaluate(of, results, SETTINGS)
  return results
}

describe('the cpu evaluator', () => {
  it('gives the same bits on this thread, in one worker thread and in three', async () => {
    const alone = await evaluate(model, 0)
    for (const threads of [1, 3]) {
      const results = await evaluate(model, threads)
      for (const [t, tensor] of results.entries()) {
        expect(tensor.done).toBe(tensor.entries.length)
        expect(tensor.derivatives).toEqual(alone[t].derivatives)
        expect(tensor.kinks).toEqual(alone[t].kinks)
      }
    }
  })

  it('stops in its worker threads when the signal aborts, and counts what is done in order', async () => {
    const stop = new AbortController()
    const results = createDerivatives(selectAll(model))
    const evaluator = createCpuEvaluator('processor', { ...useThreads(), count: 2 })
    let reports = 0
    await evaluator.evaluate(model, results, SETTINGS, {
      signal: stop.signal,
      onProgress: () => {
        if (++reports === 4) stop.abort()
      },
    })
    const done = results.reduce((sum, tensor) => sum + tensor.done, 0)
    expect(done).toBeGreaterThan(0)
    expect(done).toBeLessThan(results.reduce((sum, tensor) => sum + tensor.entries.length, 0))
    for (const tensor of results) {
      expect(tensor.derivatives.subarray(0, tensor.done).every(Number.isFinite)).toBe(true)
    }
  })

  it('says so when a worker thread fails', async () => {
    const broken = useThreads()
    const start = () => {
      const port = broken.start()
      return {
        ...port,
        post: () => port.post({ kind: 'piece', id: 1, task: { perturbed: 'parameters', parts: [] } }),
      }
    }
    const results = createDerivatives(selectAll(model))
    await expect(
      createCpuEvaluator('processor', { count: 1, start }).evaluate(model, results, SETTINGS),
    ).rejects.toMatchObject({ code: 'internal', message: expect.stringMatching(/^a worker thread failed: /) })
  })
})
