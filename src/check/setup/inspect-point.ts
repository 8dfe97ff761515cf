import type { Evaluator, TensorDerivatives } from '../../differentiate/evaluator.js'
import type { AnalyticalGradient } from '../../network/bind.js'
import { softmaxBase } from '../../network/losses.js'
import type { ForwardPass, Model } from '../../network/model.js'
import { unitRoundoff } from '../../tensor.js'
import { DifferenceSum } from '../compare.js'
import type { DeadFinding, NearZeroFinding, SaturatedFinding } from './findings.js'

/** A gradient this many unit roundoffs of its Σ|terms| keeps about three digits. */
const NEAR_ZERO_ROUNDOFFS = 2 ** 10
/** The share of a layer's units that are dead, or of its values that are saturated, from which on it is told. */
const WORTH_TELLING = 0.5
/** With fewer units or samples, half a layer may be dead by chance. */
const FEWEST_UNITS = 4
const FEWEST_SAMPLES = 8

/**
 * Whether the gradient is near zero everywhere: its norm against that of Σ|terms| of the same entries. Both are
 * taken over the entries that were checked.
 */
export function findNearZero(
  results: readonly TensorDerivatives[],
  gradients: readonly AnalyticalGradient[],
  magnitudes: readonly Float64Array[],
  evaluator: Evaluator,
): NearZeroFinding | undefined {
  const [compared, terms] = [new DifferenceSum(), new DifferenceSum()]
  for (const [t, { entries, derivatives, done }] of results.entries()) {
    for (let k = 0; k < done; k++) {
      const offset = entries[k]
      compared.add(gradients[t].values[offset], derivatives[k])
      terms.add(magnitudes[t][offset], magnitudes[t][offset])
    }
  }
  const own = evaluator.precision === 'single' ? 2 ** -24 : 2 ** -53
  const coarsest = gradients.reduce((u, { dtype }) => Math.max(u, unitRoundoff(dtype)), own)
  const ratio = compared.norms / terms.norms
  if (!(ratio > 0 && ratio <= NEAR_ZERO_ROUNDOFFS * coarsest)) return undefined
  return {
    kind: 'near-zero',
    ratio,
    message:
      `the gradient is near zero everywhere (${ratio.toExponential(1)} of the terms it is summed from): this point ` +
      'is at an optimum, and what is compared is mostly rounding; check at another point, say before training',
  }
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
      const names = model.parameters.filter((parameter) => parameter.layer <= l).map(({ name }) => name)
      const what = model.network.l2 === 0 ? 'exactly zero' : 'those of the L2 term alone'
      return [
        {
          ...about,
          tensors: names,
          message:
            `layer ${l + 1} is dead: its ReLU is 0 for every unit and sample, so the gradients of ${listFew(names)} ` +
            `are ${what} and nothing in them was tested; check at another point (other weights, smaller biases)`,
        },
      ]
    }
    const isMuch =
      deadUnits >= WORTH_TELLING * units && units >= FEWEST_UNITS && model.samples >= FEWEST_SAMPLES
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

const listFew = (names: readonly string[]) =>
  names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')

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
    if (!(share >= WORTH_TELLING)) return []
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
