import { requireName } from '../requirements.js'
import { LAYOUT_WORDS, unknownName } from './vocabulary.js'

/**
 * How a user's arrays are laid out. `columns`: X (features, samples), W (outputs, inputs), WX + b. `rows`: X
 * (samples, features), W (inputs, outputs), XW + b. `pytorch`: X (samples, features), W (outputs, inputs),
 * XWᵀ + b.
 */
export type Layout = 'columns' | 'rows' | 'pytorch'

export const LAYOUT_NAMES: readonly Layout[] = ['columns', 'rows', 'pytorch']

/** @throws GradcheckError `unknown-name` with the name that is meant, or the nearest. */
export function findLayout(name: string): Layout {
  requireName('layout', name, LAYOUT_NAMES)
  const found = LAYOUT_NAMES.find((candidate) => candidate === name)
  if (found === undefined) {
    throw unknownName('layout', name, LAYOUT_NAMES, LAYOUT_WORDS)
  }
  return found
}

/** True where X's and Y's first axis numbers the samples. */
export const samplesComeFirst = (layout: Layout) => layout !== 'columns'

/** True where a weight matrix's first axis numbers the layer's outputs. */
export const outputsComeFirst = (layout: Layout) => layout !== 'rows'
