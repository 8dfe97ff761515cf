import { expm1Ratio, exponentialExcess, log1pRatio } from '../operations/exponential.js'
import type { SoftmaxKernel, StandardizeKernel } from '../operations/kernels.js'
import type { Run } from './run-kernels.js'

/** Beyond this change of the sum of exponentials it is taken as a whole, its largest term taken out. */
const SMALL_SUM = 0.5
/** Beyond this change of a logit e^d is not formed from a probability that may have underflowed. */
const FAR_LOGIT = 30

/** Runs softmax, and what is made of it, on the changes of rows of logits. */
export function runSoftmax(
  { launch, step: h, read }: Run,
  kernel: SoftmaxKernel,
  result: Float64Array,
): void {
  const { mode, constants, place, before } = kernel
  const { outer, inner } = kernel.rows
  const classes = inner.length
  const ofLogits = kernel.logits && read(kernel.logits)
  const ofTargets = kernel.targets && read(kernel.targets)
  const isReduced = mode === 'loss' || mode === 'log-sum-exp'
  const s = new Float64Array(classes)
  const row = new Float64Array(ROW.length)
  for (let p = 0; p < launch.block.count; p++) {
    for (let r = 0; r < outer.length; r++) {
      const at = 4 * classes * (place.starts[p] + place.inner[r])
      const from = p * before + outer[r]
      let isMoved = ofTargets !== undefined
      if (ofLogits !== undefined) {
        for (let i = 0; i < classes; i++) {
          s[i] = ofLogits[from + inner[i]]
          if (s[i] !== 0) isMoved = true
        }
      }
      if (!isMoved) {
        if (isReduced) result[p * outer.length + r] = 0
        else for (let i = 0; i < classes; i++) result[from + inner[i]] = 0
        continue
      }
      const isNear = changeRow(constants, at, s, h, row)
      if (isReduced) {
        let sum = mode === 'loss' ? row[CHANGE] : row[RISE]
        if (ofTargets !== undefined) {
          // −Δt·ln p of the logits as they then are
          for (let i = 0; i < classes; i++)
            sum -= ofTargets[from + inner[i]] * (constants[at + 4 * i] + h * (s[i] - row[RISE]))
        }
        result[p * outer.length + r] = sum
      } else if (mode === 'log-softmax') {
        const [centre, ofSum] = [row[CENTRE], row[OF_SUM]]
        for (let i = 0; i < classes; i++) result[from + inner[i]] = s[i] - centre - ofSum
      } else if (isNear) {
        const [centre, second] = [row[CENTRE], row[SECOND]]
        const whole = 1 + h * second
        for (let i = 0; i < classes; i++) {
          const change = s[i] - centre
          const moved = expm1Ratio(h * change) * change - second
          result[from + inner[i]] = (constants[at + 4 * i + 1] * moved) / whole
        }
      } else {
        for (let i = 0; i < classes; i++) {
          const after = Math.exp(constants[at + 4 * i] + h * (s[i] - row[RISE]))
          result[from + inner[i]] = (after - constants[at + 4 * i + 1]) / h
        }
      }
    }
  }
}

/**
 * What becomes of a row of logits, over the step: the change of the loss, its targets as they are; of ln Σ e^z, which is
 * the mean of the logits' changes by p and what the sum adds to it; and Σ p·(e^(h·t) − 1)/h, t the changes less that mean.
 */
const ROW = ['change', 'rise', 'centre', 'of sum', 'second'] as const
const [CHANGE, RISE, CENTRE, OF_SUM, SECOND] = [0, 1, 2, 3, 4]

/** @returns whether e^(h·t) may be taken from p */
function changeRow(
  constants: Float64Array,
  at: number,
  s: Float64Array,
  h: number,
  row: Float64Array,
): boolean {
  const classes = s.length
  let centre = 0
  let whole = 0
  for (let i = 0, k = at; i < classes; i++, k += 4) {
    centre += constants[k + 1] * s[i]
    whole += constants[k + 3]
  }
  // once more, for what rounding left
  let left = 0
  for (let i = 0, k = at; i < classes; i++, k += 4) left += constants[k + 1] * (s[i] - centre)
  centre += left
  let linear = 0
  let second = 0
  let largest = 0
  for (let i = 0, k = at; i < classes; i++, k += 4) {
    const change = s[i] - centre
    const moved = h * change
    linear += constants[k + 2] * change
    second += constants[k + 1] * exponentialExcess(moved) * change
    largest = Math.max(largest, Math.abs(moved))
  }
  row[CENTRE] = centre
  row[SECOND] = second
  if (Math.abs(h * second) <= SMALL_SUM && largest < FAR_LOGIT) {
    const ofSum = second * log1pRatio(h * second)
    row[CHANGE] = linear + whole * ofSum
    row[RISE] = centre + ofSum
    row[OF_SUM] = ofSum
    return true
  }
  let top = Number.NEGATIVE_INFINITY
  for (let i = 0; i < classes; i++) top = Math.max(top, constants[at + 4 * i] + h * s[i])
  let total = 0
  for (let i = 0; i < classes; i++) total += Math.exp(constants[at + 4 * i] + h * s[i] - top)
  const rise = (top + Math.log(total)) / h
  let change = 0
  for (let i = 0; i < classes; i++) change += constants[at + 4 * i + 3] * (rise - s[i])
  row[CHANGE] = change
  row[RISE] = rise
  row[OF_SUM] = rise - centre
  return false
}

/** Runs a norm on the changes of rows. */
export function runStandardize(
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
      let isMoved = false
      for (let q = 0; q < n; q++) {
        t[q] = data[start + inner[q]]
        if (t[q] !== 0) isMoved = true
      }
      if (!isMoved) {
        for (let q = 0; q < n; q++) result[start + inner[q]] = 0
        continue
      }
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
