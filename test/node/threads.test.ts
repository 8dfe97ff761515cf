import { describe, expect, it } from 'vitest'
import { createRandomProblem } from '../../src/bench/random-problem.js'
import { createCpuEvaluator } from '../../src/differentiate/cpu/evaluator.js'
import { createProgramCarrier } from '../../src/differentiate/cpu/program-carrier.js'
import type { ToWorker } from '../../src/differentiate/cpu/worker-messages.js'
import type { Workers } from '../../src/differentiate/cpu/worker-pool.js'
import { createDerivatives } from '../../src/differentiate/evaluator.js'
import { useThreads } from '../../src/differentiate/node/threads.js'
import { selectAll } from '../../src/differentiate/selection.js'
import type { Model } from '../../src/network/model.js'
import { buildProgram } from '../../src/program/builder.js'
import { bindProgram } from '../../src/program/evaluate.js'
import { differentiateValue, type NumericalGradient } from '../../src/program/numerical-gradient.js'
import { inputsOf } from '../../src/program/program.js'
import { arraysOf, NETS } from '../support/nets.js'

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

describe('checks of programs', () => {
  const net = NETS.swiglu(3)
  const bound = bindProgram(
    buildProgram(net.build, new Map([...arraysOf(net)].map(([name, { shape }]) => [name, shape]))),
    arraysOf(net),
  )
  // enough that workers have started before the end
  const wanted = inputsOf(bound.program)
    .filter(({ name }) => net.parameters.has(name))
    .slice(0, 3)

  async function differentiateAll(workers: Workers | undefined, signal?: AbortSignal) {
    const carrier = createProgramCarrier(bound, workers)
    try {
      const found: (NumericalGradient | undefined)[] = []
      for (const value of wanted) {
        const lane = value.shape.length > 1 ? 0 : undefined
        found.push(await differentiateValue(carrier, value, 1e-7, lane, signal))
      }
      return found
    } finally {
      carrier.dispose()
    }
  }

  it('give the same bits on this thread, in one worker thread and in three', async () => {
    const alone = await differentiateAll(undefined)
    for (const count of [1, 3]) {
      let asked = 0
      const start = () => {
        const port = useThreads().start()
        const post = (message: ToWorker) => {
          if (message.kind === 'perturbations') asked++
          port.post(message)
        }
        return { ...port, post }
      }
      expect(await differentiateAll({ count, start })).toEqual(alone)
      expect(asked).toBeGreaterThan(0)
    }
  })

  it('stop when the signal aborts', async () => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 150)
    const found = await differentiateAll({ ...useThreads(), count: 2 }, stop.signal)
    expect(found.at(-1)).toBeUndefined()
  })

  it('say so when a worker thread fails', async () => {
    const start = () => {
      const port = useThreads().start()
      // of a value that is not there
      const perturbations = { id: -1, laneAxis: undefined, step: 1, from: 0, to: 1 }
      const post = (message: ToWorker) =>
        port.post(
          message.kind === 'ready' ? { kind: 'perturbations', id: message.id, perturbations } : message,
        )
      return { ...port, post }
    }
    await expect(differentiateAll({ count: 1, start })).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/^a worker thread failed: /),
    })
  })
})
