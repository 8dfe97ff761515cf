import type { Model } from '../../network/model.js'

/** How many gradients a finding names. */
export const MOST_NAMED = 8

/** A factor as a sentence has it: `2`, `0.3333333`, `-1.5`. */
export function formatFactor(factor: number): string {
  const size = Math.abs(factor)
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return factor.toExponential(4)
  return String(Number(factor.toPrecision(7)))
}

/** "2 times too large", "3 times too small", "of the other sign". */
export function describeFactor(factor: number): string {
  const size = Math.abs(factor)
  const bySize =
    size > 1 ? `${formatFactor(size)} times too large` : `${formatFactor(1 / size)} times too small`
  if (factor > 0) return bySize
  return size === 1 ? 'of the other sign' : `${bySize} and of the other sign`
}

/** "layer 2 (tanh)", counted from 1. */
export const nameLayer = (model: Model, l: number) => `layer ${l + 1} (${model.layers[l].activation.text})`

/** "1 entry", "3 entries" */
export const countOf = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`
