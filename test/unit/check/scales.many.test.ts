import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import type { CheckOptions } from '../../../src/check/check-options.js'
import { howMany, numbersOf } from '../../support/how-many.js'
import { changeInputUnits } from '../../support/other-units.js'
import type { PlainNetwork } from '../../support/plain-network.js'
import { withChanged } from '../../support/plant-errors.js'
import { Draws, makeRandomProblem, problemOf } from '../../support/random-network.js'
import { changeEntry } from '../../support/right-networks.js'
import { checkRightly, findsChange, scaledOptions } from '../../support/scaled-networks.js'

/** A machine that does other things beside may take this long. */
const MILLISECONDS = 600_000

/** Inputs from 1e-12 to 1e15 and weights that fit. */
describe('networks of data of every size', () => {
  it.each<[string, CheckOptions, number, number, number]>([
    ['central', {}, 120, 3000, 0.01],
    ['parameters one by one', { perturb: 'parameters' }, 40, 1000, 0.01],
    ['forward', { scheme: 'forward' }, 40, 1000, 0.02],
    ['fast', { fast: true }, 40, 1000, 0.01],
    ['several steps', { steps: [1e-2, 1e-5] }, 20, 300, 0.01],
    ['textbook', { method: 'textbook' }, 40, 300, 0.3],
  ])(
    'a right gradient passes, or nothing in it was tested: %s',
    async (_name, options, some, all, open) => {
      let [count, inconclusive] = [0, 0]
      for (const number of numbersOf(howMany(some, all))) {
        const { verdict, notices } = await checkRightly(number, options)
        if (notices.join().includes('zero everywhere')) continue
        count++
        if (verdict !== 'pass') inconclusive++
      }
      expect(inconclusive).toBeLessThanOrEqual(open * count)
    },
    MILLISECONDS,
  )

  it.each<[string, CheckOptions, number, number]>([
    ['central', {}, 60, 3000],
    ['forward', { scheme: 'forward' }, 20, 1000],
    ['fast', { fast: true }, 20, 1000],
  ])(
    'one entry that is off by a thousandth is found: %s',
    async (_name, options, some, all) => {
      const leastShare = options.scheme === 'forward' ? 1e-3 : 1e-6
      const found: (boolean | undefined)[] = []
      for (const number of numbersOf(howMany(some, all)))
        found.push(await findsChange(number, leastShare, options))
      const missed = [...found.keys()].filter((number) => found[number] === false)
      expect(missed.length, `networks ${missed}`).toBeLessThanOrEqual(0.01 * found.length)
    },
    MILLISECONDS,
  )
})

/** Factors 2^−40 to 2^39. */
const unitsOf = (number: number, isEach: boolean) => {
  const draws = new Draws(90_001 + 1013 * number)
  const powers = Array.from({ length: 30 }, () => draws.below(80) - 40)
  return (j: number) => 2 ** powers[isEach ? j : 0]
}

/** Linear and ReLU layers in other units, and the targets of those that end a network: the next weights make up for it. */
function changeInnerUnits(plain: PlainNetwork, number: number): PlainNetwork {
  const draws = new Draws(70_001 + 1013 * number)
  const isStraight = (l: number) => ['relu', 'leaky-relu', 'linear'].includes(plain.activations[l])
  const last = plain.weights.length - 1
  const units = plain.weights.map((_, l) => {
    const power = draws.below(90) - 45
    return isStraight(l) && (l < last || plain.loss.endsWith('squared-error')) ? 2 ** power : 1
  })
  return {
    ...plain,
    weights: plain.weights.map((rows, l) =>
      rows.map((row) => row.map((w) => (w * units[l]) / (l === 0 ? 1 : units[l - 1]))),
    ),
    biases: plain.biases.map((b, l) => b?.map((value) => value * units[l])),
    targets: plain.targets.map((row) => row.map((y) => y * units[last])),
  }
}

describe('units do not matter', () => {
  it.each<[string, CheckOptions, (plain: PlainNetwork, number: number) => PlainNetwork, number]>([
    ['of all inputs', {}, (plain, number) => changeInputUnits(plain, unitsOf(number, false)), 40],
    ['of each input', {}, (plain, number) => changeInputUnits(plain, unitsOf(number, true)), 60],
    [
      'of each input, forward',
      { scheme: 'forward' },
      (plain, number) => changeInputUnits(plain, unitsOf(number, true)),
      30,
    ],
    [
      'of each input, fast',
      { fast: true },
      (plain, number) => changeInputUnits(plain, unitsOf(number, true)),
      30,
    ],
    ['of straight layers and targets', {}, changeInnerUnits, 40],
  ])(
    'the verdict is the same in others, %s',
    async (_name, options, change, some) => {
      for (const number of numbersOf(howMany(some, 1000))) {
        const random = makeRandomProblem({ ...scaledOptions(number), inputScale: 1, l2: 0 })
        const other = problemOf(change(random.plain, number))
        // class numbers are not rows of the plain network
        const { targets } = other.problem
        let [one, another] = [random.gradients, other.gradients]
        const changed = number % 2 === 0 ? undefined : changeEntry(one, number, 10 ** -(number % 9), 0)
        if (changed !== undefined) {
          const { name, offset } = changed
          const factor = changed.gradients.get(name)!.data[offset] / one.get(name)!.data[offset]
          one = changed.gradients
          another = withChanged(another, name, (value, k) => (k === offset ? value * factor : value))
        }
        const verdict = async (problem: typeof other.problem, gradients: typeof one) =>
          (await checkGradients({ ...problem, gradients }, options)).verdict
        const before = await verdict(
          { ...random.problem, targets: problemOf(random.plain).problem.targets },
          one,
        )
        expect(await verdict({ ...other.problem, targets }, another), `network ${number}`).toBe(before)
      }
    },
    MILLISECONDS,
  )
})

describe('a derivative far below rounding', () => {
  it('of a saturated sigmoid is not an internal error', async () => {
    for (const bias of [-30, -200, -390, -700]) {
      const random = makeRandomProblem({
        seed: 5,
        activations: ['sigmoid'],
        loss: 'binary-cross-entropy',
        widths: [2, 1],
        samples: 1,
      })
      const plain = { ...random.plain, biases: [[bias]], targets: [[0]] }
      const report = await checkGradients(problemOf(plain).problem)
      expect(report.verdict).not.toBe('fail')
      expect(report.notices.join()).not.toContain('internal error')
      const wrong = withChanged(problemOf(plain).gradients, 'db1', (value) => 2 * value)
      const found = await checkGradients({ ...problemOf(plain).problem, gradients: wrong })
      expect(found.verdict).not.toBe('pass')
    }
  })

  it('of a loss that underflows is left open', async () => {
    const { plain } = makeRandomProblem({
      seed: 6,
      activations: ['linear'],
      loss: 'half-squared-error',
      widths: [3, 2],
      samples: 4,
    })
    const tiny = (rows: readonly (readonly number[])[]) => rows.map((row) => row.map((x) => x * 1e-170))
    const { problem } = problemOf({
      ...plain,
      targets: tiny(plain.targets),
      weights: [tiny(plain.weights[0])],
      biases: [plain.biases[0]!.map((b) => b * 1e-170)],
    })
    const report = await checkGradients(problem)
    expect(report.verdict).toBe('inconclusive')
    expect(report.notices.join()).not.toContain('internal error')
  })

  it('and costs far above: squares that underflow or overflow leave verdicts as they are', async () => {
    for (const size of [1e-140, 1e-120, 1e-60, 1e40, 1e70, 1e140]) {
      for (let seed = 0; seed < 4; seed++) {
        const { plain } = makeRandomProblem({
          seed,
          activations: ['relu', 'linear'],
          loss: seed % 2 === 0 ? 'half-squared-error' : 'mean-squared-error',
          widths: [3, 4, 2],
          samples: 4,
        })
        const scale = (rows: readonly (readonly number[])[]) => rows.map((row) => row.map((x) => x * size))
        const scaled = problemOf({
          ...plain,
          inputs: scale(plain.inputs),
          targets: scale(plain.targets),
          biases: plain.biases.map((b) => b?.map((value) => value * size)),
        })
        const where = `size ${size}, seed ${seed}`
        expect((await checkGradients(scaled.problem)).verdict, where).toBe('pass')
        const wrong = withChanged(scaled.gradients, 'dW1', (value, k) => (k === 2 ? 1.001 * value : value))
        const isChanged = wrong.get('dW1')!.data[2] !== 0
        const report = await checkGradients({ ...scaled.problem, gradients: wrong })
        expect(report.verdict, where).toBe(isChanged ? 'fail' : 'pass')
      }
    }
  })
})
