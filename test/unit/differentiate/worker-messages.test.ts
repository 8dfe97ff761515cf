import { describe, expect, it } from 'vitest'
import { describeProgram, restoreProgram } from '../../../src/differentiate/cpu/worker-messages.js'
import { createCpuCarrier } from '../../../src/program/carry-changes.js'
import { differentiateValue } from '../../../src/program/numerical-gradient.js'
import { inputsOf } from '../../../src/program/program.js'
import { listOperationCases } from '../../support/operation-examples.js'

/** An operation that is added is tried by its own examples. */
describe.each(listOperationCases())('a program of $name', ({ bound }) => {
  it('is the same on another thread', async () => {
    const restored = restoreProgram(structuredClone(describeProgram(bound)))
    const [here, there] = [bound, restored].map(createCpuCarrier)
    for (const value of inputsOf(bound.program)) {
      const expected = await differentiateValue(here, value, 0.01, undefined)
      expect(await differentiateValue(there, value, 0.01, undefined)).toEqual(expected)
    }
  })
})
