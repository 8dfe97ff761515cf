import { expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import type { CheckOptions } from '../../../src/check/check-options.js'
import type { Verdict } from '../../../src/check/report.js'
import { howMany, numbersOf } from '../../support/how-many.js'
import { makeRandomProblem, randomOptions } from '../../support/random-network.js'

const NUMBERS = numbersOf(howMany(75, 150))
/** Networks by which a part of them may fall short of the share of all. */
const CHANCE = howMany(2, 0)

it.each<[string, CheckOptions, number]>([
  ['forward', { scheme: 'forward' }, 0.9],
  ['textbook', { method: 'textbook' }, 0.9],
  ['textbook, forward', { method: 'textbook', scheme: 'forward' }, 0.9],
  ['textbook, h = 1e-7', { method: 'textbook', step: 1e-7 }, 0.9],
  ['h = 1e-8', { step: 1e-8 }, 1],
  ['h = 1e-3', { step: 1e-3 }, 0],
  ['h = 1e-2', { step: 1e-2 }, 0],
  ['h = 1', { step: 1 }, 0],
])('a right gradient is never called wrong, nor the tool broken: %s', async (_name, options, passing) => {
  const verdicts: Verdict[] = []
  for (const number of NUMBERS) {
    const { problem } = makeRandomProblem(randomOptions(number))
    const report = await checkGradients(problem, options)
    expect(report.verdict, `network ${number}: ${report.notices}`).not.toBe('fail')
    expect(report.notices.join()).not.toContain('internal error')
    // what is not sure has a reason
    if (report.verdict === 'inconclusive') expect(report.notices.length).toBeGreaterThan(0)
    verdicts.push(report.verdict)
  }
  expect(verdicts.filter((verdict) => verdict === 'pass').length).toBeGreaterThanOrEqual(
    passing * NUMBERS.length - CHANCE,
  )
})
