import { createCpuEvaluator } from '../differentiate/cpu.js'
import {
  createDerivatives,
  type DifferenceSettings,
  type EvaluationHooks,
  type Evaluator,
  type TensorDerivatives,
  type TensorSelection,
} from '../differentiate/evaluator.js'
import { selectSample } from '../differentiate/selection.js'
import { createTextbookEvaluator, textbookRoundoff } from '../differentiate/textbook.js'
import type { Model } from '../network/model.js'
import { DifferenceSum } from './compare.js'

/**
 * How many roundings deep a sum of absolute terms is taken to be. Measured: the error of a single-precision
 * entry stays below 2 unit roundoffs of Σ|terms| on the test networks.
 */
const ROUNDING_DEPTH = 8
/** Step of the textbook evaluator when it cross-validates: near ε^(1/3) of float64. */
const TEXTBOOK_STEP = 1e-5
/** Multiply-adds that cross-validation may spend on whole forward passes. */
const SAMPLE_WORK = 3e8
const LARGEST_SAMPLE = 48
const SAMPLE_SEED = 20240229

/** What is known of the numerical gradient's own error. */
export interface ErrorEstimate {
  /** Bound on |error of ĝ| of element `offset` of parameter tensor `t`, both in the model's order. */
  ofEntry(t: number, offset: number): number
  /** Bound on what float arithmetic of unit roundoff `u` does to that element of an analytical gradient. */
  ofArithmetic(t: number, offset: number, u: number): number
}

/** The fast evaluator's derivatives against another evaluator's, on a sample of parameters. */
export interface CrossValidation {
  readonly checked: number
  readonly difference: number
  /** Entries where the two differ by more than their error estimates explain. */
  readonly disagreements: number
}

/**
 * Estimates the error of a numerical gradient: rounding from Σ|terms| of each entry (backpropagation of absolute
 * values) and the evaluator's unit roundoff; truncation from a second, smaller step on a sample of parameters,
 * carried to the other entries in proportion to Σ|terms|.
 */
export async function estimateError(
  model: Model,
  evaluator: Evaluator,
  settings: DifferenceSettings,
  hooks: EvaluationHooks,
): Promise<ErrorEstimate> {
  const magnitudes = model.gradientMagnitudes()
  const u = evaluator.precision === 'single' ? 2 ** -24 : 2 ** -53
  const lossRounding = evaluator.name === 'textbook' ? textbookRoundoff(model, magnitudes, settings.step) : 0
  const truncation = await estimateTruncation(model, magnitudes, settings, hooks)
  return {
    ofEntry: (t, offset) => (ROUNDING_DEPTH * u + truncation[t]) * magnitudes[t][offset] + lossRounding,
    ofArithmetic: (t, offset, roundoff) => ROUNDING_DEPTH * roundoff * magnitudes[t][offset],
  }
}

/** The largest truncation error among each tensor's sampled entries, relative to the entry's Σ|terms|. */
async function estimateTruncation(
  model: Model,
  magnitudes: readonly Float64Array[],
  settings: DifferenceSettings,
  hooks: EvaluationHooks,
): Promise<number[]> {
  const sample = selectSample(model, sampleSize(model), SAMPLE_SEED)
  const cpu = createCpuEvaluator('')
  const coarse = createDerivatives(sample)
  const fine = createDerivatives(sample)
  await cpu.evaluate(model, coarse, settings, hooks)
  await cpu.evaluate(model, fine, { ...settings, step: settings.step / 4 }, hooks)
  return coarse.map((tensor, t) => {
    let largest = 0
    for (let k = 0; k < fine[t].done; k++) {
      const magnitude = magnitudes[t][tensor.entries[k]]
      if (magnitude === 0 || tensor.kinks[k] !== 0) continue
      largest = Math.max(largest, Math.abs(tensor.derivatives[k] - fine[t].derivatives[k]) / magnitude)
    }
    // the sample's largest stands for every entry of the tensor; the finer step has an error of its own
    return 4 * largest
  })
}

/**
 * Evaluates a sample of the parameters by an independent method (the textbook's; difference arithmetic where the
 * textbook's is the one under test) and compares.
 */
export async function crossValidate(
  model: Model,
  evaluator: Evaluator,
  settings: DifferenceSettings,
  results: readonly TensorDerivatives[],
  estimate: ErrorEstimate,
  hooks: EvaluationHooks,
): Promise<CrossValidation> {
  const other = evaluator.name === 'textbook' ? createCpuEvaluator('') : createTextbookEvaluator('')
  const otherSettings = { ...settings, step: evaluator.name === 'textbook' ? settings.step : TEXTBOOK_STEP }
  const otherEstimate = await estimateError(model, other, otherSettings, hooks)
  const positions = selectPositions(model, results)
  const values = createDerivatives(positions.map(({ parameter, entries }) => ({ parameter, entries })))
  await other.evaluate(model, values, otherSettings, hooks)
  const sum = new DifferenceSum()
  let checked = 0
  let disagreements = 0
  for (const [t, tensor] of values.entries()) {
    for (let k = 0; k < tensor.done; k++) {
      const at = positions[t].positions[k]
      if (results[t].kinks[at] !== 0 || tensor.kinks[k] !== 0) continue
      const [fast, slow] = [results[t].derivatives[at], tensor.derivatives[k]]
      const allowed = estimate.ofEntry(t, tensor.entries[k]) + otherEstimate.ofEntry(t, tensor.entries[k])
      sum.add(fast, slow)
      checked++
      if (!(Math.abs(fast - slow) <= allowed + 1e-7 * (Math.abs(fast) + Math.abs(slow)))) disagreements++
    }
  }
  return { checked, difference: sum.difference, disagreements }
}

/** A sample of the entries that were evaluated, and where they stand among them. */
function selectPositions(
  model: Model,
  results: readonly TensorDerivatives[],
): (TensorSelection & { positions: number[] })[] {
  const perTensor = Math.max(1, Math.floor(sampleSize(model) / results.length))
  return results.map(({ parameter, entries, done }) => {
    const count = Math.min(perTensor, done)
    const positions = Array.from({ length: count }, (_, k) => Math.floor(((k + 0.5) * done) / count))
    return { parameter, positions, entries: Uint32Array.from(positions, (position) => entries[position]) }
  })
}

/** As many parameters as whole forward passes on both sides fit the work allowed. */
function sampleSize(model: Model): number {
  const forward = model.layers.reduce((sum, layer) => sum + layer.weights.length, 0) * model.samples
  return Math.max(1, Math.min(LARGEST_SAMPLE, Math.floor(SAMPLE_WORK / (2 * forward))))
}
