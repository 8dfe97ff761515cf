import { describe, expect, it } from 'vitest'
import { createCpuEvaluator } from '../../../src/differentiate/cpu/evaluator.js'
import { moveOf } from '../../../src/differentiate/evaluator.js'
import { createTextbookEvaluator } from '../../../src/differentiate/textbook.js'
import { scaleSteps } from '../../../src/network/step-scales.js'
import { bindRandom, differenceOf, evaluateAll, inModelOrder, valuesOf } from '../../support/evaluate.js'
import { changeInputUnits } from '../../support/other-units.js'
import {
  makeRandomProblem,
  problemOf,
  type RandomNetworkOptions,
  randomOptions,
} from '../../support/random-network.js'

const cpu = createCpuEvaluator('')
const textbook = createTextbookEvaluator('')

const ordinary: RandomNetworkOptions = {
  seed: 4,
  activations: ['tanh', 'relu', 'linear'],
  loss: 'softmax-cross-entropy',
  widths: [5, 6, 4, 3],
  samples: 4,
}

const LOSSES = ['softmax-cross-entropy', 'half-squared-error', 'mean-squared-error'] as const

describe('scales of steps', () => {
  it('are 1 where all numbers are ordinary', async () => {
    for (let number = 0; number < 12; number++) {
      const model = await bindRandom(
        makeRandomProblem({ ...ordinary, seed: number, loss: LOSSES[number % LOSSES.length] }),
      )
      const { units, inputs } = scaleSteps(model)
      for (const scales of [...units, ...inputs]) expect([...scales]).toEqual([...scales].map(() => 1))
    }
  })

  it('follow the units of each input', async () => {
    const { plain } = makeRandomProblem(ordinary)
    const model = await bindRandom(
      problemOf(changeInputUnits(plain, (j) => [1, 1e12, 1e-12, 2 ** 40, 1e300][j])),
    )
    const { inputs } = scaleSteps(model)
    for (const [j, size] of [1, 1e12, 1e-12, 2 ** 40].entries()) {
      expect(inputs[0][j] / size).toBeGreaterThan(0.1)
      expect(inputs[0][j] / size).toBeLessThan(10)
      expect(Math.abs(Math.log2(inputs[0][j]) % 1)).toBe(0)
    }
    expect(inputs[0][4]).toBe(2 ** 700)
  })

  it('follow the units of a ReLU layer and of targets', async () => {
    const { plain } = makeRandomProblem({
      ...ordinary,
      activations: ['relu', 'linear'],
      widths: [5, 6, 3],
      loss: 'half-squared-error',
    })
    const scaled = (c: number, y: number) =>
      problemOf({
        ...plain,
        weights: [
          plain.weights[0].map((row) => row.map((w) => w * c)),
          plain.weights[1].map((row) => row.map((w) => (w * y) / c)),
        ],
        biases: [plain.biases[0]!.map((b) => b * c), plain.biases[1]!.map((b) => b * y)],
        targets: plain.targets.map((row) => row.map((value) => value * y)),
      })
    const of = async (c: number, y: number) => scaleSteps(await bindRandom(scaled(c, y)))
    const [far, farther] = [await of(2 ** -40, 2 ** 50), await of(2 ** -70, 2 ** 80)]
    expect([...far.units[0]]).toEqual([...farther.units[0]].map((scale) => scale / 2 ** 30))
    expect([...far.units[1]]).toEqual([...farther.units[1]].map((scale) => scale * 2 ** 30))
    // an input that is 0 in every sample has no size
    const alive = [...far.inputs[1].keys()].filter((j) => far.inputs[1][j] !== 1)
    expect(alive.length).toBeGreaterThan(2)
    for (const j of alive) expect(far.inputs[1][j]).toBe(farther.inputs[1][j] * 2 ** 30)
  })

  it('keep a penalised weight from moving by more than h', async () => {
    const { plain } = makeRandomProblem({ ...ordinary, l2: 0.3 })
    const tiny = { ...plain, inputs: plain.inputs.map((row) => row.map((x) => x * 1e-12)) }
    const model = await bindRandom(problemOf(tiny))
    const settings = { step: 1e-6, scheme: 'forward', scales: scaleSteps(model) } as const
    const [W1] = model.parameters
    for (let k = 0; k < W1.size; k++) expect(moveOf(settings, W1, k)).toBeLessThanOrEqual(1e-6 * 8)
  })
})

describe('with scales, derivatives keep their digits', () => {
  it.each([2 ** -40, 2 ** 40, 1e-12, 1e15])('in units of %d', async (unit) => {
    for (let number = 0; number < 40; number++) {
      const { plain } = makeRandomProblem({ ...randomOptions(number), l2: 0 })
      const random = problemOf(changeInputUnits(plain, (j) => (j % 2 === 0 ? unit : 1 / unit)))
      const model = await bindRandom(random)
      const right = inModelOrder(model, random.gradients)
      const scales = scaleSteps(model)
      // each tensor by itself: those of other units are of other sizes
      const differences = async (evaluator: typeof cpu, step: number, scheme: 'central' | 'forward') => {
        const results = valuesOf(await evaluateAll(evaluator, model, { step, scheme, scales }))
        return results.map((values, t) => differenceOf([values], [right[t]]))
      }
      for (const difference of await differences(cpu, 1e-6, 'central')) expect(difference).toBeLessThan(1e-7)
      for (const difference of await differences(cpu, 1e-8, 'forward')) expect(difference).toBeLessThan(1e-4)
      for (const difference of await differences(textbook, 1e-5, 'central'))
        expect(difference).toBeLessThan(1e-5)
    }
  })

  it('to the last bit the same in units of other powers of two', async () => {
    for (let number = 0; number < 40; number++) {
      const { plain } = makeRandomProblem({ ...randomOptions(number), l2: 0 })
      const of = async (unit: number) => {
        const model = await bindRandom(
          problemOf(changeInputUnits(plain, (j) => (j % 2 === 0 ? unit : 1 / unit))),
        )
        return valuesOf(
          await evaluateAll(cpu, model, { step: 1e-6, scheme: 'central', scales: scaleSteps(model) }),
        )
      }
      const [a, b] = [await of(2 ** 30), await of(2 ** 45)]
      const { inputs } = (await bindRandom(makeRandomProblem(randomOptions(number)))).layers[0]
      expect(b.slice(1)).toEqual(a.slice(1))
      expect(b[0]).toEqual(a[0].map((value, k) => value * ((k % inputs) % 2 === 0 ? 2 ** 15 : 2 ** -15)))
    }
  })
})
