import { expect } from 'vitest'
import type { DifferenceSettings, Evaluator, Perturbed } from '../../src/differentiate/evaluator.js'
import { selectAll } from '../../src/differentiate/selection.js'
import type { Model } from '../../src/network/model.js'
import { differenceOf, evaluateAll, largestMultiple, valuesOf } from './evaluate.js'

/** How far an evaluator may be from float64. */
export interface AgreementBounds {
  /** Of ‖a − b‖ / (‖a‖ + ‖b‖). */
  readonly difference: number
  /** Of an entry's error, in unit roundoffs of its Σ|terms|. */
  readonly multiple: number
  readonly unitRoundoff: number
}

/** Expects an evaluator to agree with float64's, in the norm, in every entry and in every kink. */
export async function expectAgreement(
  evaluator: Evaluator,
  float64: Evaluator,
  model: Model,
  settings: DifferenceSettings,
  { difference, multiple, unitRoundoff }: AgreementBounds,
  selection = selectAll(model),
  perturbed: Perturbed = 'parameters',
): Promise<void> {
  const results = await evaluateAll(evaluator, model, settings, selection, perturbed)
  const exact = await evaluateAll(float64, model, settings, selection, perturbed)
  const magnitudes = model.gradientMagnitudes()
  // a large step leads to where Σ|terms| may be another: the tensor's largest stands in
  const largest = magnitudes.map((values) =>
    settings.step < 1e-2 ? 0 : values.reduce((a, b) => Math.max(a, b), 0),
  )
  const unit = (t: number, k: number) => unitRoundoff * (magnitudes[t][selection[t].entries[k]] + largest[t])
  expect(differenceOf(valuesOf(results), valuesOf(exact))).toBeLessThan(difference)
  expect(largestMultiple(valuesOf(results), valuesOf(exact), unit)).toBeLessThan(multiple)
  expect(results.map(({ kinks }) => [...kinks])).toEqual(exact.map(({ kinks }) => [...kinks]))
}
