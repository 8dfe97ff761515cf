import { softmaxBase } from '../../../network/losses.js'
import type { Matrix } from '../../../network/matrix.js'
import type { Model } from '../../../network/model.js'
import { sigmoidOf } from '../../../operations/sigmoids.js'
import type { Baseline } from '../baseline.js'
import type { BackwardHypothesis, BackwardMistake } from '../explanation.js'
import { nameLayer } from '../messages.js'

/** What code has in place of one element of the loss's derivative, without the scale. */
interface MistakenDerivative {
  /** What it is, after "the loss's derivative is wrong: ". */
  readonly text: string
  readonly cost: number
  /**
   * @param right the right derivative
   * @param scale what stands before it: the loss's scale times the sample's weight
   */
  at(a: number, y: number, z: number, right: number, scale: number): number
}

/** The gradient of the outputs themselves, which starts with ones in whatever scale. */
function seededWithOnes(model: Model): MistakenDerivative[] {
  const seeds: [number, string][] = [
    [1, 'it is all ones, the gradient of the summed outputs'],
    [1 / model.countedSamples, 'it is 1/m everywhere, the gradient of the outputs averaged over the samples'],
    [1 / model.targets.data.length, 'it is one number everywhere, the gradient of the mean of all outputs'],
  ]
  const chosen = seeds.filter(([seed], k) => seeds.findIndex(([other]) => other === seed) === k)
  return chosen.flatMap(([seed, text]) => {
    const at: MistakenDerivative['at'] = (_a, _y, _z, _right, scale) => seed / scale
    const ones = { text: `${text} and not of the loss`, cost: 1.1, at }
    if (model.loss.name !== 'binary-cross-entropy') return [ones]
    return [
      { ...ones, text: `${text} before the sigmoid and not of the loss` },
      { ...ones, at: (a, _y, _z, _right, scale) => (seed / scale) * a * (1 - a) },
    ]
  })
}

/** The weights of the samples left out, or applied twice. */
function mistakenWeights({ weighting }: Model): MistakenDerivative[] {
  const { weights, plainScale } = weighting
  if (weights === undefined) return []
  return [
    {
      text: 'the weights of the samples are left out',
      cost: 1.05,
      at: (_a, _y, _z, right, scale) => (right * plainScale) / scale,
    },
    {
      text: 'the weights of the samples are applied twice',
      cost: 1.1,
      at: (_a, _y, _z, right, scale) => (right * scale) / plainScale,
    },
  ]
}

/** A − Y without its parentheses, so that its factor stands before one of the two alone. */
function forgottenParentheses(model: Model): MistakenDerivative[] {
  const squares = model.loss.readsLogits ? 1 : 2
  const factor = squares * model.lossScale
  if (factor === 1) return []
  const name = model.loss.readsClasses ? 'P' : 'A'
  const text = (formula: string) => `its parentheses are missing, ${formula} for c·(${name} − Y)`
  return [
    { text: text(`c·${name} − Y`), cost: 1.15, at: (a, y) => squares * (a - y / factor) },
    { text: text(`${name} − c·Y`), cost: 1.15, at: (a, y) => squares * (a / factor - y) },
  ]
}

/** The derivative of an inner layer's activation at the output as well, where the loss reads logits. */
function innerDerivatives({ layers, loss }: Model): MistakenDerivative[] {
  if (!loss.readsLogits) return []
  const inner = new Map(layers.slice(0, -1).map(({ activation }) => [activation.text, activation]))
  return Array.from(inner.values(), ({ text, derivative }) => [
    {
      text: `the derivative of ${text}, an inner layer’s, is applied at the output as well`,
      cost: 1.12,
      at: (_a: number, _y: number, z: number, right: number) => right * derivative(z),
    },
    {
      text: `the derivative of ${text}, an inner layer’s, is applied at the output as well, taken at A`,
      cost: 1.15,
      at: (a: number, _y: number, _z: number, right: number) => right * derivative(a),
    },
  ]).flat()
}

const BINARY_CROSS_ENTROPY: readonly MistakenDerivative[] = [
  {
    text: 'the sigmoid’s derivative is applied to A − Y, which contains it already',
    cost: 1.05,
    at: (a, _y, _z, right) => right * a * (1 - a),
  },
  {
    text: 'the sigmoid’s derivative is left out: ∂J/∂A = −Y/A + (1 − Y)/(1 − A) stands for ∂J/∂Z',
    cost: 1.05,
    at: (a, y) => -y / a + (1 - y) / (1 - a),
  },
  { text: 'it has Z in place of A', cost: 1.15, at: (_a, y, z) => z - y },
  { text: 'the target Y is left out', cost: 1.15, at: (a) => a },
  { text: 'the term of 1 − Y is left out', cost: 1.15, at: (a, y) => -y * (1 - a) },
  { text: 'the term of Y is left out', cost: 1.15, at: (a, y) => (1 - y) * a },
]

const SOFTMAX_CROSS_ENTROPY: readonly MistakenDerivative[] = [
  {
    text: 'the softmax’s derivative is applied to P − Y, which contains it already',
    cost: 1.05,
    at: (p, _y, _z, right) => right * p * (1 - p),
  },
  {
    text: 'the softmax’s derivative is left out: ∂J/∂P = −Y/P stands for ∂J/∂Z',
    cost: 1.05,
    at: (p, y) => -y / p,
  },
  { text: 'it has Z in place of the probabilities', cost: 1.15, at: (_p, y, z) => z - y },
  { text: 'the target Y is left out', cost: 1.15, at: (p) => p },
  {
    text: 'it is that of binary cross-entropy on a sigmoid',
    cost: 1.2,
    at: (_p, y, z) => sigmoidOf(z) - y,
  },
]

const SQUARED_ERROR: readonly MistakenDerivative[] = [
  { text: 'it has Z in place of A', cost: 1.15, at: (_a, y, z) => 2 * (z - y) },
  { text: 'the target Y is left out', cost: 1.15, at: (a) => 2 * a },
  { text: 'it is the squared error itself, (A − Y)²', cost: 1.15, at: (a, y) => (a - y) ** 2 },
  { text: 'it is that of the absolute error, the sign of A − Y', cost: 1.15, at: (a, y) => Math.sign(a - y) },
  {
    text: 'it is that of binary cross-entropy, −Y/A + (1 − Y)/(1 − A)',
    cost: 1.2,
    at: (a, y) => 2 * (-y / a + (1 - y) / (1 - a)),
  },
]

function mistakesOf({ loss }: Model): readonly MistakenDerivative[] {
  switch (loss.name) {
    case 'binary-cross-entropy':
      return BINARY_CROSS_ENTROPY
    case 'softmax-cross-entropy':
      return SOFTMAX_CROSS_ENTROPY
    default:
      return SQUARED_ERROR
  }
}

/** Another derivative of the loss than the right one. Multiples of the right one are with the factors. */
export const proposeLossDerivatives: BackwardHypothesis = function* (baseline) {
  const { model } = baseline
  const mistakes = [
    ...mistakesOf(model),
    ...innerDerivatives(model),
    ...mistakenWeights(model),
    ...seededWithOnes(model),
    ...forgottenParentheses(model),
  ]
  for (const mistaken of mistakes) yield replaceDerivative(baseline, mistaken)
}

function replaceDerivative(
  { model, pass, steps: { lossDerivative } }: Baseline,
  { text, cost, at }: MistakenDerivative,
): BackwardMistake {
  const last = model.layers.length - 1
  const sentence = `the loss's derivative is wrong at ${nameLayer(model, last)}: ${text}`
  return {
    kind: 'loss-derivative-wrong',
    cost,
    reach: last,
    from: 'upstream',
    apply: (steps) => ({
      ...steps,
      lossDerivative: () => {
        const right = lossDerivative()
        const [Z, Y] = [pass.Z[last], model.targets]
        const P = outputs(model, Z, pass.A[last + 1])
        const data = right.data.map((d, k) => {
          const scale = model.lossScale * model.weightOf(k)
          return scale * at(P.data[k], Y.data[k], Z.data[k], d / scale, scale)
        })
        return { ...right, data }
      },
    }),
    text: sentence,
    describe: ({ names, plural, agreement }) =>
      `${sentence}; ${names} ${plural ? 'agree' : 'agrees'} ${agreement} with a backward pass that starts so`,
  }
}

/** What the loss compares with the targets. */
function outputs(model: Model, Z: Matrix, A: Matrix): Matrix {
  return model.loss.readsClasses ? softmaxBase(Z, model.targets).probabilities : A
}
