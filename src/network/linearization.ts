import type { KinkConvention } from '../operations/scalar-rule.js'
import { FLOAT64_ROUNDOFF } from '../tensor.js'
import type { Activation } from './activations.js'
import { Backpropagation } from './backpropagation.js'
import { type Matrix, mapMatrix } from './matrix.js'
import type { ForwardPass, Model } from './model.js'
import { rootSumSquares, SquaredMatrix } from './root-sum-squares.js'

/** Distance over which a derivative's own slopes are taken. */
const SLOPE_STEP = 2 ** -10
/** Deviations within which rounding leaves open on which side of a kink a pre-activation is. */
export const KINK_DEVIATIONS = 8

/** A model's base point in float64: values, derivatives of the loss, and how well the values are known. */
export interface Linearization {
  readonly model: Model
  readonly pass: ForwardPass
  /** Standard deviation of every layer's Z and A by independent roundings of the forward pass, in roundoffs. */
  readonly deviations: { readonly Z: readonly Matrix[]; readonly A: readonly Matrix[] }
  /** ∂J/∂A of each layer; of a last layer that ends at logits ∂J/∂Z. */
  readonly upstream: readonly Matrix[]
  /** ∂J/∂Z of each layer. */
  readonly deltas: readonly Matrix[]
  /** f′(Z); where a unit is on its kink, of the side where it is larger. */
  readonly slopes: readonly Float64Array[]
  /** How deviations pass through each layer's weights. */
  readonly squaredWeights: readonly SquaredMatrix[]
}

/** What a product of `terms` terms rounds, relative to the squares of its terms: each product, and its partial sums. */
export const sumRoundings = (terms: number) => 1 + terms / 2

export function linearize(model: Model): Linearization {
  const pass = model.basePass
  const squaredWeights = model.layers.map(({ weights, inputs }) => new SquaredMatrix(weights, inputs))
  const ofA: Matrix[] = []
  const ofZ: Matrix[] = []
  for (const [l, layer] of model.layers.entries()) {
    const terms = Math.sqrt(sumRoundings(layer.inputs))
    const input = pass.A[l]
    // the data are exact: what a product's own roundings make of them
    const products =
      l === 0
        ? mapMatrix(squaredWeights[0].forward(input), (d) => terms * d)
        : squaredWeights[l].forward(mapMatrix(ofA[l - 1], (d, k) => rootSumSquares(d, terms * input.data[k])))
    const Z = pass.Z[l].data
    const sums =
      layer.biases === undefined ? products : mapMatrix(products, (d, k) => rootSumSquares(d, Z[k]))
    ofZ.push(sums)
    const A = pass.A[l + 1].data
    ofA.push(mapMatrix(sums, (d, k) => rootSumSquares(layer.activation.derivative(Z[k]) * d, A[k])))
  }
  const slopes = model.layers.map(({ activation }, l) =>
    pass.Z[l].data.map((z, k) => {
      const slope = activation.derivative(z)
      if (!isOnKink(activation, z, ofZ[l].data[k])) return slope
      return Math.max(slopeAtKink(activation, 'left'), slopeAtKink(activation, 'right'))
    }),
  )
  const backpropagation = propagate(model, pass, (l, k) => slopes[l][k])
  return {
    model,
    pass,
    deviations: { Z: ofZ, A: ofA },
    upstream: model.layers.map((_, l) => backpropagation.upstream(l)),
    deltas: model.layers.map((_, l) => backpropagation.delta(l)),
    slopes,
    squaredWeights,
  }
}

/** Backpropagation in float64 with given slopes. */
function propagate(
  model: Model,
  pass: ForwardPass,
  slope: (l: number, k: number) => number,
): Backpropagation {
  return new Backpropagation(model.layers, {
    ...model.backwardSteps(pass),
    passActivation: (l, k, upstream) => upstream * slope(l, k),
  })
}

/** True where rounding in float64 leaves open on which side of its kink a pre-activation is. */
export function isOnKink(activation: Activation, z: number, deviation: number): boolean {
  return activation.hasKink && Math.abs(z) <= KINK_DEVIATIONS * FLOAT64_ROUNDOFF * deviation
}

/** f′ beside the kink at 0. */
export function slopeAtKink(activation: Activation, convention: KinkConvention): number {
  const left = activation.derivative(0)
  const right = activation.derivative(Number.MIN_VALUE)
  return convention === 'left' ? left : convention === 'right' ? right : (left + right) / 2
}

/** f″(z) and f‴(z), by differences away from 0: on the side of a kink where z is. */
export function higherSlopes(activation: Activation, z: number): { second: number; third: number } {
  const step = z > 0 ? SLOPE_STEP : -SLOPE_STEP
  const here = activation.derivative(z)
  const near = activation.derivative(z + step)
  const far = activation.derivative(z + 2 * step)
  return { second: (near - here) / step, third: (far - 2 * near + here) / step ** 2 }
}
