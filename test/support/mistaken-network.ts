import type { NamedTensors } from '../../src/tensor.js'
import {
  activationSlope,
  applyActivation,
  nameArrays,
  type PlainNetwork,
  type Rows,
  transposed,
} from './plain-network.js'

/** A network's values with a row for each sample, weights outputs × inputs: what a mistake may get hold of. */
export interface Values {
  readonly m: number
  readonly outputs: number
  readonly W: readonly Rows[]
  readonly Z: readonly Rows[]
  /** `A[0]` is the input. */
  readonly A: readonly Rows[]
  readonly Y: Rows
}

/** The lines of a notebook's backward pass, each of which a mistake may replace. */
export interface Notebook {
  /** δ of the last layer. */
  outputDelta(values: Values): Rows
  /** f′ of layer l for sample s and unit i. */
  slope(values: Values, l: number, s: number, i: number): number
  /** dZ of layer l for sample s and unit i from dA there. */
  passActivation(values: Values, l: number, s: number, i: number, dA: number): number
  /** dA of the layer before l. */
  passBack(values: Values, l: number, delta: Rows): Rows
  /** dW without the penalty. `deltas` are those of this layer and all behind it. */
  weights(values: Values, l: number, deltas: readonly Rows[]): Rows
  biases(values: Values, l: number, deltas: readonly Rows[]): number[]
  /** The penalty's part of dW at weight w. */
  decay(values: Values, w: number): number
  /** The penalty's part of db. */
  biasDecay(values: Values, b: number): number
}

const map = (a: Rows, f: (value: number, i: number, j: number) => number): Rows =>
  a.map((row, i) => row.map((value, j) => f(value, i, j)))

/** A·B */
export const product = (A: Rows, B: Rows): Rows =>
  A.map((row) => B[0].map((_, j) => row.reduce((sum, value, k) => sum + value * B[k][j], 0)))

export const columnSums = (A: Rows): number[] => A[0].map((_, j) => A.reduce((sum, row) => sum + row[j], 0))

export function valuesOf(network: PlainNetwork, round: (value: number) => number): Values {
  const bySample = (a: Rows) => (network.layout === 'columns' ? transposed(a) : a)
  const W = network.weights.map((w) => (network.layout === 'rows' ? transposed(w) : w))
  const A = [bySample(network.inputs)]
  const Z: Rows[] = []
  for (const [l, w] of W.entries()) {
    Z.push(map(product(A[l], transposed(w)), (value, _s, i) => round(value + (network.biases[l]?.[i] ?? 0))))
    A.push(map(Z[l], (z) => round(applyActivation(network.activations[l], z))))
  }
  const Y = bySample(network.targets)
  return { m: Y.length, outputs: Y[0].length, W, Z, A, Y }
}

/** Softmax of each row. */
export const probabilities = (Z: Rows): Rows =>
  Z.map((row) => {
    const exponentials = row.map((z) => Math.exp(z - Math.max(...row)))
    const sum = exponentials.reduce((total, value) => total + value, 0)
    return exponentials.map((value) => value / sum)
  })

/** The notebook without a mistake. */
export function rightNotebook(network: PlainNetwork): Notebook {
  const { activations, loss, l2 } = network
  return {
    outputDelta(values) {
      const { m, outputs, Z, A, Y } = values
      const last = activations.length - 1
      const P = loss === 'softmax-cross-entropy' ? probabilities(Z[last]) : A[last + 1]
      if (loss.endsWith('cross-entropy')) return map(P, (p, s, i) => (p - Y[s][i]) / m)
      const scale = loss === 'half-squared-error' ? 1 : 2 / (m * outputs)
      return map(P, (a, s, i) => this.passActivation(values, last, s, i, scale * (a - Y[s][i])))
    },
    slope: ({ Z }, l, s, i) => activationSlope(activations[l], Z[l][s][i]),
    passActivation(values, l, s, i, dA) {
      return dA * this.slope(values, l, s, i)
    },
    passBack: ({ W }, l, delta) => product(delta, W[l]),
    weights: ({ A }, l, deltas) => product(transposed(deltas[l]), A[l]),
    biases: (_values, l, deltas) => columnSums(deltas[l]),
    decay: ({ m }, w) => (l2 * w) / m,
    biasDecay: () => 0,
  }
}

/**
 * The gradient that a notebook computes, in the network's layout, under the names dW1, db1, …
 * @param round rounds every element of every array it makes
 */
export function runNotebook(
  network: PlainNetwork,
  notebook: Notebook,
  round: (value: number) => number = (value) => value,
): NamedTensors {
  const values = valuesOf(network, round)
  const { W } = values
  const deltas: Rows[] = []
  const weights: Rows[] = []
  const biases: (number[] | undefined)[] = []
  deltas[W.length - 1] = map(notebook.outputDelta(values), round)
  for (let l = W.length - 2; l >= 0; l--) {
    const upstream = map(notebook.passBack(values, l + 1, deltas[l + 1]), round)
    deltas[l] = map(upstream, (d, s, i) => round(notebook.passActivation(values, l, s, i, d)))
  }
  for (const [l, w] of W.entries()) {
    const gradient = map(
      notebook.weights(values, l, deltas),
      (g, i, j) => g + notebook.decay(values, w[i][j]),
    )
    weights.push(network.layout === 'rows' ? transposed(gradient) : gradient)
    const b = network.biases[l]
    biases.push(
      b === undefined
        ? undefined
        : notebook.biases(values, l, deltas).map((g, i) => g + notebook.biasDecay(values, b[i])),
    )
  }
  return nameArrays({ weights, biases }, 'd')
}
