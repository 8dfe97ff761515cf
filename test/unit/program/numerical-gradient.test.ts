import { describe, expect, it } from 'vitest'
import { reversePass } from '../../../src/backward/reverse-pass.js'
import { buildProgram } from '../../../src/program/builder.js'
import { createCpuCarrier } from '../../../src/program/carry-changes.js'
import { bindProgram } from '../../../src/program/evaluate.js'
import { differentiateValue } from '../../../src/program/numerical-gradient.js'
import { SMALL_PROGRAMS } from '../../support/small-programs.js'

describe('differences of any value agree with the reverse pass', () => {
  it.each(Object.keys(SMALL_PROGRAMS))('%s', async (name) => {
    const { arrays, build } = SMALL_PROGRAMS[name]
    const program = buildProgram(build, new Map([...arrays].map(([key, { shape }]) => [key, shape])))
    const bound = bindProgram(program, arrays)
    const cotangents = reversePass(bound)
    const carrier = createCpuCarrier(bound)
    for (const value of program.values) {
      if (value.kind === 'constant') continue
      const right = cotangents[value.id]!
      const largest = right.reduce((most, slope) => Math.max(most, Math.abs(slope)), 0)
      for (const laneAxis of [undefined, ...value.shape.keys()]) {
        const { gradient } = (await differentiateValue(carrier, value, 1e-6, laneAxis))!
        for (const [k, slope] of gradient.entries()) {
          const difference = Math.abs(slope - right[k])
          expect(difference, `%${value.id}[${k}], lanes ${laneAxis}`).toBeLessThan(1e-10 * largest)
        }
      }
    }
  })
})
