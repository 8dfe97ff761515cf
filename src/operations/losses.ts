import { type Shape, ShapeMismatch, stridesOf } from '../program/shapes.js'
import { elementCount, formatShape } from '../tensor.js'
import { type Form, placeBox, widen } from './change.js'
import { type Definition, type NoAttributes, ofRule } from './definition.js'
import type { Kernel, Read } from './kernels.js'
import type { Application, Operand, Operation, PlanChange } from './operation.js'
import { MANY_ROUNDINGS, type ScalarRule } from './scalar-rule.js'
import { sigmoidOf, sigmoidTail, softplusOf, softplusSecantSlope } from './sigmoids.js'

/**
 * −y·ln σ(z) − (1 − y)·ln σ(−z) of a logit z and a target y: the first changes as softplus(−z), the second as
 * softplus(z). The constants are z, σ(−|z|) and y.
 */
export const binaryCrossEntropy: ScalarRule = {
  arity: 2,
  shader: 'binary-cross-entropy',
  value: (z, y) => (y === 0 ? 0 : y * softplusOf(-z)) + (y === 1 ? 0 : (1 - y) * softplusOf(z)),
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
  // a − y
  terms: (operand, z, y) => (operand === 0 ? sigmoidOf(z) + Math.abs(y) : Math.abs(z)),
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
          `it takes logits and targets of one shape, not ${formatShape(logits)} and ${formatShape(targets)}`,
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
    pullBack: (application, cotangent, operand) =>
      slopesOfSoftmax(application, operand).map((slope, k) => slope * cotangent[rowOf(application, k)]),
    pullBackSquares: (application, variances, operand) =>
      slopesOfSoftmax(application, operand).map((slope, k) => slope ** 2 * variances[rowOf(application, k)]),
    pullBackTerms(application, cotangent, operand) {
      const [logits, targets] = application.operands
      const { probabilities } = softmaxBase(logits, targets)
      const slopes = slopesOfSoftmax(application, operand)
      // p − t
      return slopes.map((slope, k) => {
        const terms = operand === 0 ? probabilities[k] + Math.abs(targets.data[k]) : 0
        return (Math.abs(slope) + terms) * Math.abs(cotangent[rowOf(application, k)])
      })
    },
    errors: carrySoftmaxErrors,
    roundings: ({ operands: [logits] }) => 6 + countClasses(logits.shape) / 64,
    prepare: prepareSoftmax,
    laneAxis([shape], axes) {
      const [first, ...others] = axes.filter((axis) => axis !== undefined)
      const isAlong = first === shape.length - 1 || others.some((axis) => axis !== first)
      return isAlong ? undefined : first
    },
    work: ([logits]) => SOFTMAX_WORK * elementCount(logits),
    isLinearIn: (operand) => operand === 1,
  }
}

const rowOf = ({ operands: [logits] }: Application, k: number) => Math.floor(k / countClasses(logits.shape))

/** The derivative of each row's loss by its logits, or by its targets. */
function slopesOfSoftmax(application: Application, operand: number): Float64Array {
  const [logits, targets] = application.operands
  if (operand === 0) return softmaxBase(logits, targets).residuals
  const classes = countClasses(logits.shape)
  return logits.data.map((z, k) => {
    const from = classes * rowOf(application, k)
    return logSumExp(logits.data.subarray(from, from + classes)) - z
  })
}

/** A row's loss has the errors of ln Σ exp, of its terms, and what those of logits and targets move it by. */
function carrySoftmaxErrors(application: Application, errors: readonly Float64Array[]): Float64Array {
  const [logits, targets] = application.operands
  const result = new Float64Array(application.result.data.length)
  const slopes = errors.map((_, operand) => slopesOfSoftmax(application, operand))
  for (let k = 0; k < logits.data.length; k++) {
    const terms = targets.data[k] * (1 + Math.abs(logits.data[k]) + Math.abs(slopes[1][k]))
    const moved = errors.reduce((sum, own, operand) => sum + Math.abs(slopes[operand][k]) * own[k], 0)
    result[rowOf(application, k)] += 2 * Math.abs(terms) + moved
  }
  return result
}

/**
 * Σ (p·Σt − t)·s + Σt·(ln(1 + h·S)/h − Σ p·s), S = Σ p·(e^(h·s) − 1)/h, with s less its mean by p, which changes
 * nothing. In that form S is of second order, and nothing cancels where the loss is near its least.
 */
function prepareSoftmax({ operands: [logits, targets], result }: Application): PlanChange {
  const classes = countClasses(logits.shape)
  const rank = result.shape.length
  const constants = constantsOfSoftmax(logits, targets)
  return (given, { count }) => {
    const moving = given.filter((form) => form !== undefined)
    // where both move, both are written out; else the classes alone
    const axes = moving.length === 2 ? logits.shape.map((_, axis) => axis) : [rank]
    const kernels: Kernel[] = []
    const wide = given.map((form, operand): { read: Read; form: Form } | undefined => {
      if (form === undefined) return undefined
      const { form: whole, kernel } = widen(logits.shape, form, axes, count)
      if (kernel === undefined) return { read: { operand }, form: whole }
      kernels.push({ ...kernel, from: { operand } } as Kernel)
      return { read: { kernel: kernels.length - 1 }, form: whole }
    })
    const { box, laneAxis } = (wide[0] ?? wide[1])!.form
    const rows = box.slice(0, rank)
    kernels.push({
      kind: 'softmax',
      logits: wide[0]?.read,
      targets: wide[1]?.read,
      classes,
      constants,
      place: placeBox(result.shape, rows, stridesOf(result.shape), count),
    })
    return { form: { box: rows, laneAxis }, kernels }
  }
}

/** For each logit ln p, p, p·Σt − t and t. */
function constantsOfSoftmax(logits: Operand, targets: Operand): Float64Array {
  const { probabilities, residuals } = softmaxBase(logits, targets)
  const classes = countClasses(logits.shape)
  const constants = new Float64Array(4 * logits.data.length)
  for (let from = 0; from < logits.data.length; from += classes) {
    const logSum = logSumExp(logits.data.subarray(from, from + classes))
    for (let k = from; k < from + classes; k++) {
      constants.set([logits.data[k] - logSum, probabilities[k], residuals[k], targets.data[k]], 4 * k)
    }
  }
  return constants
}

/** Multiply-adds for each logit, roughly. */
const SOFTMAX_WORK = 30

const countClasses = (shape: Shape) => shape[shape.length - 1]

/** The largest of some logits, and Σ e^(z − largest) over them. */
export function sumExponentials(z: Float64Array): { largest: number; sum: number } {
  let largest = z[0]
  for (const value of z) largest = Math.max(largest, value)
  let sum = 0
  for (const value of z) sum += Math.exp(value - largest)
  return { largest, sum }
}

/** ln Σ e^z */
export function logSumExp(z: Float64Array): number {
  const { largest, sum } = sumExponentials(z)
  return largest + Math.log(sum)
}

export function softmaxBase(logits: Operand, targets: Operand): SoftmaxBase {
  const classes = countClasses(logits.shape)
  const probabilities = new Float64Array(logits.data.length)
  const residuals = new Float64Array(logits.data.length)
  for (let from = 0; from < logits.data.length; from += classes) {
    const z = logits.data.subarray(from, from + classes)
    const t = targets.data.subarray(from, from + classes)
    const { largest, sum } = sumExponentials(z)
    const whole = t.reduce((total, value) => total + value, 0)
    const p = probabilities.subarray(from, from + classes)
    for (let i = 0; i < classes; i++) p[i] = Math.exp(z[i] - largest) / sum
    // (p − 1)·t + p·(Σt − t), where 1 − p is summed from the others if it would lose digits: of one p at most
    for (let i = 0; i < classes; i++) {
      const others = p[i] <= 0.5 ? 1 - p[i] : p.reduce((rest, q, k) => (k === i ? rest : rest + q), 0)
      residuals[from + i] = p[i] * (whole - t[i]) - others * t[i]
    }
  }
  return { probabilities, residuals }
}

export const LOSSES = {
  /** Of logits and of targets from 0 to 1, element by element. */
  binaryCrossEntropy: ofRule(2, binaryCrossEntropy, [-3, 3], [0, 1]),
  /** Of logits and of target probabilities, along the last axis. */
  softmaxCrossEntropy: {
    arity: 2,
    examples: [[3, 4], [4], [2, 3, 4]].map((shape) => ({
      shapes: [shape, shape],
      domains: [
        [-3, 3],
        [0, 1],
      ],
    })),
    make: softmaxCrossEntropy,
  } satisfies Definition<NoAttributes, 2>,
}
