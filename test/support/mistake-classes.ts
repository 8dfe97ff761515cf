import type { MistakeKind } from '../../src/check/diagnosis/kinds.js'
import type { ActivationName, ActivationText } from '../../src/network/activations.js'
import { type NamedTensors, tensor } from '../../src/tensor.js'
import { type Injection, inNotebook, layersWithSlope, type Specimen } from './injected-mistakes.js'
import {
  columnSums,
  type Notebook,
  product,
  rightNotebook,
  runNotebook,
  type Values,
} from './mistaken-network.js'
import {
  activationSlope,
  applyActivation,
  type PlainNetwork,
  type Rows,
  transposed,
} from './plain-network.js'
import type { Draws } from './random-network.js'

/** A mistake that people make, and the kind that it is one of. */
export interface MistakeClass {
  readonly kind: MistakeKind
  readonly inject: Injection
  /** Activations it needs, one of which some layer is given. */
  readonly activations?: readonly ActivationName[]
}

/** dZ of one element from dA, z and a. */
type Pass = (dA: number, z: number, a: number) => number

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
const [LEAK, LAMBDA, ALPHA] = [0.01, 1.0507009873554805, 1.6732632423543772]

/** dZ of one layer computed by another line, as one of several variants. */
const inActivation =
  (variants: Partial<Record<ActivationText, Readonly<Record<string, Pass>>>>): Injection =>
  (specimen, draws) => {
    const { activations } = specimen.plain
    const layers = layersWithSlope(specimen.plain).filter((l) => variants[activations[l]] !== undefined)
    if (layers.length === 0) return undefined
    const l = draws.pick(layers)
    const [name, pass] = draws.pick(Object.entries(variants[activations[l]]!))
    const variant = `${activations[l]} ${name}`
    return inNotebook(specimen, variant, passAt(l, pass), l)
  }

export const passAt =
  (l: number, pass: Pass) =>
  (right: Notebook): Partial<Notebook> => ({
    passActivation(values: Values, at: number, s: number, i: number, dA: number) {
      if (at !== l) return right.passActivation(values, at, s, i, dA)
      return pass(dA, values.Z[l][s][i], values.A[l + 1][s][i])
    },
  })

/** Every activation with the same variants. */
const forAll = (
  names: readonly ActivationName[],
  variants: (name: ActivationName) => Readonly<Record<string, Pass>>,
) => Object.fromEntries(names.map((name) => [name, variants(name)]))

const SMOOTH: readonly ActivationName[] = ['tanh', 'sigmoid', 'softplus', 'softsign', 'silu', 'gelu', 'elu']
const LEAKY: readonly ActivationName[] = ['relu', 'leaky-relu']

const where =
  (above: Pass, below: Pass): Pass =>
  (dA, z, a) =>
    (z > 0 ? above : below)(dA, z, a)
const times =
  (slope: (z: number, a: number) => number): Pass =>
  (dA, z, a) =>
    dA * slope(z, a)

const mapGradients = (
  { gradients }: Specimen,
  change: (value: number, name: string) => number,
): NamedTensors =>
  new Map(
    Array.from(gradients, ([name, { data, shape }]) => [
      name,
      tensor(
        Array.from(data, (value) => change(value, name)),
        shape,
      ),
    ]),
  )

const normOf = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))

/** The largest number of one digit below another. */
const roundBelow = (value: number) => {
  const unit = 10 ** Math.floor(Math.log10(value))
  return Number((Math.floor(value / unit / 1.0001) * unit).toPrecision(1))
}

const samplesOf = ({ layout, inputs }: PlainNetwork) =>
  layout === 'columns' ? inputs[0].length : inputs.length

/** The first or last of the samples, or some of them. */
function chooseSamples({ plain }: Specimen, draws: Draws): number[] {
  const m = samplesOf(plain)
  const all = Array.from({ length: m }, (_, s) => s)
  const half = Math.floor(m / 2)
  return draws.pick([all.slice(0, half), all.slice(half), all.filter(() => draws.below(2) === 0)])
}

export function withSamples(plain: PlainNetwork, chosen: readonly number[]): PlainNetwork {
  const choose = (a: Rows) =>
    plain.layout === 'columns' ? a.map((row) => chosen.map((s) => row[s])) : chosen.map((s) => a[s])
  return { ...plain, inputs: choose(plain.inputs), targets: choose(plain.targets) }
}

/** θ + rate·direction, the direction under the gradients' names. */
export function withParametersMoved(
  plain: PlainNetwork,
  direction: NamedTensors,
  rate: number,
): PlainNetwork {
  const weights = plain.weights.map((W, l) => {
    const { data } = direction.get(`dW${l + 1}`)!
    return W.map((row, i) => row.map((w, j) => w + rate * data[i * row.length + j]))
  })
  const biases = plain.biases.map((b, l) => b?.map((v, i) => v + rate * direction.get(`db${l + 1}`)!.data[i]))
  return { ...plain, weights, biases }
}

/** Mistakes by what people do, each with the kind that a diagnosis calls it. */
export const MISTAKE_CLASSES: Readonly<Record<string, MistakeClass>> = {
  'a backward pass seeded with ones': {
    kind: 'loss-derivative-wrong',
    inject(specimen, draws) {
      const { loss, activations } = specimen.plain
      const last = activations.length - 1
      const isMean = draws.below(2) === 0
      return inNotebook(specimen, isMean ? 'mean' : 'sum', (right) => ({
        outputDelta(values) {
          const seed = isMean ? 1 / (values.m * values.outputs) : 1
          return values.Y.map((row, s) =>
            row.map((_, i) =>
              // of cross-entropy on logits the outputs are Z; a sigmoid has its derivative or not
              loss.endsWith('cross-entropy') ? seed : right.passActivation(values, last, s, i, seed),
            ),
          )
        },
      }))
    },
  },
  "a bias's gradient summed from dW": {
    kind: 'bias-summed-wrong',
    inject(specimen, draws) {
      const { plain } = specimen
      const layers = plain.biases.flatMap((b, l) =>
        b !== undefined && plain.weights[l].length > 1 && plain.weights[l][0].length > 1 ? [l] : [],
      )
      if (layers.length === 0) return undefined
      const l = draws.pick(layers)
      const isMean = draws.below(3) === 0
      return inNotebook(specimen, `db${l + 1} ${isMean ? 'mean' : 'sum'}`, (right) => ({
        biases(values, at, deltas) {
          if (at !== l) return right.biases(values, at, deltas)
          const dW = right.weights(values, l, deltas)
          const whole: Rows = dW.map((row, i) =>
            row.map((g, j) => g + right.decay(values, values.W[l][i][j])),
          )
          return columnSums(transposed(whole)).map((sum) => (isMean ? sum / whole[0].length : sum))
        },
      }))
    },
  },
  'gradients multiplied by a learning rate': {
    kind: 'rescaled',
    inject(specimen, draws) {
      if (specimen.gradients.size === 1) return undefined
      const rate = draws.pick([0.0075, 0.01, 0.003, 1e-4, 0.05, -0.01])
      return { variant: `${rate}`, gradients: mapGradients(specimen, (g) => rate * g) }
    },
  },
  'gradients clipped by their norm': {
    kind: 'rescaled',
    inject(specimen, draws) {
      const { gradients } = specimen
      if (gradients.size === 1) return undefined
      const whole = normOf([...gradients.values()].flatMap(({ data }) => [...data]))
      const target = draws.pick([roundBelow(whole), 0.37 * whole])
      // as PyTorch has it
      return { variant: `${target}`, gradients: mapGradients(specimen, (g) => (g * target) / (whole + 1e-6)) }
    },
  },
  'a number added in every entry': {
    kind: 'offset',
    inject(specimen, draws) {
      // of a tensor with one entry it is any factor
      const tensors = [...specimen.gradients.entries()].filter(([, { data }]) => data.length > 1)
      if (tensors.length === 0) return undefined
      const [chosen, { data }] = draws.pick(tensors)
      const size = normOf([...data]) / Math.sqrt(data.length)
      const offset = draws.pick([0.3, -1, 2]) * size
      return {
        variant: `${offset} in ${chosen}`,
        gradients: mapGradients(specimen, (g, name) => (name === chosen ? g + offset : g)),
      }
    },
  },
  'each gradient clipped by its norm': {
    kind: 'clipped',
    inject(specimen) {
      const norms = new Map(Array.from(specimen.gradients, ([name, { data }]) => [name, normOf([...data])]))
      const target = roundBelow(Math.max(...norms.values()))
      const isClipped = (name: string) => norms.get(name)! > target
      // of a tensor with one entry it is any factor
      for (const [name, { data }] of specimen.gradients)
        if (isClipped(name) && data.length < 2) return undefined
      const gradients = mapGradients(specimen, (g, name) =>
        isClipped(name) ? (g * target) / norms.get(name)! : g,
      )
      return { variant: `${target}`, gradients }
    },
  },
  'gradients clipped by value': {
    kind: 'clipped',
    inject(specimen, draws) {
      const sizes = [...specimen.gradients.values()].flatMap(({ data }) => [...data].map(Math.abs)).sort()
      const limit = roundBelow(sizes[Math.floor((0.5 + 0.45 * draws.uniform()) * sizes.length)])
      return {
        variant: `${limit}`,
        gradients: mapGradients(specimen, (g) => Math.max(-limit, Math.min(limit, g))),
      }
    },
  },
  'a gradient of some of the samples': {
    kind: 'other-samples',
    inject(specimen, draws) {
      const chosen = chooseSamples(specimen, draws)
      // of all but one it is a sample that was dropped, of one alone a sum that was overwritten
      if (chosen.length < 2 || chosen.length > samplesOf(specimen.plain) - 2) return undefined
      const some = withSamples(specimen.plain, chosen)
      return { variant: `${chosen}`, gradients: runNotebook(some, rightNotebook(some), specimen.round) }
    },
  },
  'a gradient after the update': {
    kind: 'other-parameters',
    inject(specimen, draws) {
      const rate = draws.pick([0.5, 0.1, 0.03, 0.0075])
      const moved = withParametersMoved(specimen.plain, specimen.gradients, -rate)
      const gradients = runNotebook(moved, rightNotebook(moved), specimen.round)
      return { variant: `${rate}`, gradients }
    },
  },
  'a gradient of another network': {
    kind: 'other-network',
    inject(specimen, draws) {
      const { plain } = specimen
      if (plain.activations.length < 2) return undefined
      const l = draws.below(plain.activations.length - 1)
      const other = draws.pick(SMOOTH.filter((name) => name !== plain.activations[l]))
      const network = { ...plain, activations: plain.activations.with(l, other) }
      const gradients = runNotebook(network, rightNotebook(network), specimen.round)
      return { variant: `${other} for ${plain.activations[l]}`, gradients }
    },
  },
  'an activation applied to the gradient': {
    kind: 'activation-derivative-wrong',
    activations: [...LEAKY, ...SMOOTH],
    inject: inActivation({
      ...forAll(LEAKY, (name) => ({
        'of dA': (dA) => applyActivation(name, dA),
        'of dA, masked': (dA, z) => applyActivation(name, dA) * activationSlope(name, z),
      })),
      ...forAll(SMOOTH, (name) => ({
        'of dA': (dA) => applyActivation(name, dA),
        "f' at dA": (dA) => dA * activationSlope(name, dA),
        "f' alone": (_dA, z) => activationSlope(name, z),
        "dA + f'": (dA, z) => dA + activationSlope(name, z),
      })),
    }),
  },
  'parentheses forgotten around a derivative': {
    kind: 'activation-derivative-wrong',
    activations: ['tanh', 'sigmoid', 'softplus', 'softsign', 'silu', 'gelu', 'elu', 'selu'],
    inject: inActivation({
      tanh: { 'dA * 1 - a**2': (dA, _z, a) => dA * 1 - a ** 2 },
      sigmoid: {
        'dA * a * 1 - a': (dA, _z, a) => dA * a * 1 - a,
        'dA * a - a**2': (dA, _z, a) => dA * a - a ** 2,
      },
      softplus: {
        'dA / 1 + exp(-z)': (dA, z) => dA / 1 + Math.exp(-z),
        'dA * 1 - exp(-a)': (dA, _z, a) => dA * 1 - Math.exp(-a),
      },
      softsign: { 'dA / 1 + abs(z)**2': (dA, z) => dA / 1 + Math.abs(z) ** 2 },
      silu: {
        'dA * s + z*s*(1 - s)': (dA, z) => dA * sigmoid(z) + z * sigmoid(z) * (1 - sigmoid(z)),
        'dA * s * 1 + z*(1 - s)': (dA, z) => dA * sigmoid(z) * 1 + z * (1 - sigmoid(z)),
      },
      gelu: {
        'dA * cdf + z*pdf': (dA, z) => {
          const density = Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI)
          return dA * (activationSlope('gelu', z) - z * density) + z * density
        },
      },
      elu: {
        'dA * a + 1': where(
          (dA) => dA,
          (dA, _z, a) => dA * a + 1,
        ),
      },
      selu: {
        'dA * a + λα': where(
          (dA) => dA * LAMBDA,
          (dA, _z, a) => dA * a + LAMBDA * ALPHA,
        ),
      },
    }),
  },
  "leaky ReLU's slope at the wrong place": {
    kind: 'activation-derivative-wrong',
    activations: ['leaky-relu'],
    inject: inActivation({
      'leaky-relu': {
        '0 below': times((z) => (z > 0 ? 1 : 0)),
        swapped: times((z) => (z > 0 ? LEAK : 1)),
        inverted: times((z) => (z > 0 ? 0 : LEAK)),
        'inverted, slope above': times((z) => (z > 0 ? LEAK : 0)),
        everywhere: times(() => LEAK),
        '0.2 below': times((z) => (z > 0 ? 1 : 0.2)),
        'negative below': times((z) => (z > 0 ? 1 : -LEAK)),
        'assigned below': where(
          (dA) => dA,
          () => LEAK,
        ),
      },
    }),
  },
  "SELU's or ELU's constants": {
    kind: 'activation-derivative-wrong',
    activations: ['selu', 'elu'],
    inject: inActivation({
      selu: {
        'no λ': times((z) => (z > 0 ? 1 : ALPHA * Math.exp(z))),
        'no λ above': times((z) => (z > 0 ? 1 : LAMBDA * ALPHA * Math.exp(z))),
        'no λ below': times((z) => (z > 0 ? LAMBDA : ALPHA * Math.exp(z))),
        'no α': times((z) => LAMBDA * (z > 0 ? 1 : Math.exp(z))),
        'λ for α': times((z) => (z > 0 ? ALPHA : ALPHA * LAMBDA * Math.exp(z))),
        'a + α': times((z, a) => (z > 0 ? LAMBDA : a + ALPHA)),
        'λ(a + α)': times((z, a) => LAMBDA * (z > 0 ? 1 : a + ALPHA)),
        rounded: times((z) => 1.0507 * (z > 0 ? 1 : 1.6733 * Math.exp(z))),
      },
      elu: {
        'f below': times((z, a) => (z > 0 ? 1 : a)),
        'exp everywhere': times((z) => Math.exp(z)),
      },
    }),
  },
}

/** Two mistakes at one place, the kinds of both. */
export interface MistakePair {
  readonly kinds: readonly [MistakeKind, MistakeKind]
  readonly inject: Injection
}

const FACTORS: readonly [string, (m: number) => number, MistakeKind][] = [
  ['sign', () => -1, 'sign-flipped'],
  ['2', () => 2, 'scaled'],
  ['half', () => 0.5, 'scaled'],
  ['m', (m) => m, 'not-averaged'],
  ['1/m', (m) => 1 / m, 'averaged-twice'],
]

/** A factor of a mistake at the output, or before δ of an inner layer, which is never an average. */
const factorsOf = (kind: MistakeKind, isOutput: boolean, loss: string) =>
  FACTORS.flatMap(([name, value, ownKind]) => {
    const isSum = loss === 'half-squared-error'
    const atOutput =
      ownKind === 'sign-flipped' || ownKind === 'scaled' || (ownKind === 'not-averaged' && isSum)
    const named =
      isOutput && atOutput
        ? 'loss-derivative-wrong'
        : isSum && ownKind === 'not-averaged'
          ? 'scaled'
          : ownKind
    return named === kind ? [{ name, value }] : []
  })

/** A wrong step of the last layer, or of an inner one, with a factor beside it. */
const withFactor =
  (place: 'output' | 'inner', kind: MistakeKind, pass: (name: ActivationText) => Pass): Injection =>
  (specimen, draws) => {
    const { activations, loss } = specimen.plain
    const last = activations.length - 1
    const layers = layersWithSlope(specimen.plain).filter((l) => (l === last) === (place === 'output'))
    const factors = factorsOf(kind, place === 'output', loss)
    if (layers.length === 0 || factors.length === 0) return undefined
    const l = draws.pick(layers)
    const { name, value } = draws.pick(factors)
    const wrong = pass(activations[l])
    const m =
      specimen.plain.layout === 'columns' ? specimen.plain.inputs[0].length : specimen.plain.inputs.length
    return inNotebook(
      specimen,
      `${activations[l]} and ${name}`,
      passAt(l, (dA, z, a) => value(m) * wrong(dA, z, a)),
      l,
    )
  }

const missing = (): Pass => (dA) => dA
const twice =
  (name: ActivationText): Pass =>
  (dA, z) =>
    dA * activationSlope(name, z) ** 2

/** Two mistakes at one place, of which neither shows alone. */
const PAIRS: readonly (readonly [string, MistakePair])[] = [
  ...(['loss-derivative-wrong', 'not-averaged', 'averaged-twice'] as const).flatMap(
    (factor): [string, MistakePair][] => [
      [
        `output derivative missing, ${factor}`,
        {
          kinds: ['activation-derivative-missing', factor],
          inject: withFactor('output', factor, missing),
        },
      ],
      [
        `output derivative twice, ${factor}`,
        { kinds: ['activation-derivative-wrong', factor], inject: withFactor('output', factor, twice) },
      ],
    ],
  ),
  ...(['sign-flipped', 'scaled', 'averaged-twice'] as const).map((factor): [string, MistakePair] => [
    `inner derivative missing, ${factor}`,
    { kinds: ['activation-derivative-missing', factor], inject: withFactor('inner', factor, missing) },
  ]),
  [
    'inner derivative missing, weights not transposed',
    {
      kinds: ['weights-not-transposed', 'activation-derivative-missing'],
      inject(specimen, draws) {
        const { weights } = specimen.plain
        const square = layersWithSlope(specimen.plain).filter((l) => {
          const next = weights[l + 1]
          return next !== undefined && next.length === next[0].length && next.length > 1
        })
        if (square.length === 0) return undefined
        const l = draws.pick(square)
        return inNotebook(specimen, `layer ${l + 1}`, (right) => ({
          ...passAt(l, (dA) => dA)(right),
          passBack: (values, at, delta) =>
            at === l + 1 ? product(delta, transposed(values.W[at])) : right.passBack(values, at, delta),
        }))
      },
    },
  ],
  [
    'Z for A in the loss, output derivative missing',
    {
      kinds: ['loss-derivative-wrong', 'activation-derivative-missing'],
      inject(specimen) {
        const { loss, activations } = specimen.plain
        const last = activations.length - 1
        if (!loss.endsWith('squared-error') || activations[last] === 'linear') return undefined
        return inNotebook(specimen, loss, () => ({
          outputDelta: ({ Z, Y, m, outputs }) => {
            const scale = loss === 'half-squared-error' ? 1 : 2 / (m * outputs)
            return Z[last].map((row, s) => row.map((z, i) => scale * (z - Y[s][i])))
          },
        }))
      },
    },
  ],
]

export const MISTAKE_PAIRS: Readonly<Record<string, MistakePair>> = Object.fromEntries(PAIRS)
