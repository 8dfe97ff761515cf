import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { Problem } from '../../src/check/problem.js'
import { ACTIVATION_NAMES, type ActivationText, findActivation } from '../../src/network/activations.js'
import { LAYOUT_NAMES, type Layout } from '../../src/network/layout.js'
import { LOSS_NAMES, type LossName } from '../../src/network/losses.js'
import { dense, sequential } from '../../src/network/network.js'
import { REDUCTION_NAMES, type Reduction } from '../../src/network/reductions.js'
import { type NamedTensors, type Tensor, tensor } from '../../src/tensor.js'
import {
  applyActivation,
  backpropagatePlainly,
  nameArrays,
  type PlainNetwork,
  plainCost,
  type Rows,
  transposed,
} from './plain-network.js'

/** Every activation, and those with a constant with another one as well. */
export const ACTIVATIONS_UNDER_TEST: readonly ActivationText[] = [
  ...ACTIVATION_NAMES,
  'leaky-relu(0.2)',
  'elu(1.5)',
]

/** How targets are given: classes by number, one-hot or by their probabilities, numbers from 0 to 1 (0 or 1 alone), or any numbers. */
export type TargetForm =
  | 'class-numbers'
  | 'one-hot'
  | 'class-probabilities'
  | 'probabilities'
  | 'zeros-and-ones'
  | 'values'

export interface RandomNetworkOptions {
  readonly seed: number
  readonly activations: readonly ActivationText[]
  readonly loss: LossName
  /** @default the loss's own */
  readonly reduction?: Reduction
  /** The weights of samples: none, positive ones, of both signs, or some 0. @default 'none' */
  readonly sampleWeights?: 'none' | 'positive' | 'signed' | 'some-zero'
  /** Whether every third class number is one to ignore. @default false */
  readonly ignoresSome?: boolean
  /** Features, then the outputs of each layer. */
  readonly widths: readonly number[]
  /** @default 3 */
  readonly samples?: number
  /** @default 'columns' */
  readonly layout?: Layout
  /** @default 0 */
  readonly l2?: number
  /** Which layers have biases; `some`: every other one. @default 'all' */
  readonly biases?: 'all' | 'some' | 'none'
  /** Size of the pre-activations; 5 saturates. @default 1 */
  readonly scale?: number
  /** Size of the inputs; the weights make up for it. @default 1 */
  readonly inputScale?: number
  /** @default a form the loss takes, by the seed */
  readonly targets?: TargetForm
  /** How far from 0 every pre-activation of a kinked activation is kept. @default 2e-3 */
  readonly kinkMargin?: number
}

/** A problem with the right gradient, and the plain network it was made of. */
export interface RandomProblem {
  readonly plain: PlainNetwork
  /** Its `gradients` are `gradients` below. */
  readonly problem: Problem
  readonly cost: number
  /** By backpropagation that shares nothing with src: `dW1`, `db1`, … */
  readonly gradients: NamedTensors
}

const MOST_UNIT_DRAWS = 20
const MOST_DRAWS = 1000

/** Random numbers of one seed. */
export class Draws {
  readonly #generator: ReturnType<typeof xoroshiro128plus>

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed)
  }

  /** From 0 to 1. */
  uniform(): number {
    return uniformFloat64(this.#generator)
  }

  /** From 0 to n − 1. */
  below(n: number): number {
    return uniformInt(this.#generator, 0, n - 1)
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]
  }

  /** Standard normal (Box & Muller 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }

  normals(length: number, scale: number): number[] {
    return Array.from({ length }, () => scale * this.normal())
  }
}

/** The forms of targets that a loss takes. */
export function targetFormsOf(loss: LossName): TargetForm[] {
  switch (loss) {
    case 'softmax-cross-entropy':
      return ['class-numbers', 'one-hot', 'class-probabilities']
    case 'binary-cross-entropy':
      return ['zeros-and-ones', 'probabilities']
    default:
      return ['values', 'probabilities']
  }
}

/** Makes a random problem. The same options make the same problem. */
export function makeRandomProblem(options: RandomNetworkOptions): RandomProblem {
  const { activations, loss, widths, samples = 3, layout = 'columns', l2 = 0, seed } = options
  if (widths.length !== activations.length + 1) throw new Error('one width more than activations is needed')
  const draws = new Draws(seed)
  const { X, W, b } = drawLayers(draws, options)
  const forms = targetFormsOf(loss)
  const form = options.targets ?? forms[seed % forms.length]
  const { matrix, given } = drawTargets(draws, form, widths[widths.length - 1], samples)
  const sampleWeights = drawSampleWeights(draws, options.sampleWeights ?? 'none', samples)
  const ignored =
    options.ignoresSome === true && given !== undefined
      ? Array.from({ length: samples }, (_, s) => s % 3 === 1)
      : undefined
  const inLayout = (rows: Rows) => (layout === 'columns' ? rows : transposed(rows))
  const plain: PlainNetwork = {
    activations,
    loss,
    ...(options.reduction === undefined ? {} : { reduction: options.reduction }),
    layout,
    l2,
    ...(sampleWeights === undefined ? {} : { sampleWeights }),
    ...(ignored === undefined ? {} : { ignored }),
    weights: W.map((rows) => (layout === 'rows' ? transposed(rows) : rows)),
    biases: b,
    inputs: inLayout(X),
    targets: inLayout(matrix),
  }
  return ignored === undefined ? problemOf(plain, given) : problemOf(plain)
}

/** The class number of samples that do not count. */
const IGNORED_LABEL = -100

/** A network's targets as they are given: as they stand, or class numbers where some samples are ignored. */
function writeTargets({ targets, layout, ignored }: PlainNetwork): Tensor {
  if (ignored === undefined) return toTensor(targets)
  const samples = layout === 'columns' ? transposed(targets) : targets
  return tensor(
    samples.map((row, s) => (ignored[s] ? IGNORED_LABEL : row.indexOf(1))),
    [samples.length],
  )
}

function drawSampleWeights(
  draws: Draws,
  kind: 'none' | 'positive' | 'signed' | 'some-zero',
  samples: number,
): number[] | undefined {
  if (kind === 'none') return undefined
  return Array.from({ length: samples }, (_, s) => {
    const weight = 0.25 + 3 * draws.uniform()
    if (kind === 'some-zero' && s % 3 === 2) return 0
    return kind === 'signed' && s % 2 === 1 ? -0.3 * weight : weight
  })
}

/**
 * A plain network as a problem with the right gradient.
 * @param targets another form of the network's targets
 */
export function problemOf(plain: PlainNetwork, targets: Tensor = writeTargets(plain)): RandomProblem {
  const { activations, loss, reduction, layout, l2, sampleWeights, ignored } = plain
  const { cost, weights, biases } = backpropagatePlainly(plain)
  const gradients = nameArrays({ weights, biases }, 'd')
  const problem: Problem = {
    network: sequential(activations.map(dense), {
      loss,
      layout,
      l2,
      ...(reduction === undefined ? {} : { reduction }),
      ...(ignored === undefined ? {} : { ignoreIndex: IGNORED_LABEL }),
    }),
    ...(sampleWeights === undefined ? {} : { sampleWeights: tensor(sampleWeights, [sampleWeights.length]) }),
    parameters: nameArrays(plain),
    gradients,
    inputs: toTensor(plain.inputs),
    targets,
  }
  return { plain, problem, cost, gradients }
}

/** Inputs (features × samples), weights (outputs × inputs) and biases. */
function drawLayers(
  draws: Draws,
  options: RandomNetworkOptions,
): { X: Rows; W: Rows[]; b: (number[] | undefined)[] } {
  const { widths, samples = 3, inputScale = 1 } = options
  // a dead sample without biases lies on the kink whatever the next weights are: then all is drawn anew
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const X: Rows = Array.from({ length: widths[0] }, () => draws.normals(samples, inputScale))
    const W: Rows[] = []
    const b: (number[] | undefined)[] = []
    let A = X
    for (const [l, activation] of options.activations.entries()) {
      const hasBiases = options.biases === 'some' ? l % 2 === 1 : options.biases !== 'none'
      const units = Array.from({ length: widths[l + 1] }, () =>
        drawUnit(draws, options, activation, A, hasBiases),
      )
      if (!units.every((unit) => unit !== undefined)) break
      W.push(units.map((unit) => unit.weights))
      b.push(hasBiases ? units.map((unit) => unit.bias) : undefined)
      A = units.map((unit) => unit.z.map((z) => applyActivation(activation, z)))
    }
    if (W.length === options.activations.length) return { X, W, b }
  }
  throw new Error('no network keeps away from the kinks')
}

/** One unit's weights and bias, drawn until its pre-activations keep away from a kink, if ever. */
function drawUnit(
  draws: Draws,
  { scale = 1, kinkMargin = 2e-3 }: RandomNetworkOptions,
  activation: ActivationText,
  A: Rows,
  hasBias: boolean,
): { weights: number[]; bias: number; z: number[] } | undefined {
  // weights of this size give z the size asked for
  const squares = A.flat().reduce((sum, value) => sum + value * value, 0) / A[0].length
  const size = scale / Math.sqrt(squares || 1)
  for (let draw = 0; draw < MOST_UNIT_DRAWS; draw++) {
    const weights = draws.normals(A.length, size)
    const bias = hasBias ? 0.3 * scale * draws.normal() : 0
    const z = A[0].map((_, s) => A.reduce((sum, row, j) => sum + weights[j] * row[s], bias))
    if (!findActivation(activation).hasKink || z.every((value) => Math.abs(value) >= kinkMargin)) {
      return { weights, bias, z }
    }
  }
  return undefined
}

/** Targets as outputs × samples, and in the form they are given in when that is another. */
function drawTargets(
  draws: Draws,
  form: TargetForm,
  outputs: number,
  samples: number,
): { matrix: Rows; given?: Tensor } {
  const fill = (value: () => number) =>
    Array.from({ length: outputs }, () => Array.from({ length: samples }, value))
  switch (form) {
    case 'values':
      return { matrix: fill(() => draws.normal()) }
    case 'probabilities':
      return { matrix: fill(() => draws.uniform()) }
    case 'zeros-and-ones':
      return { matrix: fill(() => draws.below(2)) }
    case 'class-probabilities': {
      const sizes = fill(() => 0.02 + draws.uniform() ** 3)
      const sums = sizes[0].map((_, s) => sizes.reduce((sum, row) => sum + row[s], 0))
      return { matrix: sizes.map((row) => row.map((size, s) => size / sums[s])) }
    }
    default: {
      const classes = Array.from({ length: samples }, () => draws.below(outputs))
      const matrix = Array.from({ length: outputs }, (_, i) =>
        classes.map((target) => (target === i ? 1 : 0)),
      )
      return form === 'one-hot' ? { matrix } : { matrix, given: tensor(classes, [samples]) }
    }
  }
}

export const toTensor = (rows: Rows): Tensor => tensor(rows.flat(), [rows.length, rows[0].length])

/** An activation for layer `l` of a network, so that those of a row of networks have every one. */
export const activationUnderTest = (number: number, l: number): ActivationText =>
  ACTIVATIONS_UNDER_TEST[(4 * number + 7 * l) % ACTIVATIONS_UNDER_TEST.length]

/** How the losses of a network's samples add up, chosen by its number: every fourth is as it is by default. */
export function drawReduction(
  number: number,
): Pick<RandomNetworkOptions, 'reduction' | 'sampleWeights' | 'ignoresSome'> {
  if (number % 4 === 0) return {}
  const reduction = REDUCTION_NAMES[Math.floor(number / 4) % REDUCTION_NAMES.length]
  const sampleWeights = (['none', 'positive', 'signed', 'some-zero'] as const)[(number + (number >> 4)) % 4]
  return {
    reduction,
    // whose sum may be near 0
    sampleWeights: reduction === 'weighted-mean' && sampleWeights === 'signed' ? 'positive' : sampleWeights,
    ignoresSome: number % 5 < 3,
  }
}

/** Those of the small networks below, in their order. */
const SOME_ACTIVATIONS: readonly ActivationText[] = [
  ...(['linear', 'relu', 'leaky-relu', 'elu', 'selu', 'sigmoid'] as const),
  ...(['tanh', 'softplus', 'softsign', 'silu', 'gelu', 'gelu-tanh'] as const),
]

/** Everything of a network chosen by its number, so that 60 in a row have every depth with every layout and loss. */
export function randomOptions(number: number): RandomNetworkOptions {
  const draws = new Draws(number)
  const depth = 1 + (number % 5)
  const loss = LOSS_NAMES[number % LOSS_NAMES.length]
  const activations = Array.from(
    { length: depth },
    (_, l) => SOME_ACTIVATIONS[(5 * number + 7 * l) % SOME_ACTIVATIONS.length],
  )
  if (loss === 'binary-cross-entropy') activations[depth - 1] = 'sigmoid'
  else if (loss === 'softmax-cross-entropy') activations[depth - 1] = 'linear'
  const widths = Array.from({ length: depth + 1 }, () => 1 + draws.below(6))
  if (loss === 'softmax-cross-entropy') widths[depth] += 1
  return {
    seed: number,
    activations,
    loss,
    widths,
    samples: 1 + draws.below(6),
    layout: LAYOUT_NAMES[number % LAYOUT_NAMES.length],
    l2: number % 7 < 3 ? 0 : draws.uniform(),
    biases: draws.pick(['all', 'all', 'some', 'none']),
    scale: draws.pick([0.5, 1, 2]),
  }
}

/** J with one element of one of the user's arrays changed by `change`, by the plain formulas. */
export function costWithChange(
  { plain }: RandomProblem,
  name: string,
  offset: number,
  change: number,
): number {
  const l = Number(name.slice(1)) - 1
  if (name.startsWith('b')) {
    const biases = plain.biases.map((b, k) => (k === l ? b!.with(offset, b![offset] + change) : b))
    return plainCost({ ...plain, biases })
  }
  const weights = plain.weights.map((W, k) => (k === l ? changed(W, offset, change) : W))
  return plainCost({ ...plain, weights })
}

function changed(W: Rows, offset: number, change: number): Rows {
  const [i, j] = [Math.floor(offset / W[0].length), offset % W[0].length]
  return W.with(i, W[i].with(j, W[i][j] + change))
}
