import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { program } from '../../../src/program/builder.js'
import { tensor } from '../../../src/tensor.js'
import { howMany } from '../../support/how-many.js'
import { arraysOf, gradientsOf, NETS, type Net, SMALL_NETS, train } from '../../support/nets.js'

const CASES = Object.entries(howMany(0, 1) === 1 ? NETS : SMALL_NETS)
/** Where many steps of training leave nothing to be wrong: every margin is kept. */
const LEARNED = ['supportVectors']

const problemOf = (net: Net, gradients = gradientsOf(net)) => ({
  program: program.from(net.build),
  parameters: arraysOf(net),
  gradients,
})

// of a transformer a check that fails and is explained takes some ten seconds where cores are shared
describe.each(CASES)('the gradient of a whole net, %s', { timeout: 600_000 }, (name, make) => {
  it.each([0, howMany(10, 100)])('passes after %d steps of training', async (steps) => {
    const report = await checkGradients(problemOf(train(make(1), steps)))
    if (LEARNED.includes(name) && report.cost === 0) {
      expect(report.verdict).toBe('inconclusive')
      expect(report.reasons.join()).toMatch(/zero everywhere/)
      return
    }
    expect(report.verdict, report.reasons.join()).toBe('pass')
    expect(report.difference).toBeLessThanOrEqual(1e-10)
  })

  it('fails where an entry of each parameter is 1 % off, at its index', async () => {
    const net = make(2)
    const planted = new Map<string, number>()
    const gradients = new Map(
      [...gradientsOf(net)].map(([of, { data, shape }]) => {
        const sizes = data.map(Math.abs)
        const at = sizes.indexOf(Math.max(...sizes))
        // the key bias of attention is 0
        if (sizes[at] < 1e-12) return [of, tensor(data, shape)]
        planted.set(of, at)
        return [of, tensor(data.with(at, 1.01 * data[at]), shape)]
      }),
    )
    const report = await checkGradients(problemOf(net, gradients))
    expect(report.verdict).toBe('fail')
    for (const { name: of, shape, wrongEntries, worst } of report.tensors) {
      expect(wrongEntries, of).toBe(planted.has(of) ? 1 : 0)
      const at = planted.get(of)
      if (at === undefined) continue
      const [first] = worst
      expect(first.index.reduce((offset, index, axis) => offset * shape[axis] + index, 0)).toBe(at)
    }
  })
})
