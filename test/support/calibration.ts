import { estimateFromSample, sampleResults } from '../../src/check/cross-validation.js'
import { findErrorSources } from '../../src/check/error-estimate.js'
import {
  type DifferenceSettings,
  type Evaluator,
  type Perturbed,
  unitRoundoffOf,
} from '../../src/differentiate/evaluator.js'
import { selectAll } from '../../src/differentiate/selection.js'
import type { AnalyticalGradient } from '../../src/network/bind.js'
import { linearize } from '../../src/network/linearization.js'
import type { Model } from '../../src/network/model.js'
import { evaluateAll } from './evaluate.js'

/** How error estimates compare with true errors. */
export interface Calibration {
  readonly entries: number
  /** Share of the entries whose true error is at most the estimate. */
  readonly covered: number
  /** Geometric mean of estimate / true error; an error counts as at least one roundoff of its entry. */
  readonly ratio: number
  /** Of the norms of whole networks: share covered, and geometric mean of estimate / true error. */
  readonly norms: { readonly covered: number; readonly ratio: number }
}

/** A model and its true gradient. */
export interface Case {
  readonly model: Model
  readonly right: readonly Float64Array[]
}

/** Compares the estimated errors of an evaluator's derivatives with the true ones. Entries that cross kinks are left out. */
export async function calibrate(
  evaluator: Evaluator,
  settings: DifferenceSettings,
  cases: AsyncIterable<Case> | Iterable<Case>,
  perturbed: Perturbed = 'parameters',
): Promise<Calibration> {
  const u = unitRoundoffOf(evaluator.precision)
  const ratios = new Ratios()
  const norms = new Ratios()
  for await (const { model, right } of cases) {
    const results = await evaluateAll(evaluator, model, settings, selectAll(model), perturbed)
    const gradients = model.parameters.map(
      ({ name }, t): AnalyticalGradient => ({ name: `d${name}`, values: right[t], dtype: 'float64' }),
    )
    const sources = findErrorSources(linearize(model), evaluator, settings, gradients, results)
    const estimate = await estimateFromSample(sources, settings, sampleResults(model, results))
    let [error, estimated, crossed] = [0, 0, false]
    for (const [t, { derivatives, kinks }] of results.entries()) {
      const { rounding, truncation } = estimate.norms(t)
      estimated += rounding ** 2 + truncation ** 2
      for (const [k, derivative] of derivatives.entries()) {
        crossed ||= kinks[k] !== 0
        if (kinks[k] !== 0) continue
        const distance = Math.abs(derivative - right[t][k])
        const bound = estimate.ofRounding(t, k) + estimate.ofTruncation(t, k)
        error += distance ** 2
        ratios.add(bound, distance, u * Math.abs(right[t][k]))
      }
    }
    if (!crossed) norms.add(Math.sqrt(estimated), Math.sqrt(error), 0)
  }
  return {
    entries: ratios.count,
    covered: ratios.covered,
    ratio: ratios.mean,
    norms: { covered: norms.covered, ratio: norms.mean },
  }
}

/** Estimates against errors. */
class Ratios {
  count = 0
  #below = 0
  #measured = 0
  #logarithms = 0

  add(estimate: number, error: number, least: number): void {
    this.count++
    if (error <= estimate) this.#below++
    const size = Math.max(error, least)
    // an entry that is 0 and exactly so says nothing of how large its estimate should be
    if (size === 0 || estimate === 0) return
    this.#measured++
    this.#logarithms += Math.log(estimate / size)
  }

  get covered(): number {
    return this.#below / this.count
  }

  get mean(): number {
    return Math.exp(this.#logarithms / this.#measured)
  }
}
