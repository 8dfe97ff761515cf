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
