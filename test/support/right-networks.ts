import type { Problem } from '../../src/check/problem.js'
import { LAYOUT_NAMES } from '../../src/network/layout.js'
import { LOSS_NAMES } from '../../src/network/losses.js'
import type { NamedTensors } from '../../src/tensor.js'
import { backpropagateHastily, nameArrays, type PlainNetwork, type Rows } from './plain-network.js'
import { storeAs } from './plant-errors.js'
import {
  activationUnderTest,
  Draws,
  drawReduction,
  makeRandomProblem,
  problemOf,
  type RandomNetworkOptions,
} from './random-network.js'

/** How many networks stand for all. */
export const RIGHT_NETWORKS = 300

/**
 * Networks of every activation, loss, layout, form of targets and depth from 1 to 6, 1 to 64 wide, every fourth
 * of them saturated, every third as close to kinks as it happens.
 */
export function rightNetworkOptions(number: number): RandomNetworkOptions {
  const draws = new Draws(7000 + number)
  const depth = 1 + (number % 6)
  const loss = LOSS_NAMES[Math.floor(number / 6) % LOSS_NAMES.length]
  const activations = Array.from({ length: depth }, (_, l) => activationUnderTest(number, l))
  if (loss === 'binary-cross-entropy') activations[depth - 1] = 'sigmoid'
  else if (loss === 'softmax-cross-entropy') activations[depth - 1] = 'linear'
  const widest = number % 10 === 0 ? 64 : number % 3 === 0 ? 5 : 16
  const widths = Array.from({ length: depth + 1 }, () => 1 + draws.below(widest))
  if (number % 50 === 0) widths[draws.below(depth + 1)] = 64
  if (loss === 'softmax-cross-entropy' && widths[depth] === 1) widths[depth] = 2
  return {
    seed: number,
    activations,
    loss,
    widths,
    samples: 1 + draws.below(12),
    layout: LAYOUT_NAMES[number % LAYOUT_NAMES.length],
    l2: number % 7 < 4 ? 0 : draws.uniform(),
    biases: draws.pick(['all', 'all', 'some', 'none']),
    scale: number % 4 === 1 ? 5 : draws.pick([0.5, 1, 2]),
    inputScale: draws.pick([1, 1, 1, 0.01, 100]),
    kinkMargin: Math.floor(number / 4) % 3 === 0 ? 0 : 2e-3,
    ...drawReduction(number),
  }
}

/** A problem whose gradient is right, as far as its precision goes. */
export interface RightProblem {
  readonly problem: Problem
  readonly gradients: NamedTensors
}

/** The network's problem with a gradient that backpropagation computed in float64, or wholly in float32. */
export function makeRightProblem(number: number, dtype: 'float64' | 'float32'): RightProblem {
  const random = makeRandomProblem(rightNetworkOptions(number))
  if (dtype === 'float64') return random
  const single = roundNetwork(random.plain)
  const gradients = storeAs(nameArrays(backpropagateHastily(single, Math.fround), 'd'), 'float32')
  return { problem: { ...problemOf(single).problem, gradients }, gradients }
}

/** A network whose every number is a float32. */
function roundNetwork(plain: PlainNetwork): PlainNetwork {
  const rounded = (rows: Rows) => rows.map((row) => row.map(Math.fround))
  return {
    ...plain,
    weights: plain.weights.map(rounded),
    biases: plain.biases.map((b) => b?.map(Math.fround)),
    inputs: rounded(plain.inputs),
    targets: rounded(plain.targets),
  }
}

/** A gradient with one entry changed in proportion to itself. */
export interface ChangedEntry {
  readonly gradients: NamedTensors
  readonly name: string
  readonly offset: number
  /** The changed entry's size, relative to its tensor's largest. */
  readonly share: number
}

/**
 * Changes one entry by a relative amount: any of those that are not 0 and at least `leastShare` of the largest of
 * their tensor. Nothing where there is no such entry.
 */
export function changeEntry(
  gradients: NamedTensors,
  seed: number,
  amount: number,
  leastShare: number,
): ChangedEntry | undefined {
  const draws = new Draws(90_000 + seed)
  const candidates = [...gradients].flatMap(([name, { data }]) => {
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    return Array.from(data, (value, offset) => ({
      name,
      offset,
      share: largest === 0 ? 0 : Math.abs(value) / largest,
    }))
  })
  const fitting = candidates.filter(({ share }) => share > 0 && share >= leastShare)
  if (fitting.length === 0) return undefined
  const { name, offset, share } = draws.pick(fitting)
  const tensor = gradients.get(name)!
  const round = tensor.dtype === 'float32' ? Math.fround : (value: number) => value
  const data = tensor.data.map((value, k) => (k === offset ? round(value * (1 + amount)) : value))
  return { gradients: new Map(gradients).set(name, { ...tensor, data }), name, offset, share }
}
