import type { Activation } from './activations.js'
import { createMatrix, type Matrix, multiplyByTransposed } from './matrix.js'

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
    const { inputs, outputs } = this
    const result = new Float64Array(outputs * inputs)
    for (let s = 0; s < input.rows; s++) {
      for (let i = 0; i < outputs; i++) {
        const d = delta.data[s * outputs + i]
        if (d === 0) continue
        for (let j = 0; j < inputs; j++) result[i * inputs + j] += d * input.data[s * inputs + j]
      }
    }
    return result
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
    const { inputs, outputs } = this
    const result = createMatrix(delta.rows, inputs)
    for (let s = 0; s < delta.rows; s++) {
      for (let i = 0; i < outputs; i++) {
        const d = delta.data[s * outputs + i]
        if (d === 0) continue
        for (let j = 0; j < inputs; j++) result.data[s * inputs + j] += d * weights[i * inputs + j]
      }
    }
    return result
  }

  /**
   * Variance of Z, in squared unit roundoffs, when the input has variance `variance` and every operation rounds:
   * a sum's rounding is taken as one roundoff of Σ|terms|.
   */
  forwardRounding(input: Matrix, variance: Matrix): Matrix {
    const { inputs, outputs, weights, biases } = this
    const result = createMatrix(input.rows, outputs)
    for (let s = 0; s < input.rows; s++) {
      for (let i = 0; i < outputs; i++) {
        const at = i * inputs
        const from = s * inputs
        let passed = 0
        let terms = biases === undefined ? 0 : Math.abs(biases[i])
        for (let j = 0; j < inputs; j++) {
          const w = weights[at + j]
          passed += w * w * variance.data[from + j]
          terms += Math.abs(w * input.data[from + j])
        }
        result.data[s * outputs + i] = passed + terms * terms
      }
    }
    return result
  }

  /** The same for both gradients and ∂J/∂input, from δ and the input with their variances. */
  backwardRounding(
    delta: Matrix,
    deltaVariance: Matrix,
    input: Matrix,
    inputVariance: Matrix,
  ): { weights: Float64Array; biases: Float64Array | undefined; input: Matrix } {
    const { inputs, outputs } = this
    const weights = new Float64Array(outputs * inputs)
    const weightTerms = new Float64Array(outputs * inputs)
    const biases = new Float64Array(outputs)
    const biasTerms = new Float64Array(outputs)
    const toInput = createMatrix(input.rows, inputs)
    const inputTerms = new Float64Array(inputs)
    for (let s = 0; s < input.rows; s++) {
      inputTerms.fill(0)
      const [from, to] = [s * inputs, (s + 1) * inputs]
      const values = input.data.subarray(from, to)
      const variances = inputVariance.data.subarray(from, to)
      const toRow = toInput.data.subarray(from, to)
      for (let i = 0; i < outputs; i++) {
        const d = Math.abs(delta.data[s * outputs + i])
        const v = deltaVariance.data[s * outputs + i]
        if (d === 0 && v === 0) continue
        biases[i] += v
        biasTerms[i] += d
        const row = i * inputs
        for (let j = 0; j < inputs; j++) {
          const a = values[j]
          const w = this.weights[row + j]
          weights[row + j] += d * d * variances[j] + a * a * v
          weightTerms[row + j] += d * Math.abs(a)
          toRow[j] += w * w * v
          inputTerms[j] += d * Math.abs(w)
        }
      }
      for (let j = 0; j < inputs; j++) toRow[j] += inputTerms[j] ** 2
    }
    for (let k = 0; k < weights.length; k++) weights[k] += weightTerms[k] ** 2
    for (let i = 0; i < outputs; i++) biases[i] += biasTerms[i] ** 2
    return { weights, biases: this.biases === undefined ? undefined : biases, input: toInput }
  }
}
