import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import type { Problem } from '../../../src/check/problem.js'
import { dense, type NetworkOptions, sequential } from '../../../src/network/network.js'
import { tensor } from '../../../src/tensor.js'
import { expectRejection } from '../../support/expect-failure.js'

/** One layer, Z = XWᵀ, three samples of two features, three outputs. */
const X = [
  [0.5, -1.25],
  [2, 0.75],
  [-0.3, 1.5],
]
const W = [
  [0.4, -0.2],
  [-0.7, 0.9],
  [0.1, 0.3],
]
const Z = X.map((x) => W.map((w) => w[0] * x[0] + w[1] * x[1]))
const softmax = (z: readonly number[]) =>
  z.map((value) => Math.exp(value) / z.reduce((sum, v) => sum + Math.exp(v), 0))
const P = Z.map(softmax)
const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** dW of ∂J/∂Z */
const gradientOf = (dZ: readonly (readonly number[])[]) =>
  tensor(
    W.flatMap((_, i) => [0, 1].map((j) => sum(dZ.map((row, s) => row[i] * X[s][j])))),
    [3, 2],
  )

interface Case {
  readonly activation?: string
  readonly options: NetworkOptions
  readonly targets: Problem['targets']
  readonly sampleWeights?: readonly number[]
  readonly cost: number
  readonly dZ: readonly (readonly number[])[]
}

const makeProblem = ({
  activation = 'linear',
  options,
  targets,
  sampleWeights,
  cost,
  dZ,
}: Case): Problem => ({
  network: sequential([dense(activation)], { layout: 'pytorch', ...options }),
  parameters: { W1: tensor(W.flat(), [3, 2]) },
  gradients: { dW1: gradientOf(dZ) },
  inputs: tensor(X.flat(), [3, 2]),
  targets,
  ...(sampleWeights === undefined ? {} : { sampleWeights: tensor([...sampleWeights], [3]) }),
  cost,
})

const classes = tensor([2, 0, 1], [3])
const oneHot = [
  [0, 0, 1],
  [1, 0, 0],
  [0, 1, 0],
]
/** −ln p of each sample's class, and P − Y. */
const nll = [-Math.log(P[0][2]), -Math.log(P[1][0]), -Math.log(P[2][1])]
const residuals = P.map((row, s) => row.map((p, i) => p - oneHot[s][i]))
const times = (factors: readonly number[], rows: readonly (readonly number[])[]) =>
  rows.map((row, s) => row.map((value) => factors[s] * value))

/** nn.CrossEntropyLoss(weight=CLASS_WEIGHTS) weighs each sample by the weight of its class. */
const CLASS_WEIGHTS = [0.5, 2, 1.25]
const ofClasses = [CLASS_WEIGHTS[2], CLASS_WEIGHTS[0], CLASS_WEIGHTS[1]]
const sumOfClasses = sum(ofClasses)
/** CrossEntropyLoss(label_smoothing=0.1): y = 0.9·one-hot + 0.1/3. */
const smooth = oneHot.map((row) => row.map((y) => 0.9 * y + 0.1 / 3))
const A = Z.map((row) => row.map(sigmoid))
const soft = [
  [0.1, 0.9, 0.5],
  [1, 0, 0.25],
  [0, 0.6, 1],
]
const bce = soft.map((row, s) =>
  sum(row.map((y, i) => -y * Math.log(A[s][i]) - (1 - y) * Math.log(1 - A[s][i]))),
)
const squares = Z.map((row, s) => sum(row.map((z, i) => (z - soft[s][i]) ** 2)))
const weights = [0.5, 2, -1]

const CASES: Record<string, Case> = {
  'CrossEntropyLoss()': {
    options: { loss: 'softmax-cross-entropy' },
    targets: classes,
    cost: sum(nll) / 3,
    dZ: times([1 / 3, 1 / 3, 1 / 3], residuals),
  },
  "CrossEntropyLoss(reduction='sum')": {
    options: { loss: 'softmax-cross-entropy', reduction: 'sum' },
    targets: classes,
    cost: sum(nll),
    dZ: residuals,
  },
  'np.mean over all of Y·ln P': {
    options: { loss: 'softmax-cross-entropy', reduction: 'mean-elements' },
    targets: classes,
    cost: sum(nll) / 9,
    dZ: times([1 / 9, 1 / 9, 1 / 9], residuals),
  },
  'CrossEntropyLoss(ignore_index=-100), whose mean is over the others': {
    options: { loss: 'softmax-cross-entropy', ignoreIndex: -100 },
    targets: tensor([2, -100, 1], [3]),
    cost: (nll[0] + nll[2]) / 2,
    dZ: times([1 / 2, 0, 1 / 2], residuals),
  },
  'CrossEntropyLoss(weight=…), which divides by the sum of the weights': {
    options: { loss: 'softmax-cross-entropy', reduction: 'weighted-mean' },
    targets: classes,
    sampleWeights: ofClasses,
    cost: sum(nll.map((loss, s) => ofClasses[s] * loss)) / sumOfClasses,
    dZ: times(
      ofClasses.map((w) => w / sumOfClasses),
      residuals,
    ),
  },
  'CrossEntropyLoss(weight=…, ignore_index=-100)': {
    options: { loss: 'softmax-cross-entropy', reduction: 'weighted-mean', ignoreIndex: -100 },
    targets: tensor([2, 0, -100], [3]),
    sampleWeights: ofClasses,
    cost: (ofClasses[0] * nll[0] + ofClasses[1] * nll[1]) / (ofClasses[0] + ofClasses[1]),
    dZ: times(
      [ofClasses[0], ofClasses[1], 0].map((w) => w / (ofClasses[0] + ofClasses[1])),
      residuals,
    ),
  },
  'weighted samples averaged over their number, one of weight 0': {
    options: { loss: 'softmax-cross-entropy' },
    targets: classes,
    sampleWeights: [0.5, 0, -1],
    cost: (0.5 * nll[0] - nll[2]) / 3,
    dZ: times([0.5 / 3, 0, -1 / 3], residuals),
  },
  'CrossEntropyLoss(label_smoothing=0.1)': {
    options: { loss: 'softmax-cross-entropy' },
    targets: tensor(smooth.flat(), [3, 3]),
    cost: sum(smooth.map((row, s) => sum(row.map((y, i) => -y * Math.log(P[s][i]))))) / 3,
    dZ: P.map((row, s) => row.map((p, i) => (p - smooth[s][i]) / 3)),
  },
  'BCELoss(weight=…), a mean over all elements': {
    activation: 'sigmoid',
    options: { loss: 'binary-cross-entropy', reduction: 'mean-elements' },
    targets: tensor(soft.flat(), [3, 3]),
    sampleWeights: weights,
    cost: sum(bce.map((loss, s) => weights[s] * loss)) / 9,
    dZ: A.map((row, s) => row.map((a, i) => (weights[s] * (a - soft[s][i])) / 9)),
  },
  'the half mean of squares, 1/(2m) Σ': {
    options: { loss: 'half-squared-error', reduction: 'mean' },
    targets: tensor(soft.flat(), [3, 3]),
    cost: sum(squares) / 6,
    dZ: Z.map((row, s) => row.map((z, i) => (z - soft[s][i]) / 3)),
  },
  "MSELoss(reduction='sum')": {
    options: { loss: 'mean-squared-error', reduction: 'sum' },
    targets: tensor(soft.flat(), [3, 3]),
    cost: sum(squares),
    dZ: Z.map((row, s) => row.map((z, i) => 2 * (z - soft[s][i]))),
  },
}

describe.each(Object.entries(CASES))('%s', (_name, one) => {
  it('has the cost and the gradient of its formula', async () => {
    const report = await checkGradients(makeProblem(one))
    expect(report.cost).toBeCloseTo(one.cost, 14)
    expect(report).toMatchObject({ verdict: 'pass', savedCost: { agrees: true } })
    expect(report.difference).toBeLessThan(1e-10)
  })

  it('fails with one entry off by a thousandth', async () => {
    const problem = makeProblem(one)
    const { dW1 } = problem.gradients as { dW1: Problem['inputs'] }
    const data = dW1.data.map((value, k) => (k === 3 ? 1.001 * value : value))
    const report = await checkGradients({ ...problem, gradients: { dW1: { ...dW1, data } } })
    expect(report.verdict).toBe('fail')
    expect(report.tensors[0].worst[0].index).toEqual([1, 1])
  })
})

it.each([
  ['left out', () => 1],
  ['applied twice', (w: number) => w ** 2],
])('sample weights that the gradient has %s are named', async (words, weigh) => {
  const weighted = CASES['BCELoss(weight=…), a mean over all elements']
  const dZ = A.map((row, s) => row.map((a, i) => (weigh(weights[s]) * (a - soft[s][i])) / 9))
  const { diagnosis } = await checkGradients(makeProblem({ ...weighted, dZ }))
  expect(diagnosis[0]).toMatchObject({ kind: 'loss-derivative-wrong' })
  expect(diagnosis[0].message).toContain(`the weights of the samples are ${words}`)
})

describe('samples that do not count', () => {
  const ignoring = CASES['CrossEntropyLoss(ignore_index=-100), whose mean is over the others']

  it('are told, with what a mean is over', async () => {
    const report = await checkGradients(makeProblem(ignoring))
    expect(report.loss).toEqual({
      name: 'softmax-cross-entropy',
      reduction: 'mean',
      samples: { total: 3, counted: 2 },
      weighted: false,
    })
    expect(report.notices).toContain(
      '1 of the 3 samples has the class -100 and does not count: m is 2 in every mean',
    )
  })

  it('that a mean counts all the same are named', async () => {
    const counted = { ...ignoring, dZ: times([1 / 3, 0, 1 / 3], residuals) }
    const { diagnosis } = await checkGradients(makeProblem(counted))
    expect(diagnosis[0].message).toContain('the samples that count over all of them')
  })

  it('are refused where they are not declared, with what to do', async () => {
    const { options, ...rest } = ignoring
    const problem = makeProblem({ ...rest, options: { loss: options.loss } })
    await expectRejection(checkGradients(problem), 'bad-value', /^Y\[1\] is -100/, /leave .* out.*-100/)
  })

  it.each([
    [{ targets: tensor([-100, -100, -100], [3]) }, /every sample has the label -100/],
    [{ sampleWeights: [0, 5, 0] }, /every sample that counts has the weight 0/],
    [{ sampleWeights: [1, Number.NaN, 1] }, /^sampleWeights\[1\] is NaN/],
    [{ targets: tensor(smooth.flat(), [3, 3]) }, /no class numbers that could be ignored/],
  ])('cannot be all of them, nor be unclear: %#', async (change, message) => {
    await expectRejection(checkGradients(makeProblem({ ...ignoring, ...change })), 'bad-value', message)
  })
})
