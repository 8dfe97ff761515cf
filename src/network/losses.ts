import {
  type ActivationName,
  expm1Ratio,
  log1pRatio,
  sigmoid,
  sigmoidTail,
  softplusSecantSlope,
} from './activations.js'
import { createMatrix, type Matrix } from './matrix.js'
import { LOSS_WORDS, unknownName } from './vocabulary.js'

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
 * A loss J = scale · Σ over samples of a sample's loss. `shaders/losses.wesl` holds the changes for the GPU.
 */
export interface Loss {
  readonly name: LossName
  /** The number by which `shaders/losses.wesl` knows it. */
  readonly code: number
  /** The activation the last layer must have, if the loss is defined with one. */
  readonly lastActivation: ActivationName | undefined
  /** True where the loss and the last activation are one function of Z, so that changes of Z reach the loss. */
  readonly readsLogits: boolean
  /** True where a target is one class of the outputs; otherwise it is a number for each output. */
  readonly readsClasses: boolean
  /** The factor outside the sum, from the number of samples and of outputs. */
  scale(samples: number, outputs: number): number
  /** Σ of the samples' losses by the published formula, without `scale`. Targets are samples × outputs. */
  sum(output: Output, targets: Matrix): number
  /**
   * Bound on the rounding error of `sum` in float64, in units of the unit roundoff: Σ of the absolute terms and
   * of what the formula loses by cancellation (1 − A near A = 1, a logarithm near ln 1).
   */
  condition(output: Output, targets: Matrix): number
  /** ∂(sum)/∂A, or ∂(sum)/∂Z where the loss reads logits. */
  derivative(output: Output, targets: Matrix): Matrix
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

const binaryCrossEntropy: Loss = {
  name: 'binary-cross-entropy',
  code: 0,
  lastActivation: 'sigmoid',
  readsLogits: true,
  readsClasses: false,
  scale: (samples) => 1 / samples,
  sum({ Z, A }, targets) {
    let total = 0
    for (let k = 0; k < A.data.length; k++) {
      const [a, z, y] = [A.data[k], Z.data[k], targets.data[k]]
      if (y !== 0) total -= y * logProbability(a, z)
      if (y !== 1) total -= (1 - y) * logComplement(a, z)
    }
    return total
  },
  condition({ Z, A }, targets) {
    let total = 0
    for (let k = 0; k < A.data.length; k++) {
      const [a, z, y] = [A.data[k], Z.data[k], targets.data[k]]
      total += Math.abs(y * logProbability(a, z)) + y + Math.abs((1 - y) * logComplement(a, z))
      // 1 − a rounds by itself, and what a is rounded by is divided by it
      if (a < 1) total += (1 - y) * (1 + a / (1 - a))
    }
    return total
  },
  // A − Y, in the form that keeps its digits where A is near 1
  derivative({ Z }, targets) {
    const result = createMatrix(Z.rows, Z.columns)
    for (let k = 0; k < Z.data.length; k++) {
      const [z, y] = [Z.data[k], targets.data[k]]
      result.data[k] = (1 - y) * sigmoid(z) - y * sigmoid(-z)
    }
    return result
  },
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

/** The largest of one sample's logits, and Σ e^(z − largest) over them. */
function sumExponentials(Z: Matrix, s: number): { largest: number; sum: number } {
  const row = Z.data.subarray(s * Z.columns, (s + 1) * Z.columns)
  let largest = row[0]
  for (const z of row) largest = Math.max(largest, z)
  let sum = 0
  for (const z of row) sum += Math.exp(z - largest)
  return { largest, sum }
}

/** ln Σ exp of one sample's logits. */
function logSumExp(Z: Matrix, s: number): number {
  const { largest, sum } = sumExponentials(Z, s)
  return largest + Math.log(sum)
}

/** The class of a sample whose targets are one-hot. */
function classOf(targets: Matrix, s: number): number {
  return targets.data.subarray(s * targets.columns, (s + 1) * targets.columns).indexOf(1)
}

/** Softmax probabilities of a base point and what the change of the cross-entropy needs of them. */
export interface SoftmaxBase {
  /** ln p, samples × outputs. */
  readonly logProbabilities: Matrix
  /** p, samples × outputs. */
  readonly probabilities: Matrix
  /** The target class of each sample. */
  readonly classes: Int32Array
  /** 1 − p of the target class, summed from the others so that it keeps its digits near 0. */
  readonly rest: Float64Array
}

export function softmaxBase(Z: Matrix, targets: Matrix): SoftmaxBase {
  const logProbabilities = createMatrix(Z.rows, Z.columns)
  const probabilities = createMatrix(Z.rows, Z.columns)
  const classes = new Int32Array(Z.rows)
  const rest = new Float64Array(Z.rows)
  for (let s = 0; s < Z.rows; s++) {
    const { largest, sum } = sumExponentials(Z, s)
    classes[s] = classOf(targets, s)
    for (let i = 0; i < Z.columns; i++) {
      const k = s * Z.columns + i
      logProbabilities.data[k] = Z.data[k] - largest - Math.log(sum)
      // not e^(ln p), which would amplify the rounding of ln p
      probabilities.data[k] = Math.exp(Z.data[k] - largest) / sum
      if (i !== classes[s]) rest[s] += probabilities.data[k]
    }
  }
  return { logProbabilities, probabilities, classes, rest }
}

/** Beyond this change of a logit e^d is not formed from a probability that may have underflowed. */
const SOFTMAX_FAR = 30

const softmaxCrossEntropy: Loss = {
  name: 'softmax-cross-entropy',
  code: 1,
  lastActivation: 'linear',
  readsLogits: true,
  readsClasses: true,
  scale: (samples) => 1 / samples,
  sum({ Z }, targets) {
    let total = 0
    for (let s = 0; s < Z.rows; s++) total += logSumExp(Z, s) - Z.data[s * Z.columns + classOf(targets, s)]
    return total
  },
  condition({ Z }, targets) {
    let total = 0
    for (let s = 0; s < Z.rows; s++) {
      total += Math.abs(logSumExp(Z, s)) + 1 + Math.abs(Z.data[s * Z.columns + classOf(targets, s)])
    }
    return total
  },
  derivative({ Z }, targets) {
    const { probabilities, classes, rest } = softmaxBase(Z, targets)
    const result = createMatrix(Z.rows, Z.columns)
    result.data.set(probabilities.data)
    for (let s = 0; s < Z.rows; s++) result.data[s * Z.columns + classes[s]] = -rest[s]
    return result
  },
  /**
   * ln Σ p_k·e^(D_k), D_k = d_k − d_y, which is ln(1 + S) with S = Σ_{k≠y} p_k·(e^(D_k) − 1). Where S is not
   * small the sum itself is used, with its largest term taken out, so that nothing overflows.
   */
  bind({ Z }, targets) {
    const { logProbabilities, probabilities, classes, rest } = softmaxBase(Z, targets)
    const outputs = Z.columns
    const scratch = new Float64Array(outputs)
    const log1pOfSum = (sum: number, h: number) => sum * log1pRatio(h * sum)
    const pass = (changes: Float64Array, s: number, h: number) => {
      const target = changes[classes[s]]
      let sum = 0
      for (let i = 0; i < outputs; i++) {
        if (i === classes[s]) continue
        const k = s * outputs + i
        const change = changes[i] - target
        const d = h * change
        if (d > SOFTMAX_FAR) {
          sum += (Math.exp(Math.min(logProbabilities.data[k] + d, 700)) - probabilities.data[k]) / h
        } else {
          sum += probabilities.data[k] * change * expm1Ratio(d)
        }
      }
      if (Math.abs(h * sum) <= 0.5) return log1pOfSum(sum, h)
      const logs = createMatrix(1, outputs)
      for (let i = 0; i < outputs; i++) {
        logs.data[i] = logProbabilities.data[s * outputs + i] + h * (changes[i] - target)
      }
      return logSumExp(logs, 0) / h
    }
    return {
      pass,
      passUnit(unit, change, s, h) {
        const d = h * change
        if (Math.abs(d) <= 1) {
          const isTarget = unit === classes[s]
          const sum = isTarget
            ? -rest[s] * change * expm1Ratio(-d)
            : probabilities.data[s * outputs + unit] * change * expm1Ratio(d)
          if (Math.abs(h * sum) <= 0.5) return log1pOfSum(sum, h)
        }
        scratch.fill(0)
        scratch[unit] = change
        return pass(scratch, s, h)
      },
    }
  },
}

/** Σ (a − y)², with the halves and means in `scale`. */
function squaredError(name: LossName, scale: (samples: number, outputs: number) => number): Loss {
  return {
    name,
    code: 2,
    lastActivation: undefined,
    readsLogits: false,
    readsClasses: false,
    scale,
    sum({ A }, targets) {
      let total = 0
      for (let k = 0; k < A.data.length; k++) total += (A.data[k] - targets.data[k]) ** 2
      return total
    },
    condition({ A }, targets) {
      let total = 0
      for (let k = 0; k < A.data.length; k++) {
        const residual = Math.abs(A.data[k] - targets.data[k])
        total += residual * (residual + Math.abs(A.data[k]))
      }
      return total
    },
    derivative({ A }, targets) {
      const result = createMatrix(A.rows, A.columns)
      for (let k = 0; k < A.data.length; k++) result.data[k] = 2 * (A.data[k] - targets.data[k])
      return result
    },
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
  'half-squared-error': squaredError('half-squared-error', () => 0.5),
  'mean-squared-error': squaredError('mean-squared-error', (samples, outputs) => 1 / (samples * outputs)),
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
