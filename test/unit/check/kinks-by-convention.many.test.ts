import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import type { CheckReport } from '../../../src/check/report.js'
import { type NamedTensors, unravelIndex } from '../../../src/tensor.js'
import { howMany } from '../../support/how-many.js'
import { withChanged } from '../../support/plant-errors.js'
import { Draws } from '../../support/random-network.js'
import {
  backpropagateRelu,
  findUntestedTensors,
  makeReluNetwork,
  type ReluNetwork,
  reluCost,
  reluProblem,
} from '../../support/relu-network.js'

const NETWORKS = howMany(36, 90)
const MILLISECONDS = 300_000

/** Random networks with units at exactly 0: data full of zeros, integer grids, units that are dead, one to three layers of ReLU. */
const networks = Array.from({ length: NETWORKS }, (_, seed) => {
  const draws = new Draws(1000 + seed)
  const depth = 1 + (seed % 3)
  const kind = draws.pick(['zeros', 'grid', 'dead'] as const)
  const grid = (most: number) => (own: Draws) => own.below(2 * most + 1) - most
  return makeReluNetwork({
    seed,
    widths: Array.from({ length: depth + 2 }, () => 1 + draws.below(5)),
    samples: 1 + draws.below(7),
    below: Array.from({ length: depth }, () => draws.pick([0, 0, 0.01, 0.25])),
    bias: kind === 'grid' ? grid(1) : 0,
    input: kind === 'grid' ? grid(2) : (own) => (own.uniform() < 0.5 ? 0 : own.normal()),
    weight: (_l, own) =>
      kind === 'grid' ? grid(1)(own) : kind === 'dead' && own.uniform() < 0.4 ? 0 : own.normal(),
  })
})

/** The slopes at 0 that code has: of the left, of the right, or their mean. */
const usualSlopes = (network: ReluNetwork, l: number) => {
  const left = network.below?.[l] ?? 0
  return [left, 1, (left + 1) / 2]
}

const layersOf = (network: ReluNetwork) => Array.from({ length: network.W.length - 1 }, (_, l) => l)

/** The gradients by every combination of conventions. */
function everyConvention(network: ReluNetwork): NamedTensors[] {
  const combinations = layersOf(network).reduce<number[][]>(
    (lists, l) => lists.flatMap((list) => usualSlopes(network, l).map((slope) => [...list, slope])),
    [[]],
  )
  return combinations.map((slopes) => backpropagateRelu(network, slopes))
}

/** One-sided slopes of the loss, by differences of whole losses. */
function slopesBeside(network: ReluNetwork, name: string, at: number): [number, number] {
  const l = Number(name.slice(2)) - 1
  const values = name.startsWith('dW') ? network.W[l] : network.b[l]!
  const kept = values[at]
  const step = 2 ** -24
  const cost = (value: number) => {
    values[at] = value
    return reluCost(network)
  }
  const [here, above, below] = [cost(kept), cost(kept + step), cost(kept - step)]
  values[at] = kept
  return [(here - below) / step, (above - here) / step]
}

/** Entries, by name and offset, whose value depends on the convention. */
function listOnKinks(
  all: readonly NamedTensors[],
): { name: string; at: number; low: number; high: number }[] {
  return [...all[0]].flatMap(([name, { data }]) =>
    Array.from(data.keys()).flatMap((at) => {
      const values = all.map((gradients) => gradients.get(name)!.data[at])
      const [low, high] = [Math.min(...values), Math.max(...values)]
      return high - low > 1e-9 * (1 + Math.abs(high)) ? [{ name, at, low, high }] : []
    }),
  )
}

const check = (network: ReluNetwork, gradients: NamedTensors, options = {}) =>
  checkGradients(reluProblem(network, gradients), options)

const tensorOf = (report: CheckReport, name: string) =>
  report.tensors.find(({ gradient }) => gradient === name)!

describe('random networks with units at exactly 0', () => {
  it('have such units, and mostly entries beside them that are tested', () => {
    const onKinks = networks.filter((network) => listOnKinks(everyConvention(network)).length > 0)
    expect(onKinks.length).toBeGreaterThan(0.6 * NETWORKS)
    const tested = onKinks.filter((network) => findUntestedTensors(network).length === 0)
    expect(tested.length).toBeGreaterThan(0.3 * NETWORKS)
  })

  it.each([{}, { scheme: 'forward' }, { method: 'textbook' }, { perturb: 'outputs' }] as const)(
    'every convention is right, whichever each layer has, and passes where the rest is tested: %j',
    async (options) => {
      for (const [number, network] of networks.entries()) {
        const draws = new Draws(number)
        const mixed = layersOf(network).map((l) => draws.pick(usualSlopes(network, l)))
        for (const slopes of [0, 1, 2]
          .map((k) => layersOf(network).map((l) => usualSlopes(network, l)[k]))
          .concat([mixed])) {
          const report = await check(network, backpropagateRelu(network, slopes), options)
          const where = `network ${number}, f′(0) = ${slopes}: ${report.notices.join('\n')}`
          expect(report.verdict, where).not.toBe('fail')
          expect(report.notices.join(), where).not.toContain('internal error')
          const untested = findUntestedTensors(network)
          for (const { gradient, verdict, undecidedEntries } of report.tensors) {
            expect(undecidedEntries, `${gradient} of ${where}`).toBe(0)
            if ('method' in options && verdict !== 'pass') continue
            expect(verdict, `${gradient} of ${where}`).toBe(
              untested.includes(gradient) ? 'inconclusive' : 'pass',
            )
          }
        }
      }
    },
    MILLISECONDS,
  )

  it('values between, entry by entry at random, never pass', async () => {
    let tried = 0
    for (const [number, network] of networks.entries()) {
      const all = everyConvention(network)
      const onKinks = listOnKinks(all)
      if (onKinks.length === 0) continue
      tried++
      const draws = new Draws(number)
      let gradients = all[0]
      for (const { name, at, low, high } of onKinks) {
        const value = low + (0.1 + 0.3 * draws.uniform()) * (high - low)
        gradients = withChanged(gradients, name, (kept, k) => (k === at ? value : kept))
      }
      const report = await check(network, gradients)
      expect(report.verdict, `network ${number}`).toBe('inconclusive')
      expect(report.reasons.join()).toMatch(/sits? on a kink, in .* that no f′\(0\) gives/)
    }
    expect(tried).toBeGreaterThan(0.6 * NETWORKS)
  })

  it('conventions that differ from unit to unit do not pass where the units show it', async () => {
    let shown = 0
    for (const [number, network] of networks.entries()) {
      const all = everyConvention(network)
      const draws = new Draws(number)
      // every entry from some convention or other
      const gradients: NamedTensors = new Map(
        [...all[0]].map(([name, own]) => [
          name,
          { ...own, data: own.data.map((_, k) => draws.pick(all).get(name)!.data[k]) },
        ]),
      )
      const isOne = (of: NamedTensors) =>
        [...of].every(([name, { data }]) =>
          data.every((value, k) => Math.abs(value - gradients.get(name)!.data[k]) < 1e-9),
        )
      if (all.some(isOne)) continue
      // few entries may by chance have the slopes of one side, which are a derivative as well
      const onKinks = listOnKinks(all)
      const isBeside = (side: 0 | 1) =>
        onKinks.every(({ name, at }) => {
          const slope = slopesBeside(network, name, at)[side]
          return Math.abs(gradients.get(name)!.data[at] - slope) < 1e-5 * (1 + Math.abs(slope))
        })
      if (isBeside(0) || isBeside(1)) continue
      shown++
      expect((await check(network, gradients)).verdict, `network ${number}`).not.toBe('pass')
    }
    expect(shown).toBeGreaterThan(0.4 * NETWORKS)
  })

  it('an entry beyond all that is possible is wrong, and is found', async () => {
    for (const [number, network] of networks.entries()) {
      const all = everyConvention(network)
      const onKinks = listOnKinks(all)
      if (onKinks.length === 0) continue
      const draws = new Draws(number)
      const { name, at, low, high } = draws.pick(onKinks)
      const beside = slopesBeside(network, name, at)
      const beyond = 1e-3 * (1 + Math.abs(low) + Math.abs(high))
      const value = draws.pick([Math.min(low, ...beside) - beyond, Math.max(high, ...beside) + beyond])
      const wrong = withChanged(draws.pick(all), name, (kept, k) => (k === at ? value : kept))
      const report = await check(network, wrong)
      // what a slope of 0.01 makes of whole numbers is rounded, and so is on either side of the next layer's kinks
      if (network.below!.slice(0, -1).includes(0.01)) {
        expect(report.verdict).not.toBe('pass')
        continue
      }
      expect(report.verdict, `network ${number}: ${name}, ${at}`).toBe('fail')
      const { worst, shape, wrongEntries } = tensorOf(report, name)
      expect(wrongEntries).toBe(1)
      expect(worst[0]).toMatchObject({ index: unravelIndex(at, shape), verdict: 'fail' })
    }
  })

  it('an entry that is off by a thousandth never passes, is found, and fails where no kink is', async () => {
    let failed = 0
    for (const [number, network] of networks.entries()) {
      const all = everyConvention(network)
      const onKinks = new Set(listOnKinks(all).map(({ name, at }) => `${name} ${at}`))
      const draws = new Draws(number)
      const right = draws.pick(all)
      const candidates = [...right].flatMap(([name, { data }]) =>
        Array.from(data.keys()).flatMap((at) => (Math.abs(data[at]) > 1e-9 ? [{ name, at }] : [])),
      )
      if (candidates.length === 0) continue
      const { name, at } = draws.pick(candidates)
      const wrong = withChanged(right, name, (kept, k) => (k === at ? 1.001 * kept : kept))
      const report = await check(network, wrong)
      const where = `network ${number}: ${name}, ${at}`
      expect(report.verdict, where).not.toBe('pass')
      const { worst, shape } = tensorOf(report, name)
      expect(worst[0]?.index, where).toEqual(unravelIndex(at, shape))
      if (onKinks.has(`${name} ${at}`)) continue
      expect(report.verdict, where).toBe('fail')
      failed++
    }
    expect(failed).toBeGreaterThan(0.3 * NETWORKS)
  })
})

describe('units that rounding puts on either side of their kinks', () => {
  // 0.1 + 0.2 − 0.3 is 5.6e-17, or 2.8e-17 in another order
  const network = (samples: number): ReluNetwork => ({
    widths: [3, 2, 1],
    samples,
    W: [Float64Array.of(1, 1, 1, 0.5, -1, -2), Float64Array.of(2, -1)],
    b: [Float64Array.of(0, 0.25), Float64Array.of(0)],
    X: Float64Array.from({ length: 3 * samples }, (_, k) => [0.1, 0.2, 0.3][k % 3] * (1 + Math.floor(k / 3))),
    Y: Float64Array.from({ length: samples }, (_, k) => (k % 2 === 0 ? 1 : -2)),
  })

  it('may be on the side where they come out, or have one slope', async () => {
    for (const samples of [1, 2, 3, 5]) {
      for (const slope of [0, 1, 0.5]) {
        const one = network(samples)
        const report = await check(one, backpropagateRelu(one, slope))
        expect(report.verdict).not.toBe('fail')
        expect(report.tensors.every(({ undecidedEntries }) => undecidedEntries === 0)).toBe(true)
      }
    }
  })

  it('are not wrong where each is on a side of its own', async () => {
    const one = network(4)
    const gradients = backpropagateRelu(one, 0)
    // the first unit as if two of its samples were above 0 and two below
    const half = new Map(gradients)
    const shifted = {
      ...one,
      X: one.X.map((x, k) => (k % 3 === 2 ? x + (Math.floor(k / 3) < 2 ? 1e-9 : -1e-9) : x)),
    }
    for (const name of ['dW1', 'db1']) half.set(name, backpropagateRelu(shifted, 0).get(name)!)
    expect((await check(one, half, { tolerance: 1e-6 })).verdict).not.toBe('fail')
  })
})
