import type { Loss } from './losses.js'
import { mapMatrix } from './matrix.js'
import { divisorOf, type Reduction, type SampleCounts } from './reductions.js'

/** How the losses of a model's samples add up: J = scale·Σ weight·loss. */
export interface Weighting extends SampleCounts {
  /** The factor outside the sum, above 0. */
  readonly scale: number
  /** That factor for a mean or sum without weights. */
  readonly plainScale: number
  /** A factor for each of the model's samples, below 2 in size; absent where all are 1. */
  readonly weights?: Float64Array
  /** How far from 1 what a sample's probabilities add up to is at most: code that has P − Y takes it for 1. */
  readonly slack: number
  /** The samples of the user's arrays, those that do not count included. */
  readonly total: number
  /** The number of each of the model's samples in the user's arrays; absent where none was left out. */
  readonly numbers?: Uint32Array
}

/**
 * The weighting of some samples.
 * @param samples the model's, `weights` as they enter the sum
 */
export function createWeighting(
  loss: Loss,
  reduction: Reduction,
  counts: SampleCounts,
  samples: {
    slack: number
    total: number
    weights: Float64Array | undefined
    numbers: Uint32Array | undefined
  },
): Weighting {
  const { slack, total, weights, numbers } = samples
  const divisor = divisorOf(reduction, counts)
  // powers of two stay outside, so that weights of any size keep their digits in float32; the sign of weights that add
  // up to less than 0 does not, so that what is scaled by it keeps its own
  const unit = weights === undefined ? 1 : Math.sign(divisor) * largestPowerOfTwo(weights)
  return {
    ...counts,
    slack,
    total,
    scale: (loss.factor * unit) / divisor,
    plainScale: loss.factor / divisorOf(reduction, { ...counts, weightSum: counts.counted }),
    ...(weights === undefined ? {} : { weights: weights.map((weight) => weight / unit) }),
    ...(numbers === undefined ? {} : { numbers }),
  }
}

/** The largest power of two that is not above any of the sizes; 1 of zeros. */
function largestPowerOfTwo(values: Float64Array): number {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return largest === 0 ? 1 : 2 ** Math.floor(Math.log2(largest))
}

/** A loss whose samples are multiplied by weights. */
export function weightLoss(loss: Loss, weights: Float64Array | undefined): Loss {
  if (weights === undefined) return loss
  const size = (s: number) => Math.abs(weights[s])
  return {
    ...loss,
    losses: (output, targets) => loss.losses(output, targets).map((value, s) => weights[s] * value),
    conditions: (output, targets) => loss.conditions(output, targets).map((value, s) => size(s) * value),
    derivative(output, targets) {
      const matrix = loss.derivative(output, targets)
      return mapMatrix(matrix, (d, k) => weights[Math.floor(k / matrix.columns)] * d)
    },
    magnitude(output, targets) {
      const matrix = loss.magnitude(output, targets)
      return mapMatrix(matrix, (d, k) => size(Math.floor(k / matrix.columns)) * d)
    },
    bind(output, targets) {
      const bound = loss.bind(output, targets)
      return {
        passUnit: (unit, change, s, h) => weights[s] * bound.passUnit(unit, change, s, h),
        pass: (changes, s, h) => weights[s] * bound.pass(changes, s, h),
      }
    },
  }
}
