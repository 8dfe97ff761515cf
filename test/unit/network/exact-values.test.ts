import { describe, expect, it } from 'vitest'
import { bindProblem } from '../../../src/check/problem.js'
import { ExactValues } from '../../../src/network/exact-values.js'
import { linearize } from '../../../src/network/linearization.js'
import { Draws } from '../../support/random-network.js'
import {
  backpropagateRelu,
  makeReluNetwork,
  type ReluNetwork,
  reluProblem,
} from '../../support/relu-network.js'

async function exactValuesOf(network: ReluNetwork, digits = 53) {
  const { model } = await bindProblem(reluProblem(network, backpropagateRelu(network, 0)))
  const base = linearize(model)
  const values = new ExactValues(base, digits)
  return base.pass.Z.map(({ data }, l) => Array.from(data, (_, k) => values.has(l, k)))
}

/** One unit without a bias, at one sample. */
const oneUnit = (X: number[], W: number[]): ReluNetwork => ({
  widths: [X.length, 1, 1],
  samples: 1,
  W: [Float64Array.from(W), Float64Array.of(1)],
  b: [undefined, undefined],
  X: Float64Array.from(X),
  Y: Float64Array.of(0),
})

describe('a pre-activation', () => {
  it('of whole numbers is exact in every layer', async () => {
    const grid = (draws: Draws) => draws.below(7) - 3
    const network = makeReluNetwork({
      widths: [4, 5, 3, 2],
      samples: 6,
      input: grid,
      weight: (_l, d) => grid(d),
      bias: grid,
    })
    expect((await exactValuesOf(network)).flat().every(Boolean)).toBe(true)
  })

  it.each([
    [[0.1, 0.2, -0.3], [1, 1, 1], false],
    [[0.1, -0.1], [1, 1], true],
    [[0.1, -0.1], [3, 3], false],
    [[0.5, 0.25, -0.75], [0.125, 8, 2], true],
    [[2 ** 60, 1, -(2 ** 60)], [1, 1, 1], false],
    [[2 ** 52, 1, -(2 ** 52)], [1, 0.5, 1], false],
    [[2 ** 51, 1, -(2 ** 51)], [1, 1, 1], true],
    [[0, 0.1, 0], [0.3, 0, 7], true],
    [[2 ** -1074, 2 ** -1074], [1, -1], true],
  ])('of %j and %j is exact: %j', async (X, W, expected) => {
    expect((await exactValuesOf(oneUnit(X, W)))[0]).toEqual([expected])
  })

  it('is the same however its terms are summed, where it is said to be', async () => {
    const draws = new Draws(4)
    let exact = 0
    for (let trial = 0; trial < 300; trial++) {
      const n = 2 + draws.below(6)
      const bits = 1 + draws.below(40)
      const short = () => (draws.below(2 ** 12) - 2 ** 11) * 2 ** -draws.below(bits)
      const [X, W] = [Array.from({ length: n }, short), Array.from({ length: n }, short)]
      const [[isExact]] = await exactValuesOf(oneUnit(X, W))
      if (!isExact) continue
      exact++
      const terms = X.map((x, j) => x * W[j])
      const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
      const sums = Array.from({ length: 20 }, () => sum(terms.toSorted(() => draws.uniform() - 0.5)))
      expect(new Set([...sums, sum(terms)]).size).toBe(1)
    }
    expect(exact).toBeGreaterThan(50)
  })

  it('of a format with fewer digits is exact less often', async () => {
    expect((await exactValuesOf(oneUnit([4097, -4097], [4097, 4097]), 24))[0]).toEqual([false])
    expect((await exactValuesOf(oneUnit([4097, -4097], [4097, 4097]), 53))[0]).toEqual([true])
  })
})
