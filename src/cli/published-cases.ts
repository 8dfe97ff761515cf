import type { Verdict } from '../check/report.js'

/** A network of a published notebook: the notebook's own function, and the arrays it is checked with. */
export interface PublishedCase {
  readonly name: string
  /** The arrays' file in the examples' folder. */
  readonly file: string
  /** The notebook's code there: the file of its function first, then what that imports. */
  readonly sources: readonly [string, ...string[]]
  /** The function, or a class's method. */
  readonly entry: string
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
    sources: ['three_layer_notebook.py'],
    entry: 'forward_propagation_n',
    step: 1e-7,
    published: 1.1885552035482147e-7,
    expected: 'pass',
  },
  {
    name: 'three-layer, buggy',
    file: 'three-layer-buggy.npz',
    sources: ['three_layer_buggy_notebook.py'],
    entry: 'forward_propagation_n',
    step: 1e-7,
    published: 0.285,
    expected: 'fail',
  },
  {
    name: '2-3-1, rows',
    file: 'two-three-one.npz',
    sources: ['neural_network_demystified.py'],
    entry: 'Neural_Network.costFunction',
    step: 1e-4,
    published: 2.7533413768397804e-10,
    expected: 'pass',
  },
  {
    name: '12288-5-5-1, tanh',
    file: 'image-tanh.npz',
    sources: ['cat_classifier_notebook.py', 'coding_neural_network_from_scratch.py'],
    entry: 'forward_prop_cost',
    step: 1e-7,
    published: 3.0220555297630148e-9,
    expected: 'pass',
  },
]

/** What a reader of the figures must know. */
export const NOTES_ON_CASES: readonly string[] = [
  "Each case is the notebook's own function, read as Python: gradcheck check FILE.npz --forward FILE.py:NAME. published: the difference that the notebook prints, from its float64 loop. textbook: the same loop here, over the function's operations as they are written, with the notebook's step (1e-7; 1e-4 for 2-3-1). The other columns: difference arithmetic, step 1e-7.",
  "three-layer uses the notebook's random seed; sigmoid and relu, which neither three-layer notebook prints, are taken for the usual functions. The indentation that the notebook of 2-3-1 lost is restored, and the file that 12288-5-5-1 imports is ours. The weights of these two are ours as well, and the image is synthetic, not a photograph: those figures compare in size only. The notebook of 2-3-1 divides by the norm of the sum, which is the same for a right gradient.",
]

/** The folder of the examples' files: the build copies them beside the command. */
export function locateExamples(): URL {
  return new URL(/* @vite-ignore */ './examples/', import.meta.url)
}
