import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import type { Problem } from '../../../../src/check/problem.js'
import { problemFromArrays } from '../../../../src/check/problem-from-arrays.js'
import type { CheckReport } from '../../../../src/check/report.js'
import type { CostFinding } from '../../../../src/check/setup/findings.js'
import { dense, type NetworkOptions, sequential } from '../../../../src/network/network.js'
import { type DType, type NamedTensors, tensor } from '../../../../src/tensor.js'
import { howMany, numbersOf, spread } from '../../../support/how-many.js'
import { nameArrays, plainCost, plainOutputs } from '../../../support/plain-network.js'
import { storeAs, withChanged } from '../../../support/plant-errors.js'
import {
  makeRandomProblem,
  problemOf,
  type RandomNetworkOptions,
  type RandomProblem,
  randomOptions,
} from '../../../support/random-network.js'

/** 4 → 5 → 3 → 2, seven samples: the numbers of samples, outputs and units differ. */
const OPTIONS: RandomNetworkOptions = {
  seed: 31,
  activations: ['tanh', 'relu', 'sigmoid'],
  loss: 'mean-squared-error',
  widths: [4, 5, 3, 2],
  samples: 7,
  targets: 'probabilities',
}
const ran = makeRandomProblem(OPTIONS)
const entropy = makeRandomProblem({ ...OPTIONS, loss: 'binary-cross-entropy' })

/** The arrays that a network ran with, the network declared to be another, and the cost that was saved. */
function declaredAs(
  { problem, plain, cost }: RandomProblem,
  change: { activations?: readonly string[] } & Partial<NetworkOptions>,
  savedCost = cost,
): Problem {
  const { activations = plain.activations, ...options } = change
  const { loss, layout, l2 } = plain
  const network = sequential(activations.map(dense), { loss, layout, l2, ...options })
  return { ...problem, network, cost: savedCost }
}

function costFinding(report: CheckReport): CostFinding {
  const [finding, ...others] = report.setup
  expect(others).toEqual([])
  expect(finding?.kind).toBe('cost')
  expect(report.notices[0]).toBe(finding.message)
  return finding as CostFinding
}

const scaled = (gradients: NamedTensors, factor: number): NamedTensors =>
  new Map([...gradients].map(([name, each]) => [name, { ...each, data: each.data.map((g) => factor * g) }]))

describe('the right cost', () => {
  it.each(spread(numbersOf(150), howMany(50, 150)))(
    'of random network %i gives no finding',
    async (number) => {
      const { problem, cost, plain } = makeRandomProblem(randomOptions(number))
      const report = await checkGradients({ ...problem, cost })
      expect(report).toMatchObject({ setup: [], savedCost: { value: cost, agrees: true } })
      // a wrong gradient of the function that was run stays wrong
      const wrong = withChanged(nameArrays(plain, 'd'), 'dW1', (value) => value + 1)
      const gradients = new Map([...(problem.gradients as NamedTensors), ['dW1', wrong.get('dW1')!]])
      expect(await checkGradients({ ...problem, gradients, cost })).toMatchObject({
        verdict: 'fail',
        setup: [],
      })
    },
  )

  it.each<[DType, (cost: number) => number]>([
    ['float32', Math.fround],
    ['float16', (cost) => Number(cost.toPrecision(3))],
  ])('in %s gives none', async (dtype, round) => {
    for (let number = 0; number < 40; number++) {
      const { problem, cost } = makeRandomProblem(randomOptions(number))
      const saved = tensor([round(cost)], [1, 1], dtype)
      expect((await checkGradients({ ...problem, cost: saved })).setup).toEqual([])
    }
  })

  it.each([4, 5, 6])('of %d digits, as printed, gives none', async (digits) => {
    for (let number = 0; number < 20; number++) {
      const { problem, cost } = makeRandomProblem(randomOptions(number))
      const printed = Number(cost.toPrecision(digits))
      for (const saved of [printed, tensor([Math.fround(printed)], [], 'float32')]) {
        const report = await checkGradients({ ...problem, cost: saved })
        expect(report.setup).toEqual([])
        expect(report.savedCost?.agrees).toBe(true)
      }
      // the last digit is not ours
      const other = Number((printed * (1 + 2 * 10 ** (1 - digits))).toPrecision(digits))
      // 2.0000 may be 2.000
      if (Number(other.toPrecision(digits - 1)) === other) continue
      expect((await checkGradients({ ...problem, cost: other })).verdict).toBe('inconclusive')
    }
  })

  it('of parameters in float32 need not have more digits, whatever it is stored in', async () => {
    const { plain, problem } = makeRandomProblem({ ...OPTIONS, samples: 40, scale: 2 })
    const parameters = storeAs(problem.parameters as NamedTensors, 'float32')
    const gradients = storeAs(problem.gradients as NamedTensors, 'float32')
    const cost = plainCost(plain)
    expect((await checkGradients({ ...problem, parameters, gradients, cost })).setup).toEqual([])
  })

  it.each([1e-5, 1e-8, 1e-12])('with %d inside its logarithms gives none', async (guard) => {
    const { plain, problem } = makeRandomProblem({ ...OPTIONS, loss: 'binary-cross-entropy', scale: 3 })
    const y = plain.targets.flat()
    const logarithms = (log: (a: number) => number) =>
      -plainOutputs(plain)
        .flat()
        .reduce((sum, a, k) => sum + y[k] * log(a) + (1 - y[k]) * log(1 - a), 0) / 7
    const added = logarithms((a) => Math.log(a + guard))
    const clipped = logarithms((a) => Math.log(Math.min(1 - guard, Math.max(guard, a))))
    for (const cost of [added, clipped])
      expect((await checkGradients({ ...problem, cost })).setup).toEqual([])
  })
})

describe('another cost is explained by', () => {
  const withL2 = makeRandomProblem({ ...OPTIONS, l2: 0.7 })
  const THREE = { ...OPTIONS, widths: [4, 5, 3, 3] }
  const square = makeRandomProblem({ ...OPTIONS, widths: [4, 4, 4, 4], layout: 'pytorch' })

  it.each<[string, Problem, string, RegExp]>([
    [
      'the loss',
      declaredAs(ran, { loss: 'half-squared-error' }),
      'loss',
      /^declare `loss: mean-squared-error`$/,
    ],
    [
      'half the mean of squares',
      declaredAs(makeRandomProblem({ ...THREE, loss: 'half-squared-error', reduction: 'mean' }), {
        loss: 'mean-squared-error',
        reduction: 'mean-elements',
      }),
      'loss',
      /^declare `loss: half-squared-error` `reduction: mean`$/,
    ],
    [
      'a sum over the samples',
      declaredAs(makeRandomProblem({ ...OPTIONS, loss: 'binary-cross-entropy', reduction: 'sum' }), {
        reduction: 'mean',
      }),
      'reduction',
      /^declare `reduction: sum`$/,
    ],
    [
      'the sum of the weights as divisor',
      declaredAs(
        makeRandomProblem({
          ...OPTIONS,
          loss: 'binary-cross-entropy',
          reduction: 'weighted-mean',
          sampleWeights: 'positive',
        }),
        { reduction: 'mean' },
      ),
      'reduction',
      /^declare `reduction: weighted-mean`$/,
    ],
    [
      'a slope below 0',
      declaredAs(makeRandomProblem({ ...OPTIONS, activations: ['tanh', 'leaky-relu(0.3)', 'sigmoid'] }), {
        activations: ['tanh', 'leaky-relu', 'sigmoid'],
      }),
      'activation',
      /^declare `activations: tanh,leaky-relu\(0\.3\),sigmoid`$/,
    ],
    [
      'α of ELU',
      declaredAs(makeRandomProblem({ ...OPTIONS, activations: ['elu(1.5)', 'elu(1.5)', 'sigmoid'] }), {
        activations: ['elu', 'elu', 'sigmoid'],
      }),
      'activation',
      /^declare `activations: elu\(1\.5\),elu\(1\.5\),sigmoid`$/,
    ],
    [
      'the loss',
      declaredAs(ran, { loss: 'binary-cross-entropy' }),
      'loss',
      /^declare `loss: mean-squared-error`$/,
    ],
    [
      'the loss and its activation',
      declaredAs(entropy, { activations: ['tanh', 'relu', 'linear'], loss: 'mean-squared-error' }),
      'loss',
      /^declare `loss: binary-cross-entropy` `activations: tanh,relu,sigmoid`$/,
    ],
    ['a missing L2 term', declaredAs(withL2, { l2: 0 }), 'l2', /^declare `l2: 0\.7`$/],
    ['an L2 term that is too much', declaredAs(ran, { l2: 0.7 }), 'l2', /^leave `l2` out$/],
    ['λ/2 for λ/(2m)', declaredAs(withL2, { l2: 0.1 }), 'l2', /^declare `l2: 0\.7`$/],
    ['a layout', declaredAs(square, { layout: 'rows' }), 'layout', /^declare `layout: pytorch`$/],
    [
      'an activation',
      declaredAs(ran, { activations: ['tanh', 'leaky-relu', 'sigmoid'] }),
      'activation',
      /^declare `activations: tanh,relu,sigmoid`$/,
    ],
    [
      'swapped activations',
      declaredAs(ran, { activations: ['relu', 'tanh', 'sigmoid'] }),
      'activation',
      /^declare `activations: tanh,relu,sigmoid`$/,
    ],
    [
      'an activation that two layers share',
      declaredAs(makeRandomProblem({ ...OPTIONS, activations: ['tanh', 'tanh', 'sigmoid'] }), {
        activations: ['relu', 'relu', 'sigmoid'],
      }),
      'activation',
      /^declare `activations: tanh,tanh,sigmoid`$/,
    ],
  ])('%s, which its gradient agrees with', async (_name, problem, change, fix) => {
    const report = await checkGradients(problem)
    expect(report.verdict).toBe('inconclusive')
    const { suspects, ratio, message } = costFinding(report)
    expect(suspects).toHaveLength(1)
    expect(suspects[0]).toMatchObject({ change, fix: expect.stringMatching(fix), gradientAgrees: true })
    expect(suspects[0].gradientDifference).toBeLessThan(1e-12)
    expect(ratio).toBeCloseTo((problem.cost as number) / report.cost, 14)
    expect(message).toContain(suspects[0].fix)
  })

  it.each(['float64', 'float32'] as const)('a missing L2 term, which is recognised in %s', async (dtype) => {
    const { gradients, cost } = withL2
    const stored = dtype === 'float32' ? storeAs(gradients, dtype) : gradients
    const saved = tensor(Float64Array.of(dtype === 'float32' ? Math.fround(cost) : cost), [], dtype)
    const problem = { ...declaredAs(withL2, { l2: 0 }), gradients: stored, cost: saved }
    expect(costFinding(await checkGradients(problem)).suspects[0].fix).toBe('declare `l2: 0.7`')
  })

  it.each([
    [7, 'summed, not averaged'],
    [1 / 3, 'averaged over all samples and outputs'],
    [1 / 7, 'divided by the 7 samples twice'],
    [2, 'doubled'],
    [1 / 2, 'halved'],
    [1 / 14, 'divided by the 7 samples twice, halved'],
  ])('the loss times %d', async (factor, words) => {
    const three = makeRandomProblem({ ...OPTIONS, loss: 'binary-cross-entropy', widths: [4, 5, 3, 3] })
    const cost = factor * three.cost
    const problem = { ...three.problem, gradients: scaled(three.gradients, factor), cost }
    const report = await checkGradients(problem)
    expect(report.verdict).toBe('inconclusive')
    const { suspects } = costFinding(report)
    expect(suspects).toHaveLength(1)
    expect(suspects[0]).toMatchObject({ change: 'reduction', message: `the loss is ${words}` })
    expect(suspects[0].fix).toMatch(
      /^(declare `reduction: (sum|mean-elements)`|divide the saved cost and gradients by [\d/.]+)$/,
    )
  })

  it('the loss times 2, or the sum over two samples', async () => {
    const two = makeRandomProblem({
      ...OPTIONS,
      loss: 'binary-cross-entropy',
      samples: 2,
      widths: [4, 5, 3, 1],
    })
    const problem = { ...two.problem, gradients: scaled(two.gradients, 2), cost: 2 * two.cost }
    expect(costFinding(await checkGradients(problem)).suspects).toMatchObject([
      { message: 'the loss is summed, not averaged', gradientAgrees: true },
    ])
  })

  it('an L2 term that moves the cost by no more than a guard in a logarithm would', async () => {
    const slight = makeRandomProblem({ ...OPTIONS, l2: 5e-8 })
    expect(slight.cost / ran.cost - 1).toBeLessThan(1e-6)
    const report = await checkGradients(
      { ...slight.problem, network: ran.problem.network, cost: slight.cost },
      {
        tolerance: 1e-10,
      },
    )
    expect(report.verdict).toBe('inconclusive')
    expect(costFinding(report).suspects).toMatchObject([{ fix: 'declare `l2: 5e-8`', gradientAgrees: true }])
  })

  it('no other network where a term is missing from the gradient alone', async () => {
    const slight = makeRandomProblem({ ...OPTIONS, l2: 5e-8 })
    const problem = { ...slight.problem, gradients: ran.gradients, cost: slight.cost * (1 + 1e-9) }
    const report = await checkGradients(problem, { tolerance: 1e-10 })
    expect(report).toMatchObject({ verdict: 'fail', setup: [] })
  })

  it('the L2 term over the biases as well', async () => {
    const squares = (rows: readonly (readonly number[] | undefined)[]) =>
      rows.flatMap((row) => row ?? []).reduce((sum, value) => sum + value * value, 0)
    const { plain } = ran
    const sum = squares(plain.weights.flat()) + squares(plain.biases)
    const gradients = new Map(
      [...ran.gradients].map(([name, each]) => {
        const values = (ran.problem.parameters as NamedTensors).get(name.slice(1))!.data
        return [name, { ...each, data: each.data.map((g, k) => g + 0.3 * values[k]) }]
      }),
    )
    const cost = ran.cost + 0.15 * sum
    const report = await checkGradients({ ...ran.problem, gradients, cost })
    expect(report.verdict).toBe('inconclusive')
    expect(costFinding(report).suspects).toMatchObject([
      { change: 'l2', message: 'there is an L2 term λ/2·(Σ W² + Σ b²) with λ = 0.3', gradientAgrees: true },
    ])
  })

  it('biases that were not added', async () => {
    const without = problemOf({ ...ran.plain, biases: [ran.plain.biases[0], undefined, ran.plain.biases[2]] })
    const gradients = new Map([...ran.gradients, ...without.gradients])
    const report = await checkGradients({ ...ran.problem, gradients, cost: without.cost })
    expect(costFinding(report).suspects).toMatchObject([
      { change: 'biases', message: 'b2 is not added', gradientAgrees: true },
    ])
  })
})

describe('another cost', () => {
  it('beside a right gradient is inconclusive, with its reason', async () => {
    const report = await checkGradients({ ...entropy.problem, cost: 7 * entropy.cost })
    expect(report.verdict).toBe('inconclusive')
    expect(report.savedCost).toEqual({ value: 7 * entropy.cost, agrees: false })
    const { message, suspects, ratio } = costFinding(report)
    expect(ratio).toBeCloseTo(7, 12)
    expect(suspects).toMatchObject([{ change: 'reduction', gradientAgrees: false }])
    expect(message).toContain('the loss is summed, not averaged')
    expect(message).toMatch(/The gradient is right for the network declared, and for that alone$/)
  })

  it.each([0.5, 1.3, 1 + 1e-5, -1, 1e6])('%d times as large is never a pass', async (factor) => {
    for (let number = 0; number < 20; number++) {
      const { problem, cost } = makeRandomProblem(randomOptions(number))
      const report = await checkGradients({ ...problem, cost: factor * cost })
      expect(report.verdict).toBe('inconclusive')
      expect(costFinding(report).savedCost).toBe(factor * cost)
    }
  })

  it.each([0.7, 1e-3, 5e-7])('with an L2 term of λ = %d that the gradient lacks names it', async (l2) => {
    const penalised = makeRandomProblem({ ...OPTIONS, l2 })
    const report = await checkGradients({ ...ran.problem, cost: penalised.cost })
    expect(report.verdict).toBe('inconclusive')
    const { suspects, message } = costFinding(report)
    expect(suspects).toMatchObject([{ change: 'l2', gradientAgrees: false }])
    expect(message).toContain(`with λ = ${l2}`)
    expect(message).toMatch(/right without that term, whose derivative it lacks$/)
  })

  it('that nothing explains is given as a ratio', async () => {
    const wrong = withChanged(ran.gradients, 'dW1', (value) => 3 * value)
    const report = await checkGradients({ ...ran.problem, gradients: wrong, cost: 1.2345 * ran.cost })
    expect(report.verdict).toBe('inconclusive')
    const { message, suspects } = costFinding(report)
    expect(suspects).toEqual([])
    expect(message).toContain('(1.2345 times ours), which no usual mistake explains')
  })

  it('is explained by none of 40 random networks by chance', async () => {
    for (let number = 0; number < 40; number++) {
      const { problem, cost } = makeRandomProblem(randomOptions(number))
      const factor = 1.1 + Math.sqrt(number + 2) / 10
      for (const saved of [factor * cost, tensor([Math.fround(factor * cost)], [], 'float32')]) {
        const report = await checkGradients({ ...problem, cost: saved })
        expect(costFinding(report).suspects, `network ${number}: ${costFinding(report).message}`).toEqual([])
      }
    }
  })

  it('that several mistakes explain is told with all of them', async () => {
    // one layer's ReLU that is never below 0 is as good as linear
    const network = sequential([dense('linear')], { loss: 'half-squared-error' })
    const parameters = { W1: tensor([1, 2], [1, 2]) }
    const inputs = tensor([1, 3, 1, 3], [2, 2])
    const targets = tensor([3, 10], [1, 2])
    // outputs 3 and 9, our cost 0.5
    const report = await checkGradients({
      network,
      parameters,
      gradients: { dW1: tensor([-2, -2], [1, 2]) },
      inputs,
      targets,
      cost: 1,
    })
    const { message, suspects } = costFinding(report)
    expect(suspects.length).toBeGreaterThan(1)
    expect(message).toContain('Each of these explains it')
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'of %d is another where nothing overflows',
    async (cost) => {
      for (const gradients of [ran.gradients, scaled(ran.gradients, 2)]) {
        expect(await checkGradients({ ...ran.problem, gradients, cost })).toMatchObject({
          verdict: 'inconclusive',
          setup: [{ kind: 'cost-not-finite', savedCost: cost, isExplained: false }],
          savedCost: { agrees: false },
        })
      }
    },
  )

  it('of NaN changes no verdict where a logarithm of 0 explains it', async () => {
    // a sigmoid that is 1 in float64, and right: its gradient is sound, 0 · log 0 is not
    const network = sequential([dense('sigmoid')], { loss: 'binary-cross-entropy' })
    const parameters = { W1: tensor([40, 0.5], [1, 2]) }
    const inputs = tensor([1, 0, 0, 1], [2, 2])
    const a = 1 / (1 + Math.exp(-0.5))
    const problem = { network, parameters, inputs, targets: tensor([1, 0], [1, 2]), cost: Number.NaN }
    for (const [factor, verdict] of [
      [1, 'pass'],
      [2, 'fail'],
    ]) {
      const dW1 = tensor([0, (Number(factor) * a) / 2], [1, 2])
      const report = await checkGradients({ ...problem, gradients: { dW1 } }, { tolerance: 1e-6 })
      expect(report.verdict).toBe(verdict)
      expect(report.setup).toContainEqual(
        expect.objectContaining({ kind: 'cost-not-finite', isExplained: true }),
      )
    }
  })
})

describe('the cost in a file', () => {
  const { activations, loss } = ran.plain
  const read = (more: NamedTensors) =>
    problemFromArrays(
      new Map([
        ...(ran.problem.parameters as NamedTensors),
        ...ran.gradients,
        ['X', ran.problem.inputs],
        ['Y', ran.problem.targets],
        ...more,
      ]),
      { activations, loss },
    )
  const numbers = (data: number[], shape: number[], dtype?: DType) => tensor(data, shape, dtype)

  it.each(['cost', 'Cost', 'loss', 'LOSS', 'J', 'j'])('is called %s', async (name) => {
    for (const shape of [[], [1], [1, 1]]) {
      const problem = read(new Map([[name, numbers([2 * ran.cost], shape)]]))
      expect(costFinding(await checkGradients(problem)).ratio).toBeCloseTo(2, 12)
    }
  })

  it('is the cost rather than the loss, which may lack the L2 term', () => {
    const arrays: NamedTensors = new Map([
      ['loss', numbers([1], [])],
      ['J', numbers([2], [])],
      ['cost', numbers([3], [])],
    ])
    expect(read(arrays).cost).toBe(arrays.get('cost'))
    arrays.delete('cost')
    expect(read(arrays).cost).toBe(arrays.get('J'))
  })

  it.each([
    ['a history', numbers([3, 2, 1], [3])],
    ['an empty array', numbers([], [0])],
    ['a counter', numbers([9], [], 'int64')],
  ])('is not %s', async (_name, array) => {
    const problem = read(
      new Map([
        ['cost', array],
        ['loss', array],
        ['J', array],
      ]),
    )
    expect(problem.cost).toBeUndefined()
    const report = await checkGradients(problem)
    expect(report).toMatchObject({ verdict: 'pass', setup: [{ kind: 'not-used' }] })
    expect(report.savedCost).toBeUndefined()
    const isHistory = array.data.length > 1
    expect(report.notices[0]).toMatch(isHistory ? /; cost is a history of 3 numbers/ : /were not used$/)
  })

  it('is not the array of the targets or of the inputs', () => {
    const { problem } = ran
    const arrays = new Map([
      ...(problem.parameters as NamedTensors),
      ...ran.gradients,
      ['X', problem.inputs],
      ['loss', problem.targets],
    ])
    expect(problemFromArrays(arrays, { activations, loss, targets: 'loss' }).cost).toBeUndefined()
  })
})
