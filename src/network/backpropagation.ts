import type { DenseLayer } from './dense-layer.js'
import { createMatrix, type Matrix } from './matrix.js'
import type { ParameterTensor } from './model.js'

/**
 * The steps that a backpropagation is made of. One that carries magnitudes, or goes wrong somewhere, is the right
 * one with a step replaced. Layers are counted from 0.
 */
export interface BackwardSteps {
  /** ∂J/∂A of the last layer, or ∂J/∂Z where the loss reads logits: samples × outputs, the mean included. */
  lossDerivative(): Matrix
  /**
   * Element `k` of layer `l`'s δ from ∂J/∂A there: its product with f′. Not asked of a layer that ends at logits.
   */
  passActivation(l: number, k: number, upstream: number): number
  /** The weights that the gradient passes back through at layer `l`, outputs × inputs. */
  weights(l: number): Float64Array
  /** What the gradient of layer `l`'s weights is δ's product with: the layer's input. */
  input(l: number): Matrix
  /** The penalty's derivative by element `k` of layer `l`'s weights. */
  penalty(l: number, k: number): number
}

/** A backpropagation, each layer's δ computed when it is first asked for. */
export class Backpropagation {
  readonly steps: BackwardSteps
  readonly #layers: readonly DenseLayer[]
  readonly #upstream: Matrix[] = []
  readonly #delta: Matrix[] = []

  constructor(layers: readonly DenseLayer[], steps: BackwardSteps) {
    this.#layers = layers
    this.steps = steps
  }

  /**
   * The same with some steps replaced, nothing computed again that they leave alone.
   * @param reach the last layer whose δ they change
   * @param from what of that layer they change first: ∂J/∂A, or δ alone
   */
  replaceSteps(steps: BackwardSteps, reach: number, from: 'upstream' | 'delta'): Backpropagation {
    const result = new Backpropagation(this.#layers, steps)
    for (let l = reach; l < this.#layers.length; l++) {
      if (l > reach) result.#delta[l] = this.delta(l)
      if (l > reach || from === 'delta') result.#upstream[l] = this.upstream(l)
    }
    return result
  }

  /** ∂J/∂A of layer `l`, samples × outputs; ∂J/∂Z where the layer ends at logits. */
  upstream(l: number): Matrix {
    this.#upstream[l] ??=
      l === this.#layers.length - 1
        ? this.steps.lossDerivative()
        : this.#layers[l + 1].passBack(this.delta(l + 1), this.steps.weights(l + 1))
    return this.#upstream[l]
  }

  /** δ = ∂J/∂Z of layer `l`, samples × outputs. */
  delta(l: number): Matrix {
    this.#delta[l] ??= this.#passActivation(l)
    return this.#delta[l]
  }

  /** The gradient of a parameter tensor, in the model's orientation. */
  gradient({ layer: l, role }: ParameterTensor): Float64Array {
    const layer = this.#layers[l]
    if (role === 'biases') return layer.biasesGradient(this.delta(l))
    const gradient = layer.weightsGradient(this.delta(l), this.steps.input(l))
    for (let k = 0; k < gradient.length; k++) gradient[k] += this.steps.penalty(l, k)
    return gradient
  }

  /** One element of that gradient, for as many operations as there are samples. */
  gradientEntry({ layer: l, role }: ParameterTensor, offset: number): number {
    const delta = this.delta(l)
    let sum = 0
    if (role === 'biases') {
      for (let k = offset; k < delta.data.length; k += delta.columns) sum += delta.data[k]
      return sum
    }
    const input = this.steps.input(l)
    const [i, j] = [Math.floor(offset / input.columns), offset % input.columns]
    for (let s = 0; s < delta.rows; s++) {
      sum += delta.data[s * delta.columns + i] * input.data[s * input.columns + j]
    }
    return sum + this.steps.penalty(l, offset)
  }

  #passActivation(l: number): Matrix {
    const upstream = this.upstream(l)
    if (this.#layers[l].endsAtLogits) return upstream
    const delta = createMatrix(upstream.rows, upstream.columns)
    for (let k = 0; k < delta.data.length; k++) {
      delta.data[k] = this.steps.passActivation(l, k, upstream.data[k])
    }
    return delta
  }
}
