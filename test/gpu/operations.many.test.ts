import { describe, expect, it } from 'vitest'
import { reversePass } from '../../src/backward/reverse-pass.js'
import { createCpuCarrier } from '../../src/program/carry-changes.js'
import { applicationOf, type BoundProgram } from '../../src/program/evaluate.js'
import { differentiateValue } from '../../src/program/numerical-gradient.js'
import { type ComputedValue, inputsOf } from '../../src/program/program.js'
import { howMany, spread } from '../support/how-many.js'
import { listOperationCases } from '../support/operation-examples.js'
import { openPrecisionEvaluators } from '../support/precision-evaluators.js'

const evaluatorOf = openPrecisionEvaluators()

/** Root sums of the squares of what the elements of an input's gradient are summed from. */
function sizesOfTerms(bound: BoundProgram, input: number): Float64Array {
  const value = bound.program.values.find((other) => other.kind === 'computed') as ComputedValue
  const cotangent = reversePass(bound)[value.id]!
  const operand = value.operands.indexOf(input)
  const squares = cotangent.map((slope) => slope * slope)
  return value.operation.pullBackSquares(applicationOf(bound, value), squares, operand).map(Math.sqrt)
}

/** Every operation of the table, by its examples: the shaders' rules against those in float64. */
describe.each([
  // a compiler takes longest of all, and of extended precision four times as long
  { precision: 'single' as const, bound: 1e-6, some: 20 },
  { precision: 'extended' as const, bound: 2e-12, some: 6 },
])('operations on a device in $precision precision', ({ precision, bound: allowed, some }) => {
  const cases = listOperationCases()

  it.each(spread(cases, howMany(some, cases.length)))(
    '$name changes as it does in float64',
    async ({ bound }) => {
      const device = evaluatorOf(precision).createCarrier!(bound)
      const exact = createCpuCarrier(bound)
      for (const { id, shape } of inputsOf(bound.program)) {
        for (const step of [2 ** -20, 0.25]) {
          const [found, right] = await Promise.all(
            [device, exact].map(
              async (carrier) => (await differentiateValue(carrier, { id, shape }, step, undefined))!,
            ),
          )
          // where terms cancel, of their size
          const most = Math.max(...right.gradient.map(Math.abs), ...sizesOfTerms(bound, id))
          for (const [k, slope] of right.gradient.entries()) {
            expect(Math.abs(found.gradient[k] - slope), `step ${step}`).toBeLessThanOrEqual(allowed * most)
          }
          expect(found.crossings).toEqual(right.crossings)
        }
      }
      device.dispose()
    },
  )
})
