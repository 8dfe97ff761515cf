import { beforeAll, describe, expect, it } from 'vitest'
import { createCpuEvaluator } from '../../../src/differentiate/cpu/evaluator.js'
import type { DifferenceSettings } from '../../../src/differentiate/evaluator.js'
import { createTextbookEvaluator } from '../../../src/differentiate/textbook.js'
import { type Calibration, type Case, calibrate } from '../../support/calibration.js'
import { bindRandom, inModelOrder } from '../../support/evaluate.js'
import { howMany, numbersOf, spread } from '../../support/how-many.js'
import { drawReduction, makeRandomProblem, randomOptions } from '../../support/random-network.js'
import { referenceGradients } from '../../support/reference-network.js'
import { rightNetworkOptions } from '../../support/right-networks.js'

const cpu = createCpuEvaluator('')
const textbook = createTextbookEvaluator('')

/** Networks of every kind, with the gradient of backpropagation in float64. */
async function* randomCases(): AsyncGenerator<Case> {
  for (const number of spread(numbersOf(300), howMany(60, 100))) {
    const random = makeRandomProblem(rightNetworkOptions(number))
    const model = await bindRandom(random)
    yield { model, right: inModelOrder(model, random.gradients) }
  }
}

/** Small networks, with the gradient to float64's last digit: made once. */
const exact: Case[] = []

beforeAll(async () => {
  for (const number of numbersOf(howMany(12, 24))) {
    const options = randomOptions(number)
    const widths = options.widths.map((width) => Math.min(width, 3))
    const model = await bindRandom(
      makeRandomProblem({ ...options, ...drawReduction(number), widths, samples: 2 }),
    )
    exact.push({ model, right: referenceGradients(model) })
  }
})

const exactCases = () => exact

function expectCalibrated({ covered, ratio, norms }: Calibration): void {
  expect(covered).toBeGreaterThanOrEqual(0.999)
  expect(ratio).toBeGreaterThan(1)
  expect(ratio).toBeLessThan(100)
  expect(norms.covered).toBeGreaterThanOrEqual(0.97)
  expect(norms.ratio).toBeLessThan(30)
}

describe('the estimated error of a derivative is above the true one, and not far above', () => {
  it.each<[string, typeof cpu, DifferenceSettings, () => AsyncIterable<Case> | Iterable<Case>]>([
    ['cpu, h = 1e-5', cpu, { step: 1e-5, scheme: 'central' }, randomCases],
    ['cpu, h = 1e-3', cpu, { step: 1e-3, scheme: 'central' }, randomCases],
    ['cpu, h = 1e-5, forward', cpu, { step: 1e-5, scheme: 'forward' }, randomCases],
    ['cpu, h = 1e-11: rounding alone', cpu, { step: 1e-11, scheme: 'central' }, exactCases],
    ['cpu, h = 1e-5, against 150 digits', cpu, { step: 1e-5, scheme: 'central' }, exactCases],
    ['textbook, h = 1e-5', textbook, { step: 1e-5, scheme: 'central' }, exactCases],
    ['textbook, h = 1e-7', textbook, { step: 1e-7, scheme: 'central' }, exactCases],
    ['textbook, h = 1e-7, forward', textbook, { step: 1e-7, scheme: 'forward' }, exactCases],
  ])('%s', async (_name, evaluator, settings, cases) => {
    const calibration = await calibrate(evaluator, settings, cases())
    expectCalibrated(calibration)
  })

  it.each<[string, DifferenceSettings, () => AsyncIterable<Case> | Iterable<Case>]>([
    ['h = 1e-5', { step: 1e-5, scheme: 'central' }, randomCases],
    ['h = 1e-3', { step: 1e-3, scheme: 'central' }, randomCases],
    ['h = 1e-11: rounding alone', { step: 1e-11, scheme: 'central' }, exactCases],
    ['h = 1e-5, against 150 digits', { step: 1e-5, scheme: 'central' }, exactCases],
  ])('cpu by outputs, %s', async (_name, settings, cases) => {
    expectCalibrated(await calibrate(cpu, settings, cases(), 'outputs'))
  })
})
