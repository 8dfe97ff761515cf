import { numberNames } from '../gpu/shader-codes.js'
import { expm1Ratio, log1pRatio } from '../operations/exponential.js'
import { sigmoidOf as sigmoid, sigmoidTail, softplusSecantSlope } from '../operations/sigmoids.js'
import { logSumExp, sumExponentials } from '../operations/softmax.js'
import type { ActivationName } from './activations.js'
import { createMatrix, type Matrix, mapMatrix } from './matrix.js'
import type { Reduction } from './reductions.js'
import { LOSS_WORDS, unknownName } from './vocabulary.js'

/** `package::loss_codes` of the shaders. */
export const LOSS_CODES = numberNames(['binary-cross-entropy', 'softmax-cross-entropy', 'squared-error'])

export type LossName =
  | 'binary-cross-entropy'
  | 'softmax-cross-entropy'
  | 'half-squared-error'
  | 'mean-squared-error'

/** What the last layer puts out: Z before and A after its activation, samples × outputs. */
export interface Output {
  readonly Z: Matrix
  readonly A: Matrix
}

/**
 * A loss J = factor·Σ over samples of a sample's loss, over what the reduction divides by. `shaders/losses.wesl`
 * holds the changes for the GPU.
 */
export interface Loss {
  readonly name: LossName
  /** The number by which `shaders/losses.wesl` knows it. */
  readonly code: number
  /** The activation the last layer must have, if the loss is defined with one. */
  readonly lastActivation: ActivationName | undefined
  /** True where the loss and the last activation are one function of Z, so that changes of Z reach the loss. */
  readonly readsLogits: boolean
  /** True where a target says how probable each class is; otherwise it is a number for each output. */
  readonly readsClasses: boolean
  /** The factor outside the sum and its reduction. */
  readonly factor: number
  /** How its samples add up where nothing else is declared. */
  readonly reduction: Reduction
  /** Each sample's loss by the published formula, without `factor`. Targets are samples × outputs. */
  losses(output: Output, targets: Matrix): Float64Array
  /**
   * Bound on the rounding error of each of `losses` in float64, in units of the unit roundoff: Σ of the absolute
   * terms and of what the formula loses by cancellation (1 − A near A = 1, a logarithm near ln 1).
   */
  conditions(output: Output, targets: Matrix): Float64Array
  /** ∂(Σ losses)/∂A, or ∂(Σ losses)/∂Z where the loss reads logits. */
  derivative(output: Output, targets: Matrix): Matrix
  /** Σ|terms| of that: they cancel where an output reaches a target between 0 and 1. */
  magnitude(output: Output, targets: Matrix): Matrix
  /** Makes the object that carries changes through the loss at a base point. */
  bind(output: Output, targets: Matrix): BoundLoss
}

/** A loss at a base point. Changes are divided by the step h that made them (see `LossChange`). */
export interface BoundLoss {
  /** ΔJ_s/h when output `unit` alone of sample `s` changes by h·`change`. */
  passUnit(unit: number, change: number, s: number, h: number): number
  /** ΔJ_s/h when every output of sample `s` changes, output i by h·`changes[i]`. */
  pass(changes: Float64Array, s: number, h: number): number
}

/** Σ over the outputs of a change that each output makes alone. */
function sumOutputs(
  outputs: number,
  changeOfOutput: (offset: number, change: number, h: number) => number,
): BoundLoss {
  return {
    passUnit: (unit, change, s, h) => changeOfOutput(s * outputs + unit, change, h),
    pass(changes, s, h) {
      let total = 0
      for (let i = 0; i < outputs; i++) total += changeOfOutput(s * outputs + i, changes[i], h)
      return total
    },
  }
}

/** ln A and ln(1 − A) of a sigmoid's output; where A is rounded to 0 or 1, their limits ±z. */
const logProbability = (a: number, z: number) => (a > 0 ? Math.log(a) : z)
const logComplement = (a: number, z: number) => (a < 1 ? Math.log(1 - a) : -z)

/** A sum over the outputs of each sample. */
function sumBySample({ rows, columns }: Matrix, term: (k: number) => number): Float64Array {
  const sums = new Float64Array(rows)
  for (let k = 0; k < rows * columns; k++) sums[Math.floor(k / columns)] += term(k)
  return sums
}

function fillMatrix({ rows, columns }: Matrix, value: (k: number) => number): Matrix {
  const result = createMatrix(rows, columns)
  for (let k = 0; k < result.data.length; k++) result.data[k] = value(k)
  return result
}

const binaryCrossEntropy: Loss = {
  name: 'binary-cross-entropy',
  code: LOSS_CODES['binary-cross-entropy'],
  lastActivation: 'sigmoid',
  readsLogits: true,
  readsClasses: false,
  factor: 1,
  reduction: 'mean',
  losses: ({ Z, A }, targets) =>
    sumBySample(targets, (k) => {
      const [a, z, y] = [A.data[k], Z.data[k], targets.data[k]]
      const ofTruth = y === 0 ? 0 : y * logProbability(a, z)
      return -ofTruth - (y === 1 ? 0 : (1 - y) * logComplement(a, z))
    }),
  conditions: ({ Z, A }, targets) =>
    sumBySample(targets, (k) => {
      const [a, z, y] = [A.data[k], Z.data[k], targets.data[k]]
      const terms = Math.abs(y * logProbability(a, z)) + y + Math.abs((1 - y) * logComplement(a, z))
      // 1 − a rounds by itself, and what a is rounded by is divided by it
      return terms + (a < 1 ? (1 - y) * (1 + a / (1 - a)) : 0)
    }),
  // A − Y, in the form that keeps its digits where A is near 1
  derivative: ({ Z }, targets) =>
    fillMatrix(targets, (k) => {
      const [z, y] = [Z.data[k], targets.data[k]]
      return (1 - y) * sigmoid(z) - y * sigmoid(-z)
    }),
  magnitude: ({ Z }, targets) =>
    fillMatrix(targets, (k) => {
      const [z, y] = [Z.data[k], targets.data[k]]
      return (1 - y) * sigmoid(z) + y * sigmoid(-z)
    }),
  // −y·ln σ(z) changes as softplus(−z), −(1 − y)·ln σ(−z) as softplus(z)
  bind({ Z }, targets) {
    const tails = Z.data.map(sigmoidTail)
    return sumOutputs(Z.columns, (k, change, h) => {
      const [z, y, d] = [Z.data[k], targets.data[k], h * change]
      let slope = 0
      if (y !== 0) slope -= y * softplusSecantSlope(-z, tails[k], -d)
      if (y !== 1) slope += (1 - y) * softplusSecantSlope(z, tails[k], d)
      return slope * change
    })
  },
}

/** One sample's logits. */
const logitsOf = (Z: Matrix, s: number) => Z.data.subarray(s * Z.columns, (s + 1) * Z.columns)

/** The class of a sample whose targets are one-hot; −1 where they are probabilities. */
const classOf = (targets: Matrix, s: number) =>
  targets.data.subarray(s * targets.columns, (s + 1) * targets.columns).indexOf(1)

/** 1 − p of each of a sample's probabilities, summed from the others where it would lose digits. */
export function complements(probabilities: Matrix): Matrix {
  const { columns, data } = probabilities
  return fillMatrix(probabilities, (k) => {
    if (data[k] <= 0.5) return 1 - data[k]
    const from = k - (k % columns)
    let others = 0
    for (let i = from; i < from + columns; i++) if (i !== k) others += data[i]
    return others
  })
}

/** Softmax probabilities of a base point and what the change of the cross-entropy needs of them. */
export interface SoftmaxBase {
  /** ln p, samples × outputs. */
  readonly logProbabilities: Matrix
  /** p, samples × outputs. */
  readonly probabilities: Matrix
  /** 1 − p, to its last digits. */
  readonly others: Matrix
  /** The target class of each sample; −1 where the targets are probabilities. */
  readonly classes: Int32Array
}

export function softmaxBase(Z: Matrix, targets: Matrix): SoftmaxBase {
  const logProbabilities = createMatrix(Z.rows, Z.columns)
  const probabilities = createMatrix(Z.rows, Z.columns)
  for (let s = 0; s < Z.rows; s++) {
    const { largest, sum } = sumExponentials(logitsOf(Z, s))
    for (let i = 0; i < Z.columns; i++) {
      const k = s * Z.columns + i
      logProbabilities.data[k] = Z.data[k] - largest - Math.log(sum)
      // not e^(ln p), which would amplify the rounding of ln p
      probabilities.data[k] = Math.exp(Z.data[k] - largest) / sum
    }
  }
  const classes = Int32Array.from({ length: Z.rows }, (_, s) => classOf(targets, s))
  return { logProbabilities, probabilities, others: complements(probabilities), classes }
}

/** Beyond this change of a logit e^d is not formed from a probability that may have underflowed. */
const SOFTMAX_FAR = 30

/** Σ y·(ln Σ e^z − z), y adding up to 1. */
const softmaxCrossEntropy: Loss = {
  name: 'softmax-cross-entropy',
  code: LOSS_CODES['softmax-cross-entropy'],
  lastActivation: 'linear',
  readsLogits: true,
  readsClasses: true,
  factor: 1,
  reduction: 'mean',
  losses({ Z }, targets) {
    const logarithms = Float64Array.from({ length: Z.rows }, (_, s) => logSumExp(logitsOf(Z, s)))
    return sumBySample(targets, (k) => {
      const y = targets.data[k]
      return y === 0 ? 0 : y * (logarithms[Math.floor(k / Z.columns)] - Z.data[k])
    })
  },
  conditions({ Z }, targets) {
    const terms = sumBySample(targets, (k) => Math.abs(targets.data[k] * Z.data[k]))
    return terms.map((ofTargets, s) => Math.abs(logSumExp(logitsOf(Z, s))) + 1 + ofTargets)
  },
  // P − Y, in the form that keeps its digits where P is near 1
  derivative({ Z }, targets) {
    const { probabilities, others } = softmaxBase(Z, targets)
    const unlikely = complements(targets)
    return fillMatrix(Z, (k) => probabilities.data[k] * unlikely.data[k] - targets.data[k] * others.data[k])
  },
  magnitude({ Z }, targets) {
    const { probabilities, others } = softmaxBase(Z, targets)
    const unlikely = complements(targets)
    return fillMatrix(Z, (k) => probabilities.data[k] * unlikely.data[k] + targets.data[k] * others.data[k])
  },
  /**
   * ln Σ p_k·e^(D_k), D_k = d_k − d̄ and d̄ = Σ y_k·d_k, which is ln(1 + S) with S = Σ p_k·(e^(D_k) − 1); the target
   * class of one-hot y has D = 0. Where S is not small the sum itself is used, with its largest term taken out, so
   * that nothing overflows.
   */
  bind({ Z }, targets) {
    const { logProbabilities, probabilities, others, classes } = softmaxBase(Z, targets)
    const unlikely = complements(targets)
    const outputs = Z.columns
    const scratch = new Float64Array(outputs)
    const log1pOfSum = (sum: number, h: number) => sum * log1pRatio(h * sum)
    const meanChange = (changes: Float64Array, s: number) => {
      if (classes[s] >= 0) return changes[classes[s]]
      let sum = 0
      for (let i = 0; i < outputs; i++) sum += targets.data[s * outputs + i] * changes[i]
      return sum
    }
    const pass = (changes: Float64Array, s: number, h: number) => {
      const mean = meanChange(changes, s)
      let sum = 0
      for (let i = 0; i < outputs; i++) {
        if (i === classes[s]) continue
        const k = s * outputs + i
        const change = changes[i] - mean
        const d = h * change
        if (d > SOFTMAX_FAR) {
          sum += (Math.exp(Math.min(logProbabilities.data[k] + d, 700)) - probabilities.data[k]) / h
        } else {
          sum += probabilities.data[k] * change * expm1Ratio(d)
        }
      }
      if (Math.abs(h * sum) <= 0.5) return log1pOfSum(sum, h)
      const logs = changes.map((change, i) => logProbabilities.data[s * outputs + i] + h * (change - mean))
      return logSumExp(logs) / h
    }
    return {
      pass,
      passUnit(unit, change, s, h) {
        if (Math.abs(h * change) <= 1) {
          const k = s * outputs + unit
          const [own, rest] = [change * unlikely.data[k], -change * targets.data[k]]
          const sum =
            probabilities.data[k] * own * expm1Ratio(h * own) + others.data[k] * rest * expm1Ratio(h * rest)
          if (Math.abs(h * sum) <= 0.5) return log1pOfSum(sum, h)
        }
        scratch.fill(0)
        scratch[unit] = change
        return pass(scratch, s, h)
      },
    }
  },
}

/** Σ (a − y)² */
function squaredError(name: LossName, factor: number, reduction: Reduction): Loss {
  const derivative: Loss['derivative'] = ({ A }, targets) =>
    fillMatrix(A, (k) => 2 * (A.data[k] - targets.data[k]))
  return {
    name,
    code: LOSS_CODES['squared-error'],
    lastActivation: undefined,
    readsLogits: false,
    readsClasses: false,
    factor,
    reduction,
    losses: ({ A }, targets) => sumBySample(A, (k) => (A.data[k] - targets.data[k]) ** 2),
    conditions: ({ A }, targets) =>
      sumBySample(A, (k) => {
        const residual = Math.abs(A.data[k] - targets.data[k])
        return residual * (residual + Math.abs(A.data[k]))
      }),
    derivative,
    magnitude: (output, targets) => mapMatrix(derivative(output, targets), Math.abs),
    // Δ(r²) = d·(2r + d)
    bind({ A }, targets) {
      return sumOutputs(A.columns, (k, change, h) => {
        const residual = A.data[k] - targets.data[k]
        return change * (2 * residual + h * change)
      })
    },
  }
}

const LOSSES: Record<LossName, Loss> = {
  'binary-cross-entropy': binaryCrossEntropy,
  'softmax-cross-entropy': softmaxCrossEntropy,
  'half-squared-error': squaredError('half-squared-error', 0.5, 'sum'),
  'mean-squared-error': squaredError('mean-squared-error', 1, 'mean-elements'),
}

export const LOSS_NAMES = Object.keys(LOSSES) as readonly LossName[]

/** @throws GradcheckError `unknown-name` with the name that is meant, or the nearest. */
export function findLoss(name: string): Loss {
  const found = LOSS_NAMES.find((candidate) => candidate === name)
  if (found === undefined) {
    throw unknownName('loss', name, LOSS_NAMES, LOSS_WORDS)
  }
  return LOSSES[found]
}
