import { sigmoidOf as sigmoid } from '../operations/sigmoids.js'
import { type DType, unitRoundoff } from '../tensor.js'
import type { Activation } from './activations.js'
import { FactoredDeviations } from './factored-deviations.js'
import {
  higherSlopes,
  isOnKink,
  KINK_DEVIATIONS,
  type Linearization,
  slopeAtKink,
  sumRoundings,
} from './linearization.js'
import { createMatrix, type Matrix, mapMatrix } from './matrix.js'
import { outputOf, slopeMagnitude } from './model.js'
import { normOf, normsOfColumns, RootSum, rootSumSquares } from './root-sum-squares.js'

/** Roundings of a secant slope, or of the loss's change, as a deviation relative to its terms. */
const FORM_ROUNDINGS = 2
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

/** What underflows in float64, in unit roundoffs. */
const UNDERFLOW = 2 ** -1022 / 2 ** -53

/** The arithmetic that a gradient stored as `dtype` is taken to come from. */
export function formatOf(dtype: DType): FloatFormat {
  // half precision keeps its subnormal numbers
  const underflow =
    dtype === 'float16' ? 2 ** -24 : dtype === 'float32' || dtype === 'bfloat16' ? 2 ** -126 : 2 ** -1022
  return { unitRoundoff: unitRoundoff(dtype), underflow }
}

/** What a gradient's entries are off by: standard deviations of roundings, in unit roundoffs, or sizes of truncations. */
export interface EntryDeviations {
  /** Of element `offset` of parameter tensor `t`, both in the model's order. */
  of(t: number, offset: number): number
  /** The root of the sum of squares over the elements of tensor `t`. */
  norm(t: number): number
}

/**
 * How a gradient is computed, for what its roundings do.
 *
 * Deviations of intermediate values are carried as if roundings were independent (Higham & Mary 2019, "A new
 * approach to probabilistic rounding error analysis"). Not their squares, which underflow and overflow.
 */
interface Arithmetic {
  /** Deviation of layer l's input; undefined where it is exact. */
  input(l: number): Matrix | undefined
  /** Deviation of the derivative of the loss by its argument. */
  output(): Matrix
  /** Deviation of f′ of unit and sample k of layer l. */
  slope(l: number, k: number): number
  /** Variance of one weight, relative to its square. */
  readonly weightRoundings: number
  /** The same of what sums over samples round in layer l, relative to the squares of their terms. */
  sampleRoundings(l: number): number
  /** Roundings of the L2 term, relative to itself. */
  readonly decayRoundings: number
  /** What underflows, in unit roundoffs. */
  readonly underflow: number
}

/**
 * What rounding does to a gradient that somebody's backpropagation computed in a float format, with the short forms
 * that code in use has: a − y loses the digits that the two share, 1 − a² those of a saturated tanh, and an error
 * of a pre-activation moves the slope.
 */
export function backpropagationRounding(base: Linearization, format: FloatFormat): EntryDeviations {
  const known = KNOWN_ROUNDINGS.get(base) ?? new Map<number, EntryDeviations>()
  KNOWN_ROUNDINGS.set(base, known)
  const rounding = known.get(format.unitRoundoff) ?? carryFormatBack(base, format)
  known.set(format.unitRoundoff, rounding)
  return rounding
}

/** Roundings of backpropagations at base points by their unit roundoff: many parts of a check ask for the same. */
const KNOWN_ROUNDINGS = new WeakMap<Linearization, Map<number, EntryDeviations>>()

function carryFormatBack(base: Linearization, format: FloatFormat): EntryDeviations {
  const { model, pass, deviations } = base
  const u = format.unitRoundoff
  return carryBack(base, {
    input: (l) => inputDeviation(base, l),
    output: () => shortOutputDeviation(base, u),
    slope: (l, k) =>
      shortSlopeDeviation(model.layers[l].activation, pass.Z[l].data[k], deviations.Z[l].data[k], u),
    weightRoundings: 0,
    sampleRoundings: () => sumRoundings(model.samples),
    decayRoundings: 1,
    underflow: format.underflow / u,
  })
}

/**
 * What rounding does to difference arithmetic. On a device every constant of the base point is computed in float64
 * and rounded once; on the CPU it has the roundings of the forward pass.
 * @param movesOutputs whether a layer's pre-activations are moved, and contracted with its inputs in float64
 */
export function differenceRounding(
  base: Linearization,
  device: 'cpu' | 'gpu',
  movesOutputs: (l: number) => boolean,
): EntryDeviations {
  const { model, pass, deviations } = base
  const onCpu = device === 'cpu'
  return carryBack(base, {
    input: (l) => {
      if (onCpu) return inputDeviation(base, l)
      return movesOutputs(l) ? undefined : pass.A[l]
    },
    output: () => outputDeviation(base, onCpu),
    slope: (l, k) => {
      const { activation } = model.layers[l]
      const z = pass.Z[l].data[k]
      const ofForm = FORM_ROUNDINGS * Math.max(slopeMagnitude(activation, z), base.slopes[l][k])
      if (!onCpu && !READS_DENSITY.includes(activation.name)) return ofForm
      return rootSumSquares(
        ofForm,
        higherSlopes(activation, z).second * (onCpu ? deviations.Z[l].data[k] : z),
      )
    },
    weightRoundings: onCpu ? 0 : 1,
    sampleRoundings: (l) => {
      if (onCpu) return sumRoundings(model.samples)
      // a device shares the samples among the lanes of a workgroup
      return movesOutputs(l) ? 0 : sumRoundings(6 + model.samples / 32)
    },
    decayRoundings: onCpu ? 1 : 0,
    // a device's underflow is of single precision, whatever the unit roundoff: it is added by itself
    underflow: onCpu ? UNDERFLOW : 0,
  })
}

/** The data are exact. */
const inputDeviation = ({ deviations }: Linearization, l: number) =>
  l === 0 ? undefined : deviations.A[l - 1]

function carryBack(base: Linearization, arithmetic: Arithmetic): EntryDeviations {
  const { model, pass, upstream, deltas, slopes } = base
  const ofWeights: FactoredDeviations[] = []
  const ofBiases: Float64Array[] = []
  const floor = arithmetic.underflow
  const rounded = (matrix: Matrix, delta: Matrix, roundings: number) =>
    mapMatrix(matrix, (d, k) => rootSumSquares(d, Math.sqrt(roundings) * delta.data[k]))
  let deviation = mapMatrix(arithmetic.output(), (d) => rootSumSquares(d, floor))
  for (let l = model.layers.length - 1; l >= 0; l--) {
    const layer = model.layers[l]
    if (!layer.endsAtLogits) {
      const above = upstream[l].data
      deviation = mapMatrix(deviation, (d, k) =>
        rootSumSquares(slopes[l][k] * rootSumSquares(d, above[k]), above[k] * arithmetic.slope(l, k), floor),
      )
    }
    const summed = rounded(deviation, deltas[l], arithmetic.sampleRoundings(l))
    const ofInputs = arithmetic.input(l)
    ofWeights[l] = new FactoredDeviations([
      ...(ofInputs === undefined ? [] : [{ ofUnits: deltas[l], ofInputs }]),
      { ofUnits: summed, ofInputs: pass.A[l] },
    ])
    ofBiases[l] = normsOfColumns(summed)
    if (l === 0) break
    const roundings = sumRoundings(layer.outputs) + arithmetic.weightRoundings
    deviation = base.squaredWeights[l].backward(rounded(deviation, deltas[l], roundings))
  }
  const decay = arithmetic.decayRoundings * 2 * model.l2Scale
  return {
    of(t, offset) {
      const { layer: l, role } = model.parameters[t]
      if (role === 'biases') return rootSumSquares(ofBiases[l][offset], floor)
      return rootSumSquares(ofWeights[l].at(offset), decay * model.layers[l].weights[offset], floor)
    },
    norm(t) {
      const { layer: l, role, size } = model.parameters[t]
      const ofFloor = Math.sqrt(size) * floor
      if (role === 'biases') return rootSumSquares(normOf(ofBiases[l]), ofFloor)
      return rootSumSquares(ofWeights[l].norm(), decay * normOf(model.layers[l].weights), ofFloor)
    },
  }
}

/** Deviation of f′(z), computed as code does that has a = f(z) at hand (1 − a², a·(1 − a), a + 1). */
function shortSlopeDeviation(activation: Activation, z: number, ofZ: number, u: number): number {
  const slope = activation.derivative(z)
  const curvature = higherSlopes(activation, z).second
  // a unit on its kink in float64 as well has the slope of a convention, which is looked for
  const mayCross =
    activation.hasKink && Math.abs(z) < KINK_DEVIATIONS * u * ofZ && !isOnKink(activation, z, ofZ)
  const jump = mayCross ? (slopeAtKink(activation, 'right') - slopeAtKink(activation, 'left')) / u : 0
  const rounding = curvature === 0 ? 0 : Math.abs(slope) + Math.min(1, Math.abs(activation.value(z)))
  return rootSumSquares(curvature * ofZ, rounding, jump)
}

/** Deviation of the loss's derivative in the forms that keep their digits. */
function outputDeviation({ model, pass, deviations }: Linearization, hasForwardRoundings: boolean): Matrix {
  const { loss, lossScale } = model
  const last = model.layers.length - 1
  const { Z, A } = outputOf(pass)
  const [ofZ, ofA] = [deviations.Z[last], deviations.A[last]]
  const terms = loss.magnitude({ Z, A }, model.targets)
  const Y = model.targets.data
  const carried = (k: number): number => {
    const weight = model.weightOf(k)
    // 1 − y loses what y is rounded by
    if (!hasForwardRoundings) return loss.readsLogits && Math.fround(Y[k]) !== Y[k] ? weight * Y[k] : 0
    if (!loss.readsLogits) return weight * 2 * ofA.data[k]
    if (loss.readsClasses) return softmaxCarried(ofZ, terms, k)
    return weight * A.data[k] * sigmoid(-Z.data[k]) * ofZ.data[k]
  }
  const ofWeights = model.weighting.weights === undefined ? 0 : 1
  return mapMatrix(
    terms,
    (term, k) => lossScale * rootSumSquares(FORM_ROUNDINGS * term, ofWeights * term, carried(k)),
  )
}

/** What roundings of a sample's logits do to a softmax probability, at most: each moves ln p by itself at most. */
function softmaxCarried(ofZ: Matrix, terms: Matrix, k: number): number {
  const from = k - (k % ofZ.columns)
  let most = 0
  for (let i = from; i < from + ofZ.columns; i++) most = Math.max(most, ofZ.data[i])
  return Math.SQRT2 * terms.data[k] * most
}

/**
 * Deviation of the loss's derivative as code computes it that has P at hand. All of the losses have one of the form
 * c·(P − Y), whose terms round by themselves: P is the output, or its softmax.
 */
function shortOutputDeviation({ model, pass, deviations }: Linearization, u: number): Matrix {
  const last = model.layers.length - 1
  const { Z, A } = outputOf(pass)
  const [ofZ, ofA] = [deviations.Z[last], deviations.A[last]]
  const Y = model.targets.data
  if (!model.loss.readsClasses) {
    const factor = model.loss.readsLogits ? model.lossScale : 2 * model.lossScale
    return mapMatrix(ofA, (d, k) => factor * model.weightOf(k) * rootSumSquares(d, A.data[k], Y[k]))
  }
  const { slack } = model.weighting
  const result = createMatrix(Z.rows, Z.columns)
  for (let s = 0; s < Z.rows; s++) {
    const [from, to] = [s * Z.columns, (s + 1) * Z.columns]
    const largest = Z.data.subarray(from, to).reduce((most, z) => Math.max(most, z), Number.NEGATIVE_INFINITY)
    let total = 0
    for (let k = from; k < to; k++) total += Math.exp(Z.data[k] - largest)
    // the deviation of ln p: of z, of z − max, and of the sum's logarithm
    const ofSum = new RootSum()
    for (let k = from; k < to; k++) {
      const p = Math.exp(Z.data[k] - largest) / total
      ofSum.add(p * rootSumSquares(ofZ.data[k], Z.data[k] - largest))
    }
    for (let k = from; k < to; k++) {
      const p = Math.exp(Z.data[k] - largest) / total
      const ofLogarithm = rootSumSquares(ofZ.data[k], Z.data[k] - largest, ofSum.value)
      const ofTerms = rootSumSquares(p * rootSumSquares(ofLogarithm, 1, slack / u), p, Y[k])
      result.data[k] = model.lossScale * model.weightOf(k) * ofTerms
    }
  }
  return result
}

/**
 * Deviation of a loss computed from a whole forward pass in float64, in unit roundoffs. Its terms are of one
 * sign, so that the partial sums grow evenly: n of them round as √(n/3) roundings of the whole do.
 */
export function lossRounding({ model, pass, deviations, deltas }: Linearization): number {
  const last = model.layers.length - 1
  const carried = new RootSum()
  for (const [k, delta] of deltas[last].data.entries()) carried.add(delta * deviations.Z[last].data[k])
  const conditions = model.loss.conditions(outputOf(pass), model.targets)
  const terms = model.lossScale * conditions.reduce((sum, term) => sum + term, 0)
  const weights = model.layers.reduce((count, layer) => count + layer.weights.length, 0)
  const sumOf = (count: number) => Math.sqrt(1 + (ROUNDING_VARIANCE * count) / 3)
  return rootSumSquares(
    carried.value,
    terms * sumOf(model.targets.data.length),
    model.l2Cost() * sumOf(weights),
  )
}
