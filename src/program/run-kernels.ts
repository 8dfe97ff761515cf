import { multiply, transpose } from '../network/matrix.js'
import { isArithmetic } from '../operations/contraction.js'
import { expm1Ratio, exponentialExcess, log1pRatio } from '../operations/exponential.js'
import {
  type Factor,
  type GatherKernel,
  type PickKernel,
  type ProductKernel,
  type Read,
  type ReadChange,
  type RuleKernel,
  type SoftmaxKernel,
  type SpreadKernel,
  type StandardizeKernel,
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
    case 'pick':
      runPick(run, kernel, result)
      break
    case 'softmax':
      runSoftmax(run, kernel, result)
      break
    case 'standardize':
      runStandardize(run, kernel, result)
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
  const moving = operands.flatMap((change, k) => (change === undefined ? [] : [k]))
  if (moving.length === 1 && rule.linearIn.includes(moving[0])) {
    runLinear(kernel, moving[0], take(operands[moving[0]]), count, result)
    return
  }
  const [a, b, c] = [0, 1, 2].map((k) => take(operands[k]))
  if (rule.shader === 'add') {
    for (let p = 0; p < count; p++) {
      const [fromA, fromB, to] = [p * a.size, p * b.size, p * size]
      for (let e = 0; e < size; e++) result[to + e] = a.data[fromA + a.order[e]] + b.data[fromB + b.order[e]]
    }
    return
  }
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

/** Of one operand that a rule is linear in, the others as they are: a factor for each element. */
function runLinear(
  { rule, constants, values, place }: RuleKernel,
  operand: number,
  { data, size, order }: { data: Float64Array; size: number; order: Int32Array },
  count: number,
  result: Float64Array,
): void {
  const [a, b, c] = [0, 1, 2].map((k) => (k === operand ? 1 : 0))
  const known = FACTORS.get(values) ?? []
  FACTORS.set(values, known)
  const factors =
    known[operand] ?? values.map((_, k) => rule.change(constants, rule.constants * k, a, b, c, 0))
  known[operand] = factors
  const length = order.length
  for (let p = 0; p < count; p++) {
    const [from, to, start] = [p * size, p * length, place.starts[p]]
    for (let e = 0; e < length; e++) result[to + e] = data[from + order[e]] * factors[start + place.inner[e]]
  }
}

/** Of each value's rule by its operands: made once. */
const FACTORS = new WeakMap<Float64Array, (Float64Array | undefined)[]>()

function runProduct({ launch, step, read }: Run, kernel: ProductKernel, result: Float64Array): void {
  const { left, right, timesStep, onto } = kernel
  const { count } = launch.block
  const [L, R] = [left, right].map(({ from }) => (from instanceof Float64Array ? from : read(from)))
  const [batches, rows, columns, terms] = [left.batches, left.along, right.along, left.terms].map(
    ({ length }) => length,
  )
  const size = rows * columns
  const isRowMajor = isArithmetic(left.along, terms) && isArithmetic(left.terms, 1)
  const hasRows = isArithmetic(right.along, 1) && isArithmetic(right.terms, columns)
  if (onto === undefined && terms > 1) {
    // one product for all perturbations, where one side is the same for all of them
    if (batches === 1 && isRowMajor && hasRows && isSame(right) && left.each === rows * terms) {
      result.set(multiply({ rows: count * rows, columns: terms, data: L }, R, columns).data)
      return
    }
    if (batches === 1 && isRowMajor && isSame(left) && columns === 1 && right.each === terms && hasRows) {
      result.set(multiply({ rows: count, columns: terms, data: R }, turned(L, rows, terms), rows).data)
      return
    }
    if (isRowMajor && hasRows && rows > 1) {
      for (let p = 0; p < count; p++) {
        for (let b = 0; b < batches; b++) {
          const fromLeft = startOf(left, p) + left.batches[b]
          const fromRight = startOf(right, p) + right.batches[b]
          const own = { rows, columns: terms, data: L.subarray(fromLeft, fromLeft + rows * terms) }
          const product = multiply(own, R.subarray(fromRight, fromRight + terms * columns), columns)
          result.set(product.data, (p * batches + b) * size)
        }
      }
      return
    }
    if (rows > 1) {
      multiplyPacked(kernel, count, L, R, result)
      return
    }
  }
  const factor = timesStep ? step : 1
  const along = right.along
  const isDense = isArithmetic(along, 1)
  for (let p = 0; p < count; p++) {
    for (let b = 0; b < batches; b++) {
      const fromLeft = startOf(left, p) + left.batches[b]
      const fromRight = startOf(right, p) + right.batches[b]
      for (let i = 0; i < rows; i++) {
        const at = (p * batches + b) * size + i * columns
        const row = fromLeft + left.along[i]
        for (let t = 0; t < terms; t++) {
          const value = factor * L[row + left.terms[t]]
          if (value === 0) continue
          const from = fromRight + right.terms[t]
          if (isDense) for (let j = 0; j < columns; j++) result[at + j] += value * R[from + j]
          else for (let j = 0; j < columns; j++) result[at + j] += value * R[from + along[j]]
        }
      }
    }
  }
}

/** Numbers that are laid out at a time. */
const MOST_PACKED = 2 ** 15

/** Products of matrices whose elements lie anywhere: laid out row by row first, several beside each other where one is the same. */
function multiplyPacked(
  { left, right }: ProductKernel,
  count: number,
  L: Float64Array,
  R: Float64Array,
  result: Float64Array,
): void {
  const [batches, rows, columns, terms] = [left.batches, left.along, right.along, left.terms].map(
    ({ length }) => length,
  )
  const isShared = isSame(left) && left.batches.every((offset) => offset === left.batches[0])
  const abreast = isShared ? Math.max(1, Math.floor(MOST_PACKED / (terms * columns))) : 1
  const ofLeft = new Float64Array(rows * terms)
  const total = count * batches
  for (let from = 0; from < total; from += abreast) {
    const width = Math.min(abreast, total - from)
    if (from === 0 || !isShared) {
      const start = startOf(left, Math.floor(from / batches)) + left.batches[from % batches]
      for (let i = 0; i < rows; i++) {
        for (let t = 0; t < terms; t++) ofLeft[i * terms + t] = L[start + left.along[i] + left.terms[t]]
      }
    }
    const ofRight = new Float64Array(terms * width * columns)
    for (let k = 0; k < width; k++) {
      const start = startOf(right, Math.floor((from + k) / batches)) + right.batches[(from + k) % batches]
      for (let t = 0; t < terms; t++) {
        const [row, at] = [start + right.terms[t], (t * width + k) * columns]
        for (let j = 0; j < columns; j++) ofRight[at + j] = R[row + right.along[j]]
      }
    }
    const { data } = multiply({ rows, columns: terms, data: ofLeft }, ofRight, width * columns)
    for (let k = 0; k < width; k++) {
      for (let i = 0; i < rows; i++) {
        const at = (i * width + k) * columns
        result.set(data.subarray(at, at + columns), ((from + k) * rows + i) * columns)
      }
    }
  }
}

const startOf = ({ each, starts }: Factor, p: number) => each * p + (starts?.[p] ?? 0)

const isSame = ({ each, starts }: Factor) => each === 0 && starts === undefined

const TURNED = new WeakMap<Float64Array, Float64Array>()

/** The transpose of a matrix of the base point, made once. */
function turned(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const known = TURNED.get(matrix) ?? transpose(matrix, rows, columns)
  TURNED.set(matrix, known)
  return known
}

function runSum(
  { launch, read }: Run,
  { from, before, rows: { outer, inner }, factor }: SumKernel,
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

function runGather({ launch, read }: Run, { from, before, order }: GatherKernel, result: Float64Array): void {
  const data = read(from)
  const size = order.length
  for (let p = 0; p < launch.block.count; p++) {
    const [start, to] = [p * before, p * size]
    for (let e = 0; e < size; e++) result[to + e] = order[e] < 0 ? 0 : data[start + order[e]]
  }
}

function runPick(
  { launch, step, read, crossings }: Run,
  { from, before, members, width, sign, gaps, place, lanes }: PickKernel,
  result: Float64Array,
): void {
  const data = read(from)
  const size = members.length / width
  const signed = sign * step
  for (let p = 0; p < launch.block.count; p++) {
    for (let e = 0; e < size; e++) {
      const own = gaps.subarray(width * (place.starts[p] + place.inner[e]))
      let [winner, most] = [-1, Number.NEGATIVE_INFINITY]
      let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
      for (let q = 0; q < width; q++) {
        const at = members[e * width + q]
        if (at < 0) continue
        const change = data[p * before + at]
        const after = signed * change - own[q]
        if (after > most) [winner, most] = [q, after]
        if (own[q] === 0) [lowest, highest] = [Math.min(lowest, change), Math.max(highest, change)]
      }
      const change = data[p * before + members[e * width + winner]]
      result[p * size + e] = change - own[winner] / signed
      // another wins, or those that are equal part
      if (own[winner] !== 0 || lowest !== highest) {
        crossings[p * lanes.count + (Math.floor(e / lanes.apart) % lanes.count)]++
      }
    }
  }
}

function runSpread({ launch, read }: Run, kernel: SpreadKernel, result: Float64Array): void {
  const { from, starts, inner, size } = kernel
  const data = read(from)
  for (let p = 0; p < launch.block.count; p++) {
    const start = p * size + starts[p]
    for (let e = 0; e < inner.length; e++) {
      if (inner[e] >= 0) result[start + inner[e]] = data[p * inner.length + e]
    }
  }
}

/** Beyond this change of the sum of exponentials it is taken as a whole, its largest term taken out. */
const SMALL_SUM = 0.5
/** Beyond this change of a logit e^d is not formed from a probability that may have underflowed. */
const FAR_LOGIT = 30

function runSoftmax({ launch, step: h, read }: Run, kernel: SoftmaxKernel, result: Float64Array): void {
  const { mode, constants, place, before } = kernel
  const { outer, inner } = kernel.rows
  const classes = inner.length
  const ofLogits = kernel.logits && read(kernel.logits)
  const ofTargets = kernel.targets && read(kernel.targets)
  const s = new Float64Array(classes)
  for (let p = 0; p < launch.block.count; p++) {
    for (let r = 0; r < outer.length; r++) {
      const at = 4 * classes * (place.starts[p] + place.inner[r])
      const from = p * before + outer[r]
      if (ofLogits !== undefined) for (let i = 0; i < classes; i++) s[i] = ofLogits[from + inner[i]]
      const row = changeSoftmax(constants, at, s, h)
      switch (mode) {
        case 'log-sum-exp':
          result[p * outer.length + r] = row.rise
          break
        case 'loss': {
          let sum = row.change
          if (ofTargets !== undefined) {
            // −Δt·ln p of the logits as they then are
            for (let i = 0; i < classes; i++)
              sum -= ofTargets[from + inner[i]] * (constants[at + 4 * i] + h * (s[i] - row.rise))
          }
          result[p * outer.length + r] = sum
          break
        }
        case 'log-softmax':
          for (let i = 0; i < classes; i++) result[from + inner[i]] = s[i] - row.centre - row.ofSum
          break
        case 'softmax':
          for (let i = 0; i < classes; i++) {
            const [logarithm, probability] = [constants[at + 4 * i], constants[at + 4 * i + 1]]
            const change = s[i] - row.centre
            result[from + inner[i]] = row.isNear
              ? (probability * (expm1Ratio(h * change) * change - row.second)) / (1 + h * row.second)
              : (Math.exp(logarithm + h * (s[i] - row.rise)) - probability) / h
          }
      }
    }
  }
}

/** What becomes of a row of logits. */
interface RowChange {
  /** Of the loss, its targets as they are, over the step. */
  readonly change: number
  /** Of ln Σ e^z, over the step: `centre` + `ofSum`. */
  readonly rise: number
  /** The mean of the logits' changes by p. */
  readonly centre: number
  readonly ofSum: number
  /** Σ p·(e^(h·t) − 1)/h, t the changes less their mean. */
  readonly second: number
  /** Whether e^(h·t) may be taken from p. */
  readonly isNear: boolean
}

function changeSoftmax(constants: Float64Array, at: number, s: Float64Array, h: number): RowChange {
  const classes = s.length
  let centre = 0
  let whole = 0
  for (let i = 0; i < classes; i++) {
    centre += constants[at + 4 * i + 1] * s[i]
    whole += constants[at + 4 * i + 3]
  }
  // once more, for what rounding left
  let left = 0
  for (let i = 0; i < classes; i++) left += constants[at + 4 * i + 1] * (s[i] - centre)
  centre += left
  let [linear, second, largest] = [0, 0, 0]
  for (let i = 0; i < classes; i++) {
    const change = s[i] - centre
    linear += constants[at + 4 * i + 2] * change
    second += constants[at + 4 * i + 1] * exponentialExcess(h * change) * change
    largest = Math.max(largest, Math.abs(h * change))
  }
  if (Math.abs(h * second) <= SMALL_SUM && largest < FAR_LOGIT) {
    const ofSum = second * log1pRatio(h * second)
    return { change: linear + whole * ofSum, rise: centre + ofSum, centre, ofSum, second, isNear: true }
  }
  let top = Number.NEGATIVE_INFINITY
  for (let i = 0; i < classes; i++) top = Math.max(top, constants[at + 4 * i] + h * s[i])
  let total = 0
  for (let i = 0; i < classes; i++) total += Math.exp(constants[at + 4 * i] + h * s[i] - top)
  const rise = (top + Math.log(total)) / h
  let change = 0
  for (let i = 0; i < classes; i++) change += constants[at + 4 * i + 3] * (rise - s[i])
  return { change, rise, centre, ofSum: rise - centre, second, isNear: false }
}

function runStandardize(
  { launch, step: h, read }: Run,
  { from, before, rows: { outer, inner }, isCentred, constants, place }: StandardizeKernel,
  result: Float64Array,
): void {
  const data = read(from)
  const n = inner.length
  const t = new Float64Array(n)
  for (let p = 0; p < launch.block.count; p++) {
    for (let r = 0; r < outer.length; r++) {
      const start = p * before + outer[r]
      const at = (n + 3) * (place.starts[p] + place.inner[r])
      const [scale, ofEpsilon, ofSquares] = [constants[at + n], constants[at + n + 1], constants[at + n + 2]]
      for (let q = 0; q < n; q++) t[q] = data[start + inner[q]]
      for (let pass = 0; isCentred && pass < 2; pass++) {
        let mean = 0
        for (let q = 0; q < n; q++) mean += t[q]
        mean /= n
        for (let q = 0; q < n; q++) t[q] -= mean
      }
      let omega = 0
      for (let q = 0; q < n; q++) {
        t[q] *= scale
        omega += t[q] * (2 * constants[at + q] + h * t[q])
      }
      omega /= n
      const ratio = 1 / Math.sqrt(1 + h * omega)
      const along = (omega * ratio * ratio) / (1 + ratio)
      let left = 0
      for (let q = 0; q < n; q++) {
        t[q] -= along * (constants[at + q] + h * t[q])
        left += t[q] * (2 * constants[at + q] + h * t[q])
      }
      // what lies along ŷ is known: the mean of ŷ′² is 1 − ε·r′²
      const rest = ofSquares === 0 ? 0 : (left / n - ofEpsilon * ratio * ratio * omega) / (2 * ofSquares)
      for (let q = 0; q < n; q++) result[start + inner[q]] = t[q] - rest * constants[at + q]
    }
  }
}
