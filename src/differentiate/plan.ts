import type { Model } from '../network/model.js'
import type { DifferenceSettings, Perturbed, TensorDerivatives, TensorSelection } from './evaluator.js'
import { unitsOf } from './units.js'
import { workPerColumn } from './work.js'

/** What is moved: `auto` takes what costs less. */
export type PerturbChoice = 'auto' | Perturbed

export const PERTURB_CHOICES: readonly PerturbChoice[] = ['auto', 'parameters', 'outputs']

/**
 * The largest step at which outputs stand for parameters unasked: up to it the two quotients agree to the precision
 * of the evaluators that take it. With a larger one the user wants to see what it does to the parameters.
 */
export const LARGEST_OUTPUT_STEP = 1e-5

/** What the activation and the loss of a column cost, in multiply-adds. */
const OVERHEAD = 20

/**
 * What is moved for each tensor of a selection, by counted work: every parameter at every sample, or every unit that
 * they feed and a multiply-add for each parameter. Both tensors of a layer go the same way.
 */
export function planPerturbations(
  model: Model,
  selection: readonly TensorSelection[],
  { step, scheme }: DifferenceSettings,
  choice: PerturbChoice = 'auto',
): Perturbed[] {
  if (choice !== 'auto') return selection.map(() => choice)
  if (scheme !== 'central' || step > LARGEST_OUTPUT_STEP) return selection.map(() => 'parameters')
  const ways = model.layers.map((_, l): Perturbed => {
    const ofLayer = selection.filter(({ parameter }) => parameter.layer === l)
    const count = ofLayer.reduce((sum, { entries }) => sum + entries.length, 0)
    const work = workPerColumn(model, l) + OVERHEAD
    return unitsOf(model, ofLayer).length * work + count < count * work ? 'outputs' : 'parameters'
  })
  return selection.map(({ parameter }) => ways[parameter.layer])
}

/** How many perturbations gave the results: of every parameter, or of every unit's output, at all samples at once. */
export function countPerturbations(
  model: Model,
  results: readonly TensorDerivatives[],
  { scheme }: DifferenceSettings,
): number {
  const sides = scheme === 'central' ? 2 : 1
  let count = 0
  for (const { perturbed, done } of results) if (perturbed === 'parameters') count += done
  for (const l of model.layers.keys()) {
    const moved = results
      .filter(({ parameter, perturbed }) => parameter.layer === l && perturbed === 'outputs')
      .map((tensor) => ({ ...tensor, entries: tensor.entries.subarray(0, tensor.done) }))
    count += unitsOf(model, moved).length
  }
  return sides * count
}
