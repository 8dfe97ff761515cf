import { type DType, unitRoundoff } from '../tensor.js'
import type { Activation } from './activations.js'
import { createMatrix, type Matrix } from './matrix.js'
import { type Model, outputOf } from './model.js'

/** Distance over which a derivative's own slope is taken. */
const SLOPE_STEP = 1e-3
/** Standard deviations within which a pre-activation may have rounded to the other side of a kink. */
const KINK_DEVIATIONS = 8

/** What arithmetic in a float format loses. */
export interface FloatFormat {
  readonly unitRoundoff: number
  /** What a result may be off by where it underflows, and is flushed to 0. */
  readonly underflow: number
}

/** The arithmetic that a gradient stored as `dtype` is taken to come from. */
export function formatOf(dtype: DType): FloatFormat {
  // half precision keeps its subnormal numbers
  const underflow =
    dtype === 'float16' ? 2 ** -24 : dtype === 'float32' || dtype === 'bfloat16' ? 2 ** -126 : 2 ** -1022
  return { unitRoundoff: unitRoundoff(dtype), underflow }
}

/**
 * What rounding does to a gradient that somebody's backpropagation computed in a float format: a standard deviation
 * for every entry, in unit roundoffs, in the model's orientation and the order of `parameters`.
 *
 * The variance of every intermediate value is carried through the forward and the backward pass, as if roundings
 * were independent (Higham & Mary 2019, "A new approach to probabilistic rounding error analysis"). So it sees what
 * Σ|terms| does not: a − y loses the digits that the two share, 1 − a² those of a saturated tanh, and an error of
 * a pre-activation moves the slope.
 */
export function backpropagationRounding(model: Model, format: FloatFormat): Float64Array[] {
  const u = format.unitRoundoff
  const underflow = (format.underflow / u) ** 2
  const { layers } = model
  const pass = model.forward()
  const inputVariances: Matrix[] = [createMatrix(model.inputs.rows, model.inputs.columns)]
  const zVariances: Matrix[] = []
  for (const [l, layer] of layers.entries()) {
    const ofZ = layer.forwardRounding(pass.A[l], inputVariances[l])
    zVariances.push(ofZ)
    inputVariances.push(
      mapMatrix(ofZ, (variance, k) => {
        const slope = layer.activation.derivative(pass.Z[l].data[k])
        return slope ** 2 * variance + pass.A[l + 1].data[k] ** 2
      }),
    )
  }
  const gradients = new Map<string, Float64Array>()
  const last = layers.length - 1
  const derivative = model.loss.derivative(outputOf(pass), model.targets)
  let upstream = mapMatrix(derivative, (d) => model.lossScale * d)
  let variance = mapMatrix(
    outputVariance(model, pass.Z[last], pass.A[last + 1], zVariances[last], inputVariances[last + 1]),
    (v) => v + underflow,
  )
  for (let l = last; l >= 0; l--) {
    const layer = layers[l]
    let [delta, deltaVariance] = [upstream, variance]
    if (!layer.endsAtLogits) {
      const { activation } = layer
      const slopes = pass.Z[l].data.map((z) => activation.derivative(z))
      const slopeVariances = pass.Z[l].data.map((z, k) =>
        slopeVariance(activation, z, zVariances[l].data[k], u),
      )
      deltaVariance = mapMatrix(
        variance,
        (v, k) => slopes[k] ** 2 * (v + upstream.data[k] ** 2) + upstream.data[k] ** 2 * slopeVariances[k],
      )
      delta = mapMatrix(upstream, (d, k) => d * slopes[k])
    }
    const rounding = layer.backwardRounding(delta, deltaVariance, pass.A[l], inputVariances[l])
    const decay = 2 * model.l2Scale
    gradients.set(
      `weights ${l}`,
      rounding.weights.map((v, k) => Math.sqrt(v + (decay * layer.weights[k]) ** 2 + underflow)),
    )
    if (rounding.biases !== undefined)
      gradients.set(
        `biases ${l}`,
        rounding.biases.map((v) => Math.sqrt(v + underflow)),
      )
    if (l === 0) break
    upstream = layer.passBack(delta, layer.weights)
    variance = rounding.input
  }
  return model.parameters.map((parameter) => gradients.get(`${parameter.role} ${parameter.layer}`)!)
}

/**
 * Variance of the loss's derivative. All of the losses have one of the form c·(P − Y), whose terms round by
 * themselves: P is the output, or its softmax.
 */
function outputVariance(model: Model, Z: Matrix, A: Matrix, zVariance: Matrix, aVariance: Matrix): Matrix {
  const Y = model.targets.data
  if (!model.loss.readsClasses) {
    const factor = model.loss.readsLogits ? model.lossScale : 2 * model.lossScale
    return mapMatrix(aVariance, (v, k) => factor ** 2 * (v + A.data[k] ** 2 + Y[k] ** 2))
  }
  const result = createMatrix(Z.rows, Z.columns)
  for (let s = 0; s < Z.rows; s++) {
    const [from, to] = [s * Z.columns, (s + 1) * Z.columns]
    const largest = Z.data.subarray(from, to).reduce((most, z) => Math.max(most, z), Number.NEGATIVE_INFINITY)
    let sum = 0
    for (let k = from; k < to; k++) sum += Math.exp(Z.data[k] - largest)
    // the variance of ln p: of z, of z − max, and of the sum's logarithm
    let ofSum = 0
    for (let k = from; k < to; k++) {
      const p = Math.exp(Z.data[k] - largest) / sum
      ofSum += p ** 2 * (zVariance.data[k] + (Z.data[k] - largest) ** 2)
    }
    for (let k = from; k < to; k++) {
      const p = Math.exp(Z.data[k] - largest) / sum
      const ofLogarithm = zVariance.data[k] + (Z.data[k] - largest) ** 2 + ofSum
      result.data[k] = model.lossScale ** 2 * (p ** 2 * (ofLogarithm + 1) + p ** 2 + Y[k] ** 2)
    }
  }
  return result
}

/** Variance of f′(z), computed as code does that has a = f(z) at hand (1 − a², a·(1 − a), a + 1). */
function slopeVariance(activation: Activation, z: number, zVariance: number, u: number): number {
  const slope = activation.derivative(z)
  const away = z > 0 ? SLOPE_STEP : -SLOPE_STEP
  const curvature = (activation.derivative(z + away) - slope) / away
  const mayCross = activation.hasKink && Math.abs(z) < KINK_DEVIATIONS * u * Math.sqrt(zVariance)
  const jump = mayCross ? (activation.derivative(z) - activation.derivative(z > 0 ? 0 : SLOPE_STEP)) / u : 0
  const rounding = curvature === 0 ? 0 : Math.abs(slope) + Math.min(1, Math.abs(activation.value(z)))
  return curvature ** 2 * zVariance + rounding ** 2 + jump ** 2
}

function mapMatrix(matrix: Matrix, f: (value: number, k: number) => number): Matrix {
  return { ...matrix, data: matrix.data.map(f) }
}
