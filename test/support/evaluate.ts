import { bindProblem } from '../../src/check/problem.js'
import {
  createDerivatives,
  type DifferenceSettings,
  type Evaluator,
  type Perturbed,
  type TensorDerivatives,
  type TensorSelection,
} from '../../src/differentiate/evaluator.js'
import { selectAll } from '../../src/differentiate/selection.js'
import { userOffset } from '../../src/network/bind.js'
import type { Model } from '../../src/network/model.js'
import type { NamedTensors } from '../../src/tensor.js'
import type { RandomProblem } from './random-network.js'

/** The derivatives of every parameter of a model, or of those selected. */
export async function evaluateAll(
  evaluator: Evaluator,
  model: Model,
  settings: DifferenceSettings,
  selection: readonly TensorSelection[] = selectAll(model),
  perturbed: Perturbed = 'parameters',
): Promise<TensorDerivatives[]> {
  const results = createDerivatives(selection, () => perturbed)
  await evaluator.evaluate(model, results, settings)
  for (const { done, entries, parameter } of results) {
    if (done !== entries.length)
      throw new Error(`${parameter.name}: ${done} of ${entries.length} were evaluated`)
  }
  return results
}

export async function bindRandom({ problem }: RandomProblem): Promise<Model> {
  return (await bindProblem(problem)).model
}

/** Named tensors in a model's order and orientation. */
export function inModelOrder(model: Model, tensors: NamedTensors, prefix = 'd'): Float64Array[] {
  return model.parameters.map((parameter) => {
    const { data } = tensors.get(`${prefix}${parameter.name}`)!
    return Float64Array.from({ length: parameter.size }, (_, k) => data[userOffset(parameter, k)])
  })
}

/** ‖a − b‖ / (‖a‖ + ‖b‖) over several tensors. */
export function differenceOf(a: readonly Float64Array[], b: readonly Float64Array[]): number {
  let [distance, sizeOfA, sizeOfB] = [0, 0, 0]
  for (const [t, values] of a.entries()) {
    for (const [k, value] of values.entries()) {
      distance += (value - b[t][k]) ** 2
      sizeOfA += value ** 2
      sizeOfB += b[t][k] ** 2
    }
  }
  return distance === 0 ? 0 : Math.sqrt(distance) / (Math.sqrt(sizeOfA) + Math.sqrt(sizeOfB))
}

/** The largest |a − b| in units of each entry's `unit`; an entry of unit 0 must be equal. */
export function largestMultiple(
  a: readonly Float64Array[],
  b: readonly Float64Array[],
  unit: (t: number, k: number) => number,
): number {
  let largest = 0
  for (const [t, values] of a.entries()) {
    for (const [k, value] of values.entries()) {
      const distance = Math.abs(value - b[t][k])
      if (Number.isNaN(distance)) return Number.NaN
      if (distance > 0) largest = Math.max(largest, distance / unit(t, k))
    }
  }
  return largest
}

export const valuesOf = (results: readonly TensorDerivatives[]) =>
  results.map(({ derivatives }) => derivatives)
