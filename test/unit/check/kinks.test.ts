import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { createCpuEvaluator } from '../../../src/differentiate/cpu/evaluator.js'
import type { Evaluator } from '../../../src/differentiate/evaluator.js'
import { unravelIndex } from '../../../src/tensor.js'
import { withChanged } from '../../support/plant-errors.js'
import {
  backpropagateRelu,
  findUntestedTensors,
  makeReluNetwork,
  type ReluNetwork,
  reluProblem,
} from '../../support/relu-network.js'

/** Counts the parameters evaluated, repetitions included. */
function countingEvaluator(): Evaluator & { evaluated: number } {
  const cpu = createCpuEvaluator('')
  return {
    ...cpu,
    evaluated: 0,
    async evaluate(model, tensors, settings, hooks) {
      await cpu.evaluate(model, tensors, settings, hooks)
      this.evaluated += tensors.reduce((sum, { done }) => sum + done, 0)
    },
  }
}

const NETWORKS: [string, ReluNetwork][] = [
  [
    'half of the data zero, biases zero',
    makeReluNetwork({
      widths: [3, 8, 6, 2],
      samples: 9,
      bias: 0,
      input: (draws) => (draws.uniform() < 0.6 ? 0 : draws.normal()),
    }),
  ],
  [
    'all data zero, biases zero',
    makeReluNetwork({ widths: [3, 5, 4, 2], samples: 4, bias: 0, input: () => 0 }),
  ],
  [
    'a layer of zero weights, biases zero',
    makeReluNetwork({
      widths: [3, 5, 4, 3, 2],
      samples: 4,
      bias: 0,
      weight: (l, draws) => (l === 1 ? 0 : draws.normal()),
    }),
  ],
  [
    'all weights and biases zero',
    makeReluNetwork({ widths: [3, 5, 4, 2], samples: 4, bias: 0, weight: () => 0 }),
  ],
  [
    'weights of 1 and −1, pre-activations that cancel exactly',
    makeReluNetwork({
      widths: [4, 6, 5, 2],
      samples: 12,
      bias: 0,
      weight: (_l, draws) => draws.pick([-1, 1]),
      input: (draws) => draws.pick([-1, 0, 1]),
    }),
  ],
]

describe.each(NETWORKS)('units exactly on their kinks: %s', (_name, network) => {
  it.each([0, 1, 0.5])(
    'the gradient with f′(0) = %d everywhere has no wrong entry, and the kinks are told',
    async (slope) => {
      const report = await checkGradients(reluProblem(network, backpropagateRelu(network, slope)))
      const untested = findUntestedTensors(network)
      expect(report.verdict, report.notices.join()).toBe(untested.length > 0 ? 'inconclusive' : 'pass')
      for (const { gradient, verdict, wrongEntries } of report.tensors) {
        expect(wrongEntries).toBe(0)
        expect(verdict, gradient).toBe(untested.includes(gradient) ? 'inconclusive' : 'pass')
      }
      expect(report.tensors.some(({ kinks }) => kinks > 0)).toBe(true)
      expect(report.notices.join()).toMatch(
        /sits? on a kink of layer \d \(unit \d+, sample \d+.*(the gradient has what f′\(0\) = |gives the same)/,
      )
      expect(report.difference).toBeLessThan(1e-9)
    },
  )

  it('an entry beyond all of these values is wrong', async () => {
    const usual = [0, 1, 0.5].map((slope) => backpropagateRelu(network, slope))
    for (const name of usual[0].keys()) {
      const largest = Math.max(
        1,
        ...usual.flatMap((gradients) => [...gradients.get(name)!.data].map(Math.abs)),
      )
      const { shape, data } = usual[0].get(name)!
      const at = Math.floor(data.length / 2)
      const wrong = withChanged(usual[0], name, (value, k) => (k === at ? 100 * largest : value))
      const report = await checkGradients(reluProblem(network, wrong))
      expect(report.verdict).toBe('fail')
      const found = report.tensors.find(({ gradient }) => gradient === name)!
      expect(found.wrongEntries).toBe(1)
      expect(found.worst[0].index).toEqual(unravelIndex(at, shape))
    }
  })
})

describe('samples of zeros without biases', () => {
  it('hold every unit at 0 whatever is perturbed: nothing crosses, and all passes', async () => {
    const network = makeReluNetwork({ widths: [3, 5, 2], samples: 4, input: () => 0 })
    network.X.set([1, -2, 0.5])
    for (const slope of [0, 1, 0.5]) {
      const report = await checkGradients(reluProblem(network, backpropagateRelu(network, slope)))
      expect(report).toMatchObject({ verdict: 'pass', notices: [] })
      expect(report.tensors.every(({ kinks }) => kinks === 0)).toBe(true)
    }
  })
})

describe('entries on kinks', () => {
  it('are not wrong anywhere between their one-sided slopes, and are beyond', async () => {
    // z = 0 at x = 0: the bias's one-sided slopes are 0 and −1
    const network: ReluNetwork = {
      widths: [1, 1, 1],
      samples: 1,
      W: [Float64Array.of(1), Float64Array.of(1)],
      b: [Float64Array.of(0), Float64Array.of(0)],
      X: Float64Array.of(0),
      Y: Float64Array.of(1),
    }
    const right = backpropagateRelu(network, 0)
    const verdictFor = async (value: number) => {
      const report = await checkGradients(
        reluProblem(
          network,
          withChanged(right, 'db1', () => value),
        ),
      )
      return report.tensors.find(({ name }) => name === 'b1')!
    }
    // nothing but the kink gives it a gradient
    for (const value of [0, -1, -0.5, -0.123]) {
      expect(await verdictFor(value)).toMatchObject({ verdict: 'inconclusive', kinks: 1, wrongEntries: 0 })
    }
    expect((await verdictFor(-0.5)).undecidedEntries).toBe(0)
    expect((await verdictFor(-0.123)).undecidedEntries).toBe(1)
    for (const [value, nearest] of [
      [0.001, 0],
      [-1.001, -1],
      [5, 0],
    ]) {
      const b1 = await verdictFor(value)
      expect(b1).toMatchObject({ verdict: 'fail', kinks: 1, wrongEntries: 1 })
      expect(b1.worst[0].analytical).toBe(value)
      expect(b1.worst[0].numerical).toBeCloseTo(nearest, 12)
    }
  })

  it('need not lie between their one-sided slopes to be right: several units at once', async () => {
    // c·(1 − c) for f′(0) = c: one path through one unit on its kink, another through two
    const network: ReluNetwork = {
      widths: [1, 2, 2, 1],
      samples: 1,
      // the first unit stays away from its kink, the second sits on it; both feed the one below 0 and the one at 0
      W: [Float64Array.of(1, 0), Float64Array.of(0, 0, 1, 1), Float64Array.of(1, -1)],
      b: [Float64Array.of(1, 0), Float64Array.of(1, 0), Float64Array.of(0)],
      X: Float64Array.of(1),
      Y: Float64Array.of(-3),
    }
    const slopes = [0, 1, 0.5].map((c) => backpropagateRelu(network, c).get('db1')!.data[1])
    expect(slopes.slice(0, 2)).toEqual([0, 0])
    expect(slopes[2]).not.toBe(0)
    for (const c of [0, 1, 0.5]) {
      const report = await checkGradients(reluProblem(network, backpropagateRelu(network, c)))
      expect(
        report.tensors.map(({ wrongEntries, undecidedEntries }) => wrongEntries + undecidedEntries),
      ).toEqual(report.tensors.map(() => 0))
    }
  })

  it('are told with the unit and the sample that cross', async () => {
    const network = makeReluNetwork({ widths: [2, 3, 2, 1], samples: 3, bias: 0.5 })
    // unit 2 of layer 2 is 0 at sample 1, and nothing else is
    const W = network.W.map((weights) => weights.map(Math.abs))
    const positive = { ...network, W, X: network.X.map(Math.abs) }
    const second = W[1].slice()
    const hidden = [0, 1, 2].map((i) =>
      positive.X.slice(2, 4).reduce((sum, x, j) => sum + x * W[0][j * 3 + i], 0.5),
    )
    second[1] = 0
    second[3] = 0
    second[5] = -0.5 / hidden[2]
    const exact = { ...positive, W: [W[0], second, W[2]] }
    const report = await checkGradients(reluProblem(exact, backpropagateRelu(exact, 0)))
    expect(report.verdict).toBe('pass')
    expect(report.notices.join('\n')).toMatch(
      /^\d entries of W2 sit on a kink of layer 2 \(unit 1, sample 1/m,
    )
  })

  it('take the work of two checks and a half at most, however many they are', async () => {
    const network = makeReluNetwork({
      widths: [40, 60, 50, 4],
      samples: 6,
      bias: 0,
      weight: (l, draws) => (l === 1 ? 0 : draws.normal()),
    })
    const evaluator = countingEvaluator()
    const report = await checkGradients(reluProblem(network, backpropagateRelu(network, 0)), { evaluator })
    expect(report.verdict).not.toBe('fail')
    const crossing = report.tensors.reduce((sum, { kinks }) => sum + kinks, 0)
    expect(crossing).toBeGreaterThan(1000)
    expect(evaluator.evaluated).toBeLessThanOrEqual(report.parameters.total + 3 * crossing)
  })
})
