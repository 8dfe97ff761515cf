import { reversePass } from '../../backward/reverse-pass.js'
import { listNames } from '../../list-names.js'
import { createCpuCarrier } from '../../program/carry-changes.js'
import { type BoundProgram, bindProgram } from '../../program/evaluate.js'
import { differentiateValue } from '../../program/numerical-gradient.js'
import { inputsOf, type Program, type Source, type Value } from '../../program/program.js'
import { elementCount, type NamedTensors, type Tensor } from '../../tensor.js'
import type { Verdict } from '../report.js'

/** A saved gradient of a value that the forward pass makes on its way. */
export interface SavedIntermediate {
  /** What it was saved as: `dZ2`. */
  readonly gradient: string
  readonly tensor: Tensor
}

/** A saved gradient of a value on the way to the loss, held against the numerical one. */
export interface IntermediateReport {
  /** The value, as the forward pass calls it. */
  readonly name: string
  readonly gradient: string
  /** Scaled: a constant multiple, which need not be wrong: 1/m may come later. Open: rounding or kinks leave nothing to compare. */
  readonly verdict: 'right' | 'scaled' | 'wrong' | 'open'
  /** Of what is scaled: how many times the gradient it is. */
  readonly factor?: number
  /** Where the forward pass makes the value. */
  readonly source: Source
}

/** What was found of a parameter's gradient. */
interface JudgedParameter {
  readonly name: string
  readonly gradient: string
  readonly verdict: Verdict
}

/** Elements of a value up to which each is moved; beyond, the derivative of the operations stands for that. */
const MOST_MOVED = 4096
/** How far elements are moved. */
const STEP = 1e-7
/** What a saved gradient may be off by, in relation to its largest element, by the precision that it is stored in. */
const APART = { float64: 1e-6, float32: 1e-4, other: 1e-2 }
/** Factors that differ by less are the same. */
const SAME_FACTOR = 1e-5

/**
 * Checks the gradients of values inside the forward pass that were saved beside those of its parameters.
 * @param program as it was traced, with every value that the user's code makes
 * @returns nothing of those that are not to be found by their name
 */
export async function checkIntermediates(
  program: Program,
  arrays: NamedTensors,
  saved: ReadonlyMap<string, SavedIntermediate>,
  parameters: readonly JudgedParameter[],
  signal?: AbortSignal,
): Promise<{ readonly reports: readonly IntermediateReport[]; readonly notices: readonly string[] }> {
  const bound = bindProgram(program, arrays)
  const values = [...saved].flatMap(([name, { gradient, tensor }]) => {
    const value = program.values.find((one) => one.kind === 'computed' && one.source.name === name)
    return value === undefined ? [] : [{ name, gradient, tensor, value }]
  })
  const cotangents = reversePass(bound, { wanted: values.map(({ value }) => value.id) })
  const carrier = createCpuCarrier(bound)
  const reports: IntermediateReport[] = []
  try {
    for (const { name, gradient, tensor, value } of values) {
      const own = { name, gradient, source: value.source }
      const derivative = cotangents[value.id]
      if (derivative === undefined) continue
      const moved =
        elementCount(value.shape) > MOST_MOVED
          ? undefined
          : await differentiateValue(carrier, value, STEP * scaleOf(bound, value), undefined, signal)
      const isSmooth = (k: number) => moved === undefined || moved.crossings[k] === 0
      reports.push({ ...own, ...compare(tensor, moved?.gradient ?? derivative, isSmooth) })
    }
  } finally {
    carrier.dispose()
  }
  return { reports, notices: describe(program, reports, parameters) }
}

/** The size of what is moved. */
function scaleOf({ base }: BoundProgram, { id }: Value): number {
  const values = base[id]
  const size = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / Math.max(1, values.length))
  return size > 0 ? Math.min(1, size) : 1
}

function compare(
  { data, dtype }: Tensor,
  right: Float64Array,
  isSmooth: (k: number) => boolean,
): Pick<IntermediateReport, 'verdict' | 'factor'> {
  let [over, under, most] = [0, 0, 0]
  for (let k = 0; k < right.length; k++) {
    if (!isSmooth(k)) continue
    over += data[k] * right[k]
    under += right[k] * right[k]
    most = Math.max(most, Math.abs(data[k]))
  }
  if (under === 0) return { verdict: most === 0 ? 'open' : 'wrong' }
  const factor = over / under
  const apart = dtype === 'float64' ? APART.float64 : dtype === 'float32' ? APART.float32 : APART.other
  const isMultiple = right.every((x, k) => !isSmooth(k) || Math.abs(data[k] - factor * x) <= apart * most)
  if (!isMultiple || factor === 0) return { verdict: 'wrong' }
  return Math.abs(factor - 1) <= apart ? { verdict: 'right' } : { verdict: 'scaled', factor }
}

/** Where the wrong gradients come from, as far as saved ones say. */
function describe(
  program: Program,
  reports: readonly IntermediateReport[],
  parameters: readonly JudgedParameter[],
): string[] {
  const nodes = new Map<number, IntermediateReport>()
  for (const report of reports) {
    const value = program.values.find((one) => one.kind === 'computed' && one.source.name === report.name)
    if (value !== undefined) nodes.set(value.id, report)
  }
  const ids = new Map([
    ...inputsOf(program).map(({ name, id }) => [name, id] as const),
    ...[...nodes].map(([id, { name }]) => [name, id] as const),
  ])
  const behind = (name: string) => nearest(program, ids.get(name)!, nodes)
  const factorsThatPass = new Set(
    parameters
      .filter(({ verdict }) => verdict === 'pass')
      .flatMap(({ name }) => behind(name))
      .map(factorOf),
  )
  const found = new Map<string, string>()
  for (const { name, gradient, verdict } of parameters) {
    if (verdict !== 'fail' || reports.length === 0) continue
    let [at, called] = [name, gradient]
    let source = behind(at)
    // the gradient that is made of right ones, and is wrong
    while (source.some((one) => one.verdict === 'wrong')) {
      const wrong = source.find((one) => one.verdict === 'wrong')!
      ;[at, called] = [wrong.name, wrong.gradient]
      source = behind(at)
    }
    if (source.length === 0 || source.some((one) => one.verdict === 'open')) continue
    const factors = source.map(factorOf)
    // all is multiplied by something that no right gradient is: it may come from further back
    const isUsual = factors.every(
      (factor) => factor === 1 || [...factorsThatPass].some((other) => isSameFactor(factor, other)),
    )
    if (at === name && !isUsual) continue
    const names = listNames(source.map((one) => one.gradient))
    const are = source.length === 1 ? 'is' : 'are'
    const scaled = source.filter((one) => one.verdict === 'scaled')
    const but = scaled.length === 0 ? '' : `, but for the factor ${sayFactor(scaled[0].factor!)},`
    found.set(
      called,
      `${names} ${are} right${but} and ${called} is wrong: the mistake is in the line that makes ${called}`,
    )
  }
  return [...found.values()]
}

/** A factor without the rounding of what it was found from. */
const sayFactor = (factor: number) => String(Number(factor.toPrecision(6)))
const factorOf = ({ factor = 1 }: IntermediateReport) => factor
const isSameFactor = (one: number, other: number) => Math.abs(one - other) <= SAME_FACTOR * Math.abs(other)

/** The saved values that a value reaches without another one between them. */
function nearest(
  { values }: Program,
  from: number,
  saved: ReadonlyMap<number, IntermediateReport>,
): IntermediateReport[] {
  const reached = new Set([from])
  const found: IntermediateReport[] = []
  for (const value of values) {
    if (value.kind !== 'computed' || !value.operands.some((operand) => reached.has(operand))) continue
    const report = saved.get(value.id)
    if (report === undefined) reached.add(value.id)
    else found.push(report)
  }
  return found
}

/** A saved gradient as a line of a list: what it is the gradient of, and where that is made. */
export function describeIntermediate({ name, source, verdict, factor }: IntermediateReport): string {
  const where = source.line === undefined ? '' : ` (${source.file}:${source.line})`
  const of = `the gradient of ${name}${where}`
  if (verdict === 'scaled') return `${sayFactor(factor!)} times ${of}`
  return verdict === 'right' ? of : `${verdict === 'open' ? 'cannot tell whether it is' : 'not'} ${of}`
}
