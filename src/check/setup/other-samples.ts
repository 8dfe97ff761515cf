import { Backpropagation, type BackwardSteps } from '../../network/backpropagation.js'
import { type Matrix, multiplyByTransposed } from '../../network/matrix.js'
import type { ForwardPass, Model } from '../../network/model.js'
import { isMean } from '../../network/reductions.js'
import { countNonZero, differenceOf } from '../compare.js'
import type { BoundProblem } from '../problem.js'

/** More samples than this are only looked for in one piece, not scattered. */
const MOST_SCATTERED = 256
/** And more than this only from either end. */
const MOST_PIECES = 1024
/** Entries that a piece is tested on first. */
const PROBES = 6
const FEWEST_TELLING = 4
/** Keeps a system solvable whose samples depend on each other, relative to its diagonal. */
const RIDGE = 1e-13
const MOST_LISTED = 6

/** What the code divided by that summed over `count` of m samples. */
interface Mean {
  /** What then stands before their part of the gradient of all, and before the penalty's. */
  factor(m: number, count: number): number
  penalty(m: number, count: number): number
  /** In words; empty for what code usually does. */
  describe(m: number, isMean: boolean): string
}

/** A mean over those samples, over all of them, or none, the likeliest first. */
const MEANS: readonly Mean[] = [
  { factor: (m, count) => m / count, penalty: (m, count) => m / count, describe: () => '' },
  { factor: (m, count) => m / count, penalty: () => 1, describe: () => ', with the L2 term of all' },
  {
    factor: () => 1,
    penalty: (m, count) => m / count,
    describe: (m, isMean) => (isMean ? `, divided by all ${m} but for the L2 term` : ''),
  },
  {
    factor: () => 1,
    penalty: () => 1,
    describe: (m, isMean) => (isMean ? `, divided by all ${m}` : ''),
  },
  { factor: (m) => m, penalty: () => 1, describe: () => ', summed and not averaged' },
]

/** Samples that are a part of those given, by which alone the analytical gradient is right. */
export interface OtherSamples {
  readonly message: string
  readonly fix: string
  readonly gradientDifference: number
}

/** What each sample does to the gradient: δ of every layer and what it is multiplied with. */
interface Contributions {
  readonly model: Model
  readonly pass: ForwardPass
  readonly steps: BackwardSteps
  readonly backpropagation: Backpropagation
  /** The analytical gradient. */
  readonly given: readonly Float64Array[]
  /** The penalty's part of the right one. */
  readonly penalties: readonly Float64Array[]
}

/**
 * Whether the gradient is that of some of the samples, as of a mini-batch, with the mean over them, over all of them, or
 * none. A gradient is a sum over the samples; which of them are in it is found by least squares on their
 * contributions, and tried in one piece where those do not tell.
 * @param tolerance what the difference must be within
 */
export function findOtherSamples(
  { model, gradients }: BoundProblem,
  tolerance: number,
): OtherSamples | undefined {
  const m = model.samples
  const given = gradients.map(({ values }) => values)
  if (m < 2 || countNonZero(given) < FEWEST_TELLING) return undefined
  const contributions = gather(model, given)
  for (const samples of listChoices(contributions)) {
    const count = samples.length
    for (const { factor, penalty, describe } of MEANS) {
      const gradientDifference = compare(contributions, samples, factor(m, count), penalty(m, count))
      if (!(gradientDifference <= tolerance)) continue
      return {
        message: `the loss is that of ${describeSamples(
          samples.map((s) => model.sampleNumber(s)),
          m,
        )} alone${describe(m, isMean(model.network.reduction))}, as of a mini-batch`,
        fix: 'save the samples that the gradient was computed on',
        gradientDifference,
      }
    }
  }
  return undefined
}

function gather(model: Model, given: readonly Float64Array[]): Contributions {
  const pass = model.basePass
  const steps = model.backwardSteps(pass)
  const penalties = model.parameters.map(({ role, layer }, t) =>
    given[t].map((_, k) => (role === 'biases' ? 0 : steps.penalty(layer, k))),
  )
  return { model, pass, steps, backpropagation: new Backpropagation(model.layers, steps), given, penalties }
}

/** Some of the samples, those that are likeliest first. */
function* listChoices(contributions: Contributions): Generator<number[]> {
  const m = contributions.model.samples
  if (m <= MOST_SCATTERED) {
    const chosen = chooseByLeastSquares(contributions)
    if (chosen.length > 0 && chosen.length < m) yield chosen
  }
  yield* choosePieces(contributions)
}

/** The samples whose weights in the gradient are not next to 0; the penalty's is what fits beside them. */
function chooseByLeastSquares(contributions: Contributions): number[] {
  const { model, pass, backpropagation, given, penalties } = contributions
  const m = model.samples
  const n = model.l2Scale === 0 ? m : m + 1
  const gram = new Float64Array(n * n)
  const right = new Float64Array(n)
  for (const [l, layer] of model.layers.entries()) {
    const [delta, input] = [backpropagation.delta(l), pass.A[l]]
    const hasBiases = layer.biases !== undefined ? 1 : 0
    for (let s = 0; s < m; s++) {
      for (let u = 0; u <= s; u++) {
        gram[s * n + u] += dotRows(delta, s, u) * (dotRows(input, s, u) + hasBiases)
      }
    }
  }
  for (const [t, { layer, role }] of model.parameters.entries()) {
    const [delta, input] = [backpropagation.delta(layer), pass.A[layer]]
    const multiplied = role === 'biases' ? undefined : input
    for (const [s, value] of project(given[t], delta, multiplied).entries()) right[s] += value
    if (n === m) continue
    for (const [s, value] of project(penalties[t], delta, multiplied).entries()) gram[m * n + s] += value
    gram[m * n + m] += dot(penalties[t], penalties[t])
    right[m] += dot(given[t], penalties[t])
  }
  const weights = solve(gram, right, n).subarray(0, m)
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0)
  return [...weights.keys()].filter((s) => weights[s] > largest / 2)
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, k) => sum + value * b[k], 0)

function dotRows({ columns, data }: Matrix, s: number, u: number): number {
  let sum = 0
  for (let k = 0; k < columns; k++) sum += data[s * columns + k] * data[u * columns + k]
  return sum
}

/** The products of a tensor with what every sample contributes to it: of weights δ·a, of biases, without an input, δ. */
function project(data: Float64Array, delta: Matrix, input?: Matrix): Float64Array {
  const ofUnits = input === undefined ? undefined : multiplyByTransposed(input, data, delta.columns).data
  const products = new Float64Array(delta.rows)
  for (let k = 0; k < delta.data.length; k++) {
    const value = ofUnits === undefined ? data[k % delta.columns] : ofUnits[k]
    products[Math.floor(k / delta.columns)] += delta.data[k] * value
  }
  return products
}

/** Solves a symmetric system, given by its lower triangle, by Cholesky's decomposition. */
function solve(matrix: Float64Array, right: Float64Array, n: number): Float64Array {
  let largest = 0
  for (let k = 0; k < n; k++) largest = Math.max(largest, matrix[k * n + k])
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j] + (i === j ? RIDGE * largest : 0)
      for (let k = 0; k < j; k++) sum -= matrix[i * n + k] * matrix[j * n + k]
      matrix[i * n + j] = i === j ? Math.sqrt(Math.max(sum, RIDGE * largest)) : sum / matrix[j * n + j]
    }
  }
  const solution = right.slice()
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) solution[i] -= matrix[i * n + k] * solution[k]
    solution[i] /= matrix[i * n + i]
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) solution[i] -= matrix[k * n + i] * solution[k]
    solution[i] /= matrix[i * n + i]
  }
  return solution
}

/** Samples in one piece whose sum, at some entries, is the gradient's to within a millionth, but for a mean. */
function* choosePieces(contributions: Contributions): Generator<number[]> {
  const m = contributions.model.samples
  const sums = sumPrefixes(contributions)
  for (let start = 0; start < m; start++) {
    for (let end = m; end > start; end--) {
      if (end - start === m || (m > MOST_PIECES && start > 0 && end < m)) continue
      const fits = MEANS.some((mean) =>
        sums.every(({ value, penalty, prefixes }) => {
          const ofSamples = mean.factor(m, end - start) * (prefixes[end] - prefixes[start])
          const sum = ofSamples + mean.penalty(m, end - start) * penalty
          return Math.abs(sum - value) <= 1e-6 * (Math.abs(value) + Math.abs(prefixes[m]))
        }),
      )
      if (fits) yield Array.from({ length: end - start }, (_, k) => start + k)
    }
  }
}

/** Of the largest entries of the gradient, what they are and their sums over the first samples. */
function sumPrefixes({ model, pass, backpropagation, given, penalties }: Contributions) {
  const m = model.samples
  const entries = given.flatMap((values, t) => {
    const largest = values.reduce(
      (best, value, k) => (Math.abs(value) > Math.abs(values[best]) ? k : best),
      0,
    )
    return [{ t, offset: largest, value: values[largest] }]
  })
  const chosen = entries.toSorted((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, PROBES)
  return chosen.map(({ t, offset, value }) => {
    const { layer, role } = model.parameters[t]
    const [delta, input] = [backpropagation.delta(layer), pass.A[layer]]
    const prefixes = new Float64Array(m + 1)
    for (let s = 0; s < m; s++) {
      const [i, j] = [Math.floor(offset / input.columns), offset % input.columns]
      const d = delta.data[s * delta.columns + (role === 'biases' ? offset : i)]
      prefixes[s + 1] = prefixes[s] + (role === 'biases' ? d : d * input.data[s * input.columns + j])
    }
    return { value, penalty: penalties[t][offset], prefixes }
  })
}

/** The analytical gradient against that of some samples, and the penalty, each times a factor. */
function compare(
  { model, steps, backpropagation, given, penalties }: Contributions,
  samples: readonly number[],
  factor: number,
  ofPenalty: number,
): number {
  const isChosen = new Set(samples)
  const gradients = model.parameters.map(({ role, layer: l }, t) => {
    const layer = model.layers[l]
    const whole = backpropagation.delta(l)
    const delta = {
      ...whole,
      data: whole.data.map((d, k) => (isChosen.has(Math.floor(k / whole.columns)) ? factor * d : 0)),
    }
    const gradient =
      role === 'biases' ? layer.biasesGradient(delta) : layer.weightsGradient(delta, steps.input(l))
    return gradient.map((value, k) => value + ofPenalty * penalties[t][k])
  })
  return differenceOf(given, gradients)
}

/** "the first 4 of the 8 samples" */
function describeSamples(samples: readonly number[], m: number): string {
  const count = samples.length
  const [first, last] = [samples[0], samples[count - 1]]
  if (count === 1) return `sample ${first} (counted from 0) of the ${m}`
  if (last - first === count - 1) {
    if (first === 0) return `the first ${count} of the ${m} samples`
    if (last === m - 1) return `the last ${count} of the ${m} samples`
    return `${count} of the ${m} samples (${first} to ${last}, counted from 0)`
  }
  const listed = samples.slice(0, MOST_LISTED).join(', ')
  return `${count} of the ${m} samples (${listed}${count > MOST_LISTED ? ' and so on' : ''}, counted from 0)`
}
