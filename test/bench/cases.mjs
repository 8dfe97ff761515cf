import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { backpropagate } from './backpropagation.mjs'

/**
 * A network to be checked.
 * @typedef {object} CaseDescription
 * @property {string} name what `--cases` calls it
 * @property {string} title what the table calls it
 * @property {number[]} widths features, then the outputs of each layer
 * @property {('relu'|'tanh'|'sigmoid'|'linear')[]} activations one a layer
 * @property {'binary-cross-entropy'|'softmax-cross-entropy'|'half-squared-error'} loss
 * @property {number} samples
 * @property {boolean} [wrong] true where every entry of the gradient is off, by another factor each
 * @property {readonly string[]} [methods] what is measured, where it is not everything
 * @property {'pixels'|'normal'} inputs how X is drawn: the 256 grey levels from 0 to 1, or normally distributed
 */

/**
 * An array in row-major order.
 * @typedef {{ shape: number[], data: Float64Array }} NumericArray
 */

/**
 * A case with its data: X (features, samples), Y (outputs, samples), `W1` (outputs, inputs), `b1` (outputs, 1), …
 * @typedef {CaseDescription & {
 *   X: NumericArray, Y: NumericArray, parameters: Record<string, NumericArray>, gradients: Record<string, NumericArray>
 * }} Case
 */

/** @returns {CaseDescription} */
function describeImageNetwork(samples) {
  return {
    name: `image-${samples}`,
    title: `12288-5-5-1 tanh, ${samples} ${samples === 1 ? 'sample' : 'samples'}`,
    widths: [12288, 5, 5, 1],
    activations: ['tanh', 'tanh', 'sigmoid'],
    loss: 'binary-cross-entropy',
    samples,
    inputs: 'pixels',
  }
}

/** @returns {CaseDescription} */
function describeReluNetwork(widths, samples = 32) {
  const shape = widths.join('-')
  return {
    name: shape,
    title: `${shape} ReLU, ${samples} samples`,
    widths,
    activations: [...new Array(widths.length - 2).fill('relu'), 'linear'],
    loss: 'softmax-cross-entropy',
    samples,
    inputs: 'normal',
  }
}

/** @returns {CaseDescription} */
function describeTanhNetwork(width, layers, samples = 32) {
  return {
    name: `${width}x${layers}`,
    title: `${width}×${layers} tanh (${layers} layers of ${width} on ${width} inputs, squared error), ${samples} samples`,
    widths: new Array(layers + 1).fill(width),
    activations: new Array(layers).fill('tanh'),
    loss: 'half-squared-error',
    samples,
    inputs: 'normal',
  }
}

/** The methods of cases that compare ours with ours. */
const OURS_BY_DEFAULT = ['gpu', 'software', 'cpu']

/** @type {CaseDescription[]} */
export const CASES = [
  describeImageNetwork(1),
  describeImageNetwork(209),
  describeReluNetwork([784, 256, 128, 10]),
  describeReluNetwork([784, 512, 512, 10]),
  describeReluNetwork([784, 2048, 2048, 10]),
  describeTanhNetwork(1024, 6),
  {
    ...describeReluNetwork([1000, 2000, 10]),
    name: 'wrong',
    title: '1000-2000-10 ReLU, 32 samples, every entry wrong',
    wrong: true,
    methods: OURS_BY_DEFAULT,
  },
  {
    ...describeReluNetwork([1000, 2000, 10]),
    name: 'right',
    title: '1000-2000-10 ReLU, 32 samples, the same but right',
    methods: OURS_BY_DEFAULT,
  },
  {
    ...describeReluNetwork([784, 10], 20_000),
    name: 'many-samples',
    title: '784-10, one layer, 20,000 samples',
    methods: OURS_BY_DEFAULT,
  },
]

/**
 * Small ones, to try the bench itself.
 * @type {CaseDescription[]}
 */
export const QUICK_CASES = [
  {
    ...describeImageNetwork(3),
    name: 'quick-image',
    title: '48-5-5-1 tanh, 3 samples',
    widths: [48, 5, 5, 1],
  },
  describeReluNetwork([64, 48, 32, 10], 8),
  describeTanhNetwork(32, 6, 8),
  {
    ...describeReluNetwork([64, 48, 10], 8),
    name: 'quick-wrong',
    title: '64-48-10 ReLU, 8 samples, every entry wrong',
    wrong: true,
    methods: OURS_BY_DEFAULT,
  },
]

/** Before anything is timed. @type {CaseDescription} */
export const WARM_UP_CASE = describeReluNetwork([8, 8, 4], 4)

/** @param {CaseDescription} description */
export function countParameters({ widths }) {
  return widths.slice(1).reduce((sum, outputs, l) => sum + outputs * (widths[l] + 1), 0)
}

/**
 * Multiply-adds of difference arithmetic with the central scheme for every parameter. A perturbation of layer l costs
 * a sample 1 for its own unit, n_{l+1} for the rank-one change of the next layer and n_q·n_{q−1} for each one after.
 * @param {CaseDescription} description
 */
export function countMultiplyAdds({ widths, samples }) {
  const layers = widths.length - 1
  let total = 0
  for (let l = 1; l <= layers; l++) total += widths[l] * (widths[l - 1] + 1) * countEach(widths, l)
  return 2 * samples * total
}

/** What a perturbation of layer l, from 1, costs a sample. */
function countEach(widths, l) {
  const layers = widths.length - 1
  let each = 1
  if (l < layers) each += widths[l + 1]
  for (let q = l + 2; q <= layers; q++) each += widths[q] * widths[q - 1]
  return each
}

/**
 * The same where outputs are moved: a unit's costs each sample what its layer's perturbation does, and each of its
 * parameters a multiply-add for each sample.
 * @param {CaseDescription} description
 * @param {(l: number) => number} shareOf how much of layer l, from 0, is done
 */
export function countOutputWork({ widths, samples }, shareOf = () => 1) {
  const layers = widths.length - 1
  let total = 0
  for (let l = 1; l <= layers; l++) {
    total += shareOf(l - 1) * widths[l] * (2 * countEach(widths, l) + widths[l - 1] + 1)
  }
  return samples * total
}

/**
 * Draws the arrays of a case: weights of deviation 1/√inputs (√2 times that before a ReLU), biases of 0.1.
 * @param {CaseDescription} description
 * @param {number} seed
 * @returns {Case}
 */
export function makeCase(description, seed) {
  const { widths, activations, samples } = description
  const random = new RandomNumbers(seed)
  const X = random.fill([widths[0], samples], () =>
    description.inputs === 'normal' ? random.normal() : Math.floor(256 * random.uniform()) / 255,
  )
  /** @type {Record<string, NumericArray>} */
  const parameters = {}
  for (const [l, activation] of activations.entries()) {
    const [inputs, outputs] = [widths[l], widths[l + 1]]
    const deviation = Math.sqrt((activation === 'relu' ? 2 : 1) / inputs)
    const W = random.fill([outputs, inputs], () => deviation * random.normal())
    const b = random.fill([outputs, 1], () => 0.1 * random.normal())
    parameters[`W${l + 1}`] = W
    parameters[`b${l + 1}`] = b
  }
  const Y = drawTargets(description, random)
  const gradients = backpropagate({ ...description, X, Y, parameters })
  if (description.wrong === true) {
    for (const { data } of Object.values(gradients)) {
      for (let k = 0; k < data.length; k++) data[k] *= 1 + 0.3 * random.normal()
    }
  }
  return { ...description, X, Y, parameters, gradients }
}

/**
 * @param {CaseDescription} description
 * @param {RandomNumbers} random
 * @returns {NumericArray} (outputs, samples): 0 or 1, a class one-hot, or numbers within tanh's range
 */
function drawTargets({ widths, loss, samples }, random) {
  const outputs = widths[widths.length - 1]
  if (loss === 'binary-cross-entropy') {
    return random.fill([outputs, samples], () => (random.uniform() < 0.5 ? 0 : 1))
  }
  if (loss === 'half-squared-error')
    return random.fill([outputs, samples], () => 1.8 * random.uniform() - 0.9)
  const Y = random.fill([outputs, samples], () => 0)
  for (let s = 0; s < samples; s++) Y.data[Math.floor(random.uniform() * outputs) * samples + s] = 1
  return Y
}

class RandomNumbers {
  #generator
  /** @type {number | undefined} */
  #spare

  /** @param {number} seed */
  constructor(seed) {
    this.#generator = xoroshiro128plus(seed)
  }

  /** From 0, included, to 1, excluded. */
  uniform() {
    return uniformFloat64(this.#generator)
  }

  /** Of mean 0 and deviation 1 (Box & Muller 1958). */
  normal() {
    if (this.#spare !== undefined) {
      const kept = this.#spare
      this.#spare = undefined
      return kept
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    const angle = 2 * Math.PI * this.uniform()
    this.#spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }

  /**
   * @param {number[]} shape
   * @param {() => number} draw
   * @returns {NumericArray}
   */
  fill(shape, draw) {
    const size = shape.reduce((product, length) => product * length, 1)
    return { shape, data: Float64Array.from({ length: size }, draw) }
  }
}
