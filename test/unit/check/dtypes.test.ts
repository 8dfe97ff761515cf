import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { toleranceOfWhole } from '../../../src/check/tolerances.js'
import type { NamedTensors } from '../../../src/tensor.js'
import { storeAs, withChanged } from '../../support/plant-errors.js'
import { Draws, makeRandomProblem, type RandomProblem } from '../../support/random-network.js'

const COARSE = ['float32', 'float16', 'bfloat16'] as const

/** Networks of smooth activations, whose gradients are of about one size. */
const networks = Array.from({ length: 24 }, (_, seed): RandomProblem => {
  const draws = new Draws(300 + seed)
  const depth = 1 + (seed % 3)
  return makeRandomProblem({
    seed,
    activations: Array.from({ length: depth }, () => draws.pick(['tanh', 'softplus', 'gelu', 'linear'])),
    loss: draws.pick(['mean-squared-error', 'half-squared-error']),
    widths: Array.from({ length: depth + 1 }, () => 2 + draws.below(6)),
    samples: 2 + draws.below(6),
    l2: draws.pick([0, 0.3]),
  })
})

/** The tensors whose names are given, stored in fewer digits. */
function storeSome(
  gradients: NamedTensors,
  isCoarse: (name: string) => boolean,
  dtype: (typeof COARSE)[number],
): NamedTensors {
  const coarse = storeAs(gradients, dtype)
  return new Map([...gradients].map(([name, own]) => [name, isCoarse(name) ? coarse.get(name)! : own]))
}

const isBias = (name: string) => name.startsWith('db')

describe.each(COARSE)('biases stored in %s beside weights in float64', (dtype) => {
  it('pass where both are right', async () => {
    for (const { problem, gradients } of networks) {
      const report = await checkGradients({ ...problem, gradients: storeSome(gradients, isBias, dtype) })
      expect(report.verdict, report.notices.join()).toBe('pass')
      expect(report.difference).toBeLessThanOrEqual(report.tolerance)
    }
  })

  it('do not loosen the weights: one that is off by 1e-5 is found, and no bias is', async () => {
    for (const [seed, { problem, gradients }] of networks.entries()) {
      const draws = new Draws(seed)
      const name = draws.pick([...gradients.keys()].filter((key) => !isBias(key)))
      const at = draws.below(gradients.get(name)!.data.length)
      const wrong = withChanged(gradients, name, (value, k) => (k === at ? value * (1 + 1e-5) : value))
      const report = await checkGradients({ ...problem, gradients: storeSome(wrong, isBias, dtype) })
      expect(report.verdict, `network ${seed}`).toBe('fail')
      expect(report.tensors.filter(({ verdict }) => verdict === 'fail').map((t) => t.gradient)).toEqual([
        name,
      ])
      expect(report.tensors.find(({ gradient }) => gradient === name)!.tolerance).toBe(1e-7)
    }
  })

  it('are judged by their own digits: such as are four times too large fail, but for sums that cancel', async () => {
    let failed = 0
    for (const { problem, gradients } of networks) {
      const [name] = [...gradients.keys()].filter(isBias)
      const wrong = withChanged(gradients, name, (value) => 4 * value)
      const report = await checkGradients({ ...problem, gradients: storeSome(wrong, isBias, dtype) })
      expect(report.verdict).not.toBe('pass')
      if (report.tensors.find(({ gradient }) => gradient === name)!.verdict === 'fail') failed++
    }
    expect(failed).toBeGreaterThan(0.9 * networks.length)
  })
})

describe('the tolerance of the whole', () => {
  it('is the tensors’ own where they have one', () => {
    expect(toleranceOfWhole([1e-7, 1e-7], [3, 4], 5)).toBe(1e-7)
  })

  it('is that of the tensors that the norm comes from', () => {
    expect(toleranceOfWhole([1e-7, 1e-2], [1, 1e-9], 1)).toBeCloseTo(1e-7, 9)
    expect(toleranceOfWhole([1e-7, 1e-2], [3, 4], 5)).toBeCloseTo(8e-3, 5)
  })

  it('is the least of them where there is nothing to go by', () => {
    expect(toleranceOfWhole([1e-5, 1e-7], [0, 0], 0)).toBe(1e-7)
    expect(toleranceOfWhole([1e-5, 1e-7], [Infinity, 1], Infinity)).toBe(1e-7)
  })
})
