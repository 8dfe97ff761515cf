import { type Activation, crossesKink } from './activations.js'
import { createMatrix, type Matrix, transpose } from './matrix.js'

/**
 * A fully connected layer at a base point: A = f(Z), Z = A_previous·Wᵀ + b, all in float64, samples × units.
 * It knows its forward and backward pass and how a change passes through it. Changes are divided by the step h
 * that made them, so that they neither underflow nor lose digits; h stands only in the non-linear corrections.
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
  /** How many changes carried a unit across its kink since a caller last set it to 0. */
  kinks = 0

  #weightsByInput: Float64Array | undefined
  #input: Matrix | undefined
  #Z: Matrix | undefined
  #tails: Float64Array | undefined

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
    const { inputs, outputs, weights, biases } = this
    const Z = createMatrix(input.rows, outputs)
    for (let s = 0; s < input.rows; s++) {
      for (let i = 0; i < outputs; i++) {
        const at = i * inputs
        const from = s * inputs
        let sum = 0
        for (let j = 0; j < inputs; j++) sum += weights[at + j] * input.data[from + j]
        Z.data[s * outputs + i] = biases === undefined ? sum : sum + biases[i]
      }
    }
    const A = createMatrix(input.rows, outputs)
    for (let k = 0; k < A.data.length; k++) A.data[k] = this.activation.value(Z.data[k])
    return { Z, A }
  }

  /**
   * Backpropagation through the layer: from δ = ∂J/∂Z (samples × outputs) to the gradients of the weights
   * (outputs × inputs) and biases, and ∂J/∂input. `take` is applied to every weight (the identity, or the
   * absolute value where magnitudes are propagated).
   */
  backward(
    delta: Matrix,
    input: Matrix,
    take: (weight: number) => number,
  ): { weights: Float64Array; biases: Float64Array | undefined; input: Matrix } {
    const { inputs, outputs } = this
    const factors = this.weights.map(take)
    const weights = new Float64Array(outputs * inputs)
    const biases = this.biases === undefined ? undefined : new Float64Array(outputs)
    const toInput = createMatrix(input.rows, inputs)
    for (let s = 0; s < input.rows; s++) {
      for (let i = 0; i < outputs; i++) {
        const d = delta.data[s * outputs + i]
        if (d === 0) continue
        if (biases !== undefined) biases[i] += d
        for (let j = 0; j < inputs; j++) {
          weights[i * inputs + j] += d * input.data[s * inputs + j]
          toInput.data[s * inputs + j] += d * factors[i * inputs + j]
        }
      }
    }
    return { weights, biases, input: toInput }
  }

  /** Takes the base point that the changes below start from. */
  setBasePoint(input: Matrix, Z: Matrix): void {
    this.#input = input
    this.#Z = Z
    this.#tails = Z.data.map((z) => this.activation.tail(z))
    this.#weightsByInput ??= transpose(this.weights, this.outputs, this.inputs)
  }

  /** The output unit that a weight (row-major index) feeds. */
  unitOfWeight(weight: number): number {
    return Math.floor(weight / this.inputs)
  }

  /** Change of output `unit` of sample `s` when weight `weight`, which feeds it, changes by h. */
  weightChange(weight: number, unit: number, s: number, h: number): number {
    const input = this.#input!.data[s * this.inputs + (weight - unit * this.inputs)]
    return input === 0 ? 0 : this.#activate(unit, input, s, h)
  }

  /** Change of output `unit` of sample `s` when its bias changes by h. */
  biasChange(unit: number, s: number, h: number): number {
    return this.#activate(unit, 1, s, h)
  }

  /** Changes of all outputs of sample `s` when input `unit` alone changes by h·`change`. */
  passUnit(unit: number, change: number, s: number, h: number, out: Float64Array): void {
    const { outputs } = this
    const weights = this.#weightsByInput!
    const at = unit * outputs
    for (let i = 0; i < outputs; i++) out[i] = weights[at + i] * change
    this.#activateAll(s, h, out)
  }

  /** Changes of all outputs of sample `s` when input j changes by h·`changes[j]`. */
  pass(changes: Float64Array, s: number, h: number, out: Float64Array): void {
    const { inputs, outputs, weights } = this
    for (let i = 0; i < outputs; i++) {
      const at = i * inputs
      let sum = 0
      for (let j = 0; j < inputs; j++) sum += weights[at + j] * changes[j]
      out[i] = sum
    }
    this.#activateAll(s, h, out)
  }

  #activateAll(s: number, h: number, changes: Float64Array): void {
    if (this.endsAtLogits) return
    for (let i = 0; i < this.outputs; i++) {
      if (changes[i] !== 0) changes[i] = this.#activate(i, changes[i], s, h)
    }
  }

  #activate(unit: number, change: number, s: number, h: number): number {
    if (this.endsAtLogits) return change
    const at = s * this.outputs + unit
    const z = this.#Z!.data[at]
    const d = h * change
    if (this.activation.hasKink && crossesKink(z, d)) this.kinks++
    return this.activation.secantSlope(z, this.#tails![at], d) * change
  }
}
