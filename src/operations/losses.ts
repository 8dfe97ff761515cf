import { type Shape, ShapeMismatch } from '../program/shapes.js'
import { formatShape } from '../tensor.js'
import { type Definition, type NoAttributes, ofRule } from './definition.js'
import type { Operand, Operation } from './operation.js'
import { MANY_ROUNDINGS, type ScalarRule } from './scalar-rule.js'
import { sigmoidOf, sigmoidTail, softplusSecantSlope } from './sigmoids.js'

/** ln σ(z) and ln σ(−z) by the probability that code computes; where that is rounded to 0 or 1, their limits ±z. */
const logProbability = (a: number, z: number) => (a > 0 ? Math.log(a) : z)
const logComplement = (a: number, z: number) => (a < 1 ? Math.log(1 - a) : -z)

/**
 * −y·ln σ(z) − (1 − y)·ln σ(−z) of a logit z and a target y: the first changes as softplus(−z), the second as
 * softplus(z). The constants are z, σ(−|z|) and y.
 */
export const binaryCrossEntropy: ScalarRule = {
  arity: 2,
  value(z, y) {
    const a = sigmoidOf(z)
    return -(y === 0 ? 0 : y * logProbability(a, z)) - (y === 1 ? 0 : (1 - y) * logComplement(a, z))
  },
  constants: 3,
  fill(k, at, z, y) {
    k[at] = z
    k[at + 1] = sigmoidTail(z)
    k[at + 2] = y
  },
  change(k, at, a, b, _c, h) {
    const [z, tail, y, d] = [k[at], k[at + 1], k[at + 2], h * a]
    let slope = 0
    if (y !== 0) slope -= y * softplusSecantSlope(-z, tail, -d)
    if (y !== 1) slope += (1 - y) * softplusSecantSlope(z, tail, d)
    // ∂/∂y is −z wherever z is
    return slope * a - (b === 0 ? 0 : b * (z + d))
  },
  linearIn: [1],
  roundings: MANY_ROUNDINGS,
}

/** Softmax along the last axis and what the change of the cross-entropy needs of it, at the given point. */
export interface SoftmaxBase {
  /** p */
  readonly probabilities: Float64Array
  /** p·Σt − t, where t is the target: 1 − p of a whole target is summed from the others, so that it keeps its digits. */
  readonly residuals: Float64Array
}

/** −Σ t·ln softmax(z) along the last axis, of logits and targets of one shape. */
function softmaxCrossEntropy(name: string): Operation {
  return {
    name,
    attributes: {},
    shape([logits, targets]) {
      if (logits.length === 0 || formatShape(logits) !== formatShape(targets)) {
        throw new ShapeMismatch(
          `${name} takes logits and targets of one shape, not ${formatShape(logits)} and ${formatShape(targets)}`,
        )
      }
      return logits.slice(0, -1)
    },
    evaluate([logits, targets], result) {
      const classes = countClasses(logits.shape)
      for (let row = 0; row < result.length; row++) {
        const z = logits.data.subarray(row * classes, (row + 1) * classes)
        const logSum = logSumExp(z)
        let total = 0
        for (let i = 0; i < classes; i++) {
          const t = targets.data[row * classes + i]
          if (t !== 0) total += t * (logSum - z[i])
        }
        result[row] = total
      }
    },
    pullBack({ operands: [logits, targets] }, cotangent, operand) {
      const classes = countClasses(logits.shape)
      if (operand === 0) {
        return softmaxBase(logits, targets).residuals.map((r, k) => r * cotangent[Math.floor(k / classes)])
      }
      return logits.data.map((z, k) => {
        const row = Math.floor(k / classes)
        return (logSumExp(logits.data.subarray(row * classes, (row + 1) * classes)) - z) * cotangent[row]
      })
    },
    isLinearIn: (operand) => operand === 1,
  }
}

const countClasses = (shape: Shape) => shape[shape.length - 1]

export function logSumExp(z: Float64Array): number {
  let largest = z[0]
  for (const value of z) largest = Math.max(largest, value)
  let sum = 0
  for (const value of z) sum += Math.exp(value - largest)
  return largest + Math.log(sum)
}

export function softmaxBase(logits: Operand, targets: Operand): SoftmaxBase {
  const classes = countClasses(logits.shape)
  const probabilities = new Float64Array(logits.data.length)
  const residuals = new Float64Array(logits.data.length)
  for (let from = 0; from < logits.data.length; from += classes) {
    const z = logits.data.subarray(from, from + classes)
    const t = targets.data.subarray(from, from + classes)
    const largest = z.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
    const p = z.map((value) => Math.exp(value - largest))
    const sum = p.reduce((total, value) => total + value, 0)
    const whole = t.reduce((total, value) => total + value, 0)
    for (let i = 0; i < classes; i++) probabilities[from + i] = p[i] / sum
    for (let i = 0; i < classes; i++) {
      // (p − 1)·t + p·(Σt − t): of a one-hot target −Σ of the other probabilities
      let others = 0
      for (let j = 0; j < classes; j++) if (j !== i) others += probabilities[from + j]
      residuals[from + i] = probabilities[from + i] * (whole - t[i]) - others * t[i]
    }
  }
  return { probabilities, residuals }
}

export const LOSSES = {
  /** Of logits and of targets from 0 to 1, element by element. */
  binaryCrossEntropy: ofRule(2, binaryCrossEntropy),
  /** Of logits and of target probabilities, along the last axis. */
  softmaxCrossEntropy: { arity: 2, make: softmaxCrossEntropy } satisfies Definition<NoAttributes, 2>,
}
