import type { Verdict } from '../check/report.js'

/** A network case of a published notebook, beside the file that holds ours. */
export interface PublishedCase {
  readonly name: string
  /** File in the examples' folder. */
  readonly file: string
  readonly activations: string[]
  readonly loss: string
  readonly layout: string
  /** Name of the targets' array where it is not Y. */
  readonly targets?: string
  /** The notebook's step. */
  readonly step: number
  /** The difference that the notebook prints. */
  readonly published: number
  readonly expected: Verdict
}

/** The four notebooks, in the order in which they are shown. */
export const PUBLISHED_CASES: readonly PublishedCase[] = [
  {
    name: 'three-layer',
    file: 'three-layer.npz',
    activations: ['relu', 'relu', 'sigmoid'],
    loss: 'binary-cross-entropy',
    layout: 'columns',
    step: 1e-7,
    published: 1.1885552035482147e-7,
    expected: 'pass',
  },
  {
    name: 'three-layer, buggy',
    file: 'three-layer-buggy.npz',
    activations: ['relu', 'relu', 'sigmoid'],
    loss: 'binary-cross-entropy',
    layout: 'columns',
    step: 1e-7,
    published: 0.285,
    expected: 'fail',
  },
  {
    name: '2-3-1, rows',
    file: 'two-three-one.npz',
    activations: ['sigmoid', 'sigmoid'],
    loss: 'half-squared-error',
    layout: 'rows',
    targets: 'y',
    step: 1e-4,
    published: 2.7533413768397804e-10,
    expected: 'pass',
  },
  {
    name: '12288-5-5-1, tanh',
    file: 'image-tanh.npz',
    activations: ['tanh', 'tanh', 'sigmoid'],
    loss: 'binary-cross-entropy',
    layout: 'columns',
    step: 1e-7,
    published: 3.0220555297630148e-9,
    expected: 'pass',
  },
]

/** What a reader of the figures must know. */
export const NOTES_ON_CASES: readonly string[] = [
  "published: the difference that the notebook prints, from its float64 loop. textbook: the same loop here, with the notebook's step (1e-7; 1e-4 for 2-3-1). The other columns: difference arithmetic, step 1e-6 in float64 and 1e-5 in single precision.",
  "three-layer uses the notebook's random seed. The weights of 2-3-1 and of 12288-5-5-1 are ours, and its image is synthetic, not a photograph: those figures compare in size only. The notebook of 2-3-1 divides by the norm of the sum, which is the same for a right gradient.",
]

/** The folder of the examples' files: the build copies them beside the command. */
export function locateExamples(): URL {
  return new URL(/* @vite-ignore */ './examples/', import.meta.url)
}
