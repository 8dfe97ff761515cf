import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../src/check/check-gradients.js'
import { program } from '../../src/program/builder.js'
import { howMany, spread } from '../support/how-many.js'
import { arraysOf, gradientsOf, NETS, SMALL_NETS, train } from '../support/nets.js'
import { openPrecisionEvaluators } from '../support/precision-evaluators.js'

const evaluatorOf = openPrecisionEvaluators()
const isLong = howMany(0, 1) === 1
// on a software adapter these take minutes
const SLOW = ['residualConvolutional', 'transformer', 'lstm', 'gru']
const names = Object.keys(isLong ? NETS : SMALL_NETS).filter((name) => !isLong || !SLOW.includes(name))

/** Differences of whole nets in single precision, from the exact gradient. */
describe.each(spread(names, howMany(4, names.length)))('a whole net on a device, %s', (name) => {
  it.each(isLong ? [0, 100] : [0])(
    'is differentiated to seven digits after %d steps of training',
    async (steps) => {
      const net = train((isLong ? NETS : SMALL_NETS)[name](1), steps)
      const report = await checkGradients(
        { program: program.from(net.build), parameters: arraysOf(net), gradients: gradientsOf(net) },
        { evaluator: evaluatorOf('single') },
      )
      expect(report.verdict).not.toBe('fail')
      expect(report.difference).toBeLessThanOrEqual(steps === 0 ? 1.5e-7 : 4e-7)
      expect(report.numericalError).toBeGreaterThanOrEqual(report.difference / 4)
    },
  )
})
