import type { Model } from '../network/model.js'
import type { TensorDerivatives, TensorSelection } from './evaluator.js'

/** Some chosen elements of one tensor: `entries[from … to − 1]`. */
export interface Part {
  /** Which of the tensors. */
  readonly tensor: number
  readonly from: number
  readonly to: number
}

/** How many elements of a tensor feed one unit: the layer's inputs, 1 for a bias. */
export function elementsPerUnit(model: Model, { parameter }: Pick<TensorSelection, 'parameter'>): number {
  return parameter.role === 'weights' ? model.layers[parameter.layer].inputs : 1
}

/**
 * Splits what is left of a layer's tensors by the units that they feed, so many at a time.
 * @param ofLayer which of the tensors are the layer's
 */
export function* splitByUnits(
  model: Model,
  tensors: readonly TensorDerivatives[],
  ofLayer: readonly number[],
  unitsAtOnce: number,
): Generator<Part[]> {
  const next = ofLayer.map((t) => tensors[t].done)
  const perUnit = ofLayer.map((t) => elementsPerUnit(model, tensors[t]))
  /** The first unit that still has entries. */
  const nextUnit = () =>
    ofLayer.reduce((least, t, k) => {
      const { entries } = tensors[t]
      return next[k] < entries.length ? Math.min(least, Math.floor(entries[next[k]] / perUnit[k])) : least
    }, Number.POSITIVE_INFINITY)
  while (nextUnit() < Number.POSITIVE_INFINITY) {
    const first = [...next]
    for (let count = 0; count < unitsAtOnce && nextUnit() < Number.POSITIVE_INFINITY; count++) {
      const end = nextUnit() + 1
      for (const [k, t] of ofLayer.entries()) {
        next[k] = firstFrom(tensors[t].entries, end * perUnit[k], next[k])
      }
    }
    yield ofLayer.flatMap((t, k) => (next[k] > first[k] ? [{ tensor: t, from: first[k], to: next[k] }] : []))
  }
}

/** The first place from `from` on where an ascending list reaches a value. */
function firstFrom(list: Uint32Array, value: number, from: number): number {
  let [low, high] = [from, list.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (list[middle] < value) low = middle + 1
    else high = middle
  }
  return low
}

/** The units that elements of one layer's tensors feed, ascending. */
export function unitsOf(model: Model, selection: readonly TensorSelection[]): Uint32Array {
  const units = new Set<number>()
  for (const tensor of selection) {
    const perUnit = elementsPerUnit(model, tensor)
    let end = 0
    for (const entry of tensor.entries) {
      if (entry < end) continue
      const unit = Math.floor(entry / perUnit)
      units.add(unit)
      end = (unit + 1) * perUnit
    }
  }
  return Uint32Array.from(units).sort()
}
