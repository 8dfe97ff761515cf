/** @import { Case, NumericArray } from './cases.mjs' */

const FUNCTIONS = {
  relu: { f: (z) => Math.max(0, z), slope: (a) => (a > 0 ? 1 : 0) },
  tanh: { f: Math.tanh, slope: (a) => 1 - a * a },
  sigmoid: { f: (z) => 1 / (1 + Math.exp(-z)), slope: (a) => a * (1 - a) },
  linear: { f: (z) => z, slope: () => 1 },
}

/**
 * The gradient by plain float64 backpropagation, sharing nothing with the library: what is checked in every row.
 * @param {Omit<Case, 'gradients'>} problem
 * @returns {Record<string, NumericArray>} `dW1`, `db1`, … in the parameters' shapes
 */
export function backpropagate({ activations, loss, parameters, X, Y }) {
  const samples = X.shape[1]
  const A = [X.data]
  for (const [l, activation] of activations.entries()) {
    const products = multiply(parameters[`W${l + 1}`], A[l], samples)
    A.push(activate(activation, products, parameters[`b${l + 1}`], samples))
  }
  let dZ = differentiateLoss(loss, activations[activations.length - 1], A[A.length - 1], Y)
  /** @type {Record<string, NumericArray>} */
  const gradients = {}
  for (let l = activations.length; l >= 1; l--) {
    const W = parameters[`W${l}`]
    gradients[`dW${l}`] = { shape: W.shape, data: multiplyByTransposed(dZ, A[l - 1], W.shape, samples) }
    gradients[`db${l}`] = { shape: parameters[`b${l}`].shape, data: sumRows(dZ, samples) }
    if (l === 1) break
    const { slope } = FUNCTIONS[activations[l - 2]]
    dZ = multiplyTransposed(W, dZ, samples).map((dA, k) => dA * slope(A[l - 1][k]))
  }
  return gradients
}

/** f(WA + b) from WA, (outputs, samples). */
function activate(activation, products, b, samples) {
  const { f } = FUNCTIONS[activation]
  return products.map((product, k) => f(product + b.data[Math.floor(k / samples)]))
}

/** ∂J/∂Z of the last layer, (outputs, samples). */
function differentiateLoss(loss, activation, A, Y) {
  const [outputs, samples] = Y.shape
  switch (loss) {
    // both with a mean over the samples, and an activation whose slope cancels against the loss's
    case 'binary-cross-entropy':
      return A.map((a, k) => (a - Y.data[k]) / samples)
    case 'softmax-cross-entropy': {
      const P = softmaxColumns(A, outputs, samples)
      return P.map((p, k) => (p - Y.data[k]) / samples)
    }
    case 'half-squared-error':
      return A.map((a, k) => (a - Y.data[k]) * FUNCTIONS[activation].slope(a))
    default:
      throw new Error(`no derivative of loss ${loss}`)
  }
}

function softmaxColumns(Z, outputs, samples) {
  const P = new Float64Array(Z.length)
  for (let s = 0; s < samples; s++) {
    let largest = Number.NEGATIVE_INFINITY
    for (let i = 0; i < outputs; i++) largest = Math.max(largest, Z[i * samples + s])
    let sum = 0
    for (let i = 0; i < outputs; i++) sum += Math.exp(Z[i * samples + s] - largest)
    for (let i = 0; i < outputs; i++) {
      P[i * samples + s] = Math.exp(Z[i * samples + s] - largest) / sum
    }
  }
  return P
}

/** W·A, W (outputs, inputs), A (inputs, samples). */
function multiply({ shape: [outputs, inputs], data: W }, A, samples) {
  const Z = new Float64Array(outputs * samples)
  for (let i = 0; i < outputs; i++) {
    for (let j = 0; j < inputs; j++) {
      const w = W[i * inputs + j]
      for (let s = 0; s < samples; s++) Z[i * samples + s] += w * A[j * samples + s]
    }
  }
  return Z
}

/** Wᵀ·dZ, (inputs, samples). */
function multiplyTransposed({ shape: [outputs, inputs], data: W }, dZ, samples) {
  const dA = new Float64Array(inputs * samples)
  for (let i = 0; i < outputs; i++) {
    for (let j = 0; j < inputs; j++) {
      const w = W[i * inputs + j]
      for (let s = 0; s < samples; s++) dA[j * samples + s] += w * dZ[i * samples + s]
    }
  }
  return dA
}

/** dZ·Aᵀ, (outputs, inputs). */
function multiplyByTransposed(dZ, A, [outputs, inputs], samples) {
  const dW = new Float64Array(outputs * inputs)
  for (let i = 0; i < outputs; i++) {
    for (let j = 0; j < inputs; j++) {
      let sum = 0
      for (let s = 0; s < samples; s++) sum += dZ[i * samples + s] * A[j * samples + s]
      dW[i * inputs + j] = sum
    }
  }
  return dW
}

function sumRows(dZ, samples) {
  const sums = new Float64Array(dZ.length / samples)
  for (let k = 0; k < dZ.length; k++) sums[Math.floor(k / samples)] += dZ[k]
  return sums
}
