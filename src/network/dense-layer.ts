import type { Activation } from './activations.js'
import { createMatrix, type Matrix, multiply, multiplyByTransposed, multiplyTransposedBy } from './matrix.js'

/**
 * A fully connected layer: A = f(Z), Z = A_previous·Wᵀ + b, all in float64, samples × units. How a change passes
 * through it stands in src/differentiate: cpu/dense-changes.ts, and webgpu/stages.ts with the shaders.
 */
export class DenseLayer {
  readonly kind = 'dense'
  readonly inputs: number
  readonly outputs: number
  /** outputs × inputs, row-major */
  readonly weights: Float64Array
  readonly biases: Float64Array | undefined
  readonly activation: Activation
  /** True where the loss reads Z, so that the activation belongs to the loss. */
  readonly endsAtLogits: boolean

  constructor(options: {
    weights: Float64Array
    inputs: number
    outputs: number
    biases: Float64Array | undefined
    activation: Activation
    endsAtLogits: boolean
  }) {
    this.weights = options.weights
    this.inputs = options.inputs
    this.outputs = options.outputs
    this.biases = options.biases
    this.activation = options.activation
    this.endsAtLogits = options.endsAtLogits
  }

  /** Z and A for an input of samples × inputs. */
  forward(input: Matrix): { Z: Matrix; A: Matrix } {
    const { outputs, weights, biases } = this
    const Z = multiplyByTransposed(input, weights, outputs)
    if (biases !== undefined) {
      for (let k = 0; k < Z.data.length; k++) Z.data[k] += biases[k % outputs]
    }
    const A = createMatrix(input.rows, outputs)
    for (let k = 0; k < A.data.length; k++) A.data[k] = this.activation.value(Z.data[k])
    return { Z, A }
  }

  /** ∂J/∂W (outputs × inputs) from δ = ∂J/∂Z (samples × outputs) and the input (samples × inputs). */
  weightsGradient(delta: Matrix, input: Matrix): Float64Array {
    return multiplyTransposedBy(delta, input)
  }

  /** ∂J/∂b from δ. */
  biasesGradient(delta: Matrix): Float64Array {
    const result = new Float64Array(this.outputs)
    for (let k = 0; k < delta.data.length; k++) result[k % this.outputs] += delta.data[k]
    return result
  }

  /**
   * ∂J/∂input (samples × inputs) from δ.
   * @param weights the layer's own, or what is to stand for them (their absolute values, for magnitudes)
   */
  passBack(delta: Matrix, weights: Float64Array): Matrix {
    return multiply(delta, weights, this.inputs)
  }
}
