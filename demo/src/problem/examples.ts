import type { ArrayProblemOptions } from 'webgpu-gradcheck'
import digitsSklearn from '../../../test/fixtures/digits-sklearn.npz?url'
import digitsTorch from '../../../test/fixtures/digits-torch.safetensors?url'
import imageTanh from '../../../test/fixtures/image-tanh.npz?url'
import threeLayer from '../../../test/fixtures/three-layer.npz?url'
import threeLayerBuggy from '../../../test/fixtures/three-layer-buggy.npz?url'
import twoThreeOne from '../../../test/fixtures/two-three-one.npz?url'

/** A saved gradient that comes with the page. */
export interface Example {
  readonly id: string
  readonly title: string
  /** The network in a line. */
  readonly network: string
  /** What there is to learn from it. */
  readonly lesson: string
  readonly url: string
  readonly options: ArrayProblemOptions
  /** The difference its notebook prints. */
  readonly published?: number
}

const THREE_LAYERS: ArrayProblemOptions = {
  activations: ['relu', 'relu', 'sigmoid'],
  loss: 'binary-cross-entropy',
}

/** The four notebooks' networks, and two trained by other programs. */
export const EXAMPLES: readonly Example[] = [
  {
    id: 'three-layer-buggy',
    title: 'Two bugs to find',
    network: '4-5-3-1, ReLU · 47 parameters',
    lesson:
      'A backward pass with two slips: one line is twice too large, another four times. Nothing crashes and training still seems to work, only worse; the check names both tensors.',
    url: threeLayerBuggy,
    options: THREE_LAYERS,
    published: 0.285,
  },
  {
    id: 'three-layer',
    title: 'The same, mended',
    network: '4-5-3-1, ReLU · 47 parameters',
    lesson:
      'With both lines mended the two gradients agree to many digits. A gradient that is right leaves only rounding behind; one that is wrong leaves a difference far above it.',
    url: threeLayer,
    options: THREE_LAYERS,
    published: 1.1885552035482147e-7,
  },
  {
    id: 'two-three-one',
    title: 'The smallest network',
    network: '2-3-1, sigmoid · 9 parameters',
    lesson:
      'Nine weights, no biases, three samples: hours asleep and hours of study give a test score. Small enough to follow every number, and already enough for a wrong derivative to hide in.',
    url: twoThreeOne,
    options: {
      activations: ['sigmoid', 'sigmoid'],
      loss: 'half-squared-error',
      layout: 'rows',
      targets: 'y',
    },
    published: 2.7533413768397804e-10,
  },
  {
    id: 'image-tanh',
    title: 'A whole image',
    network: '12288-5-5-1, tanh · 61,481 parameters',
    lesson:
      'An image of 64 × 64 pixels in three colours. Two whole forward passes for each of 61,481 parameters are why a check is run on few samples, and switched off while training. Here they all run at once.',
    url: imageTanh,
    options: { activations: ['tanh', 'tanh', 'sigmoid'], loss: 'binary-cross-entropy' },
    published: 3.0220555297630148e-9,
  },
  {
    id: 'digits-torch',
    title: 'Digits from PyTorch',
    network: '64-32-16-10, tanh and ReLU · float32',
    lesson:
      'Gradients that PyTorch computed in float32. Numbers stored with seven digits cannot agree to ten: the tolerance follows the precision they were saved in.',
    url: digitsTorch,
    options: { activations: ['tanh', 'relu', 'linear'], loss: 'softmax-cross-entropy', layout: 'pytorch' },
  },
  {
    id: 'digits-sklearn',
    title: 'Digits from scikit-learn',
    network: '64-24-12-10, tanh · L2 0.01',
    lesson:
      'The same digits with a penalty on large weights. The L2 term belongs to the loss, so its derivative belongs to the gradient: leave it out on one side and every weight disagrees a little.',
    url: digitsSklearn,
    options: {
      activations: ['tanh', 'tanh', 'linear'],
      loss: 'softmax-cross-entropy',
      layout: 'rows',
      l2: 0.01,
    },
  },
]

export function findExample(id: string | undefined): Example {
  return EXAMPLES.find((example) => example.id === id) ?? EXAMPLES[0]
}
