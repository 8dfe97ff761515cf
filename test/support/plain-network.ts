import erfc from '@stdlib/math-base-special-erfc'
import type { ActivationName, ActivationText } from '../../src/network/activations.js'
import type { Layout } from '../../src/network/layout.js'
import type { LossName } from '../../src/network/losses.js'
import type { Reduction } from '../../src/network/reductions.js'
import { type NamedTensors, tensor } from '../../src/tensor.js'

/** Rows of a matrix, in the user's layout. */
export type Rows = number[][]

/** A network as a notebook holds it: arrays in one layout, nothing prepared. */
export interface PlainNetwork {
  readonly activations: readonly ActivationText[]
  readonly loss: LossName
  /** @default the loss's own */
  readonly reduction?: Reduction
  readonly layout: Layout
  readonly l2: number
  /** One a layer. */
  readonly weights: readonly Rows[]
  /** One a layer; absent for a layer without biases. */
  readonly biases: readonly (readonly number[] | undefined)[]
  readonly inputs: Rows
  /** A number for every output and sample; classes one-hot or by their probabilities. */
  readonly targets: Rows
  /** One a sample. @default 1 */
  readonly sampleWeights?: readonly number[]
  /** True for samples that do not count. @default none */
  readonly ignored?: readonly boolean[]
}

/** What backpropagation gives. */
export interface PlainGradients {
  readonly cost: number
  readonly weights: Rows[]
  readonly biases: (number[] | undefined)[]
}

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
const normal = (z: number) => 0.5 * erfc(-z / Math.SQRT2)
const density = (z: number) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
const softplus = (z: number) => (z > 0 ? z + Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z)))
const SELU_ALPHA = 1.6732632423543772
const SELU_SCALE = 1.0507009873554805
const cubic = (z: number) => Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)

/** Every activation and its derivative as papers print them, in forms that keep their digits. */
const FUNCTIONS: Record<
  ActivationName,
  { f(z: number, constant: number): number; slope(z: number, constant: number): number }
> = {
  linear: { f: (z) => z, slope: () => 1 },
  relu: { f: (z) => Math.max(0, z), slope: (z) => (z > 0 ? 1 : 0) },
  'leaky-relu': {
    f: (z, slope) => Math.max(0, z) + slope * Math.min(0, z),
    slope: (z, slope) => (z > 0 ? 1 : slope),
  },
  elu: {
    f: (z, alpha) => (z > 0 ? z : alpha * Math.expm1(z)),
    slope: (z, alpha) => (z > 0 ? 1 : alpha * Math.exp(z)),
  },
  selu: {
    f: (z) => SELU_SCALE * (z > 0 ? z : SELU_ALPHA * Math.expm1(z)),
    slope: (z) => (z > 0 ? SELU_SCALE : SELU_SCALE * SELU_ALPHA * Math.exp(z)),
  },
  sigmoid: { f: sigmoid, slope: (z) => 1 / (2 + 2 * Math.cosh(z)) },
  tanh: { f: Math.tanh, slope: (z) => 1 / Math.cosh(z) ** 2 },
  softplus: { f: softplus, slope: sigmoid },
  softsign: { f: (z) => z / (1 + Math.abs(z)), slope: (z) => (1 + Math.abs(z)) ** -2 },
  silu: { f: (z) => z * sigmoid(z), slope: (z) => sigmoid(z) + z / (2 + 2 * Math.cosh(z)) },
  gelu: { f: (z) => z * normal(z), slope: (z) => normal(z) + z * density(z) },
  'gelu-tanh': {
    // ½·(1 + tanh u) = σ(2u)
    f: (z) => z * sigmoid(2 * cubic(z)),
    slope: (z) =>
      sigmoid(2 * cubic(z)) +
      (0.5 * z * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * z * z)) / Math.cosh(cubic(z)) ** 2,
  },
  'gelu-sigmoid': {
    f: (z) => z * sigmoid(1.702 * z),
    slope: (z) => sigmoid(1.702 * z) + (1.702 * z) / (2 + 2 * Math.cosh(1.702 * z)),
  },
}

/** An activation as it is declared, `leaky-relu(0.2)`, taken apart. */
function readActivation(text: ActivationText): { name: ActivationName; constant: number } {
  const [name, constant] = text.split(/[()]/)
  return { name: name as ActivationName, constant: Number(constant ?? (name === 'elu' ? 1 : 0.01)) }
}

/** Derivatives as code writes them that has a = f(z) at hand: digits are lost where it saturates. */
const HASTY_SLOPES: Partial<Record<ActivationName, (a: number, z: number, constant: number) => number>> = {
  tanh: (a) => 1 - a * a,
  sigmoid: (a) => a * (1 - a),
  elu: (a, z, alpha) => (z > 0 ? 1 : a + alpha),
  selu: (a, z) => (z > 0 ? SELU_SCALE : a + SELU_SCALE * SELU_ALPHA),
}

/** Rounds the result of an operation; float64 needs none. */
export type Rounding = (value: number) => number

const exact: Rounding = (value) => value

export function applyActivation(text: ActivationText, z: number): number {
  const { name, constant } = readActivation(text)
  return FUNCTIONS[name].f(z, constant)
}

export function activationSlope(text: ActivationText, z: number): number {
  const { name, constant } = readActivation(text)
  return FUNCTIONS[name].slope(z, constant)
}

export function transposed(a: Rows): Rows {
  return a[0].map((_, j) => a.map((row) => row[j]))
}

function times(a: Rows, b: Rows, round: Rounding): Rows {
  return a.map((row) =>
    b[0].map((_, j) => row.reduce((sum, value, k) => round(sum + round(value * b[k][j])), 0)),
  )
}

const map = (a: Rows, f: (value: number, i: number, j: number) => number): Rows =>
  a.map((row, i) => row.map((value, j) => f(value, i, j)))

const sumOf = (a: Rows) => a.flat().reduce((sum, value) => sum + value, 0)

/** One layer's formulas in one layout. */
interface Convention {
  /** Z without its bias */
  product(W: Rows, A: Rows, round: Rounding): Rows
  /** The index of a unit in Z at [i, j]. */
  unit(i: number, j: number): number
  weightsGradient(dZ: Rows, A: Rows, round: Rounding): Rows
  inputGradient(dZ: Rows, W: Rows, round: Rounding): Rows
  /** Z as samples × units, and back: its own inverse. */
  bySample(a: Rows): Rows
}

const CONVENTIONS: Record<Layout, Convention> = {
  columns: {
    product: (W, A, round) => times(W, A, round),
    unit: (i) => i,
    weightsGradient: (dZ, A, round) => times(dZ, transposed(A), round),
    inputGradient: (dZ, W, round) => times(transposed(W), dZ, round),
    bySample: transposed,
  },
  rows: {
    product: (W, A, round) => times(A, W, round),
    unit: (_i, j) => j,
    weightsGradient: (dZ, A, round) => times(transposed(A), dZ, round),
    inputGradient: (dZ, W, round) => times(dZ, transposed(W), round),
    bySample: (a) => a,
  },
  pytorch: {
    product: (W, A, round) => times(A, transposed(W), round),
    unit: (_i, j) => j,
    weightsGradient: (dZ, A, round) => times(transposed(dZ), A, round),
    inputGradient: (dZ, W, round) => times(dZ, W, round),
    bySample: (a) => a,
  },
}

function forward(network: PlainNetwork, round: Rounding = exact): { Z: Rows[]; A: Rows[] } {
  const { product, unit } = CONVENTIONS[network.layout]
  const A = [network.inputs]
  const Z: Rows[] = []
  for (const [l, W] of network.weights.entries()) {
    const b = network.biases[l]
    const z = product(W, A[l], round)
    Z.push(b === undefined ? z : map(z, (value, i, j) => round(value + b[unit(i, j)])))
    A.push(map(Z[l], (value) => round(applyActivation(network.activations[l], value))))
  }
  return { Z, A }
}

/** m: the samples that count. */
const countOf = ({ ignored }: PlainNetwork, samples: number) =>
  samples - (ignored?.filter((isIgnored) => isIgnored).length ?? 0)

/** What each sample's loss is multiplied by in J: ½, its weight, over what the reduction divides by. */
function coefficients(network: PlainNetwork, samples: number, outputs: number): number[] {
  const { loss, ignored, sampleWeights } = network
  const own = { 'half-squared-error': 'sum', 'mean-squared-error': 'mean-elements' } as const
  const reduction = network.reduction ?? own[loss as keyof typeof own] ?? 'mean'
  const m = countOf(network, samples)
  const weights = Array.from({ length: samples }, (_, s) =>
    ignored?.[s] === true ? 0 : (sampleWeights?.[s] ?? 1),
  )
  const divisor = {
    mean: m,
    sum: 1,
    'mean-elements': m * outputs,
    'weighted-mean': weights.reduce((sum, w) => sum + w, 0),
  }[reduction]
  return weights.map((w) => ((loss === 'half-squared-error' ? 0.5 : 1) * w) / divisor)
}

/** Each sample's loss: squares, −Σ y·ln a − (1 − y)·ln(1 − a), or −Σ y·ln p. */
function sampleLosses(network: PlainNetwork, Z: Rows, A: Rows): number[] {
  const { bySample } = CONVENTIONS[network.layout]
  const [z, a, y] = [bySample(Z), bySample(A), bySample(network.targets)]
  return y.map((row, s) => {
    const over = (term: (t: number, i: number) => number) => row.reduce((sum, t, i) => sum + term(t, i), 0)
    switch (network.loss) {
      case 'binary-cross-entropy':
        return over((t, i) => t * softplus(-z[s][i]) + (1 - t) * softplus(z[s][i]))
      case 'softmax-cross-entropy':
        return over((t, i) => t * (logSumExp(z[s]) - z[s][i]))
      default:
        return over((t, i) => (a[s][i] - t) ** 2)
    }
  })
}

function costOfForward(network: PlainNetwork, Z: Rows[], A: Rows[]): number {
  const { bySample } = CONVENTIONS[network.layout]
  const y = bySample(network.targets)
  const factors = coefficients(network, y.length, y[0].length)
  const losses = sampleLosses(network, Z[Z.length - 1], A[A.length - 1])
  const squares = network.weights.reduce((sum, W) => sum + sumOf(map(W, (w) => w * w)), 0)
  const penalty = (network.l2 / (2 * countOf(network, y.length))) * squares
  return losses.reduce((sum, loss, s) => sum + factors[s] * loss, 0) + penalty
}

function logSumExp(row: readonly number[]): number {
  const largest = Math.max(...row)
  return largest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0))
}

/** J, from nothing but the arrays. */
export function plainCost(network: PlainNetwork): number {
  const { Z, A } = forward(network)
  return costOfForward(network, Z, A)
}

/** The last layer's activations. */
export function plainOutputs(network: PlainNetwork): Rows {
  return forward(network).A.at(-1)!
}

/** δ of the last layer, ∂J/∂Z, in the network's layout. */
function outputDelta(network: PlainNetwork, Z: Rows, A: Rows): Rows {
  const { bySample } = CONVENTIONS[network.layout]
  const z = bySample(Z)
  const a = bySample(A)
  const y = bySample(network.targets)
  const factors = coefficients(network, y.length, y[0].length)
  const last = network.activations[network.activations.length - 1]
  const scaled = (slope: (t: number, s: number, i: number) => number) =>
    bySample(map(y, (t, s, i) => factors[s] * slope(t, s, i)))
  switch (network.loss) {
    case 'binary-cross-entropy':
      // A − Y, where neither 1 − A nor A is rounded away
      return scaled((t, s, i) => (1 - t) * sigmoid(z[s][i]) - t * sigmoid(-z[s][i]))
    case 'softmax-cross-entropy': {
      // P − Y likewise: p_i·(1 − y_i) − y_i·(1 − p_i)
      const p = z.map((row) => row.map((value) => Math.exp(value - logSumExp(row))))
      return scaled((t, s, i) => p[s][i] * sumOfOthers(y[s], i) - t * sumOfOthers(p[s], i))
    }
    default:
      return scaled((t, s, i) => 2 * (a[s][i] - t) * activationSlope(last, z[s][i]))
  }
}

const sumOfOthers = (row: readonly number[], i: number) =>
  row.reduce((sum, value, k) => sum + (k === i ? 0 : value), 0)

/** Backpropagation as a notebook writes it, by whole matrices in the network's own layout. */
export function backpropagatePlainly(network: PlainNetwork): PlainGradients {
  const { Z, A } = forward(network)
  const delta = outputDelta(network, Z[Z.length - 1], A[A.length - 1])
  const slope = (l: number, i: number, j: number) => activationSlope(network.activations[l], Z[l][i][j])
  return { cost: costOfForward(network, Z, A), ...backward(network, A, delta, slope, exact) }
}

/**
 * The same in arithmetic that rounds every operation, with the short forms that code in use has: a − y, p − y,
 * 1 − a², a·(1 − a).
 */
export function backpropagateHastily(network: PlainNetwork, round: Rounding): PlainGradients {
  const { Z, A } = forward(network, round)
  const { bySample } = CONVENTIONS[network.layout]
  const y = bySample(network.targets)
  const z = bySample(Z[Z.length - 1])
  const last = network.activations.length - 1
  const slope = (l: number, i: number, j: number) => {
    const { name, constant } = readActivation(network.activations[l])
    const z = Z[l][i][j]
    const hasty = HASTY_SLOPES[name]
    return round(
      hasty === undefined ? FUNCTIONS[name].slope(z, constant) : hasty(A[l + 1][i][j], z, constant),
    )
  }
  const outputs =
    network.loss === 'softmax-cross-entropy' ? z.map((row) => softmax(row, round)) : bySample(A[last + 1])
  const squares = network.loss.endsWith('squared-error') ? 2 : 1
  const factors = coefficients(network, y.length, y[0].length)
  let delta = bySample(
    map(y, (target, s, i) => round(round(outputs[s][i] - target) * round(squares * factors[s]))),
  )
  if (network.loss.endsWith('squared-error')) delta = map(delta, (d, i, j) => round(d * slope(last, i, j)))
  return { cost: costOfForward(network, Z, A), ...backward(network, A, delta, slope, round) }
}

function softmax(row: readonly number[], round: Rounding): number[] {
  const largest = Math.max(...row)
  const exponentials = row.map((value) => round(Math.exp(round(value - largest))))
  const sum = exponentials.reduce((total, value) => round(total + value), 0)
  return exponentials.map((value) => round(value / sum))
}

function backward(
  network: PlainNetwork,
  A: readonly Rows[],
  delta: Rows,
  slope: (l: number, i: number, j: number) => number,
  round: Rounding,
): { weights: Rows[]; biases: (number[] | undefined)[] } {
  const { weightsGradient, inputGradient, unit, bySample } = CONVENTIONS[network.layout]
  const decay = network.l2 / countOf(network, bySample(network.inputs).length)
  const weights: Rows[] = []
  const biases: (number[] | undefined)[] = []
  let dZ = delta
  for (let l = network.weights.length - 1; l >= 0; l--) {
    const W = network.weights[l]
    const gradient = weightsGradient(dZ, A[l], round)
    weights[l] =
      decay === 0 ? gradient : map(gradient, (value, i, j) => round(value + round(decay * W[i][j])))
    const sums = network.biases[l]?.map(() => 0)
    if (sums !== undefined) {
      for (const [i, row] of dZ.entries()) {
        for (const [j, value] of row.entries()) sums[unit(i, j)] = round(sums[unit(i, j)] + value)
      }
    }
    biases[l] = sums
    if (l === 0) break
    dZ = map(inputGradient(dZ, W, round), (value, i, j) => round(value * slope(l - 1, i, j)))
  }
  return { weights, biases }
}

/** Arrays under the names W1, b1, W2, … (or `dW1`, … with the prefix `d`), biases of shape (n,). */
export function nameArrays(
  arrays: { weights: readonly Rows[]; biases: readonly (readonly number[] | undefined)[] },
  prefix = '',
): NamedTensors {
  const named: NamedTensors = new Map()
  for (const [l, W] of arrays.weights.entries()) {
    named.set(`${prefix}W${l + 1}`, tensor(W.flat(), [W.length, W[0].length]))
    const b = arrays.biases[l]
    if (b !== undefined) named.set(`${prefix}b${l + 1}`, tensor(b, [b.length]))
  }
  return named
}
