import { type DType, unitRoundoff } from '../tensor.js'
import { type Activation, sigmoid } from './activations.js'
import { FactoredSquares } from './factored-squares.js'
import {
  higherSlopes,
  type Linearization,
  mapMatrix,
  passVarianceBack,
  slopeAtKink,
  sumRoundings,
} from './linearization.js'
import { createMatrix, type Matrix, transpose } from './matrix.js'
import { lossDerivativeMagnitude, slopeMagnitude } from './model.js'

/** Standard deviations within which a pre-activation may have rounded to the other side of a kink. */
const KINK_DEVIATIONS = 8
/** Roundings of a secant slope, or of the loss's change, as a variance relative to its terms. */
const FORM_ROUNDINGS = 4
/** Variance of one rounding, in squared unit roundoffs: evenly spread, and of numbers between two powers of 2. */
const ROUNDING_VARIANCE = 1 / 6
/** Activations whose slope e^(−z²/2) amplifies a rounding of z. */
const READS_DENSITY: readonly string[] = ['gelu']

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

/** Squared standard deviations of a gradient's entries, in squared unit roundoffs. */
export interface EntryVariances {
  /** Of element `offset` of parameter tensor `t`, both in the model's order. */
  of(t: number, offset: number): number
  /** Σ over the elements of tensor `t`. */
  total(t: number): number
}

/**
 * How a gradient is computed, for what its roundings do.
 *
 * Variances of intermediate values are carried as if roundings were independent (Higham & Mary 2019, "A new
 * approach to probabilistic rounding error analysis").
 */
interface Arithmetic {
  /** Variance of layer l's input. */
  input(l: number): Matrix
  /** Variance of the derivative of the loss by its argument. */
  output(): Matrix
  /** Variance of f′ of unit and sample k of layer l. */
  slope(l: number, k: number): number
  /** Roundings of one weight, relative to its square. */
  readonly weightRoundings: number
  /** What sums over samples round, relative to the squares of their terms. */
  readonly sampleRoundings: number
  /** Roundings of the L2 term, relative to its square. */
  readonly decayRoundings: number
  /** What underflows, in unit roundoffs. */
  readonly underflow: number
}

/**
 * What rounding does to a gradient that somebody's backpropagation computed in a float format, with the short forms
 * that code in use has: a − y loses the digits that the two share, 1 − a² those of a saturated tanh, and an error
 * of a pre-activation moves the slope.
 */
export function backpropagationRounding(base: Linearization, format: FloatFormat): EntryVariances {
  const { model, pass, variances } = base
  const u = format.unitRoundoff
  return carryBack(base, {
    input: (l) => variances.A[l],
    output: () => shortOutputVariance(base),
    slope: (l, k) =>
      shortSlopeVariance(model.layers[l].activation, pass.Z[l].data[k], variances.Z[l].data[k], u),
    weightRoundings: 0,
    sampleRoundings: sumRoundings(model.samples),
    decayRoundings: 1,
    underflow: format.underflow / u,
  })
}

/**
 * What rounding does to difference arithmetic. On a device every constant of the base point is computed in float64
 * and rounded once; on the CPU it has the roundings of the forward pass.
 */
export function differenceRounding(base: Linearization, device: 'cpu' | 'gpu'): EntryVariances {
  const { model, pass, variances } = base
  const onCpu = device === 'cpu'
  return carryBack(base, {
    input: (l) => (onCpu ? variances.A[l] : mapMatrix(pass.A[l], (a) => a * a)),
    output: () => outputVariance(base, onCpu),
    slope: (l, k) => {
      const { activation } = model.layers[l]
      const z = pass.Z[l].data[k]
      const ofForm = FORM_ROUNDINGS * Math.max(slopeMagnitude(activation, z), base.slopes[l][k]) ** 2
      if (!onCpu && !READS_DENSITY.includes(activation.name)) return ofForm
      return ofForm + higherSlopes(activation, z).second ** 2 * (onCpu ? variances.Z[l].data[k] : z * z)
    },
    weightRoundings: onCpu ? 0 : 1,
    // a device shares the samples among the lanes of a workgroup
    sampleRoundings: sumRoundings(onCpu ? model.samples : 6 + model.samples / 32),
    decayRoundings: onCpu ? 1 : 0,
    underflow: 0,
  })
}

function carryBack(base: Linearization, arithmetic: Arithmetic): EntryVariances {
  const { model, pass, upstream, deltas, slopes } = base
  const ofWeights: FactoredSquares[] = []
  const ofBiases: Float64Array[] = []
  const floor = arithmetic.underflow ** 2
  let variance = mapMatrix(arithmetic.output(), (v) => v + floor)
  for (let l = model.layers.length - 1; l >= 0; l--) {
    const layer = model.layers[l]
    if (!layer.endsAtLogits) {
      const above = upstream[l].data
      variance = mapMatrix(
        variance,
        (v, k) => slopes[l][k] ** 2 * (v + above[k] ** 2) + above[k] ** 2 * arithmetic.slope(l, k),
      )
    }
    const squares = mapMatrix(deltas[l], (d) => d * d)
    const summed = mapMatrix(squares, (square, k) => variance.data[k] + arithmetic.sampleRoundings * square)
    ofWeights[l] = new FactoredSquares(
      model.samples,
      [squares, summed].map(byUnit),
      [arithmetic.input(l), mapMatrix(pass.A[l], (a) => a * a)].map(byUnit),
    )
    ofBiases[l] = sumSamples(summed)
    if (l === 0) break
    const roundings = sumRoundings(layer.outputs) + arithmetic.weightRoundings
    variance = passVarianceBack(
      base,
      l,
      mapMatrix(squares, (square, k) => variance.data[k] + roundings * square),
    )
  }
  const decay = arithmetic.decayRoundings * (2 * model.l2Scale) ** 2
  return {
    of(t, offset) {
      const { layer: l, role } = model.parameters[t]
      if (role === 'biases') return ofBiases[l][offset] + floor
      return ofWeights[l].at(offset) + decay * base.squaredWeights[l][offset] + floor
    },
    total(t) {
      const { layer: l, role, size } = model.parameters[t]
      if (role === 'biases') return sum(ofBiases[l]) + size * floor
      return ofWeights[l].total() + decay * sum(base.squaredWeights[l]) + size * floor
    },
  }
}

/** A matrix of samples × units as units × samples. */
export const byUnit = ({ rows, columns, data }: Matrix) => transpose(data, rows, columns)

function sumSamples({ columns, data }: Matrix): Float64Array {
  const sums = new Float64Array(columns)
  for (let k = 0; k < data.length; k++) sums[k % columns] += data[k]
  return sums
}

const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0)

/** Variance of f′(z), computed as code does that has a = f(z) at hand (1 − a², a·(1 − a), a + 1). */
function shortSlopeVariance(activation: Activation, z: number, zVariance: number, u: number): number {
  const slope = activation.derivative(z)
  const curvature = higherSlopes(activation, z).second
  const mayCross = activation.hasKink && Math.abs(z) < KINK_DEVIATIONS * u * Math.sqrt(zVariance)
  const jump = mayCross ? (slopeAtKink(activation, 'right') - slopeAtKink(activation, 'left')) / u : 0
  const rounding = curvature === 0 ? 0 : Math.abs(slope) + Math.min(1, Math.abs(activation.value(z)))
  return curvature ** 2 * zVariance + rounding ** 2 + jump ** 2
}

/** Variance of the loss's derivative in the forms that keep their digits. */
function outputVariance({ model, pass, variances }: Linearization, hasForwardRoundings: boolean): Matrix {
  const { loss, lossScale } = model
  const last = model.layers.length - 1
  const [Z, A] = [pass.Z[last], pass.A[last + 1]]
  const [ofZ, ofA] = [variances.Z[last], variances.A[last + 1]]
  const terms = lossDerivativeMagnitude(model, { Z, A })
  const Y = model.targets.data
  const carried = (k: number): number => {
    // 1 − y loses what y is rounded by
    if (!hasForwardRoundings) return loss.readsLogits && Math.fround(Y[k]) !== Y[k] ? Y[k] ** 2 : 0
    if (!loss.readsLogits) return 4 * ofA.data[k]
    if (loss.readsClasses) return softmaxCarried(ofZ, terms, k)
    return (A.data[k] * sigmoid(-Z.data[k])) ** 2 * ofZ.data[k]
  }
  return mapMatrix(terms, (term, k) => lossScale ** 2 * (FORM_ROUNDINGS * term ** 2 + carried(k)))
}

/** What roundings of a sample's logits do to a softmax probability, at most: each moves ln p by itself at most. */
function softmaxCarried(ofZ: Matrix, terms: Matrix, k: number): number {
  const from = k - (k % ofZ.columns)
  let most = 0
  for (let i = from; i < from + ofZ.columns; i++) most = Math.max(most, ofZ.data[i])
  return 2 * terms.data[k] ** 2 * most
}

/**
 * Variance of the loss's derivative as code computes it that has P at hand. All of the losses have one of the form
 * c·(P − Y), whose terms round by themselves: P is the output, or its softmax.
 */
function shortOutputVariance({ model, pass, variances }: Linearization): Matrix {
  const last = model.layers.length - 1
  const [Z, A] = [pass.Z[last], pass.A[last + 1]]
  const [zVariance, aVariance] = [variances.Z[last], variances.A[last + 1]]
  const Y = model.targets.data
  if (!model.loss.readsClasses) {
    const factor = model.loss.readsLogits ? model.lossScale : 2 * model.lossScale
    return mapMatrix(aVariance, (v, k) => factor ** 2 * (v + A.data[k] ** 2 + Y[k] ** 2))
  }
  const result = createMatrix(Z.rows, Z.columns)
  for (let s = 0; s < Z.rows; s++) {
    const [from, to] = [s * Z.columns, (s + 1) * Z.columns]
    const largest = Z.data.subarray(from, to).reduce((most, z) => Math.max(most, z), Number.NEGATIVE_INFINITY)
    let total = 0
    for (let k = from; k < to; k++) total += Math.exp(Z.data[k] - largest)
    // the variance of ln p: of z, of z − max, and of the sum's logarithm
    let ofSum = 0
    for (let k = from; k < to; k++) {
      const p = Math.exp(Z.data[k] - largest) / total
      ofSum += p ** 2 * (zVariance.data[k] + (Z.data[k] - largest) ** 2)
    }
    for (let k = from; k < to; k++) {
      const p = Math.exp(Z.data[k] - largest) / total
      const ofLogarithm = zVariance.data[k] + (Z.data[k] - largest) ** 2 + ofSum
      result.data[k] = model.lossScale ** 2 * (p ** 2 * (ofLogarithm + 1) + p ** 2 + Y[k] ** 2)
    }
  }
  return result
}

/**
 * Variance of a loss computed from a whole forward pass in float64, in squared unit roundoffs. Its terms are of one
 * sign, so that the partial sums grow evenly: n of them round as √(n/3) roundings of the whole do.
 */
export function lossRounding({ model, pass, variances, deltas }: Linearization): number {
  const last = model.layers.length - 1
  let carried = 0
  for (const [k, delta] of deltas[last].data.entries()) carried += delta ** 2 * variances.Z[last].data[k]
  const terms =
    model.lossScale * model.loss.condition({ Z: pass.Z[last], A: pass.A[last + 1] }, model.targets)
  const weights = model.layers.reduce((count, layer) => count + layer.weights.length, 0)
  return (
    carried +
    terms ** 2 * (1 + (ROUNDING_VARIANCE * model.targets.data.length) / 3) +
    model.l2Cost() ** 2 * (1 + (ROUNDING_VARIANCE * weights) / 3)
  )
}
