import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import { dense, sequential } from '../../../../src/network/network.js'
import { type NamedTensors, type Tensor, tensor } from '../../../../src/tensor.js'
import { bindRandom } from '../../../support/evaluate.js'
import { plainOutputs } from '../../../support/plain-network.js'
import { storeAs, withChanged } from '../../../support/plant-errors.js'
import { Draws, makeRandomProblem, problemOf, randomOptions } from '../../../support/random-network.js'

const kindsOf = async (problem: Parameters<typeof checkGradients>[0]) =>
  (await checkGradients(problem)).setup.map(({ kind }) => kind)

describe('a gradient near zero everywhere', () => {
  /** Least squares of two parameters, solved by the normal equations: the residuals stay, the gradient is rounding. */
  function atOptimum(offset: number) {
    const draws = new Draws(5)
    const X = [draws.normals(20, 1), draws.normals(20, 1)]
    const y = draws.normals(20, 1)
    const dot = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, value, k) => sum + value * b[k], 0)
    const [aa, ab, bb] = [dot(X[0], X[0]), dot(X[0], X[1]), dot(X[1], X[1])]
    const [ay, by] = [dot(X[0], y), dot(X[1], y)]
    const determinant = aa * bb - ab * ab
    const w = [(ay * bb - by * ab) / determinant + offset, (by * aa - ay * ab) / determinant]
    return problemOf({
      activations: ['linear'],
      loss: 'half-squared-error',
      layout: 'columns',
      l2: 0,
      weights: [[w]],
      biases: [undefined],
      inputs: X,
      targets: [y],
    })
  }

  it('is told at an optimum, where residuals cancel', async () => {
    const { problem, gradients } = atOptimum(0)
    // what backpropagation leaves is not exactly 0
    expect(gradients.get('dW1')!.data.some((value) => value !== 0)).toBe(true)
    const report = await checkGradients(problem)
    expect(report.setup.map(({ kind }) => kind)).toEqual(['near-zero'])
    expect(report.notices.join()).toContain('check at another point')
    expect(report.verdict).not.toBe('fail')
  })

  it('is told where the outputs meet the targets but for rounding', async () => {
    const { plain } = makeRandomProblem({
      seed: 8,
      activations: ['tanh', 'linear'],
      loss: 'mean-squared-error',
      widths: [3, 5, 2],
      samples: 6,
    })
    const targets = plainOutputs(plain).map((row) => row.map((value) => value * (1 + 2 ** -50)))
    expect(await kindsOf(problemOf({ ...plain, targets }).problem)).toEqual(['near-zero'])
  })

  it.each([1e-9, 1e-6, 1e-3, 1])('is not told %d away from the optimum', async (offset) => {
    expect(await kindsOf(atOptimum(offset).problem)).toEqual([])
  })

  it('is not told where the analytical gradient is another', async () => {
    const { problem, gradients } = atOptimum(0)
    const wrong = withChanged(gradients, 'dW1', (value) => value + 0.1)
    const report = await checkGradients({ ...problem, gradients: wrong })
    expect(report.setup).toEqual([])
    expect(report.verdict).toBe('fail')
  })
})

describe('no finding', () => {
  it.each(['float64', 'float32', 'float16', 'bfloat16'] as const)(
    'for random networks in %s',
    async (dtype) => {
      for (let number = 0; number < 60; number++) {
        const { problem, gradients } = makeRandomProblem({ ...randomOptions(number), scale: 1, samples: 12 })
        const stored = dtype === 'float64' ? gradients : storeAs(gradients, dtype)
        expect(await kindsOf({ ...problem, gradients: stored }), `network ${number}`).toEqual([])
      }
    },
  )
})

describe('a dead layer', () => {
  const options = {
    seed: 12,
    activations: ['tanh', 'relu', 'sigmoid'] as const,
    loss: 'binary-cross-entropy' as const,
    widths: [3, 4, 8, 2],
    samples: 9,
  }
  /** With the biases of some units of the second layer so low that they are 0 for every sample. */
  const withDead = (count: number, l2 = 0) => {
    const { plain } = makeRandomProblem({ ...options, l2 })
    const low = plain.biases[1]!.map((bias, i) => (i < count ? -50 : Math.abs(bias) + 1))
    return problemOf({ ...plain, biases: [plain.biases[0], low, plain.biases[2]] })
  }

  it('is told with the parameters of which nothing was tested', async () => {
    const random = withDead(8)
    for (const name of ['dW1', 'db1', 'dW2', 'db2', 'dW3']) {
      expect(
        random.gradients.get(name)!.data.every((value) => value === 0),
        name,
      ).toBe(true)
    }
    const report = await checkGradients(random.problem)
    expect(report.setup).toMatchObject([
      { kind: 'dead', layer: 2, units: 8, deadUnits: 8, tensors: ['W1', 'b1', 'W2', 'b2', 'W3'] },
    ])
    expect(report.notices).toEqual([report.setup[0].message])
    expect(report.setup[0].message).toContain('layer 2 is dead')
    expect(report.verdict).toBe('pass')
  })

  it('with L2 leaves that term alone, and says so', async () => {
    const report = await checkGradients(withDead(8, 0.5).problem)
    expect(report.setup).toMatchObject([{ kind: 'dead', deadUnits: 8 }])
    expect(report.notices[0]).toContain('those of the L2 term alone')
  })

  it.each([6, 7])('is counted where %i of its 8 units are dead', async (count) => {
    const report = await checkGradients(withDead(count).problem)
    expect(report.setup).toMatchObject([{ kind: 'dead', layer: 2, deadUnits: count, tensors: [] }])
    expect(report.notices[0]).toContain(`${count} of the 8 units of layer 2 are dead`)
  })

  it('is not told of a few units, nor where zeros sit on the kink', async () => {
    expect(await kindsOf(withDead(5).problem)).toEqual([])
    const zeros = (shape: number[]): Tensor => tensor(new Float64Array(shape[0] * shape[1]), shape)
    const parameters: NamedTensors = new Map([
      ['W1', zeros([5, 2])],
      ['W2', zeros([1, 5])],
    ])
    const gradients = new Map([...parameters].map(([name, value]) => [`d${name}`, value]))
    const network = sequential([dense('relu'), dense('sigmoid')], { loss: 'binary-cross-entropy' })
    const inputs = tensor(new Draws(1).normals(20, 1), [2, 10])
    const targets = tensor(Array(10).fill(1), [1, 10])
    const report = await checkGradients({ network, parameters, gradients, inputs, targets })
    expect(report.setup.some(({ kind }) => kind === 'dead')).toBe(false)
  })
})

describe('tensors of which both gradients are exactly zero', () => {
  const options = { seed: 21, activations: ['tanh', 'sigmoid'], widths: [3, 4, 1], samples: 5 } as const
  const { plain } = makeRandomProblem({ ...options, loss: 'binary-cross-entropy' })

  it('are told: of the first weights where the data are 0', async () => {
    const { problem } = problemOf({ ...plain, inputs: plain.inputs.map((row) => row.map(() => 0)) })
    const report = await checkGradients(problem)
    expect(report.setup).toMatchObject([{ kind: 'untested', tensors: ['W1'] }])
    expect(report.notices).toEqual([report.setup[0].message])
    expect(report.verdict).toBe('pass')
  })

  it('are told: of a layer that does not reach the loss', async () => {
    const weights = [plain.weights[0], plain.weights[1].map((row) => row.map(() => 0))]
    const report = await checkGradients(problemOf({ ...plain, weights }).problem)
    expect(report.setup).toMatchObject([{ kind: 'untested', tensors: ['W1', 'b1'] }])
  })

  it('are not where the analytical gradient alone is zero, and wrong', async () => {
    const { problem, gradients } = problemOf(plain)
    const report = await checkGradients({ ...problem, gradients: withChanged(gradients, 'dW1', () => 0) })
    expect(report.verdict).toBe('fail')
    expect(report.setup).toEqual([])
  })
})

describe('saturation', () => {
  const options = { seed: 14, widths: [3, 5, 4], samples: 8 } as const
  /** Weights of the last layer so large that its outputs are rounded to their limits. */
  function saturated(
    loss: 'binary-cross-entropy' | 'softmax-cross-entropy' | 'mean-squared-error',
    size: number,
  ) {
    const last = {
      'binary-cross-entropy': 'sigmoid',
      'softmax-cross-entropy': 'linear',
      'mean-squared-error': 'tanh',
    }
    const activations = ['tanh', last[loss] as 'sigmoid' | 'linear' | 'tanh'] as const
    const { plain } = makeRandomProblem({ ...options, activations, loss })
    const large = plain.weights[1].map((row) => row.map((w) => size * w))
    return problemOf({ ...plain, weights: [plain.weights[0], large] })
  }

  it.each(['binary-cross-entropy', 'softmax-cross-entropy', 'mean-squared-error'] as const)(
    'of the outputs is told: %s',
    async (loss) => {
      const random = saturated(loss, 1000)
      const report = await checkGradients(random.problem)
      const found = report.setup.filter(({ kind }) => kind === 'saturated')
      expect(found).toMatchObject([{ layer: 2 }])
      expect(found[0].message).toMatch(/^\d+ of the (32|8) outputs are saturated/)
      // the share by another way: slopes that vanish beside the unit roundoff
      const { layers, inputs } = await bindRandom(random)
      const Z = layers[1].forward(layers[0].forward(inputs).A).Z
      if (loss === 'softmax-cross-entropy') return
      const limit = loss === 'mean-squared-error' ? 0.5 * Math.log(4 * 2 ** 53) : Math.log(2 ** 53)
      const share = Z.data.filter((z) => Math.abs(z) > limit).length / Z.data.length
      expect(found[0]).toMatchObject({ share })
    },
  )

  it.each(['binary-cross-entropy', 'softmax-cross-entropy', 'mean-squared-error'] as const)(
    'is not told of outputs that are merely sure: %s',
    async (loss) => {
      expect(await kindsOf(saturated(loss, 5).problem)).toEqual([])
    },
  )

  it('is told of a hidden layer whose inputs are not scaled', async () => {
    const { plain } = makeRandomProblem({
      ...options,
      activations: ['tanh', 'linear'],
      loss: 'half-squared-error',
    })
    const inputs = plain.inputs.map((row) => row.map((x) => 255 * x))
    const report = await checkGradients(problemOf({ ...plain, inputs }).problem)
    expect(report.setup).toMatchObject([{ kind: 'saturated', layer: 1 }])
    expect(report.notices[0]).toContain('values of layer 1 are saturated')
  })
})
