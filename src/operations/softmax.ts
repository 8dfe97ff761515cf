import { listOffsets, type Shape, ShapeMismatch, stridesOf } from '../program/shapes.js'
import { elementCount, formatShape } from '../tensor.js'
import { type Form, placeBox, widen } from './change.js'
import type { Definition, NoAttributes } from './definition.js'
import type { Kernel, Read, Rows, SoftmaxMode } from './kernels.js'
import type { Application, Operand, Operation, OtherRule, PlanChange } from './operation.js'
import { REDUCTION_AXES, REDUCTION_EXAMPLES } from './reductions.js'
import { alongAxes, forEachMember, passRowLane, type ReductionAttributes, widenRows } from './rows.js'

/** Softmax of rows and what the change of what is made of it needs, at the given point. */
export interface SoftmaxBase {
  /** p */
  readonly probabilities: Float64Array
  /** p·Σt − t, where t is the target: 1 − p of a whole target is summed from the others, so that it keeps its digits. */
  readonly residuals: Float64Array
}

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

/** Rows of numbers that lie one behind the other, and where each is in the array they were taken from. */
interface GatheredRows {
  readonly data: Float64Array
  readonly offsets: Int32Array
  readonly length: number
}

function gatherRows(data: Float64Array, rows: Rows): GatheredRows {
  const length = rows.inner.length
  const offsets = new Int32Array(rows.outer.length * length)
  forEachMember(rows, (row, offset, q) => {
    offsets[row * length + q] = offset
  })
  return { data: Float64Array.from(offsets, (offset) => data[offset]), offsets, length }
}

/** Rows written back to where they were taken from. */
function scatterRows({ offsets }: Pick<GatheredRows, 'offsets'>, data: Float64Array): Float64Array {
  const scattered = new Float64Array(data.length)
  for (let k = 0; k < data.length; k++) scattered[offsets[k]] = data[k]
  return scattered
}

export function softmaxBase(logits: Operand, targets: Operand): SoftmaxBase {
  return softmaxOfRows(logits.data, targets.data, countClasses(logits.shape))
}

function softmaxOfRows(logits: Float64Array, targets: Float64Array, classes: number): SoftmaxBase {
  const probabilities = new Float64Array(logits.length)
  const residuals = new Float64Array(logits.length)
  for (let from = 0; from < logits.length; from += classes) {
    const z = logits.subarray(from, from + classes)
    const t = targets.subarray(from, from + classes)
    const { largest, sum } = sumExponentials(z)
    const whole = t.reduce((total, value) => total + value, 0)
    const p = probabilities.subarray(from, from + classes)
    for (let i = 0; i < classes; i++) p[i] = Math.exp(z[i] - largest) / sum
    // (p − 1)·t + p·(Σt − t), where 1 − p is summed from the others if it would lose digits: of one p at most
    for (let i = 0; i < classes; i++) {
      residuals[from + i] = p[i] * (whole - t[i]) - restOf(p, i) * t[i]
    }
  }
  return { probabilities, residuals }
}

/** 1 − p of one of some probabilities. */
const restOf = (p: Float64Array, i: number) =>
  p[i] <= 0.5 ? 1 - p[i] : p.reduce((rest, q, k) => (k === i ? rest : rest + q), 0)

/** For each logit of each row ln p, p, p·Σt − t and t. */
function constantsOfRows(logits: Float64Array, targets: Float64Array, classes: number): Float64Array {
  const { probabilities, residuals } = softmaxOfRows(logits, targets, classes)
  const constants = new Float64Array(4 * logits.length)
  for (let from = 0; from < logits.length; from += classes) {
    const logSum = logSumExp(logits.subarray(from, from + classes))
    for (let k = from; k < from + classes; k++) {
      constants.set([logits[k] - logSum, probabilities[k], residuals[k], targets[k]], 4 * k)
    }
  }
  return constants
}

/** Multiply-adds for each logit, roughly. */
const SOFTMAX_WORK = 30

const countClasses = (shape: Shape) => shape[shape.length - 1]

/** What one of the operations on rows of logits does, row by row. */
interface RowFunction {
  readonly mode: Exclude<SoftmaxMode, 'loss'>
  /** From the logits of a row; a number, or one for each. */
  evaluate(z: Float64Array): Float64Array
  /** From probabilities and the cotangent: what is passed back. */
  pullBack(p: Float64Array, cotangent: Float64Array): Float64Array
  pullBackSquares(p: Float64Array, variances: Float64Array): Float64Array
  terms(p: Float64Array, sizes: Float64Array): Float64Array
  /** From the probabilities, the logits and their errors. */
  errors(p: Float64Array, z: Float64Array, own: Float64Array): Float64Array
  readonly mistakes: readonly {
    readonly text: string
    passBack(p: Float64Array, cotangent: Float64Array): Float64Array
  }[]
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, k) => sum + value * b[k], 0)
const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0)

/** What evaluating e^(z − largest) loses, relative. */
const exponentRoundings = (z: Float64Array, value: number) => {
  let largest = z[0]
  for (const other of z) largest = Math.max(largest, other)
  return 3 + Math.sqrt(z.length) / 2 + Math.abs(value - largest)
}

const SOFTMAX: RowFunction = {
  mode: 'softmax',
  evaluate(z) {
    const { largest, sum } = sumExponentials(z)
    return z.map((value) => Math.exp(value - largest) / sum)
  },
  // p·(g − Σ g·p)
  pullBack(p, cotangent) {
    return p.map((value, i) => {
      // where one p is nearly 1, g − Σ g·p is a sum over the others
      const rest = value <= 0.5 ? undefined : restOf(p, i)
      const passed =
        rest === undefined
          ? cotangent[i] - dot(p, cotangent)
          : p.reduce((sum, q, j) => (j === i ? sum : sum + q * (cotangent[i] - cotangent[j])), 0)
      return value * passed
    })
  },
  pullBackSquares(p, variances) {
    const sum = p.reduce((whole, q, k) => whole + q * q * variances[k], 0)
    return p.map((q, j) => q * q * (sum - q * q * variances[j] + restOf(p, j) ** 2 * variances[j]))
  },
  terms: (p, sizes) => p.map((q, j) => q * (sizes[j] + dot(p, sizes))),
  errors(p, z, own) {
    const mean = dot(p, own)
    return p.map((q, i) => q * (own[i] + mean + 2 * exponentRoundings(z, z[i])))
  },
  mistakes: [
    {
      text: 'lacks what other outputs of the softmax do: p·(1 − p) alone',
      passBack: (p, cotangent) => p.map((q, i) => q * restOf(p, i) * cotangent[i]),
    },
    {
      text: 'lacks the mean over the outputs: p alone, not p·(g − Σ g·p)',
      passBack: (p, cotangent) => p.map((q, i) => q * cotangent[i]),
    },
  ],
}

const LOG_SOFTMAX: RowFunction = {
  mode: 'log-softmax',
  evaluate(z) {
    const sum = logSumExp(z)
    return z.map((value) => value - sum)
  },
  // g − p·Σ g
  pullBack(p, cotangent) {
    const sum = total(cotangent)
    return p.map((q, i) => cotangent[i] - q * sum)
  },
  pullBackSquares(p, variances) {
    const sum = total(variances)
    return p.map((q, j) => q * q * (sum - variances[j]) + restOf(p, j) ** 2 * variances[j])
  },
  terms(p, sizes) {
    const sum = total(sizes)
    return p.map((q, i) => sizes[i] + q * sum)
  },
  errors(p, z, own) {
    const mean = dot(p, own)
    const sum = logSumExp(z)
    const roundings = 4 + Math.sqrt(z.length) / 2
    return z.map((value, i) => own[i] + mean + roundings + 2 * (Math.abs(value) + Math.abs(sum)))
  },
  mistakes: [
    {
      text: 'lacks the probabilities: g alone, not g − p·Σ g',
      passBack: (_p, cotangent) => cotangent.slice(),
    },
    {
      text: 'has p·g in the place of p·Σ g',
      passBack: (p, cotangent) => p.map((q, i) => cotangent[i] - q * cotangent[i]),
    },
  ],
}

const LOG_SUM_EXP: RowFunction = {
  mode: 'log-sum-exp',
  evaluate: (z) => Float64Array.of(logSumExp(z)),
  pullBack: (p, [cotangent]) => p.map((q) => q * cotangent),
  pullBackSquares: (p, [variance]) => p.map((q) => q * q * variance),
  terms: (p, [size]) => p.map((q) => q * size),
  errors: (p, z, own) =>
    Float64Array.of(
      dot(p, own) + 4 + Math.sqrt(z.length) / 2 + 2 * Math.abs(logSumExp(z)) + 2 * Math.abs(Math.max(...z)),
    ),
  mistakes: [],
}

/** An operation on rows of logits, by what it does with one of them. */
function ofRows(name: string, rule: RowFunction, attributes: ReductionAttributes): Operation {
  const keepsShape = rule.mode !== 'log-sum-exp'
  const layout = alongAxes(keepsShape ? { axes: attributes.axes ?? [-1] } : attributes)
  const rowsOf = ({ shape, data }: Operand) => gatherRows(data, layout.rows(shape))
  /** Makes rows of rows: a number each, or as many as there are logits. */
  const mapRows = (
    operand: Operand,
    of: Float64Array,
    f: (z: Float64Array, own: Float64Array) => Float64Array,
  ) => {
    const rows = rowsOf(operand)
    const given = keepsShape ? Float64Array.from(rows.offsets, (offset) => of[offset]) : of
    const made = new Float64Array(rows.data.length)
    for (let from = 0, row = 0; from < made.length; from += rows.length, row++) {
      const own = keepsShape ? given.subarray(from, from + rows.length) : given.subarray(row, row + 1)
      made.set(f(rows.data.subarray(from, from + rows.length), own), from)
    }
    return scatterRows(rows, made)
  }
  /** The same for what the operation makes: a number for each row, or as many as there are. */
  const makeRows = (
    operand: Operand,
    given: Float64Array,
    f: (z: Float64Array, own: Float64Array) => Float64Array,
  ) => {
    const rows = rowsOf(operand)
    const own = Float64Array.from(rows.offsets, (offset) => given[offset])
    const parts = Array.from({ length: rows.data.length / rows.length }, (_, row) => {
      const [from, to] = [row * rows.length, (row + 1) * rows.length]
      return f(rows.data.subarray(from, to), own.subarray(from, to))
    })
    if (!keepsShape) return Float64Array.from(parts, ([value]) => value)
    const made = new Float64Array(rows.data.length)
    for (const [row, part] of parts.entries()) made.set(part, row * rows.length)
    return scatterRows(rows, made)
  }
  const probabilities = (z: Float64Array) => SOFTMAX.evaluate(z)
  return {
    name,
    attributes: keepsShape ? { axes: attributes.axes } : layout.attributes,
    shape: ([operand]) => {
      const shape = layout.shape(operand)
      if (elementCount(operand) === 0) throw new ShapeMismatch('there is nothing to sum')
      return keepsShape ? operand : shape
    },
    evaluate([operand], result) {
      result.set(makeRows(operand, operand.data, (z) => rule.evaluate(z)))
    },
    pullBack: ({ operands: [operand] }, cotangent) =>
      mapRows(operand, cotangent, (z, own) => rule.pullBack(probabilities(z), own)),
    pullBackSquares: ({ operands: [operand] }, variances) =>
      mapRows(operand, variances, (z, own) => rule.pullBackSquares(probabilities(z), own)),
    pullBackTerms: ({ operands: [operand] }, cotangent) =>
      mapRows(operand, cotangent.map(Math.abs), (z, own) => rule.terms(probabilities(z), own)),
    *mistakes({ operands: [operand] }): Generator<OtherRule> {
      for (const { text, passBack } of rule.mistakes) {
        yield {
          kind: 'operation-derivative-wrong',
          text,
          passBack: (cotangent) => mapRows(operand, cotangent, (z, own) => passBack(probabilities(z), own)),
        }
      }
    },
    errors: ({ operands: [operand] }, [errors]) =>
      makeRows(operand, errors, (z, own) => rule.errors(probabilities(z), z, own)),
    roundings: ({ operands: [{ shape }] }) => 6 + layout.rows(shape).inner.length / 64,
    prepare({ operands: [operand] }) {
      const rows = rowsOf(operand)
      const constants = constantsOfRows(rows.data, new Float64Array(rows.data.length), rows.length)
      return ([form], { count }) => {
        const whole = widenRows(layout, operand.shape, form!, count)
        const kernel = {
          kind: 'softmax',
          mode: rule.mode,
          logits: whole.read,
          targets: undefined,
          before: elementCount(whole.extents),
          rows: layout.rows(whole.extents),
          constants,
          place: whole.place,
        } as const
        return {
          form: keepsShape ? whole.form : { box: whole.box, laneAxis: whole.laneAxis },
          kernels: [...whole.kernels, kernel],
        }
      }
    },
    laneAxis([shape], [lane]) {
      const at = passRowLane(layout, shape, lane)
      return at === undefined || !keepsShape ? at : lane
    },
    work: ([operand]) => SOFTMAX_WORK * elementCount(operand),
    isLinearIn: () => false,
  }
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
        let sum = 0
        for (let i = 0; i < classes; i++) {
          const t = targets.data[row * classes + i]
          if (t !== 0) sum += t * (logSum - z[i])
        }
        result[row] = sum
      }
    },
    pullBack: (application, cotangent, operand) =>
      slopesOfLoss(application, operand).map((slope, k) => slope * cotangent[rowOf(application, k)]),
    pullBackSquares: (application, variances, operand) =>
      slopesOfLoss(application, operand).map((slope, k) => slope ** 2 * variances[rowOf(application, k)]),
    pullBackTerms(application, cotangent, operand) {
      const [logits, targets] = application.operands
      const { probabilities } = softmaxBase(logits, targets)
      const slopes = slopesOfLoss(application, operand)
      // p − t
      return slopes.map((slope, k) => {
        const terms = operand === 0 ? probabilities[k] + Math.abs(targets.data[k]) : 0
        return (Math.abs(slope) + terms) * Math.abs(cotangent[rowOf(application, k)])
      })
    },
    errors: carryLossErrors,
    roundings: ({ operands: [logits] }) => 6 + countClasses(logits.shape) / 64,
    prepare: prepareLoss,
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
function slopesOfLoss(application: Application, operand: number): Float64Array {
  const [logits, targets] = application.operands
  if (operand === 0) return softmaxBase(logits, targets).residuals
  const classes = countClasses(logits.shape)
  return logits.data.map((z, k) => {
    const from = classes * rowOf(application, k)
    return logSumExp(logits.data.subarray(from, from + classes)) - z
  })
}

/** A row's loss has the errors of ln Σ exp, of its terms, and what those of logits and targets move it by. */
function carryLossErrors(application: Application, errors: readonly Float64Array[]): Float64Array {
  const [logits, targets] = application.operands
  const result = new Float64Array(application.result.data.length)
  const slopes = errors.map((_, operand) => slopesOfLoss(application, operand))
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
function prepareLoss({ operands: [logits, targets], result }: Application): PlanChange {
  const classes = countClasses(logits.shape)
  const rank = result.shape.length
  const constants = constantsOfRows(logits.data, targets.data, classes)
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
    const extents = logits.shape.map((length, axis) => (box[axis] === undefined ? length : 1))
    const strides = stridesOf(extents)
    kernels.push({
      kind: 'softmax',
      mode: 'loss',
      logits: wide[0]?.read,
      targets: wide[1]?.read,
      before: elementCount(extents),
      rows: {
        outer: listOffsets(extents.slice(0, rank), strides.slice(0, rank)),
        inner: listOffsets([classes], [1]),
      },
      constants,
      place: placeBox(result.shape, rows, stridesOf(result.shape), count),
    })
    return { form: { box: rows, laneAxis }, kernels }
  }
}

const SOFTMAX_EXAMPLES = [
  { shapes: [[3, 4]] },
  { attributes: { axes: [0] }, shapes: [[4, 2, 3]] },
  { attributes: { axes: [0, 2] }, shapes: [[2, 2, 3]] },
]
const SOFTMAX_AXES = { axes: REDUCTION_AXES.axes } as const

export const SOFTMAXES = {
  /** e^z/Σ e^z along some axes, the last one where none are given. */
  softmax: {
    arity: 1,
    attributes: SOFTMAX_AXES,
    examples: SOFTMAX_EXAMPLES,
    make: (name, attributes) => ofRows(name, SOFTMAX, attributes),
  } satisfies Definition<Pick<ReductionAttributes, 'axes'>, 1>,
  /** z − ln Σ e^z along some axes, the last one where none are given. */
  logSoftmax: {
    arity: 1,
    attributes: SOFTMAX_AXES,
    examples: SOFTMAX_EXAMPLES,
    make: (name, attributes) => ofRows(name, LOG_SOFTMAX, attributes),
  } satisfies Definition<Pick<ReductionAttributes, 'axes'>, 1>,
  /** ln Σ e^z over some axes, all of them where none are given. */
  logSumExp: {
    arity: 1,
    attributes: REDUCTION_AXES,
    examples: REDUCTION_EXAMPLES,
    make: (name, attributes) => ofRows(name, LOG_SUM_EXP, attributes),
  } satisfies Definition<ReductionAttributes, 1>,
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
