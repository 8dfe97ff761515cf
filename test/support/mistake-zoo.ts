import type { Problem } from '../../src/check/problem.js'
import { ACTIVATION_NAMES, type ActivationName } from '../../src/network/activations.js'
import { LAYOUT_NAMES } from '../../src/network/layout.js'
import { LOSS_NAMES, type LossName } from '../../src/network/losses.js'
import type { NamedTensors } from '../../src/tensor.js'
import { INJECTIONS, type Specimen } from './injected-mistakes.js'
import { MISTAKE_CLASSES, MISTAKE_PAIRS, type MistakeClass } from './mistake-classes.js'
import { rightNotebook, runNotebook } from './mistaken-network.js'
import type { PlainNetwork, Rows } from './plain-network.js'
import { storeAs } from './plant-errors.js'
import { Draws, makeRandomProblem, problemOf, type RandomProblem } from './random-network.js'

/** A gradient with a mistake in it, and what a diagnosis must say of it. */
export interface ZooCase {
  readonly kind: string
  /** Which form of the mistake, for messages. */
  readonly variant: string
  readonly problem: Problem
  readonly plain: PlainNetwork
  /** The wrong gradient. */
  readonly gradients: NamedTensors
  /** Names of the parameters whose gradients are wrong. */
  readonly tensors: readonly string[]
  /** The layer at fault, from 1, where the mistake is in one layer's step of the backward pass. */
  readonly layer?: number
}

export const ZOO_KINDS = Object.keys(INJECTIONS)

/** What the networks of a zoo are like. */
export interface ZooOptions {
  /** `roomy`: 3 or more samples, 2 or more units a layer, 2 to 4 layers; `tight`: from 1 on. @default 'roomy' */
  readonly shape?: 'roomy' | 'tight'
  /** Arithmetic of the forward and backward pass, and what the gradient is stored in. @default 'float64' */
  readonly arithmetic?: 'float64' | 'float32'
}

const MOST_DRAWS = 400
/** A tensor counts as wrong from this difference on, and as right up to the second. */
const BOUNDS = { float64: [1e-3, 1e-12], float32: [1e-2, 3e-6] }

function findInjection(name: string): Omit<MistakeClass, 'kind'> & { kind: string } {
  const pair = MISTAKE_PAIRS[name]
  if (pair !== undefined) return { kind: pair.kinds.join(), inject: pair.inject }
  return MISTAKE_CLASSES[name] ?? { kind: name, inject: INJECTIONS[name] }
}

/**
 * The case of a kind, or of a class of `MISTAKE_CLASSES`, with a number; the same number makes the same case.
 */
export function makeZooCase(name: string, number: number, options: ZooOptions = {}): ZooCase {
  const { kind, inject, activations } = findInjection(name)
  const { shape = 'roomy', arithmetic = 'float64' } = options
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const seed = 1000 * number + draw
    const draws = new Draws(seed)
    const specimen = prepare(drawNetwork(kind, number, seed, draws, shape, activations), arithmetic)
    const injected = inject(specimen, draws)
    if (injected === undefined) continue
    const tensors = findWrong(specimen.gradients, injected.gradients, BOUNDS[arithmetic], shape)
    if (tensors === undefined || tensors.length === 0) continue
    const gradients = arithmetic === 'float32' ? storeAs(injected.gradients, 'float32') : injected.gradients
    const { plain, problem } = specimen
    return { kind, ...injected, plain, problem: { ...problem, gradients }, gradients, tensors }
  }
  throw new Error(`no network has room for ${name} ${number}`)
}

/**
 * Two mistakes at once: one of any kind, and then one of a kind that spoils a single tensor.
 * @param where whether that tensor is one of those that the first has spoilt, or another
 */
export function makeDoubleCase(
  first: string,
  second: string,
  number: number,
  where: 'on top' | 'beside',
): { one: ZooCase; other: ZooCase } {
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const one = makeZooCase(first, number + 100 * draw)
    const specimen = { ...problemOf(one.plain), gradients: one.gradients, round: (value: number) => value }
    const injected = INJECTIONS[second](specimen, new Draws(1000 * number + draw))
    if (injected === undefined) continue
    const { gradients } = injected
    const tensors = findWrong(one.gradients, gradients, BOUNDS.float64, 'roomy')
    if (tensors?.length !== 1 || one.tensors.includes(tensors[0]) !== (where === 'on top')) continue
    // another tensor of each layer has to show the first mistake
    if (where === 'on top' && one.plain.biases.includes(undefined)) continue
    const problem = { ...one.problem, gradients }
    return { one: { ...one, problem }, other: { ...one, kind: second, ...injected, problem, tensors } }
  }
  throw new Error(`no network has room for ${first} and ${second} ${number}`)
}

/** A right gradient, computed as the wrong ones of a zoo are. */
export function makeRightCase(number: number, options: ZooOptions = {}): Problem {
  const { shape = 'roomy', arithmetic = 'float64' } = options
  const draws = new Draws(number)
  const { problem, gradients } = prepare(drawNetwork('', number, number, draws, shape), arithmetic)
  return { ...problem, gradients: arithmetic === 'float32' ? storeAs(gradients, 'float32') : gradients }
}

function prepare(random: RandomProblem, arithmetic: 'float64' | 'float32'): Specimen {
  if (arithmetic === 'float64') return { ...random, round: (value) => value }
  const round = Math.fround
  const rows = (a: Rows) => a.map((row) => row.map(round))
  const { plain } = random
  const rounded = {
    ...plain,
    weights: plain.weights.map(rows),
    biases: plain.biases.map((b) => b?.map(round)),
    inputs: rows(plain.inputs),
    targets: rows(plain.targets),
  }
  const gradients = runNotebook(rounded, rightNotebook(rounded), round)
  return { ...problemOf(rounded), gradients, round }
}

/** The tensors that differ visibly; undefined where one differs by next to nothing, or is all but dead. */
function findWrong(
  right: NamedTensors,
  wrong: NamedTensors,
  [least, most]: readonly number[],
  shape: ZooOptions['shape'],
): string[] | undefined {
  const names: string[] = []
  for (const [name, { data }] of right) {
    const other = wrong.get(name)!.data
    const size = Math.hypot(...data)
    const distance = Math.hypot(...data.map((value, k) => value - other[k])) / (size + Math.hypot(...other))
    if (distance > least) {
      const alive = data.filter((value) => Math.abs(value) > 1e-6 * size).length
      if (shape === 'roomy' && alive < Math.max(2, data.length / 2)) return undefined
      names.push(name.slice(1))
    } else if (distance > most) return undefined
  }
  return names
}

/** A network for a case: every depth with every layout and loss, and as many units as the kind needs. */
function drawNetwork(
  kind: string,
  number: number,
  seed: number,
  draws: Draws,
  shape: ZooOptions['shape'],
  needed?: readonly ActivationName[],
): RandomProblem {
  const isTight = shape === 'tight'
  const depth = (isTight ? 1 : 2) + (number % 3)
  const loss: LossName = LOSS_NAMES[(number + (seed % 7)) % LOSS_NAMES.length]
  const activations = Array.from({ length: depth }, () => draws.pick(ACTIVATION_NAMES))
  if (needed !== undefined) activations[draws.below(depth)] = draws.pick(needed)
  if (loss === 'binary-cross-entropy') activations[depth - 1] = 'sigmoid'
  if (loss === 'softmax-cross-entropy') activations[depth - 1] = 'linear'
  const samples = draws.pick(isTight ? [1, 2, 3] : [3, 4, 5, 7, 9])
  const drawWidth = () => (isTight ? 1 + draws.below(3) : 2 + draws.below(6))
  const width = drawWidth()
  // many kinds need layers of the same width
  const widths = Array.from({ length: depth + 1 }, () => (draws.uniform() < 0.5 ? width : drawWidth()))
  if (kind === 'bias-summed-wrong' && number % 3 === 0) widths[1 + draws.below(depth)] = samples
  if (loss === 'softmax-cross-entropy') widths[depth] = Math.max(2, widths[depth])
  const needsPenalty = kind.startsWith('regularisation') && kind !== 'regularisation-wrong'
  return makeRandomProblem({
    seed,
    activations,
    loss,
    widths,
    samples,
    layout: LAYOUT_NAMES[number % LAYOUT_NAMES.length],
    l2: needsPenalty || draws.uniform() < 0.3 ? 0.2 + draws.uniform() : 0,
    biases: draws.pick(['all', 'all', 'all', 'some', 'none']),
  })
}
