import type { Evaluator, TensorDerivatives } from '../../differentiate/evaluator.js'
import { listNames } from '../../list-names.js'
import type { AnalyticalGradient } from '../../network/bind.js'
import { softmaxBase } from '../../network/losses.js'
import type { ForwardPass, Model } from '../../network/model.js'
import { RootSum } from '../../network/root-sum-squares.js'
import { FLOAT32_ROUNDOFF, FLOAT64_ROUNDOFF, unitRoundoff } from '../../tensor.js'
import { DifferenceSum } from '../compare.js'
import type { GradientRounding } from '../error-estimate.js'
import type { DeadFinding, NearZeroFinding, SaturatedFinding, UntestedFinding } from './findings.js'

/** A gradient of this many roundings keeps about three digits. */
const NEAR_ZERO_ROUNDINGS = 2 ** 10
/** Half-precision gradients are taken to come from arithmetic in single precision, as they mostly do. */
const COARSEST_ARITHMETIC = FLOAT32_ROUNDOFF
/** The share of a layer's units from which on dead ones are told, and how many units and samples it takes. */
const DEAD_SHARE = 0.75
const FEWEST_UNITS = 8
const FEWEST_SAMPLES = 8
/** The share of a layer's values from which on saturated ones are told. */
const SATURATED_SHARE = 0.5

/**
 * Whether the gradient is near zero everywhere: its norm, over the entries checked, against what rounding leaves of the
 * terms that it is summed from. The analytical gradient is measured, and backpropagation beside it: the numerical one
 * may be all truncation there.
 */
export function findNearZero(
  model: Model,
  results: readonly TensorDerivatives[],
  gradients: readonly AnalyticalGradient[],
  rounding: GradientRounding,
  evaluator: Evaluator,
): NearZeroFinding | undefined {
  const numerical = evaluator.precision === 'single' ? FLOAT32_ROUNDOFF : FLOAT64_ROUNDOFF
  const measure = (values: (t: number) => Float64Array) => {
    const [gradient, left] = [new DifferenceSum(), new DifferenceSum()]
    for (const [t, { entries, done }] of results.entries()) {
      const [of, magnitudes] = [values(t), rounding.magnitudes[t]]
      const analytical = Math.min(rounding.roundoff(t), COARSEST_ARITHMETIC)
      for (const offset of entries.subarray(0, done)) {
        gradient.add(of[offset], 0)
        left.add(analytical * rounding.deviation(t, offset) + numerical * magnitudes[offset], 0)
      }
    }
    return gradient.norms / left.norms
  }
  if (isFarFromZero(results, gradients, rounding, numerical)) return undefined
  const roundings = measure((t) => gradients[t].values)
  if (!(roundings > 0 && roundings <= NEAR_ZERO_ROUNDINGS)) return undefined
  const right = model.baseGradients
  if (!(measure((t) => right[t]) <= NEAR_ZERO_ROUNDINGS)) return undefined
  return {
    kind: 'near-zero',
    roundings,
    message:
      `the gradient is near zero everywhere: its norm is ${Number(roundings.toPrecision(2))} times what rounding ` +
      'leaves of its terms, so this point is at an optimum and mostly rounding is compared; check at another point',
  }
}

/**
 * Whether the gradient is so far from zero that whole tensors' norms show it: what rounding leaves is at most what it
 * leaves of all entries, by the two parts that it has.
 */
function isFarFromZero(
  results: readonly TensorDerivatives[],
  gradients: readonly AnalyticalGradient[],
  rounding: GradientRounding,
  numerical: number,
): boolean {
  const [gradient, ofArithmetic, ofTerms] = [new RootSum(), new RootSum(), new RootSum()]
  for (const [t, { entries, done }] of results.entries()) {
    for (let k = 0; k < done; k++) gradient.add(gradients[t].values[entries[k]])
    ofArithmetic.add(Math.min(rounding.roundoff(t), COARSEST_ARITHMETIC) * rounding.norm(t))
    ofTerms.add(numerical * rounding.magnitudeBounds[t])
  }
  // twice as far: the bound has roundings of its own
  return gradient.value > 2 * NEAR_ZERO_ROUNDINGS * (ofArithmetic.value + ofTerms.value)
}

/** Layers of ReLU of which all or most units are 0 for every sample. */
export function findDeadLayers(model: Model, pass: ForwardPass): DeadFinding[] {
  return model.layers.flatMap((layer, l): DeadFinding[] => {
    if (layer.activation.name !== 'relu') return []
    const alive = new Uint8Array(layer.outputs)
    // at 0 itself a unit sits on its kink, which a perturbation crosses
    pass.Z[l].data.forEach((z, k) => {
      if (z >= 0) alive[k % layer.outputs] = 1
    })
    const units = layer.outputs
    const deadUnits = alive.reduce((count, isAlive) => count - isAlive, units)
    const about = { kind: 'dead', layer: l + 1, units, deadUnits } as const
    if (deadUnits === units) {
      const names = model.parameters
        .filter(({ layer: own, role }) => own <= l || (own === l + 1 && role === 'weights'))
        .map(({ name }) => name)
      const what = model.network.l2 === 0 ? 'exactly zero' : 'those of the L2 term alone'
      return [
        {
          ...about,
          tensors: names,
          message:
            `layer ${l + 1} is dead: its ReLU is 0 for every unit and sample, so the gradients of ${listNames(names)} ` +
            `are ${what} and nothing in them was tested; check at another point (other weights, smaller biases)`,
        },
      ]
    }
    const isMuch = deadUnits >= DEAD_SHARE * units && units >= FEWEST_UNITS && model.samples >= FEWEST_SAMPLES
    if (!isMuch) return []
    return [
      {
        ...about,
        tensors: [],
        message:
          `${deadUnits} of the ${units} units of layer ${l + 1} are dead: their ReLU is 0 for every sample, and their ` +
          'weights were not tested; check at another point or with more samples',
      },
    ]
  })
}

/**
 * Tensors of which backpropagation and the analytical gradient are exactly zero, with others that are not: their
 * inputs are 0, or what they feed does not reach the loss. Where both sides are on a kink, that is told by itself.
 * @param known tensors that are told of already
 */
export function findUntested(
  model: Model,
  results: readonly TensorDerivatives[],
  gradients: readonly AnalyticalGradient[],
  known: ReadonlySet<string>,
): UntestedFinding[] {
  const isZero = (values: Float64Array) => values.every((value) => value === 0)
  const candidates = [...results.keys()].filter(
    (t) => isZero(gradients[t].values) && results[t].kinks.every((count) => count === 0),
  )
  if (candidates.length === 0) return []
  const right = model.baseGradients
  const idle = candidates.filter((t) => isZero(right[t])).map((t) => model.parameters[t])
  const tensors = idle.map(({ name }) => name).filter((name) => !known.has(name))
  if (tensors.length === 0 || idle.length === model.parameters.length) return []
  const them = tensors.length === 1 ? 'it' : 'them'
  return [
    {
      kind: 'untested',
      tensors,
      message:
        `the analytical and the numerical gradient of ${listNames(tensors)} are exactly zero: nothing in ${them} was tested; check with data and ` +
        'weights that are not 0',
    },
  ]
}

/**
 * Layers of sigmoid, tanh or softmax that are saturated for at least half of their values: the slope is below the
 * unit roundoff of the analytical gradient, so that the output is rounded to its limit.
 */
export function findSaturatedLayers(
  model: Model,
  pass: ForwardPass,
  gradients: readonly AnalyticalGradient[],
): SaturatedFinding[] {
  const roundoff = Math.max(...gradients.map(({ dtype }) => unitRoundoff(dtype)))
  return model.layers.flatMap((layer, l): SaturatedFinding[] => {
    const { name } = layer.activation
    const isSoftmax = l === model.layers.length - 1 && model.loss.readsClasses
    let values: ArrayLike<number> = []
    if (isSoftmax) {
      const { probabilities } = softmaxBase(pass.Z[l], model.targets)
      values = Array.from({ length: model.samples }, (_, s) =>
        certainty(probabilities.data.subarray(s * layer.outputs, (s + 1) * layer.outputs)),
      )
    } else if (name === 'sigmoid' || name === 'tanh') {
      values = pass.Z[l].data.map((z) => layer.activation.derivative(z))
    }
    const saturated = Array.from(values).filter((slope) => slope < roundoff).length
    const share = saturated / values.length
    if (!(share >= SATURATED_SHARE)) return []
    const what = isSoftmax ? 'softmax' : name
    const where = l === model.layers.length - 1 ? 'outputs' : `values of layer ${l + 1}`
    const whole = isSoftmax ? model.samples : values.length
    return [
      {
        kind: 'saturated',
        layer: l + 1,
        share,
        message:
          `${saturated} of the ${whole} ${where} are saturated: the ${what} is rounded to its limit there, and the ` +
          'gradients through it are lost; scale the inputs or the weights down',
      },
    ]
  })
}

/** 1 − the largest of some probabilities, summed from the others so that it keeps its digits. */
function certainty(probabilities: Float64Array): number {
  const largest = probabilities.reduce((best, p, i) => (p > probabilities[best] ? i : best), 0)
  return probabilities.reduce((sum, p, i) => (i === largest ? sum : sum + p), 0)
}
