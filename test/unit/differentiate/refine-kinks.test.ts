import { describe, expect, it } from 'vitest'
import { bindProblem } from '../../../src/check/problem.js'
import { createCpuEvaluator } from '../../../src/differentiate/cpu/evaluator.js'
import { createDerivatives } from '../../../src/differentiate/evaluator.js'
import { refineKinks } from '../../../src/differentiate/refine-kinks.js'
import { selectAll } from '../../../src/differentiate/selection.js'
import { dense, sequential } from '../../../src/network/network.js'
import { tensor } from '../../../src/tensor.js'

/** One ReLU of w·x + b with x = 1, y = 0 and half the squared error: J = relu(w + b)²/2, dJ/dw = relu(w + b). */
async function evaluateAt(w: number, b: number, step: number) {
  const { model } = await bindProblem({
    network: sequential([dense('relu')], { loss: 'half-squared-error' }),
    parameters: { W1: tensor([w], [1, 1]), b1: tensor([b], [1]) },
    gradients: { dW1: tensor([0], [1, 1]), db1: tensor([0], [1]) },
    inputs: tensor([1], [1, 1]),
    targets: tensor([-1], [1, 1]),
  })
  const cpu = createCpuEvaluator('processor')
  const results = createDerivatives(selectAll(model))
  const settings = { step, scheme: 'central' } as const
  await cpu.evaluate(model, results, settings)
  const before = results.map((tensor) => tensor.derivatives[0])
  const { crossed, onKinks } = await refineKinks(model, cpu, results, settings)
  return { before, crossed: crossed.map((positions) => positions.length), onKinks, results }
}

describe('refineKinks', () => {
  it('gives the slope beside the kink where the step had crossed it', async () => {
    const { before, crossed, results } = await evaluateAt(0.01, 0, 0.1)
    expect(crossed).toEqual([1, 1])
    // J = (relu(w) + 1)²/2, whose slope at 0.01 is 1.01
    expect(Math.abs(before[0] - 1.01)).toBeGreaterThan(0.1)
    expect(results[0].derivatives[0]).toBeCloseTo(1.01, 9)
    expect(results.map((tensor) => tensor.kinks[0])).toEqual([0, 0])
  })

  it('leaves alone what crosses no kink', async () => {
    const { before, crossed, results } = await evaluateAt(2, 0, 0.1)
    expect(crossed).toEqual([0, 0])
    expect(results.map((tensor) => tensor.derivatives[0])).toEqual(before)
  })

  it('keeps the mark of an entry that sits on its kink, and gives the slopes on both sides', async () => {
    const { crossed, onKinks, results } = await evaluateAt(1, -1, 1e-5)
    // (relu(z) + 1)²/2 has the slopes 0 and 1 at z = 0
    for (const { positions, left, right } of onKinks) {
      expect([...positions]).toEqual([0])
      expect(left[0]).toBeCloseTo(0, 12)
      expect(right[0]).toBeCloseTo(1, 12)
    }
    expect(crossed).toEqual([1, 1])
    expect(results.every((tensor) => tensor.kinks[0] !== 0)).toBe(true)
  })
})
