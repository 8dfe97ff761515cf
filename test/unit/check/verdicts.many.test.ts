import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import type { CheckReport } from '../../../src/check/report.js'
import { LOSS_NAMES } from '../../../src/network/losses.js'
import { expectVerdicts } from '../../support/expect-verdicts.js'
import { howMany, numbersOf, spread } from '../../support/how-many.js'
import { ACTIVATIONS_UNDER_TEST } from '../../support/random-network.js'
import { makeRightProblem, RIGHT_NETWORKS, rightNetworkOptions } from '../../support/right-networks.js'

const NUMBERS = numbersOf(RIGHT_NETWORKS)

/** A machine that does other things beside may take this long. */
const MILLISECONDS = 600_000

describe('300 random networks', () => {
  it('have every activation, loss, layout and depth, and widths from 1 to 64', () => {
    const all = NUMBERS.map(rightNetworkOptions)
    const has = <T>(value: (options: (typeof all)[number]) => readonly T[]) => new Set(all.flatMap(value))
    expect(has(({ activations }) => activations).size).toBe(ACTIVATIONS_UNDER_TEST.length)
    expect(has(({ loss }) => [loss]).size).toBe(LOSS_NAMES.length)
    expect(has(({ layout }) => [layout!]).size).toBe(3)
    expect([...has(({ activations }) => [activations.length])].sort()).toEqual([1, 2, 3, 4, 5, 6])
    const widths = has((options) => options.widths)
    expect([Math.min(...widths), Math.max(...widths)]).toEqual([1, 64])
    expect(all.filter(({ scale }) => scale === 5)).toHaveLength(75)
    expect(all.filter(({ kinkMargin }) => kinkMargin === 0)).toHaveLength(100)
  })

  it.each([
    { dtype: 'float64', leastShare: 1e-6 },
    { dtype: 'float32', leastShare: 1e-2 },
  ] as const)(
    'in $dtype: right gradients do not fail, and one changed entry does',
    async (expectation) => {
      let inconclusive = 0
      const numbers = spread(NUMBERS, howMany(70, RIGHT_NETWORKS))
      for (const number of numbers) if (await expectVerdicts(number, expectation, {})) inconclusive++
      expect(inconclusive).toBeLessThan(0.02 * numbers.length)
    },
    MILLISECONDS,
  )

  const some = spread(
    NUMBERS.filter((number) => number % 6 === Math.floor(number / 6) % 6),
    howMany(20, 50),
  )

  it.each([
    { scheme: 'forward' },
    { step: 1e-3 },
    { step: 1e-7 },
    { step: 1e-7, scheme: 'forward' },
    { step: 1e-3, scheme: 'forward' },
  ] as const)('never make the tool call itself broken: %j', async (options) => {
    const reports: CheckReport[] = []
    for (const number of some) {
      const report = await checkGradients(makeRightProblem(number, 'float64').problem, options)
      expect(report.notices.join(), `network ${number}`).not.toContain('internal error')
      expect(report.verdict, `network ${number}`).not.toBe('fail')
      reports.push(report)
    }
    const checked = reports.reduce((sum, { crossValidation }) => sum + crossValidation.checked, 0)
    expect(checked).toBeGreaterThan(20 * some.length)
  })
})
