import type { LossName } from 'webgpu-gradcheck'
import { type ActivationText, findActivation } from '../../../src/network/activations.js'
import type { PlantedBug } from './bugs.js'

/** A matrix, row-major; samples are columns throughout. */
export interface Columns {
  readonly rows: number
  readonly columns: number
  readonly data: Float64Array
}

/** A layer's parameters: W (outputs × inputs), b, and the activation behind them. */
export interface PlainLayer {
  readonly W: Columns
  readonly b: Float64Array
  readonly activation: ActivationText
}

export interface PlainGradient {
  readonly dW: Columns
  readonly db: Float64Array
}

/**
 * Backpropagation as the notebooks write it, with columns for samples: the hand-written gradient that the page
 * checks. It shares nothing with the library's own but the activations' derivatives, and can be given a mistake.
 * @param Y one column a sample; classes as one-hot columns
 * @param bug the line to get wrong
 */
export function backpropagate(
  layers: readonly PlainLayer[],
  X: Columns,
  Y: Columns,
  loss: LossName,
  l2: number,
  bug: PlantedBug,
): PlainGradient[] {
  const m = X.columns
  const has = (kind: PlantedBug['kind'], l: number) => bug.kind === kind && bug.layer === l + 1
  const A = [X]
  const Z: Columns[] = []
  for (const [l, { W, b, activation }] of layers.entries()) {
    const f = findActivation(activation)
    Z.push(mapEntries(multiply(W, A[l]), (value, row) => value + b[row]))
    A.push(mapEntries(Z[l], (z) => f.value(z)))
  }
  const last = layers.length - 1
  const mean = bug.kind === 'no-mean' ? 1 : 1 / m
  const gradients = new Array<PlainGradient>(layers.length)
  let dA = lossDerivative(loss, A[last + 1], Y, mean)
  for (let l = last; l >= 0; l--) {
    const { W, activation } = layers[l]
    const f = findActivation(activation)
    // both cross-entropies are differentiated with respect to Z itself
    const isLogit = l === last && loss.endsWith('cross-entropy')
    const dZ =
      isLogit || has('no-activation-derivative', l)
        ? dA
        : mapEntries(dA, (value, row, column) => value * f.derivative(Z[l].data[row * m + column]))
    const penalty = bug.kind === 'no-l2' ? 0 : l2 / m
    const product = multiply(dZ, transpose(A[l]))
    const dW = mapEntries(product, (value, i, j) => value + penalty * W.data[i * W.columns + j])
    const db = Float64Array.from({ length: W.rows }, (_, i) => {
      const row = dZ.data.subarray(i * m, (i + 1) * m)
      return has('bias-not-summed', l) ? row[0] : row.reduce((sum, value) => sum + value, 0)
    })
    gradients[l] = { dW: spoil(dW, bug, l), db }
    dA = multiply(transpose(W), dZ)
  }
  return gradients
}

/** The mistakes that touch a finished dW. */
function spoil(dW: Columns, bug: PlantedBug, l: number): Columns {
  if (bug.layer !== l + 1) return dW
  switch (bug.kind) {
    case 'scaled':
      return mapEntries(dW, (value) => 2 * value)
    case 'sign':
      return mapEntries(dW, (value) => -value)
    case 'transposed':
      return transpose(dW)
    case 'zero-row':
      return mapEntries(dW, (value, row) => (row === 0 ? 0 : value))
    case 'one-entry': {
      const largest = dW.data.reduce(
        (best, value, k) => (Math.abs(value) > Math.abs(dW.data[best]) ? k : best),
        0,
      )
      return { ...dW, data: dW.data.map((value, k) => (k === largest ? 1.1 * value : value)) }
    }
    default:
      return dW
  }
}

/** ∂J/∂A of the last layer, or ∂J/∂Z for the cross-entropies: σ or softmax, minus the target. */
function lossDerivative(loss: LossName, A: Columns, Y: Columns, mean: number): Columns {
  const at = (row: number, column: number) => row * A.columns + column
  switch (loss) {
    case 'binary-cross-entropy':
      return mapEntries(A, (a, row, column) => mean * (a - Y.data[at(row, column)]))
    case 'softmax-cross-entropy': {
      const P = softmax(A)
      return mapEntries(P, (p, row, column) => mean * (p - Y.data[at(row, column)]))
    }
    case 'half-squared-error':
      return mapEntries(A, (a, row, column) => a - Y.data[at(row, column)])
    case 'mean-squared-error':
      return mapEntries(A, (a, row, column) => ((2 * mean) / A.rows) * (a - Y.data[at(row, column)]))
  }
}

function softmax(Z: Columns): Columns {
  const data = new Float64Array(Z.data.length)
  for (let s = 0; s < Z.columns; s++) {
    const column = Array.from({ length: Z.rows }, (_, i) => Z.data[i * Z.columns + s])
    const largest = Math.max(...column)
    const powers = column.map((z) => Math.exp(z - largest))
    const sum = powers.reduce((total, power) => total + power, 0)
    for (const [i, power] of powers.entries()) data[i * Z.columns + s] = power / sum
  }
  return { ...Z, data }
}

function multiply(A: Columns, B: Columns): Columns {
  const data = new Float64Array(A.rows * B.columns)
  for (let i = 0; i < A.rows; i++) {
    for (let k = 0; k < A.columns; k++) {
      const a = A.data[i * A.columns + k]
      if (a === 0) continue
      for (let j = 0; j < B.columns; j++) data[i * B.columns + j] += a * B.data[k * B.columns + j]
    }
  }
  return { rows: A.rows, columns: B.columns, data }
}

export function transpose(A: Columns): Columns {
  const data = new Float64Array(A.data.length)
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.columns; j++) data[j * A.rows + i] = A.data[i * A.columns + j]
  }
  return { rows: A.columns, columns: A.rows, data }
}

function mapEntries(A: Columns, f: (value: number, row: number, column: number) => number): Columns {
  const data = new Float64Array(A.data.length)
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.columns; j++) {
      const k = i * A.columns + j
      data[k] = f(A.data[k], i, j)
    }
  }
  return { ...A, data }
}
