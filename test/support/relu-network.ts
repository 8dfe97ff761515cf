import type { Problem } from '../../src/check/problem.js'
import { dense, sequential } from '../../src/network/network.js'
import { type NamedTensors, tensor } from '../../src/tensor.js'
import { Draws } from './random-network.js'

/** ReLU layers and a linear one behind them, ½·Σ(A − Y)², in rows: Z = A·W + b. */
export interface ReluNetwork {
  readonly widths: readonly number[]
  readonly samples: number
  /** One a layer, inputs × outputs. */
  readonly W: readonly Float64Array[]
  readonly b: readonly (Float64Array | undefined)[]
  readonly X: Float64Array
  readonly Y: Float64Array
}

export interface ReluContents {
  widths: number[]
  samples: number
  /** @default random numbers */
  weight?: (layer: number, draws: Draws) => number
  input?: (draws: Draws) => number
  bias?: number
}

export function makeReluNetwork({ widths, samples, weight, input, bias }: ReluContents): ReluNetwork {
  const draws = new Draws(5)
  const fill = (length: number, value: () => number) => Float64Array.from({ length }, value)
  const layers = widths.slice(1).map((outputs, l) => ({ inputs: widths[l], outputs }))
  return {
    widths,
    samples,
    W: layers.map(({ inputs, outputs }, l) =>
      fill(inputs * outputs, () => weight?.(l, draws) ?? draws.normal()),
    ),
    b: layers.map(({ outputs }) => (bias === undefined ? undefined : fill(outputs, () => bias))),
    X: fill(samples * widths[0], () => input?.(draws) ?? draws.normal()),
    Y: fill(samples * widths[widths.length - 1], () => draws.normal()),
  }
}

/** Backpropagation by its definition, with a given slope of ReLU at exactly 0. */
export function backpropagateRelu(
  { widths, samples, W, b, X, Y }: ReluNetwork,
  slopeAtZero: number,
): NamedTensors {
  const last = W.length - 1
  const A = [X]
  const Z: Float64Array[] = []
  for (let l = 0; l <= last; l++) {
    const [n, p] = [widths[l], widths[l + 1]]
    Z.push(
      Float64Array.from({ length: samples * p }, (_, k) => {
        let sum = b[l]?.[k % p] ?? 0
        for (let j = 0; j < n; j++) sum += A[l][Math.floor(k / p) * n + j] * W[l][j * p + (k % p)]
        return sum
      }),
    )
    A.push(l === last ? Z[l] : Z[l].map((z) => Math.max(z, 0)))
  }
  const gradients: NamedTensors = new Map()
  let delta = A[last + 1].map((a, k) => a - Y[k])
  for (let l = last; l >= 0; l--) {
    const [n, p] = [widths[l], widths[l + 1]]
    const dW = new Float64Array(n * p)
    const db = new Float64Array(p)
    const below = new Float64Array(samples * n)
    for (let s = 0; s < samples; s++) {
      for (let i = 0; i < p; i++) {
        const d = delta[s * p + i]
        db[i] += d
        for (let j = 0; j < n; j++) {
          dW[j * p + i] += A[l][s * n + j] * d
          below[s * n + j] += W[l][j * p + i] * d
        }
      }
    }
    gradients.set(`dW${l + 1}`, tensor(dW, [n, p]))
    if (b[l] !== undefined) gradients.set(`db${l + 1}`, tensor(db, [p]))
    if (l > 0) delta = below.map((d, k) => d * (Z[l - 1][k] > 0 ? 1 : Z[l - 1][k] < 0 ? 0 : slopeAtZero))
  }
  return gradients
}

export function reluProblem(network: ReluNetwork, gradients: NamedTensors): Problem {
  const { widths, samples, W, b, X, Y } = network
  const parameters: NamedTensors = new Map()
  for (const [l, weights] of W.entries()) {
    parameters.set(`W${l + 1}`, tensor(weights, [widths[l], widths[l + 1]]))
    const biases = b[l]
    if (biases !== undefined) parameters.set(`b${l + 1}`, tensor(biases, [widths[l + 1]]))
  }
  const activations = W.map((_, l) => dense(l === W.length - 1 ? 'linear' : 'relu'))
  return {
    network: sequential(activations, { loss: 'half-squared-error', layout: 'rows' }),
    parameters,
    gradients,
    inputs: tensor(X, [samples, widths[0]]),
    targets: tensor(Y, [samples, widths[widths.length - 1]]),
  }
}
