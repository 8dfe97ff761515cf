import { describe, expect, it } from 'vitest'
import { isElementwise } from '../../../src/operations/elementwise.js'
import type { RuleKernel } from '../../../src/operations/kernels.js'
import { createCpuCarrier } from '../../../src/program/carry-changes.js'
import { applicationOf } from '../../../src/program/evaluate.js'
import { runRule } from '../../../src/program/run-rules.js'
import { listOperationCases } from '../../support/operation-examples.js'

const CASES = listOperationCases().filter(({ operation }) => isElementwise(operation))

/** Rules that have a loop of their own are held against the rule itself, which others are run by. */
describe.each(CASES)('the loop of $name', ({ operation, bound }) => {
  const value = bound.program.values.find((other) => other.kind === 'computed')!
  if (value.kind !== 'computed' || !isElementwise(operation)) throw new Error('no element-wise operation')
  const { rule } = operation
  const application = applicationOf(bound, value)

  it.each([0.4, -0.4, 1e-3, -1e-7, 2 ** -200])('makes what the rule does of every change, h = %d', (step) => {
    const block = { count: 3, lanes: 1 }
    const forms = application.operands.map(({ shape }) => ({
      box: shape.map(() => undefined),
      laneAxis: undefined,
    }))
    const { kernels } = operation.prepare(application)(forms, block)
    const kernel = kernels.at(-1) as RuleKernel
    const sizes = [0, 1, -0.3, 2, 1e-6]
    const changes = application.operands.map(({ data }, operand) =>
      Float64Array.from({ length: 3 * data.length }, (_, k) => sizes[(k * 7 + operand * 3) % sizes.length]),
    )
    const size = kernel.place.inner.length
    const result = new Float64Array(3 * size).fill(Number.NaN)
    const crossings = new Uint32Array(3)
    const launch = { kernel, block, operands: [0, 1, 2], kernels: [], result: 3, dropped: [] }
    const read = (from: { operand: number } | { kernel: number }) =>
      changes[(from as { operand: number }).operand]
    runRule({ launch, step, read, crossings }, kernel, result)
    const expected = new Uint32Array(3)
    for (let p = 0; p < 3; p++) {
      for (let e = 0; e < size; e++) {
        const at = rule.constants * (kernel.place.starts[p] + kernel.place.inner[e])
        const [a, b, c] = [0, 1, 2].map((k) => {
          const change = kernel.operands[k]
          return change === undefined ? 0 : changes[k][p * change.size + change.order[e]]
        })
        const made = rule.change(kernel.constants, at, a, b, c, step)
        if (rule.crosses?.(kernel.constants, at, a, b, c, step)) expected[p]++
        const got = result[p * size + e]
        if (Number.isNaN(made)) expect(got).toBeNaN()
        else expect(Math.abs(got - made)).toBeLessThanOrEqual(4e-15 * (1 + Math.abs(made)))
      }
    }
    expect(crossings).toEqual(expected)
  })
})

it('a carrier uses room again without reading what is left there', async () => {
  const { bound } = listOperationCases()[0]
  const carrier = createCpuCarrier(bound)
  const [input] = bound.program.values
  const seed = {
    box: input.shape.map((_, axis) => (axis === 0 ? Int32Array.of(0, 1) : undefined)),
    laneAxis: undefined,
  }
  const first = await carrier.carry(input.id, seed, { count: 2, lanes: 1 }, 0.1)
  const changes = first!.changes.slice()
  for (let k = 0; k < 3; k++) {
    await carrier.carry(input.id, { ...seed }, { count: 2, lanes: 1 }, -0.3)
    const again = await carrier.carry(input.id, { ...seed }, { count: 2, lanes: 1 }, 0.1)
    expect(again!.changes).toEqual(changes)
  }
})
