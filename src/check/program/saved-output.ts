import { bindProgram } from '../../program/evaluate.js'
import type { Program } from '../../program/program.js'
import { simplifyProgram } from '../../program/simplify.js'
import { boundValueErrors } from '../../rounding/value-errors.js'
import { type NamedTensors, type Tensor, unitRoundoff, unravelIndex } from '../../tensor.js'
import type { SavedOutputReport } from '../report.js'

/** An output that the user's code computed, and the program that makes it. */
export interface SavedOutput {
  readonly name: string
  readonly tensor: Tensor
  /** It ends in an array of the tensor's shape. */
  readonly program: Program
}

/** A saved output against the program's. */
export interface OutputComparison extends SavedOutputReport {
  readonly format: string
  readonly suspects: readonly string[]
}

/**
 * How many times what rounding may do an element may be off by: bounds are of the first order, and code may compute in
 * another order than the program.
 */
const ROOM = 2
/** Below this, halves lose digits. */
const SMALLEST: Readonly<Record<string, number>> = {
  float16: 2 ** -24,
  bfloat16: 2 ** -133,
  float32: 2 ** -149,
}

/**
 * Compares an output with the one that was saved, in the digits of the coarsest of what it was computed from and stored
 * in: each element may be off by what rounding in that format does to it at most.
 */
export function compareOutput(
  { name, tensor, program }: SavedOutput,
  arrays: NamedTensors,
): OutputComparison {
  const simple = simplifyProgram(program)
  const bound = bindProgram(simple, arrays)
  const ours = bound.base[simple.output]
  const errors = boundValueErrors(bound)[simple.output]
  const formats = [tensor, ...[...inputsOf(simple, arrays)]].map(({ dtype }) => dtype)
  const format = formats.reduce((one, other) => (unitRoundoff(other) > unitRoundoff(one) ? other : one))
  const unit = unitRoundoff(format)
  const saved = tensor.data
  let [worst, most] = [-1, 1]
  let [apart, sizes, ownSizes] = [0, 0, 0]
  for (let k = 0; k < saved.length; k++) {
    const error = Math.abs(saved[k] - ours[k])
    const allowed = ROOM * (unit * (errors[k] + Math.abs(ours[k])) + (SMALLEST[format] ?? 0))
    const excess = allowed === 0 ? (error === 0 ? 0 : Number.POSITIVE_INFINITY) : error / allowed
    // NaN in what was saved is no agreement
    if (!(excess <= most)) [worst, most] = [k, Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess]
    apart += error ** 2
    sizes += saved[k] ** 2
    ownSizes += ours[k] ** 2
  }
  const norms = Math.sqrt(sizes) + Math.sqrt(ownSizes)
  return {
    name,
    agrees: worst === -1,
    difference: norms === 0 ? 0 : Math.sqrt(apart) / norms,
    ...(worst === -1
      ? {}
      : { worst: { index: unravelIndex(worst, tensor.shape), saved: saved[worst], ours: ours[worst] } }),
    format,
    suspects: worst === -1 ? [] : findSuspects(tensor, ours),
  }
}

/** The arrays that a program reads, as far as its output needs them. */
function* inputsOf({ values }: Program, arrays: NamedTensors): Generator<Tensor> {
  const read = new Set(values.flatMap((value) => (value.kind === 'computed' ? value.operands : [])))
  for (const value of values) if (value.kind === 'input' && read.has(value.id)) yield arrays.get(value.name)!
}

/** A usual mistake explains what is off where it leaves less than this share of it. */
const LEFT = 1e-2

/** What of usual mistakes makes the saved output of ours. */
function findSuspects({ data, shape }: Tensor, ours: Float64Array): string[] {
  const suspects: string[] = []
  const distance = (of: (k: number) => number) =>
    Math.sqrt(data.reduce((sum, saved, k) => sum + (saved - of(k)) ** 2, 0))
  const apart = distance((k) => ours[k])
  const isLike = (of: (k: number) => number) => distance(of) <= LEFT * apart
  const products = ours.reduce((sum, value, k) => sum + value * data[k], 0)
  const squares = ours.reduce((sum, value) => sum + value ** 2, 0)
  const factor = products / squares
  if (Number.isFinite(factor) && factor !== 0 && data.length > 1 && isLike((k) => factor * ours[k])) {
    suspects.push(`it is ${factor.toPrecision(4)} times ours`)
  }
  const shifts = ours.reduce((sum, value, k) => sum + data[k] - value, 0) / Math.max(1, data.length)
  if (suspects.length === 0 && data.length > 1 && isLike((k) => ours[k] + shifts)) {
    suspects.push(`it is ours and ${shifts.toPrecision(4)} more`)
  }
  const [rows, columns] = shape
  if (
    shape.length === 2 &&
    rows === columns &&
    isLike((k) => ours[(k % rows) * rows + Math.floor(k / rows)])
  ) {
    suspects.push('it is ours, transposed')
  }
  return suspects
}

/**
 * What is said of a saved output that is not the program's; undefined where it agrees.
 * @param isWrong whether the gradient disagrees as well
 */
export function explainOutput(output: OutputComparison, isWrong: boolean): string | undefined {
  const { name, agrees, worst, suspects, format } = output
  if (agrees || worst === undefined) return undefined
  const place = worst.index.length === 0 ? '' : `[${worst.index.join(', ')}]`
  const found = suspects.length === 0 ? '' : `: ${suspects.join(', or ')}`
  const gradient = isWrong
    ? 'the gradient is not that of this forward pass either'
    : 'the gradient is that of this forward pass, as far as can be told'
  return `the saved ${name} is not the output, by more than ${format}'s rounding, most at ${name}${place}: ${worst.saved}, and here ${worst.ours}${found}; ${gradient}. The code that computed it is wrong, or the forward pass is another one`
}

/** A comparison as the report has it. */
export function reportOutput({ name, agrees, difference, worst }: OutputComparison): SavedOutputReport {
  return { name, agrees, difference, ...(worst === undefined ? {} : { worst }) }
}
