import { REDUCTION_WORDS, unknownName } from './vocabulary.js'

/**
 * How the losses of m samples of n outputs become one number. `mean`: Σ/m. `sum`: Σ. `mean-elements`: Σ/(m·n).
 * `weighted-mean`: Σ over the sum of the sample weights. Samples with an ignored label are not among the m.
 */
export type Reduction = 'mean' | 'sum' | 'mean-elements' | 'weighted-mean'

/** What a reduction may divide by. */
export interface SampleCounts {
  /** m: the samples that count. */
  readonly counted: number
  /** n */
  readonly outputs: number
  /** The sum of their weights; m where there are none. */
  readonly weightSum: number
}

const REDUCTIONS: Record<Reduction, { words: string; divisor(counts: SampleCounts): number }> = {
  mean: { words: 'averaged over the samples', divisor: ({ counted }) => counted },
  sum: { words: 'summed, not averaged', divisor: () => 1 },
  'mean-elements': {
    words: 'averaged over all samples and outputs',
    divisor: ({ counted, outputs }) => counted * outputs,
  },
  'weighted-mean': { words: 'divided by the sum of the weights', divisor: ({ weightSum }) => weightSum },
}

export const REDUCTION_NAMES = Object.keys(REDUCTIONS) as readonly Reduction[]

/** @throws GradcheckError `unknown-name` with the name that is meant, or the nearest. */
export function findReduction(name: string): Reduction {
  const found = REDUCTION_NAMES.find((candidate) => candidate === name)
  if (found === undefined) {
    throw unknownName('reduction', name, REDUCTION_NAMES, REDUCTION_WORDS)
  }
  return found
}

/** What the sum over the samples is divided by. */
export const divisorOf = (reduction: Reduction, counts: SampleCounts) => REDUCTIONS[reduction].divisor(counts)

/** Whether the sum is divided by anything. */
export const isMean = (reduction: Reduction) => reduction !== 'sum'

/** After "the loss is …". */
export const describeReduction = (reduction: Reduction) => REDUCTIONS[reduction].words
