import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { Model } from '../network/model.js'
import type { TensorSelection } from './evaluator.js'
import { elementsPerUnit } from './units.js'

/** Every element of every parameter tensor. */
export function selectAll(model: Model): TensorSelection[] {
  return model.parameters.map((parameter) => ({
    parameter,
    entries: Uint32Array.from({ length: parameter.size }, (_, entry) => entry),
  }))
}

/**
 * `count` elements chosen at random without repetition: at least one of every tensor (so possibly a few more than
 * `count`), the rest in proportion to the tensors' sizes. The same seed chooses the same elements.
 */
export function selectSample(model: Model, count: number, seed: number): TensorSelection[] {
  const total = model.parameters.reduce((sum, parameter) => sum + parameter.size, 0)
  const generator = xoroshiro128plus(seed)
  let left = Math.min(count, total)
  let leftSize = total
  return model.parameters.map((parameter) => {
    const share = Math.max(1, Math.min(parameter.size, Math.round((left * parameter.size) / leftSize)))
    left = Math.max(0, left - share)
    leftSize -= parameter.size
    return { parameter, entries: chooseDistinct(share, parameter.size, (n) => uniformInt(generator, 0, n)) }
  })
}

/**
 * All parameters of some units of every layer, chosen at random: about `share` of the units, at least one. Where
 * evaluators share work among the parameters of a unit, this takes the same time a parameter as all of them.
 */
export function selectUnits(model: Model, share: number, seed: number): TensorSelection[] {
  const generator = xoroshiro128plus(seed)
  return model.parameters.map((parameter) => {
    const { outputs } = model.layers[parameter.layer]
    const perUnit = elementsPerUnit(model, { parameter })
    const count = Math.max(1, Math.min(outputs, Math.round(share * outputs)))
    const units = chooseDistinct(count, outputs, (n) => uniformInt(generator, 0, n))
    const entries = new Uint32Array(count * perUnit)
    for (const [k, unit] of units.entries()) {
      for (let j = 0; j < perUnit; j++) entries[k * perUnit + j] = unit * perUnit + j
    }
    return { parameter, entries }
  })
}

/** `count` distinct numbers below `size`, ascending (Floyd's algorithm; Bentley & Floyd 1987). */
function chooseDistinct(count: number, size: number, below: (n: number) => number): Uint32Array {
  const chosen = new Set<number>()
  for (let n = size - count; n < size; n++) {
    const candidate = below(n)
    chosen.add(chosen.has(candidate) ? n : candidate)
  }
  return Uint32Array.from(chosen).sort()
}
