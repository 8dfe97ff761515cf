import { createCpuEvaluator } from '../differentiate/cpu/evaluator.js'
import {
  createDerivatives,
  type DifferenceSettings,
  type EvaluationHooks,
  type Evaluator,
  type TensorDerivatives,
  type TensorSelection,
  unitRoundoffOf,
} from '../differentiate/evaluator.js'
import { refineKinks } from '../differentiate/refine-kinks.js'
import { createTextbookEvaluator, textbookRoundoff } from '../differentiate/textbook.js'
import type { AnalyticalGradient } from '../network/bind.js'
import type { Model } from '../network/model.js'
import { backpropagationRounding, formatOf } from '../network/rounding.js'
import { DifferenceSum } from './compare.js'

/**
 * How many roundings deep a sum of absolute terms is taken to be. Measured: the error of a single-precision
 * entry stays below 4 unit roundoffs of Σ|terms| on the test networks.
 */
export const ROUNDING_DEPTH = 8
/** Where changes underflow in float32 (2⁻¹²⁶), one part or two, with room for what later layers make of it. */
const SINGLE_UNDERFLOW = 2 ** -110
/** The textbook method's rounding, in units of its first-order bound. Measured: below 2 on the test networks. */
const LOSS_ROUNDINGS = 4
/** How many times the largest of the sample a truncation error may be, relative to Σ|terms|. */
const SAMPLE_MARGIN = 4
/** The step that shows the truncation error of another, relative to it: difference arithmetic loses nothing by it. */
const FINE_STEP = 2 ** -20
/** Relative difference at which two evaluations agree whatever their estimates say. */
export const AGREEMENT = 1e-7
/** Least step of the textbook evaluator when it cross-validates: near ε^(1/3) of float64. */
const TEXTBOOK_STEP = 1e-5
/** Multiply-adds that cross-validation may spend on whole forward passes. */
const SAMPLE_WORK = 3e8
const LARGEST_SAMPLE = 48

/** What is known of the numerical gradient's own error. */
export interface ErrorEstimate {
  /** Bound on |error of ĝ| of element `offset` of parameter tensor `t`, both in the model's order. */
  ofEntry(t: number, offset: number): number
  /** Bound on what rounding does to that element of the analytical gradient. */
  ofArithmetic(t: number, offset: number): number
}

/** The fast evaluator's derivatives against another evaluator's, on a sample of parameters. */
export interface CrossValidation {
  readonly checked: number
  readonly difference: number
  /** Entries where the two differ by more than their error estimates explain. */
  readonly disagreements: number
}

/** Chosen elements of a tensor's results: where they stand among the results, and in the tensor. */
export interface ResultSample extends TensorSelection {
  readonly positions: readonly number[]
}

/** A sample of the results of every tensor, spread over its elements, for the estimates below to measure on. */
export function sampleResults(model: Model, results: readonly TensorDerivatives[]): ResultSample[] {
  const perTensor = Math.max(1, Math.floor(sampleSize(model) / results.length))
  return results.map((tensor) => {
    const count = Math.min(perTensor, tensor.done)
    return pickResults(
      tensor,
      Array.from({ length: count }, (_, k) => Math.floor(((k + 0.5) * tensor.done) / count)),
    )
  })
}

/** The results at some positions, ascending. */
export function pickResults(
  { parameter, entries }: TensorSelection,
  positions: readonly number[],
): ResultSample {
  return { parameter, positions, entries: Uint32Array.from(positions, (position) => entries[position]) }
}

/** What rounding does to the gradients of a model. */
export interface GradientRounding {
  /** Σ|terms| of every element: what one rounding of each term does to difference arithmetic, in unit roundoffs. */
  readonly magnitudes: readonly Float64Array[]
  /** The unit roundoff of the analytical gradient. */
  readonly u: number
  /** What the roundings of a backpropagation do to every element, in unit roundoffs. */
  readonly deviations: readonly Float64Array[]
}

export function estimateRounding(model: Model, gradients: readonly AnalyticalGradient[]): GradientRounding {
  const formats = gradients.map((gradient) => formatOf(gradient.dtype))
  const coarsest = formats.reduce((a, b) => (b.unitRoundoff > a.unitRoundoff ? b : a))
  return {
    magnitudes: model.gradientMagnitudes(),
    u: coarsest.unitRoundoff,
    deviations: backpropagationRounding(model, coarsest),
  }
}

/**
 * Estimates the error of a numerical gradient: rounding from Σ|terms| of each entry (backpropagation of absolute
 * values) and the evaluator's unit roundoff; truncation from a second, small step on a sample of parameters,
 * carried to the other entries in proportion to Σ|terms|.
 */
export async function estimateError(
  model: Model,
  evaluator: Evaluator,
  settings: DifferenceSettings,
  sample: readonly ResultSample[],
  rounding: GradientRounding,
  hooks: EvaluationHooks,
): Promise<ErrorEstimate> {
  const { magnitudes } = rounding
  const u = unitRoundoffOf(evaluator.precision)
  const lossRounding =
    evaluator.name === 'textbook' ? LOSS_ROUNDINGS * textbookRoundoff(model, magnitudes, settings.step) : 0
  const underflow =
    evaluator.precision === 'double' ? 0 : SINGLE_UNDERFLOW * model.lossScale * model.targets.data.length
  const measured = await measureTruncation(model, settings, sample, hooks)
  // the sample's largest, relative to Σ|terms|, stands for every entry of the tensor
  const truncation = measured.map(({ truncation: errors, crosses }, t) =>
    errors.reduce((largest, error, k) => {
      const magnitude = magnitudes[t][sample[t].entries[k]]
      return magnitude === 0 || crosses[k] || Number.isNaN(error)
        ? largest
        : Math.max(largest, (SAMPLE_MARGIN * error) / magnitude)
    }, 0),
  )
  return {
    // the base point is computed in float64 and rounds as any backpropagation does
    ofEntry: (t, offset) =>
      (ROUNDING_DEPTH * u + truncation[t]) * magnitudes[t][offset] +
      ROUNDING_DEPTH * 2 ** -53 * rounding.deviations[t][offset] +
      lossRounding +
      underflow,
    ofArithmetic: (t, offset) => ROUNDING_DEPTH * rounding.u * rounding.deviations[t][offset],
  }
}

/** What a small step shows about one tensor's chosen entries. */
export interface MeasuredTruncation {
  /** The derivatives by difference arithmetic in float64, at a smaller step where the one asked for crosses a kink. */
  readonly derivatives: Float64Array
  /** Their truncation errors; NaN where nothing was evaluated or an entry sits on a kink. */
  readonly truncation: Float64Array
  /** True where the step asked for crosses a kink. */
  readonly crosses: readonly boolean[]
}

/** Measures the truncation error of chosen entries against a step so small that it leaves next to none. */
export async function measureTruncation(
  model: Model,
  settings: DifferenceSettings,
  selection: readonly TensorSelection[],
  hooks: EvaluationHooks,
): Promise<MeasuredTruncation[]> {
  const cpu = createCpuEvaluator('')
  const coarse = createDerivatives(selection)
  const fine = createDerivatives(selection)
  await cpu.evaluate(model, coarse, settings, hooks)
  const crosses = coarse.map(({ kinks }) => Array.from(kinks, (count) => count !== 0))
  await refineKinks(model, cpu, coarse, settings, hooks)
  await cpu.evaluate(model, fine, { ...settings, step: FINE_STEP * settings.step }, hooks)
  return coarse.map(({ derivatives, kinks }, t) => ({
    derivatives,
    truncation: derivatives.map((derivative, k) =>
      kinks[k] !== 0 ? Number.NaN : Math.abs(derivative - fine[t].derivatives[k]),
    ),
    crosses: crosses[t],
  }))
}

/**
 * Evaluates a sample of the parameters by an independent method (the textbook's; difference arithmetic where the
 * textbook's is the one under test) and compares.
 * @param sample the one that `estimate` was measured on, so that the errors of its entries are known best
 */
export async function crossValidate(
  model: Model,
  evaluator: Evaluator,
  settings: DifferenceSettings,
  results: readonly TensorDerivatives[],
  sample: readonly ResultSample[],
  estimate: ErrorEstimate,
  rounding: GradientRounding,
  hooks: EvaluationHooks,
): Promise<CrossValidation> {
  const other = evaluator.name === 'textbook' ? createCpuEvaluator('') : createTextbookEvaluator('')
  // at the same step both give the same quotient, truncation included; the textbook's rounding sets a limit
  const step = evaluator.name === 'textbook' ? settings.step : Math.max(settings.step, TEXTBOOK_STEP)
  const otherSettings = { ...settings, step }
  const otherEstimate = await estimateError(model, other, otherSettings, sample, rounding, hooks)
  const values = createDerivatives(sample)
  await other.evaluate(model, values, otherSettings, hooks)
  const sum = new DifferenceSum()
  let checked = 0
  let disagreements = 0
  for (const [t, tensor] of values.entries()) {
    for (let k = 0; k < tensor.done; k++) {
      const at = sample[t].positions[k]
      const [fast, slow] = [results[t].derivatives[at], tensor.derivatives[k]]
      // a kink's chord and an overflow are left open by the verdict
      if (results[t].kinks[at] !== 0 || tensor.kinks[k] !== 0 || !Number.isFinite(fast)) continue
      const allowed = estimate.ofEntry(t, tensor.entries[k]) + otherEstimate.ofEntry(t, tensor.entries[k])
      sum.add(fast, slow)
      checked++
      if (!(Math.abs(fast - slow) <= allowed + AGREEMENT * (Math.abs(fast) + Math.abs(slow)))) disagreements++
    }
  }
  return { checked, difference: sum.difference, disagreements }
}

/** As many parameters as whole forward passes on both sides fit the work allowed. */
export function sampleSize(model: Model): number {
  const forward = model.layers.reduce((sum, layer) => sum + layer.weights.length, 0) * model.samples
  return Math.max(1, Math.min(LARGEST_SAMPLE, Math.floor(SAMPLE_WORK / (2 * forward))))
}
