import { multiply, transpose } from '../network/matrix.js'
import { log1pRatio } from '../operations/exponential.js'
import {
  type Factor,
  type GatherKernel,
  type ProductKernel,
  type Read,
  type ReadChange,
  type RuleKernel,
  type SoftmaxKernel,
  type SpreadKernel,
  type SumKernel,
  sizeOf,
} from '../operations/kernels.js'
import type { Launch } from './plan-carry.js'

/** Where a kernel's numbers are, and where it counts crossings. */
interface Run {
  readonly launch: Launch
  /** h, with its sign. */
  readonly step: number
  readonly read: (from: Read) => Float64Array
  /** Perturbations × lanes of the block that is carried. */
  readonly crossings: Uint32Array
}

/**
 * Runs a kernel in float64.
 * @param result perturbations × the kernel's size; zeros, or what a product is added to
 */
export function runKernel(run: Run, result: Float64Array): void {
  const { kernel } = run.launch
  switch (kernel.kind) {
    case 'rule':
      runRule(run, kernel, result)
      break
    case 'product':
      runProduct(run, kernel, result)
      break
    case 'sum':
      runSum(run, kernel, result)
      break
    case 'gather':
      runGather(run, kernel, result)
      break
    case 'spread':
      runSpread(run, kernel, result)
      break
    case 'softmax':
      runSoftmax(run, kernel, result)
  }
}

const NOTHING = new Float64Array(1)

function runRule({ launch, step, read, crossings }: Run, kernel: RuleKernel, result: Float64Array): void {
  const { rule, constants, place, operands, lanes } = kernel
  const { count } = launch.block
  const size = sizeOf(kernel)
  const none = new Int32Array(size)
  const take = (change: ReadChange | undefined) =>
    change === undefined
      ? { data: NOTHING, size: 0, order: none }
      : { data: read(change.from), size: change.size, order: change.order }
  const [a, b, c] = [0, 1, 2].map((k) => take(operands[k]))
  for (let p = 0; p < count; p++) {
    for (let e = 0; e < size; e++) {
      const at = rule.constants * (place.starts[p] + place.inner[e])
      const sa = a.data[p * a.size + a.order[e]]
      const sb = b.data[p * b.size + b.order[e]]
      const sc = c.data[p * c.size + c.order[e]]
      result[p * size + e] = rule.change(constants, at, sa, sb, sc, step)
      if (rule.crosses?.(constants, at, sa, sb, sc, step)) {
        crossings[p * lanes.count + (Math.floor(e / lanes.apart) % lanes.count)]++
      }
    }
  }
}

function runProduct({ launch, step, read }: Run, kernel: ProductKernel, result: Float64Array): void {
  const { left, right, rows, columns, terms, timesStep, onto } = kernel
  const { count } = launch.block
  const [L, R] = [left, right].map(({ from }) => (from instanceof Float64Array ? from : read(from)))
  if (onto === undefined && terms > 1) {
    // one product for all perturbations, where one side is the same for all of them
    if (right.each === 0 && right.starts === undefined && isRowMajor(left, rows * terms, terms)) {
      result.set(multiply({ rows: count * rows, columns: terms, data: L }, R, columns).data)
      return
    }
    if (left.each === 0 && left.starts === undefined && columns === 1 && right.each === terms) {
      result.set(multiply({ rows: count, columns: terms, data: R }, turned(L, rows, terms), rows).data)
      return
    }
  }
  const size = rows * columns
  if (onto === undefined && isRowMajor(left, 0, terms) && right.along === 1 && right.term === columns) {
    for (let p = 0; p < count; p++) {
      const own = R.subarray(startOf(right, p), startOf(right, p) + terms * columns)
      result.set(multiply({ rows, columns: terms, data: L }, own, columns).data, p * size)
    }
    return
  }
  const factor = timesStep ? step : 1
  for (let p = 0; p < count; p++) {
    const [fromLeft, fromRight] = [startOf(left, p), startOf(right, p)]
    for (let i = 0; i < rows; i++) {
      const at = p * size + i * columns
      for (let t = 0; t < terms; t++) {
        const value = factor * L[fromLeft + left.along * i + left.term * t]
        if (value === 0) continue
        const row = fromRight + right.term * t
        for (let j = 0; j < columns; j++) result[at + j] += value * R[row + right.along * j]
      }
    }
  }
}

const startOf = ({ each, starts }: Factor, p: number) => each * p + (starts?.[p] ?? 0)

const isRowMajor = ({ each, starts, along, term }: Factor, size: number, terms: number) =>
  each === size && starts === undefined && along === terms && term === 1

const TURNED = new WeakMap<Float64Array, Float64Array>()

/** The transpose of a matrix of the base point, made once. */
function turned(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const known = TURNED.get(matrix) ?? transpose(matrix, rows, columns)
  TURNED.set(matrix, known)
  return known
}

function runSum(
  { launch, read }: Run,
  { from, before, outer, inner, factor }: SumKernel,
  result: Float64Array,
): void {
  const data = read(from)
  for (let p = 0; p < launch.block.count; p++) {
    for (let r = 0; r < outer.length; r++) {
      const start = p * before + outer[r]
      let sum = 0
      for (let q = 0; q < inner.length; q++) sum += data[start + inner[q]]
      result[p * outer.length + r] = factor * sum
    }
  }
}

function runGather({ launch, read }: Run, { from, order }: GatherKernel, result: Float64Array): void {
  const data = read(from)
  const size = order.length
  for (let start = 0; start < launch.block.count * size; start += size) {
    for (let e = 0; e < size; e++) result[start + e] = data[start + order[e]]
  }
}

function runSpread({ launch, read }: Run, kernel: SpreadKernel, result: Float64Array): void {
  const { from, starts, inner, size } = kernel
  const data = read(from)
  for (let p = 0; p < launch.block.count; p++) {
    const start = p * size + starts[p]
    for (let e = 0; e < inner.length; e++) result[start + inner[e]] = data[p * inner.length + e]
  }
}

/** Beyond this change of the sum of exponentials it is taken as a whole, its largest term taken out. */
const SMALL_SUM = 0.5
/** Beyond this change of a logit e^d is not formed from a probability that may have underflowed. */
const FAR_LOGIT = 30

function runSoftmax({ launch, step: h, read }: Run, kernel: SoftmaxKernel, result: Float64Array): void {
  const { classes, constants, place } = kernel
  const { count } = launch.block
  const ofLogits = kernel.logits && read(kernel.logits)
  const ofTargets = kernel.targets && read(kernel.targets)
  const still = new Float64Array(classes)
  const rows = place.inner.length
  for (let p = 0; p < count; p++) {
    for (let e = 0; e < rows; e++) {
      const at = 4 * classes * (place.starts[p] + place.inner[e])
      const from = (p * rows + e) * classes
      const s = ofLogits?.subarray(from, from + classes) ?? still
      const { change, rise } = changeSoftmax(constants, at, s, h)
      let sum = change
      if (ofTargets !== undefined) {
        // −Δt·ln p of the logits as they then are
        for (let i = 0; i < classes; i++)
          sum -= ofTargets[from + i] * (constants[at + 4 * i] + h * s[i] - rise)
      }
      result[p * rows + e] = sum
    }
  }
}

/** A row's change by that of its logits, over the step, and that of ln Σ e^z itself. */
function changeSoftmax(
  constants: Float64Array,
  at: number,
  s: Float64Array,
  h: number,
): { change: number; rise: number } {
  let centre = 0
  let whole = 0
  for (let i = 0; i < s.length; i++) {
    centre += constants[at + 4 * i + 1] * s[i]
    whole += constants[at + 4 * i + 3]
  }
  let [linear, second, largest] = [0, 0, 0]
  for (let i = 0; i < s.length; i++) {
    const change = s[i] - centre
    linear += constants[at + 4 * i + 2] * change
    second += constants[at + 4 * i + 1] * exponentialExcess(h * change) * change
    largest = Math.max(largest, Math.abs(h * change))
  }
  if (Math.abs(h * second) <= SMALL_SUM && largest < FAR_LOGIT) {
    const ofSum = second * log1pRatio(h * second)
    return { change: linear + whole * ofSum, rise: h * (centre + ofSum) }
  }
  let top = Number.NEGATIVE_INFINITY
  for (let i = 0; i < s.length; i++) top = Math.max(top, constants[at + 4 * i] + h * s[i])
  let total = 0
  for (let i = 0; i < s.length; i++) total += Math.exp(constants[at + 4 * i] + h * s[i] - top)
  const rise = top + Math.log(total)
  let change = 0
  for (let i = 0; i < s.length; i++) change += constants[at + 4 * i + 3] * (rise / h - s[i])
  return { change, rise }
}

/** (e^x − 1 − x)/x */
function exponentialExcess(x: number): number {
  if (Math.abs(x) > 0.3) return (Math.expm1(x) - x) / x
  let [term, sum] = [x / 2, x / 2]
  for (let n = 3; n < 14; n++) {
    term *= x / n
    sum += term
  }
  return sum
}
