import type { Problem } from '../../src/check/problem.js'
import { dense, sequential } from '../../src/network/network.js'
import { type NamedTensors, tensor } from '../../src/tensor.js'
import { Draws } from './random-network.js'

/** ReLU layers, leaky or not, and a linear one behind them, ½·Σ(A − Y)², in rows: Z = A·W + b. */
export interface ReluNetwork {
  readonly widths: readonly number[]
  readonly samples: number
  /** The slope below 0 of each ReLU layer. @default 0 */
  readonly below?: readonly number[]
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
  bias?: number | ((draws: Draws) => number)
  below?: number[]
  /** @default 5 */
  seed?: number
}

export function makeReluNetwork(contents: ReluContents): ReluNetwork {
  const { widths, samples, weight, input, bias, below, seed = 5 } = contents
  const draws = new Draws(seed)
  const fill = (length: number, value: () => number) => Float64Array.from({ length }, value)
  const layers = widths.slice(1).map((outputs, l) => ({ inputs: widths[l], outputs }))
  return {
    widths,
    samples,
    ...(below === undefined ? {} : { below }),
    W: layers.map(({ inputs, outputs }, l) =>
      fill(inputs * outputs, () => weight?.(l, draws) ?? draws.normal()),
    ),
    b: layers.map(({ outputs }) =>
      bias === undefined ? undefined : fill(outputs, () => (typeof bias === 'number' ? bias : bias(draws))),
    ),
    X: fill(samples * widths[0], () => input?.(draws) ?? draws.normal()),
    Y: fill(samples * widths[widths.length - 1], () => draws.normal()),
  }
}

/** Pre-activations of each layer, and the inputs of each and the output. */
export function runRelu({ widths, samples, below, W, b, X }: ReluNetwork): {
  Z: Float64Array[]
  A: Float64Array[]
} {
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
    A.push(l === last ? Z[l] : Z[l].map((z) => (z > 0 ? z : (below?.[l] ?? 0) * z)))
  }
  return { Z, A }
}

/** ½·Σ(A − Y)² */
export function reluCost(network: ReluNetwork): number {
  const { A } = runRelu(network)
  return A[network.W.length].reduce((sum, a, k) => sum + (a - network.Y[k]) ** 2 / 2, 0)
}

/** Backpropagation by its definition, with given slopes of the ReLUs at exactly 0: of all layers, or of each. */
export function backpropagateRelu(
  network: ReluNetwork,
  slopeAtZero: number | readonly number[],
): NamedTensors {
  const { widths, samples, below, W, b, Y } = network
  const last = W.length - 1
  const { Z, A } = runRelu(network)
  const gradients: NamedTensors = new Map()
  let delta = A[last + 1].map((a, k) => a - Y[k])
  const atZero = (l: number) => (typeof slopeAtZero === 'number' ? slopeAtZero : slopeAtZero[l])
  const slope = (l: number, z: number) => (z > 0 ? 1 : z < 0 ? (below?.[l] ?? 0) : atZero(l))
  for (let l = last; l >= 0; l--) {
    const [n, p] = [widths[l], widths[l + 1]]
    const dW = new Float64Array(n * p)
    const db = new Float64Array(p)
    const passed = new Float64Array(samples * n)
    for (let s = 0; s < samples; s++) {
      for (let i = 0; i < p; i++) {
        const d = delta[s * p + i]
        db[i] += d
        for (let j = 0; j < n; j++) {
          dW[j * p + i] += A[l][s * n + j] * d
          passed[s * n + j] += W[l][j * p + i] * d
        }
      }
    }
    gradients.set(`dW${l + 1}`, tensor(dW, [n, p]))
    if (b[l] !== undefined) gradients.set(`db${l + 1}`, tensor(db, [p]))
    if (l > 0) delta = passed.map((d, k) => d * slope(l - 1, Z[l - 1][k]))
  }
  return gradients
}

/** Names of the gradients of which every part passes through a unit at exactly 0, whose slope decides on some part. */
export function findUntestedTensors(network: ReluNetwork): string[] {
  const kinked = (slope: number) => backpropagateRelu(network, slope)
  const [off, left, right] = [backpropagatePast(network), kinked(0), kinked(1)]
  return [...off.keys()].filter(
    (name) =>
      off.get(name)!.data.every((value) => value === 0) &&
      left.get(name)!.data.some((value, k) => value !== right.get(name)!.data[k]),
  )
}

/** Backpropagation that no unit at exactly 0 has a part in. */
const backpropagatePast = (network: ReluNetwork) => backpropagateRelu(network, 0)

export function reluProblem(network: ReluNetwork, gradients: NamedTensors): Problem {
  const { widths, samples, below, W, b, X, Y } = network
  const parameters: NamedTensors = new Map()
  for (const [l, weights] of W.entries()) {
    parameters.set(`W${l + 1}`, tensor(weights, [widths[l], widths[l + 1]]))
    const biases = b[l]
    if (biases !== undefined) parameters.set(`b${l + 1}`, tensor(biases, [widths[l + 1]]))
  }
  const activations = W.map((_, l) => dense(l === W.length - 1 ? 'linear' : nameRelu(below?.[l] ?? 0)))
  return {
    network: sequential(activations, { loss: 'half-squared-error', layout: 'rows' }),
    parameters,
    gradients,
    inputs: tensor(X, [samples, widths[0]]),
    targets: tensor(Y, [samples, widths[widths.length - 1]]),
  }
}

const nameRelu = (below: number) => (below === 0 ? 'relu' : `leaky-relu(${below})`)
