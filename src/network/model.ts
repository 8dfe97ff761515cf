import { elementCount } from '../tensor.js'
import type { Activation } from './activations.js'
import { Backpropagation, type BackwardSteps } from './backpropagation.js'
import type { DenseLayer } from './dense-layer.js'
import { findLoss, type Loss, type Output } from './losses.js'
import { type Matrix, mapMatrix } from './matrix.js'
import type { Network } from './network.js'
import { type Weighting, weightLoss } from './weighting.js'

/** One of the user's parameter arrays and where its elements stand in the model. */
export interface ParameterTensor {
  /** The user's name for it, `W1`. */
  readonly name: string
  /** Shape in the user's own layout. */
  readonly shape: readonly number[]
  /** Index of the layer it belongs to, from 0. */
  readonly layer: number
  readonly role: 'weights' | 'biases'
  /** Number of elements. */
  readonly size: number
  /** True where the user's array is the transpose of the model's outputs × inputs. */
  readonly transposed: boolean
}

/** A parameter that belongs to no layer, as judges and diagnosis know it. */
export const bareParameter = (name: string, shape: readonly number[]): ParameterTensor => ({
  name,
  shape,
  layer: 0,
  role: 'weights',
  size: elementCount(shape),
  transposed: false,
})

/** Values before and after every layer's activation: `Z[l]`, and `A[l]` with `A[0]` the input. */
export interface ForwardPass {
  readonly Z: readonly Matrix[]
  readonly A: readonly Matrix[]
}

/**
 * A network with its parameters and data, in float64 and in the package's own orientation (samples × units,
 * weights outputs × inputs). Everything that a check computes starts from here.
 */
export class Model {
  readonly network: Network
  readonly layers: readonly DenseLayer[]
  /** The loss, each sample's multiplied by its weight. */
  readonly loss: Loss
  readonly weighting: Weighting
  /** Weights and biases in order: W1, b1, W2, … */
  readonly parameters: readonly ParameterTensor[]
  /** samples × features, without the samples that do not count. */
  readonly inputs: Matrix
  /** samples × outputs; classes as one-hot rows. */
  readonly targets: Matrix
  #basePass: ForwardPass | undefined
  #baseGradients: readonly Float64Array[] | undefined

  constructor(options: {
    network: Network
    layers: readonly DenseLayer[]
    parameters: readonly ParameterTensor[]
    inputs: Matrix
    targets: Matrix
    weighting: Weighting
  }) {
    this.network = options.network
    this.layers = options.layers
    this.weighting = options.weighting
    this.loss = weightLoss(findLoss(options.network.loss), options.weighting.weights)
    this.parameters = options.parameters
    this.inputs = options.inputs
    this.targets = options.targets
  }

  /** The samples that are evaluated: those that count and whose weight is not 0. */
  get samples(): number {
    return this.inputs.rows
  }

  /** m: the samples that a mean is taken over. */
  get countedSamples(): number {
    return this.weighting.counted
  }

  /** The weight of the sample that element `k` of the targets belongs to. */
  weightOf(k: number): number {
    return this.weighting.weights?.[Math.floor(k / this.targets.columns)] ?? 1
  }

  /** The number of a sample in the user's arrays. */
  sampleNumber(s: number): number {
    return this.weighting.numbers?.[s] ?? s
  }

  /** The factor outside the loss's sum over samples. */
  get lossScale(): number {
    return this.weighting.scale
  }

  /** The factor of Σ W² in the loss, λ/(2m). */
  get l2Scale(): number {
    return this.network.l2 / (2 * this.countedSamples)
  }

  /** The parameter's elements in the model's orientation; the model reads this very array. */
  values(parameter: ParameterTensor): Float64Array {
    const layer = this.layers[parameter.layer]
    return parameter.role === 'weights' ? layer.weights : layer.biases!
  }

  /** The whole forward pass, from the parameters as they are now. */
  forward(): ForwardPass {
    return this.forwardFrom(0, { Z: [], A: [this.inputs] })
  }

  /** The same where only parameters of layer `first` and of those behind it have changed since another pass. */
  forwardFrom(first: number, earlier: ForwardPass): ForwardPass {
    const A = earlier.A.slice(0, first + 1)
    const Z = earlier.Z.slice(0, first)
    for (const layer of this.layers.slice(first)) {
      const values = layer.forward(A[A.length - 1])
      Z.push(values.Z)
      A.push(values.A)
    }
    return { Z, A }
  }

  /** The forward pass as it was when first asked for: of a check, whose parameters stay where they are. */
  get basePass(): ForwardPass {
    this.#basePass ??= this.forward()
    return this.#basePass
  }

  /** J by the published formulas, from a whole forward pass with the parameters as they are now. */
  cost(pass: ForwardPass = this.forward()): number {
    return this.lossScale * sum(this.loss.losses(outputOf(pass), this.targets)) + this.l2Cost()
  }

  /** λ/(2m)·Σ W² */
  l2Cost(): number {
    if (this.network.l2 === 0) return 0
    let squares = 0
    for (const layer of this.layers) for (const w of layer.weights) squares += w * w
    return this.l2Scale * squares
  }

  /**
   * Backpropagation in float64: the gradient of every parameter tensor, in the model's orientation and the order
   * of `parameters`.
   */
  gradients(): Float64Array[] {
    const backpropagation = new Backpropagation(this.layers, this.backwardSteps(this.forward()))
    return this.parameters.map((parameter) => backpropagation.gradient(parameter))
  }

  /** The same at the base pass, computed once. */
  get baseGradients(): readonly Float64Array[] {
    this.#baseGradients ??= this.gradients()
    return this.#baseGradients
  }

  /** The steps of backpropagation at a forward pass. */
  backwardSteps(pass: ForwardPass): BackwardSteps {
    return {
      lossDerivative: () =>
        mapMatrix(this.loss.derivative(outputOf(pass), this.targets), (d) => this.lossScale * d),
      passActivation: (l, k, upstream) => upstream * this.layers[l].activation.derivative(pass.Z[l].data[k]),
      weights: (l) => this.layers[l].weights,
      input: (l) => pass.A[l],
      penalty: (l, k) => 2 * this.l2Scale * this.layers[l].weights[k],
    }
  }

  /**
   * Backpropagation with every factor and term replaced by its absolute value: Σ |terms| of each gradient entry.
   * Times a unit roundoff it bounds, to first order, what rounding does to that entry.
   */
  gradientMagnitudes(): Float64Array[] {
    const backpropagation = this.propagateMagnitudes(this.forward())
    return this.parameters.map((parameter) => backpropagation.gradient(parameter))
  }

  /** That backpropagation, at a forward pass. */
  propagateMagnitudes(pass: ForwardPass): Backpropagation {
    const steps = this.backwardSteps(pass)
    return new Backpropagation(this.layers, {
      lossDerivative: () =>
        mapMatrix(this.loss.magnitude(outputOf(pass), this.targets), (d) => this.lossScale * d),
      passActivation: (l, k, upstream) =>
        upstream * slopeMagnitude(this.layers[l].activation, pass.Z[l].data[k]),
      weights: (l) => steps.weights(l).map(Math.abs),
      input: (l) => mapMatrix(pass.A[l], Math.abs),
      penalty: (l, k) => Math.abs(steps.penalty(l, k)),
    })
  }
}

const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0)

/** The last layer's values of a forward pass. */
export function outputOf(pass: ForwardPass): Output {
  return { Z: pass.Z[pass.Z.length - 1], A: pass.A[pass.A.length - 1] }
}

/** Σ|terms| of f′(z). Of z·P(z) they are P and z·P′, which cancel below 0. */
export function slopeMagnitude(activation: Activation, z: number): number {
  const slope = activation.derivative(z)
  if (z >= 0 || !['silu', 'gelu', 'gelu-tanh', 'gelu-sigmoid'].includes(activation.name))
    return Math.abs(slope)
  const P = activation.value(z) / z
  return P + Math.abs(slope - P)
}
