import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import type { CheckReport } from '../../../src/check/report.js'
import { type NamedTensors, unravelIndex } from '../../../src/tensor.js'
import { storeAs, withChanged } from '../../support/plant-errors.js'
import { Draws, makeRandomProblem } from '../../support/random-network.js'
import { makeRightProblem, type RightProblem } from '../../support/right-networks.js'

const FORMATS = { float32: 2 ** -24, float16: 2 ** -11, bfloat16: 2 ** -8 } as const
type Format = keyof typeof FORMATS

/** Every eleventh of the networks that stand for all, with a gradient that was computed wholly in float32. */
const inSingle = Array.from({ length: 300 / 11 }, (_, k) => makeRightProblem(11 * k, 'float32'))

/** Networks with smooth activations and a gradient in float64. */
const inDouble = Array.from({ length: 24 }, (_, seed): RightProblem => {
  const draws = new Draws(70 + seed)
  return makeRandomProblem({
    seed,
    activations: [draws.pick(['tanh', 'gelu', 'softplus']), 'linear'],
    loss: 'mean-squared-error',
    widths: [2 + draws.below(5), 3 + draws.below(5), 2 + draws.below(3)],
    samples: 3 + draws.below(5),
  })
})

/** Without a word of what the numbers were computed in. */
const asDouble = (gradients: NamedTensors): NamedTensors =>
  new Map([...gradients].map(([name, tensor]) => [name, { ...tensor, dtype: 'float64' }]))

const forEach = (gradients: NamedTensors, change: (value: number) => number): NamedTensors =>
  new Map([...gradients].map(([name, { data, ...rest }]) => [name, { ...rest, data: data.map(change) }]))

/** Uneven errors of a format's size, in numbers that are none of its own. */
function blur(gradients: NamedTensors, format: Format, seed: number): NamedTensors {
  const draws = new Draws(seed)
  return forEach(gradients, (value) => value * (1 + FORMATS[format] * draws.normal()))
}

const check = ({ problem }: RightProblem, gradients: NamedTensors) =>
  checkGradients({ ...problem, gradients })

const saysDigits = (report: CheckReport, format: Format) =>
  report.notices.some((notice) => notice.match(`agrees? to ${format}'s digits`))

describe('a right gradient computed in float32 and saved as float64', () => {
  it('is inconclusive for that reason, if it does not pass', async () => {
    let said = 0
    for (const [k, { problem, gradients }] of inSingle.entries()) {
      const report = await check({ problem, gradients }, asDouble(gradients))
      const where = `network ${11 * k}: ${report.notices.join('\n')}`
      expect(report.verdict, where).not.toBe('fail')
      if (report.verdict === 'inconclusive') expect(saysDigits(report, 'float32'), where).toBe(true)
      if (saysDigits(report, 'float32')) said++
    }
    expect(said).toBeGreaterThan(inSingle.length / 2)
  })

  it('is so in numbers that float32 does not have, as of a mean that was taken afterwards', async () => {
    for (const [k, { problem, gradients }] of inSingle.entries()) {
      const longer = forEach(gradients, (value) => value * (1 + 2 ** -40))
      const report = await check({ problem, gradients }, asDouble(longer))
      const where = `network ${11 * k}: ${report.notices.join('\n')}`
      // of few entries errors look like anything
      if (report.parameters.total < 20) continue
      expect(report.verdict, where).not.toBe('fail')
      if (report.verdict === 'inconclusive') expect(saysDigits(report, 'float32'), where).toBe(true)
    }
  })

  it('does not fail by random directions either', async () => {
    for (const [seed, { problem, gradients }] of inDouble.entries()) {
      const blurred = blur(gradients, 'float32', seed)
      for (const few of [blurred, asDouble(storeAs(gradients, 'float32'))]) {
        const report = await checkGradients({ ...problem, gradients: few }, { fast: true })
        expect(report.verdict, `network ${seed}: ${report.notices.join('\n')}`).not.toBe('fail')
      }
    }
  })

  it('fails where an entry is off by a hundredth, and in that entry alone', async () => {
    for (const [seed, right] of inDouble.entries()) {
      const draws = new Draws(seed)
      const single = asDouble(storeAs(right.gradients, 'float32'))
      const name = draws.pick([...single.keys()])
      const at = draws.below(single.get(name)!.data.length)
      const wrong = withChanged(single, name, (value, k) => (k === at ? Math.fround(1.01 * value) : value))
      const report = await check(right, wrong)
      expect(report.verdict).toBe('fail')
      const failing = report.tensors.filter(({ verdict }) => verdict === 'fail')
      expect(failing.map(({ gradient }) => gradient)).toEqual([name])
      expect(failing[0].worst[0].index).toEqual(unravelIndex(at, failing[0].shape))
      expect(failing[0].wrongEntries).toBe(1)
    }
  })
})

describe.each(['float16', 'bfloat16'] as const)('a gradient computed in %s', (format) => {
  it.each(['float32', 'float64'] as const)(
    'and saved as %s is inconclusive for that reason',
    async (stored) => {
      for (const right of inDouble) {
        const coarse = storeAs(right.gradients, format)
        const report = await check(
          right,
          new Map([...coarse].map(([name, tensor]) => [name, { ...tensor, dtype: stored }])),
        )
        expect(report.verdict, report.notices.join()).toBe('inconclusive')
        expect(saysDigits(report, format), report.notices.join()).toBe(true)
      }
    },
  )

  it('in numbers that it does not have is wrong, and the digits are told', async () => {
    let said = 0
    for (const [seed, right] of inDouble.entries()) {
      const report = await check(right, blur(right.gradients, format, seed))
      expect(report.verdict).not.toBe('pass')
      // the two are a factor of 8 apart
      if (saysDigits(report, 'float16') || saysDigits(report, 'bfloat16')) said++
    }
    expect(said).toBeGreaterThan(0.8 * inDouble.length)
  })
})

describe('a gradient in float64 that is off by as little as float32', () => {
  it('in every entry, unevenly, is inconclusive', async () => {
    for (const [seed, right] of inDouble.entries()) {
      const report = await check(right, blur(right.gradients, 'float32', seed))
      if (report.verdict === 'pass') continue
      expect(report.verdict).toBe('inconclusive')
      expect(saysDigits(report, 'float32')).toBe(true)
    }
  })

  it('in one entry alone is wrong', async () => {
    for (const [seed, right] of inDouble.entries()) {
      const draws = new Draws(seed)
      const name = draws.pick([...right.gradients.keys()])
      const at = draws.below(right.gradients.get(name)!.data.length)
      const wrong = withChanged(right.gradients, name, (value, k) => (k === at ? value * (1 + 1e-6) : value))
      const report = await check(right, wrong)
      expect(report.verdict).toBe('fail')
      expect(report.notices.join()).not.toContain('digits')
    }
  })
})

describe('a gradient in float64 that is off by a factor', () => {
  it.each([1 + 1e-5, 1.001, 1.01])('of %d is wrong, however near it is to fewer digits', async (factor) => {
    for (const right of inDouble) {
      const report = await check(
        right,
        forEach(right.gradients, (value) => factor * value),
      )
      expect(report.verdict).toBe('fail')
      expect(report.notices.join()).not.toContain('digits')
    }
  })
})
