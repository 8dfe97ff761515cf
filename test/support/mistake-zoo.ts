import type { Problem } from '../../src/check/problem.js'
import { ACTIVATION_NAMES, type ActivationName } from '../../src/network/activations.js'
import { LAYOUT_NAMES } from '../../src/network/layout.js'
import { LOSS_NAMES, type LossName } from '../../src/network/losses.js'
import { type NamedTensors, type Tensor, tensor } from '../../src/tensor.js'
import {
  columnSums,
  type Notebook,
  probabilities,
  product,
  rightNotebook,
  runNotebook,
  type Values,
} from './mistaken-network.js'
import { activationSlope, type PlainNetwork, type Rows, transposed } from './plain-network.js'
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

/** What the networks of a zoo are like. */
export interface ZooOptions {
  /** `roomy`: 3 or more samples, 2 or more units a layer, 2 to 4 layers; `tight`: from 1 on. @default 'roomy' */
  readonly shape?: 'roomy' | 'tight'
  /** Arithmetic of the forward and backward pass, and what the gradient is stored in. @default 'float64' */
  readonly arithmetic?: 'float64' | 'float32'
}

/** A problem to make a mistake in; its `gradients` are right. */
interface Specimen extends RandomProblem {
  readonly round: (value: number) => number
}

/** How a kind of mistake is made: undefined where the network at hand has no room for it. */
type Injection = (
  specimen: Specimen,
  draws: Draws,
) => { variant: string; gradients: NamedTensors; layer?: number } | undefined

const MOST_DRAWS = 400
/** A tensor counts as wrong from this difference on, and as right up to the second. */
const BOUNDS = { float64: [1e-3, 1e-12], float32: [1e-2, 3e-6] }

/** The case of a kind with a number; the same number makes the same case. */
export function makeZooCase(kind: string, number: number, options: ZooOptions = {}): ZooCase {
  const { shape = 'roomy', arithmetic = 'float64' } = options
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const seed = 1000 * number + draw
    const draws = new Draws(seed)
    const specimen = prepare(drawNetwork(kind, number, seed, draws, shape), arithmetic)
    const injected = INJECTIONS[kind](specimen, draws)
    if (injected === undefined) continue
    const tensors = findWrong(specimen.gradients, injected.gradients, BOUNDS[arithmetic], shape)
    if (tensors === undefined || tensors.length === 0) continue
    const gradients = arithmetic === 'float32' ? storeAs(injected.gradients, 'float32') : injected.gradients
    const { plain, problem } = specimen
    return { kind, ...injected, plain, problem: { ...problem, gradients }, gradients, tensors }
  }
  throw new Error(`no network has room for ${kind} ${number}`)
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
  const rows = (a: Rows) => map(a, round)
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
): RandomProblem {
  const isTight = shape === 'tight'
  const depth = (isTight ? 1 : 2) + (number % 3)
  const loss: LossName = LOSS_NAMES[(number + (seed % 7)) % LOSS_NAMES.length]
  const activations = Array.from({ length: depth }, () => draws.pick(ACTIVATION_NAMES))
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

const weightNames = ({ plain }: RandomProblem) => plain.weights.map((_, l) => `dW${l + 1}`)
const biasNames = ({ plain }: RandomProblem) =>
  plain.biases.flatMap((b, l) => (b === undefined ? [] : [`db${l + 1}`]))

function replace(
  gradients: NamedTensors,
  name: string,
  change: (value: number, k: number) => number,
): NamedTensors {
  const { data, shape } = gradients.get(name)!
  return new Map(gradients).set(name, tensor(data.map(change), shape))
}

const rowsOf = ({ data, shape }: Tensor): Rows =>
  Array.from({ length: shape[0] }, (_, i) => Array.from(data.slice(i * shape[1], (i + 1) * shape[1])))

const withRows = (gradients: NamedTensors, name: string, rows: Rows): NamedTensors =>
  new Map(gradients).set(name, tensor(rows.flat(), gradients.get(name)!.shape))

/** A mistake in the lines of the backward pass. */
const inNotebook = (
  { plain, round }: Specimen,
  variant: string,
  change: (right: Notebook) => Partial<Notebook>,
  layer?: number,
) => {
  const right = rightNotebook(plain)
  const gradients = runNotebook(plain, { ...right, ...change(right) }, round)
  return layer === undefined ? { variant, gradients } : { variant, gradients, layer: layer + 1 }
}

const averages = (loss: LossName) => loss !== 'half-squared-error'
const readsLogits = (loss: LossName) => loss.endsWith('cross-entropy')
/** Layers whose activation's derivative is a line of its own. */
const layersWithSlope = ({ activations, loss }: PlainNetwork) =>
  activations.flatMap((name, l) =>
    name === 'linear' || (l === activations.length - 1 && readsLogits(loss)) ? [] : [l],
  )
const pickFrom = <T>(draws: Draws, choices: readonly T[]): T | undefined =>
  choices.length === 0 ? undefined : draws.pick(choices)
const map = (a: Rows, f: (value: number, s: number, i: number) => number): Rows =>
  a.map((row, s) => row.map((value, i) => f(value, s, i)))

/** Derivatives in terms of a, for the classic of feeding them z. */
const OUTPUT_FORMS: Partial<Record<ActivationName, (a: number) => number>> = {
  tanh: (a) => 1 - a ** 2,
  sigmoid: (a) => a * (1 - a),
  softsign: (a) => (1 - Math.abs(a)) ** 2,
}

const multiply =
  (choose: (random: Specimen, draws: Draws) => number | undefined): Injection =>
  (random, draws) => {
    const factor = choose(random, draws)
    if (factor === undefined) return undefined
    const name = draws.pick([...random.gradients.keys()])
    return { variant: `${name} × ${factor}`, gradients: replace(random.gradients, name, (g) => factor * g) }
  }

const INJECTIONS: Record<string, Injection> = {
  // a factor that is also m or 1/m has another name
  scaled: multiply(({ plain }, draws) => {
    const m = plain.targets.length
    const factor = draws.pick([2, 0.5, 3, 1.7, -2, 10, 0.3])
    const samples = plain.layout === 'columns' ? plain.targets[0].length : m
    return factor === samples || factor === 1 / samples ? undefined : factor
  }),
  'sign-flipped': multiply(() => -1),
  zero: multiply(() => 0),
  'not-averaged'(random, draws) {
    const { plain } = random
    if (!averages(plain.loss)) return undefined
    const forms: [string, () => ReturnType<Injection>][] = [
      [
        'everywhere',
        () =>
          inNotebook(random, 'everywhere', (right) => ({
            outputDelta: (v) => map(right.outputDelta(v), (d) => v.m * d),
          })),
      ],
      [
        'weights',
        () =>
          inNotebook(random, 'weights', (right) => ({
            weights: (v, l, d) => map(right.weights(v, l, d), (g) => v.m * g),
          })),
      ],
      [
        'biases',
        () =>
          inNotebook(random, 'biases', (right) => ({
            biases: (v, l, d) => right.biases(v, l, d).map((g) => v.m * g),
          })),
      ],
    ]
    return draws.pick(forms)[1]()
  },
  'averaged-twice'(random, draws) {
    const isEverywhere = draws.below(2) === 0
    return inNotebook(random, isEverywhere ? 'everywhere' : 'weights', (right) =>
      isEverywhere
        ? { outputDelta: (v) => map(right.outputDelta(v), (d) => d / v.m) }
        : { weights: (v, l, d) => map(right.weights(v, l, d), (g) => g / v.m) },
    )
  },
  transposed(random, draws) {
    const square = weightNames(random).filter((name) => {
      const [rows, columns] = random.gradients.get(name)!.shape
      return rows === columns
    })
    const name = pickFrom(draws, square)
    if (name === undefined) return undefined
    const turned = transposed(rowsOf(random.gradients.get(name)!))
    return { variant: name, gradients: withRows(random.gradients, name, turned) }
  },
  reordered(random, draws) {
    const oblong = weightNames(random).filter((name) => {
      const [rows, columns] = random.gradients.get(name)!.shape
      return rows !== columns
    })
    const name = pickFrom(draws, oblong)
    if (name === undefined) return undefined
    const right = random.gradients.get(name)!
    const [rows, columns] = right.shape
    if (draws.below(2) === 0) {
      return {
        variant: `${name} transposed, reshaped`,
        gradients: withRows(random.gradients, name, transposed(rowsOf(right))),
      }
    }
    const reshaped = rowsOf(tensor(right.data, [columns, rows]))
    return {
      variant: `${name} reshaped, transposed`,
      gradients: withRows(random.gradients, name, transposed(reshaped)),
    }
  },
  elements(random, draws) {
    const name = draws.pick([...random.gradients.keys()])
    const { data } = random.gradients.get(name)!
    if (data.length < 5) return undefined
    // in one diagonal, so that no row or column is filled
    const columns = random.gradients.get(name)!.shape[1] ?? 1
    const chosen =
      draws.below(2) === 0 ? [draws.below(data.length)] : [0, columns + 1].filter((k) => k < data.length)
    const changes = [(g: number) => -g, () => 0, (g: number) => 1.3 * g + 0.1]
    const change = draws.pick(changes)
    return {
      variant: `${name} ${chosen}`,
      gradients: replace(random.gradients, name, (g, k) => (chosen.includes(k) ? change(g) : g)),
    }
  },
  rows: lines(0),
  columns: lines(1),
  swapped(random, draws) {
    const names = [...random.gradients.keys()]
    const pairs = names.flatMap((a, k) =>
      names
        .slice(k + 1)
        .filter((b) => String(random.gradients.get(b)!.shape) === String(random.gradients.get(a)!.shape))
        .map((b) => [a, b]),
    )
    const pair = pickFrom(draws, pairs)
    if (pair === undefined) return undefined
    const [a, b] = pair
    return {
      variant: `${a} and ${b}`,
      gradients: new Map(random.gradients).set(a, random.gradients.get(b)!).set(b, random.gradients.get(a)!),
    }
  },
  shifted(random, draws) {
    const name = draws.pick([...random.gradients.keys()])
    const { data, shape } = random.gradients.get(name)!
    const by = draws.pick([1, -1])
    const [rows, columns] = [shape[0], shape[1] ?? 1]
    if (shape.length === 1 || draws.below(3) === 0) {
      if (data.length < 3) return undefined
      return {
        variant: `${name} by ${by}`,
        gradients: replace(random.gradients, name, (_g, k) => data[(k + by + data.length) % data.length]),
      }
    }
    // two rows or columns moved by one are swapped
    const axis = draws.below(2)
    if (shape[axis] < 3) return undefined
    const right = rowsOf(random.gradients.get(name)!)
    const isWrapped = draws.below(2) === 0
    const moved = map(right, (_g, i, j) => {
      const [row, column] = axis === 0 ? [i + by, j] : [i, j + by]
      const isInside = row >= 0 && row < rows && column >= 0 && column < columns
      return isInside || isWrapped ? right[(row + rows) % rows][(column + columns) % columns] : 0
    })
    return { variant: `${name} axis ${axis} by ${by}`, gradients: withRows(random.gradients, name, moved) }
  },
  'regularisation-missing'(random, draws) {
    const only = draws.below(2) === 0 ? draws.below(random.plain.weights.length) : -1
    return inNotebook(random, only < 0 ? 'everywhere' : `dW${only + 1}`, (right) => ({
      decay: (v, w) => (only < 0 || v.W[only].flat().includes(w) ? 0 : right.decay(v, w)),
    }))
  },
  'regularisation-wrong'(random, draws) {
    const { l2 } = random.plain
    if (l2 === 0) return inNotebook(random, 'where there is none', () => ({ decay: (_v, w) => 0.37 * w }))
    const [name, factor] = draws.pick<[string, (m: number) => number]>([
      ['λ', () => l2],
      ['λ/2m', (m) => l2 / (2 * m)],
      ['2λ/m', (m) => (2 * l2) / m],
      ['−λ/m', (m) => -l2 / m],
      ['0.7', () => 0.7],
    ])
    return inNotebook(random, name, () => ({ decay: ({ m }, w) => factor(m) * w }))
  },
  'regularisation-on-bias': (random) =>
    inNotebook(random, 'λ/m', () => ({ biasDecay: ({ m }, b) => (random.plain.l2 * b) / m })),
  'activation-derivative-missing'(random, draws) {
    const { plain } = random
    const l = pickFrom(draws, layersWithSlope(plain))
    if (l === undefined) return undefined
    return inNotebook(
      random,
      plain.activations[l],
      atLayer(l, () => 1),
      l,
    )
  },
  'activation-derivative-wrong'(random, draws) {
    const { plain } = random
    const l = pickFrom(draws, layersWithSlope(plain))
    if (l === undefined) return undefined
    const name = plain.activations[l]
    const form = OUTPUT_FORMS[name]
    const other = draws.pick(
      ACTIVATION_NAMES.filter((candidate) => candidate !== name && candidate !== 'linear'),
    )
    const slopes: [string, (z: number, a: number) => number][] = [
      [`${name} at a`, (_z, a) => activationSlope(name, a)],
      [`${other} for ${name}`, (z) => activationSlope(other, z)],
      [`${name} squared`, (z) => activationSlope(name, z) ** 2],
    ]
    if (form !== undefined) slopes.push([`${name}'s form in a, of z`, (z) => form(z)])
    const [variant, slope] = draws.pick(slopes)
    return inNotebook(random, variant, atLayer(l, slope), l)
  },
  'weights-not-transposed'(random, draws) {
    if (random.plain.weights.length === 1) return undefined
    const l = 1 + draws.below(random.plain.weights.length - 1)
    return inNotebook(
      random,
      `W${l + 1}`,
      (right) => ({
        passBack(v, at, delta) {
          if (at !== l) return right.passBack(v, at, delta)
          const W = v.W[l]
          const [outputs, inputs] = [W.length, W[0].length]
          if (outputs === inputs) return product(delta, transposed(W))
          // reshaped instead of transposed
          return product(delta, rowsOf(tensor(transposed(W).flat(), [outputs, inputs])))
        },
      }),
      l,
    )
  },
  'loss-derivative-wrong'(random, draws) {
    const { plain } = random
    const forms: [string, (v: Values, d: number, s: number, i: number) => number][] = [
      ['sign', (_v, d) => -d],
      ['factor 2', (_v, d) => 2 * d],
      ['half', (_v, d) => d / 2],
    ]
    const last = plain.activations.length - 1
    if (plain.loss === 'binary-cross-entropy') {
      forms.push(['σ′ twice', ({ A }, d, s, i) => d * A[last + 1][s][i] * (1 - A[last + 1][s][i])])
      forms.push(['σ′ left out', ({ A }, d, s, i) => d / (A[last + 1][s][i] * (1 - A[last + 1][s][i]))])
    }
    if (plain.loss === 'softmax-cross-entropy') {
      forms.push(['−Y/P', ({ Z, Y, m }, _d, s, i) => -Y[s][i] / probabilities(Z[last])[s][i] / m])
    }
    const [variant, form] = draws.pick(forms)
    return inNotebook(random, variant, (right) => ({
      outputDelta: (v) => map(right.outputDelta(v), (d, s, i) => form(v, d, s, i)),
    }))
  },
  'previous-activation-wrong'(random, draws) {
    const { plain } = random
    if (plain.weights.length === 1) return undefined
    const l = 1 + draws.below(plain.weights.length - 1)
    const useZ = draws.below(2) === 0
    // Z is A behind a linear layer
    if (useZ && plain.activations[l - 1] === 'linear') return undefined
    if (!useZ && plain.weights[l].length !== plain.weights[l][0].length) return undefined
    return inNotebook(random, useZ ? `Z for A` : 'A of the layer itself', (right) => ({
      weights: (v, at, deltas) =>
        at === l
          ? product(transposed(deltas[l]), useZ ? v.Z[l - 1] : v.A[l + 1])
          : right.weights(v, at, deltas),
    }))
  },
  'sample-dropped'(random, draws) {
    const isEverywhere = draws.below(2) === 0
    const l = draws.below(random.plain.weights.length)
    const place = draws.uniform()
    const without = (rows: Rows) => {
      const dropped = place < 0.4 ? 0 : place < 0.8 ? rows.length - 1 : 1
      return rows.map((row, s) => (s === dropped ? row.map(() => 0) : row))
    }
    return inNotebook(random, isEverywhere ? 'everywhere' : `dW${l + 1}`, (right) =>
      isEverywhere
        ? { outputDelta: (v) => without(right.outputDelta(v)) }
        : {
            weights: (v, at, deltas) =>
              at === l ? product(transposed(without(deltas[l])), v.A[l]) : right.weights(v, at, deltas),
          },
    )
  },
  'bias-summed-wrong'(random, draws) {
    const name = pickFrom(draws, biasNames(random))
    if (name === undefined) return undefined
    const l = Number(name.slice(2)) - 1
    const isAxis = random.plain.biases[l]!.length === runSamples(random)
    const isTotal = draws.below(2) === 0
    return inNotebook(random, isAxis ? 'the other axis' : isTotal ? 'total' : 'mean of all', (right) => ({
      biases(v, at, deltas) {
        if (at !== l) return right.biases(v, at, deltas)
        if (isAxis) return columnSums(transposed(deltas[l]))
        const total = deltas[l].flat().reduce((sum, d) => sum + d, 0)
        return deltas[l][0].map(() => (isTotal ? total : total / deltas[l].flat().length))
      },
    }))
  },
  'gradient-of-another-layer'(random, draws) {
    const { plain } = random
    const same = plain.weights.flatMap((W, l) =>
      plain.weights.flatMap((V, k) =>
        k !== l && W.length === V.length && W[0].length === V[0].length ? [[l, k]] : [],
      ),
    )
    const pair = pickFrom(draws, same)
    if (pair === undefined) return undefined
    const [l, k] = pair
    const forms: [string, () => ReturnType<Injection>][] = [
      [
        'its values',
        () => ({
          variant: `dW${l + 1} = dW${k + 1}`,
          gradients: new Map(random.gradients).set(`dW${l + 1}`, random.gradients.get(`dW${k + 1}`)!),
        }),
      ],
    ]
    if (k > l) {
      forms.push([
        'its δ',
        () =>
          inNotebook(random, `δ${k + 1} in dW${l + 1}`, (right) => ({
            weights: (v, at, deltas) =>
              at === l ? product(transposed(deltas[k]), v.A[l]) : right.weights(v, at, deltas),
          })),
      ])
    }
    if (l > 0) {
      forms.push([
        'its weights',
        () =>
          inNotebook(
            random,
            `W${k + 1} for W${l + 1}`,
            (right) => ({
              passBack: (v, at, delta) => (at === l ? product(delta, v.W[k]) : right.passBack(v, at, delta)),
            }),
            l,
          ),
      ])
    }
    return draws.pick(forms)[1]()
  },
  'reduction-wrong'(random, draws) {
    const isLast = draws.below(2) === 0
    return inNotebook(random, isLast ? 'the last sample alone' : 'product of sums', (right) => ({
      weights(v, l, deltas) {
        if (isLast) return product(transposed(deltas[l].slice(-1)), v.A[l].slice(-1))
        const sums = columnSums(v.A[l])
        return columnSums(deltas[l]).map((d) => sums.map((a) => (d * a) / v.m))
      },
      biases: (v, l, deltas) => (isLast ? deltas[l][v.m - 1] : right.biases(v, l, deltas)),
    }))
  },
}

export const ZOO_KINDS = Object.keys(INJECTIONS)

const runSamples = ({ plain }: RandomProblem) =>
  plain.layout === 'columns' ? plain.inputs[0].length : plain.inputs.length

const atLayer = (l: number, slope: (z: number, a: number) => number) => (right: Notebook) => ({
  slope: (v: Values, at: number, s: number, i: number) =>
    at === l ? slope(v.Z[l][s][i], v.A[l + 1][s][i]) : right.slope(v, at, s, i),
})

/** Whole rows (axis 0) or columns (axis 1) of a weight matrix spoilt, others left right. */
function lines(axis: number): Injection {
  return (random, draws) => {
    const name = draws.pick(weightNames(random))
    const right = rowsOf(random.gradients.get(name)!)
    const lengths = [right.length, right[0].length]
    if (lengths[axis] < 3 || lengths[1 - axis] < 2) return undefined
    const chosen = draws.below(lengths[axis])
    const change = draws.pick([(g: number) => 2 * g, () => 0, (g: number) => g + 0.1 * draws.normal()])
    const spoilt = map(right, (g, i, j) => ((axis === 0 ? i : j) === chosen ? change(g) : g))
    return { variant: `${name} ${chosen}`, gradients: withRows(random.gradients, name, spoilt) }
  }
}
