import { createCpuEvaluator } from '../differentiate/cpu/evaluator.js'
import {
  createDerivatives,
  type DifferenceSettings,
  type EvaluationHooks,
  type Evaluator,
  FINE_STEP,
  type Perturbed,
  type TensorDerivatives,
  type TensorSelection,
} from '../differentiate/evaluator.js'
import { refineKinks } from '../differentiate/refine-kinks.js'
import { createTextbookEvaluator } from '../differentiate/textbook.js'
import { forwardWork } from '../differentiate/work.js'
import type { AnalyticalGradient } from '../network/bind.js'
import type { Model } from '../network/model.js'
import { RootSum } from '../network/root-sum-squares.js'
import { scaleOf } from '../network/step-scales.js'
import { DifferenceSum } from './compare.js'
import {
  type ErrorEstimate,
  type ErrorSources,
  estimateErrors,
  type TruncationFactors,
  textbookRounding,
} from './error-estimate.js'

/** Relative difference at which two evaluations agree whatever their estimates say. */
export const AGREEMENT = 1e-7
/** The same for chords over kinks, where an evaluator's rounding may be that of the pre-activation. */
const CHORD_AGREEMENT = 1e-4
/** Least step of the textbook evaluator when it cross-validates: near ε^(1/3) of float64. */
const TEXTBOOK_STEP = 1e-5
/** Multiply-adds that cross-validation may spend on whole forward passes. */
const SAMPLE_WORK = 3e8
const LARGEST_SAMPLE = 48
/** How many times its bound a rounding error may be before the tool calls itself broken. */
const ROUNDING_MARGIN = 2

/** An evaluator's derivatives against another evaluator's, on a sample of parameters. */
export interface CrossValidation {
  readonly checked: number
  readonly difference: number
  /** Entries where the two differ by more than their error estimates explain. */
  readonly disagreements: number
}

/** Chosen elements of a tensor's results: where they stand among the results, and in the tensor. */
export interface ResultSample extends TensorSelection {
  readonly perturbed: Perturbed
  readonly positions: readonly number[]
}

/** A sample of the results of every tensor, spread over its elements, off kinks where there are any such. */
export function sampleResults(model: Model, results: readonly TensorDerivatives[]): ResultSample[] {
  const perTensor = Math.max(1, Math.floor(sampleSize(model) / results.length))
  return results.map((tensor) => {
    const { done, kinks } = tensor
    const count = Math.min(perTensor, done)
    const positions = new Set<number>()
    for (let k = 0; k < count; k++) {
      const [from, to] = [Math.floor((k * done) / count), Math.floor(((k + 1) * done) / count)]
      const middle = Math.floor((from + to) / 2)
      const offKinks = kinks.subarray(from, to).indexOf(0)
      positions.add(kinks[middle] === 0 || offKinks === -1 ? middle : from + offKinks)
    }
    return pickResults(tensor, [...positions])
  })
}

/** The results at some positions, ascending. */
export function pickResults(
  { parameter, entries, perturbed }: TensorDerivatives,
  positions: readonly number[],
): ResultSample {
  return {
    parameter,
    perturbed,
    positions,
    entries: Uint32Array.from(positions, (position) => entries[position]),
  }
}

/** As many parameters as whole forward passes on both sides fit the work allowed. */
export function sampleSize(model: Model): number {
  const forward = forwardWork(model)
  return Math.max(1, Math.min(LARGEST_SAMPLE, Math.floor(SAMPLE_WORK / (2 * forward))))
}

/** What a small step shows about one tensor's chosen entries. */
export interface MeasuredTruncation {
  /** The derivatives by difference arithmetic in float64, at next to no step where the one asked for crosses a kink. */
  readonly derivatives: Float64Array
  /** The same at next to no step. */
  readonly fine: Float64Array
  /** True where the step asked for crosses a kink. */
  readonly crosses: readonly boolean[]
}

/** Measures the truncation of chosen entries against a step so small that it leaves next to none. */
export async function measureTruncation(
  model: Model,
  settings: DifferenceSettings,
  selection: readonly ResultSample[],
  hooks: EvaluationHooks,
): Promise<MeasuredTruncation[]> {
  const cpu = createCpuEvaluator('')
  const coarse = createDerivatives(selection, (t) => selection[t].perturbed)
  const fine = createDerivatives(selection)
  await cpu.evaluate(model, coarse, settings, hooks)
  const crosses = coarse.map(({ kinks }) => Array.from(kinks, (count) => count !== 0))
  await refineKinks(model, cpu, coarse, settings, hooks)
  await cpu.evaluate(model, fine, { ...settings, step: FINE_STEP * settings.step }, hooks)
  return coarse.map(({ derivatives }, t) => ({ derivatives, fine: fine[t].derivatives, crosses: crosses[t] }))
}

/** How many times its estimated first term the truncation error is: of one entry at most, and of the norm. */
async function measureTruncationFactors(
  { base, truncation, basePoint }: ErrorSources,
  settings: DifferenceSettings,
  sample: readonly ResultSample[],
): Promise<TruncationFactors> {
  const measured = await measureTruncation(base.model, settings, sample, {})
  let largest = 1
  const [errors, sizes] = [new RootSum(), new RootSum()]
  for (const [t, { derivatives, fine, crosses }] of measured.entries()) {
    for (const [k, offset] of sample[t].entries.entries()) {
      const size = truncation.of(t, offset)
      const rounding = ROUNDING_SHARE * basePoint.of(t, offset)
      const error = Math.max(0, Math.abs(derivatives[k] - fine[k]) - rounding)
      if (crosses[k] || size === 0 || !Number.isFinite(error)) continue
      largest = Math.max(largest, error / size)
      errors.add(error)
      sizes.add(size)
    }
  }
  return {
    ofEntry: largest,
    ofNorm: Math.max(LEAST_NORM_FACTOR, sizes.value === 0 ? 0 : errors.value / sizes.value),
  }
}

/** What the norm's factor is at least, however little truncation a sample shows. */
const LEAST_NORM_FACTOR = 0.5
/** What of a difference of two float64 derivatives may be their rounding, in deviations of a backpropagation. */
const ROUNDING_SHARE = 8 * 2 ** -53

/** What a sample of the results is held against. */
export interface Witness {
  readonly sources: ErrorSources
  readonly estimate: ErrorEstimate
  readonly evaluator: Evaluator
  readonly settings: DifferenceSettings
  readonly results: readonly TensorDerivatives[]
  readonly gradients: readonly AnalyticalGradient[]
  /** Of each tensor. */
  readonly tolerances: readonly number[]
}

/**
 * Evaluates a sample of the parameters by an independent method (the textbook's; difference arithmetic where the
 * textbook's is the one under test) and compares. Whole losses need a step of their own where the one asked for is too
 * small for them; so that its truncation is no matter, both methods are compared at that step, and difference arithmetic
 * in float64 with the evaluator at the evaluator's. Where float64 and the analytical gradient confirm a derivative, whole
 * losses need not.
 */
export async function crossValidate(
  { sources, estimate, evaluator, settings, results, gradients, tolerances }: Witness,
  sample: readonly ResultSample[],
  hooks: EvaluationHooks,
): Promise<CrossValidation> {
  const { base } = sources
  const isTextbook = evaluator.name === 'textbook'
  const evaluate = async (by: Evaluator, step: number): Promise<TensorDerivatives[]> => {
    const values = createDerivatives(sample)
    await by.evaluate(base.model, values, { ...settings, step }, hooks)
    return values
  }
  const cpu = createCpuEvaluator('')
  const step = isTextbook ? settings.step : Math.max(settings.step, TEXTBOOK_STEP)
  const near = await evaluate(cpu, settings.step)
  const far = step === settings.step ? near : await evaluate(cpu, step)
  const movesAnyOutputs = results.some(({ perturbed }) => perturbed === 'outputs')
  const fine = movesAnyOutputs ? await evaluate(cpu, FINE_STEP * settings.step) : near
  const whole = isTextbook ? undefined : await evaluate(createTextbookEvaluator(''), step)
  const ofWhole = isTextbook ? 0 : textbookRounding(base, { ...settings, step })
  const growth = (step / settings.step) ** (settings.scheme === 'central' ? 2 : 1)
  const sum = new DifferenceSum()
  let checked = 0
  let disagreements = 0
  for (const [t, tensor] of near.entries()) {
    const largest = results[t].derivatives.reduce((most, d) => (Math.abs(d) > most ? Math.abs(d) : most), 0)
    const movesOutputs = results[t].perturbed === 'outputs'
    // the same parameters by the same step: both leave out the same
    const isSame = far === near && !movesOutputs
    const done = Math.min(tensor.done, far[t].done, fine[t].done, whole?.[t].done ?? tensor.done)
    for (let k = 0; k < done; k++) {
      const at = sample[t].positions[k]
      const offset = tensor.entries[k]
      const fast = results[t].derivatives[at]
      const other = whole?.[t].derivatives[k] ?? tensor.derivatives[k]
      const isChord = [results[t].kinks[at], tensor.kinks[k], far[t].kinks[k], whole?.[t].kinks[k] ?? 0].some(
        (kinks) => kinks !== 0,
      )
      // an overflow is left open by the verdict, and chords of different steps are different
      if (!Number.isFinite(fast + other) || (isChord && !isSame)) continue
      const agree = (one: number, another: number, rounding: number, truncation: number) =>
        Math.abs(one - another) <=
        ROUNDING_MARGIN * rounding +
          truncation +
          AGREEMENT * (Math.abs(one) + Math.abs(another)) +
          (isChord ? CHORD_AGREEMENT * largest : 0)
      const rounding = estimate.ofRounding(t, offset)
      const ofParameters = estimate.ofParameterTruncation(t, offset)
      const afar = ROUNDING_AFAR * sources.u
      const ofOutputs = (): number =>
        estimate.ofTruncation(t, offset) +
        ofParameters +
        OUTPUTS_SHARE * Math.abs(tensor.derivatives[k] - fine[t].derivatives[k])
      const left = movesOutputs ? ofOutputs() : afar * ofParameters
      const wholeRounding = rounding + ofWhole * scaleOf(settings.scales, tensor.parameter, offset)
      const analytical = gradients[t].values[offset]
      const isConfirmed =
        Math.abs(analytical - fast) <= tolerances[t] * (Math.abs(analytical) + Math.abs(fast))
      const isRight =
        agree(fast, tensor.derivatives[k], rounding, left) &&
        (whole === undefined ||
          isConfirmed ||
          agree(other, far[t].derivatives[k], wholeRounding, afar * growth * ofParameters))
      sum.add(fast, other)
      checked++
      if (!isRight) disagreements++
    }
  }
  return { checked, difference: sum.difference, disagreements }
}

/** How many times the measured truncation of a moved parameter that of moved outputs may be, where no estimate is. */
const OUTPUTS_SHARE = 4
/** A large step leads to where other terms round: as much more as the truncation. */
const ROUNDING_AFAR = 16

/** The errors of an evaluation, its truncation measured on a sample. */
export async function estimateFromSample(
  sources: ErrorSources,
  settings: DifferenceSettings,
  sample: readonly ResultSample[],
): Promise<ErrorEstimate> {
  return estimateErrors(sources, await measureTruncationFactors(sources, settings, sample))
}
