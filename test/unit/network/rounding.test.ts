import { describe, expect, it } from 'vitest'
import type { ActivationName } from '../../../src/network/activations.js'
import { linearize } from '../../../src/network/linearization.js'
import { LOSS_NAMES, type LossName } from '../../../src/network/losses.js'
import { backpropagationRounding, formatOf } from '../../../src/network/rounding.js'
import { bindRandom, inModelOrder } from '../../support/evaluate.js'
import {
  backpropagateHastily,
  nameArrays,
  type PlainNetwork,
  plainOutputs,
  type Rows,
} from '../../support/plain-network.js'
import { makeRandomProblem, problemOf } from '../../support/random-network.js'

const SINGLE = formatOf('float32')
const U = SINGLE.unitRoundoff
const SEEDS = [0, 1, 2, 3, 4, 5]
const rounded = (rows: Rows) => rows.map((row) => row.map(Math.fround))

/** A network whose every number is a float32. */
function makeSingle(inner: ActivationName, loss: LossName, seed: number, scale: number): PlainNetwork {
  const last =
    loss === 'binary-cross-entropy' ? 'sigmoid' : loss === 'softmax-cross-entropy' ? 'linear' : inner
  const { plain } = makeRandomProblem({
    seed,
    activations: [inner, inner, last],
    loss,
    widths: [9, 14, 11, 4],
    samples: 12,
    layout: 'rows',
    l2: seed % 2 === 0 ? 0 : Math.fround(0.1),
    scale,
  })
  return {
    ...plain,
    weights: plain.weights.map(rounded),
    biases: plain.biases.map((b) => b?.map(Math.fround)),
    inputs: rounded(plain.inputs),
    targets: rounded(plain.targets),
  }
}

/** The same with targets that the outputs almost reach, as after training. */
function converge(network: PlainNetwork): PlainNetwork {
  const outputs = plainOutputs(network)
  if (network.loss.endsWith('squared-error')) {
    const targets = outputs.map((row, s) =>
      row.map((a, i) => Math.fround(a * (1 + 1e-4 * Math.sin(7 * s + i)))),
    )
    return { ...network, targets }
  }
  const last = network.weights.length - 1
  const weights = network.weights.with(
    last,
    rounded(network.weights[last].map((row) => row.map((w) => 12 * w))),
  )
  const reached = plainOutputs({ ...network, weights })
  const targets = reached.map((row) =>
    row.map((a) => Number(network.loss === 'binary-cross-entropy' ? a > 0.5 : a === Math.max(...row))),
  )
  return { ...network, weights, targets }
}

describe.each(['tanh', 'sigmoid', 'relu', 'elu', 'silu'] as const)('behind %s', (inner) => {
  describe.each(LOSS_NAMES)('%s', (loss) => {
    it.each<[string, (seed: number) => PlainNetwork]>([
      ['at random', (seed) => makeSingle(inner, loss, seed, 1)],
      ['saturated', (seed) => makeSingle(inner, loss, seed, 4)],
      ['converged', (seed) => converge(makeSingle(inner, loss, seed, 1))],
    ])('%s: the deviation is that of backpropagation in float32', async (_state, makePlain) => {
      let squares = 0
      let count = 0
      for (const seed of SEEDS) {
        const plain = makePlain(seed)
        const random = problemOf(plain)
        const model = await bindRandom(random)
        const right = inModelOrder(model, random.gradients)
        const single = inModelOrder(model, nameArrays(backpropagateHastily(plain, Math.fround), 'd'))
        const deviations = backpropagationRounding(linearize(model), SINGLE)
        for (const [t, values] of right.entries()) {
          for (const k of values.keys()) {
            const deviation = deviations.of(t, k)
            const error = single[t][k] - right[t][k]
            const multiple = error === 0 ? 0 : error / (U * deviation)
            expect(Math.abs(multiple)).toBeLessThan(8)
            squares += multiple ** 2
            count++
          }
        }
      }
      const typical = Math.sqrt(squares / count)
      expect(typical).toBeLessThan(2)
      expect(typical).toBeGreaterThan(0.02)
    })
  })
})
