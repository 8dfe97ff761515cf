import { ACTIVATION_NAMES, type ActivationText } from '../../src/network/activations.js'
import type { LossName } from '../../src/network/losses.js'
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
import type { Draws, RandomProblem } from './random-network.js'

/** A problem to make a mistake in; its `gradients` are right. */
export interface Specimen extends RandomProblem {
  readonly round: (value: number) => number
}

/** How a kind of mistake is made: undefined where the network at hand has no room for it. */
export type Injection = (
  specimen: Specimen,
  draws: Draws,
) => { variant: string; gradients: NamedTensors; layer?: number } | undefined

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

export const rowsOf = ({ data, shape }: Tensor): Rows =>
  Array.from({ length: shape[0] }, (_, i) => Array.from(data.slice(i * shape[1], (i + 1) * shape[1])))

const withRows = (gradients: NamedTensors, name: string, rows: Rows): NamedTensors =>
  new Map(gradients).set(name, tensor(rows.flat(), gradients.get(name)!.shape))

/** A mistake in the lines of the backward pass. */
export const inNotebook = (
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
export const layersWithSlope = ({ activations, loss }: PlainNetwork) =>
  activations.flatMap((name, l) =>
    name === 'linear' || (l === activations.length - 1 && readsLogits(loss)) ? [] : [l],
  )
const pickFrom = <T>(draws: Draws, choices: readonly T[]): T | undefined =>
  choices.length === 0 ? undefined : draws.pick(choices)
const map = (a: Rows, f: (value: number, s: number, i: number) => number): Rows =>
  a.map((row, s) => row.map((value, i) => f(value, s, i)))

/** Derivatives in terms of a, for the classic of feeding them z. */
const OUTPUT_FORMS: Partial<Record<ActivationText, (a: number) => number>> = {
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

/** How each kind of mistake is made. */
export const INJECTIONS: Readonly<Record<string, Injection>> = {
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
