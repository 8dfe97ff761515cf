import { describe, expect, it } from 'vitest'
import { reversePass } from '../../../src/backward/reverse-pass.js'
import { createCpuCarrier } from '../../../src/program/carry-changes.js'
import { applicationOf, evaluateFrom } from '../../../src/program/evaluate.js'
import { differentiateValue } from '../../../src/program/numerical-gradient.js'
import { type ComputedValue, coneOf, inputsOf } from '../../../src/program/program.js'
import { listOperationCases } from '../../support/operation-examples.js'

const largestOf = (values: Iterable<number>) =>
  [...values].reduce((most, x) => Math.max(most, Math.abs(x)), 0)

/** What every operation of the table must keep: one that is added is tried by its own examples. */
describe.each(listOperationCases())('$name', ({ operation, bound }) => {
  const { program, base } = bound
  const inputs = inputsOf(program)
  const value = program.values.find((other) => other.kind === 'computed') as ComputedValue
  const application = applicationOf(bound, value)
  const carrier = createCpuCarrier(bound)
  const upstreamOf = (seed: number) => application.result.data.map((_, k) => Math.sin(1 + seed + 7.3 * k))

  it('changes by what its values change by, whatever the step', async () => {
    for (const { id, shape } of inputs) {
      const cone = coneOf(program, [id])
      for (const step of [0.2, 2 ** -10]) {
        const { gradient } = (await differentiateValue(carrier, { id, shape }, step, undefined))!
        for (let k = 0; k < gradient.length; k++) {
          const lossAt = (moved: number) =>
            evaluateFrom(bound, new Map([[id, base[id].with(k, moved)]]), cone)
          const [above, below] = [base[id][k] + step, base[id][k] - step]
          const slope = (lossAt(above) - lossAt(below)) / (2 * step)
          // the losses' own roundings
          const rounding =
            (1e-14 * (1 + largestOf(application.result.data)) * application.result.data.length) / step
          expect(Math.abs(gradient[k] - slope)).toBeLessThanOrEqual(rounding + 1e-13 * Math.abs(slope))
        }
      }
    }
  })

  it('changes by its vector-Jacobian product where the step is next to nothing', async () => {
    const cotangents = reversePass(bound)
    for (const { id, shape } of inputs) {
      const { gradient } = (await differentiateValue(carrier, { id, shape }, 2 ** -200, undefined))!
      const right = cotangents[id] ?? new Float64Array(gradient.length)
      const most = largestOf(right)
      for (let k = 0; k < gradient.length; k++) {
        expect(Math.abs(gradient[k] - right[k])).toBeLessThanOrEqual(1e-12 * most)
      }
    }
  })

  it('changes alike whether elements move one by one or along an axis', async () => {
    for (const { id, shape } of inputs) {
      const alone = (await differentiateValue(carrier, { id, shape }, 0.2, undefined))!
      for (const axis of shape.keys()) {
        const along = (await differentiateValue(carrier, { id, shape }, 0.2, axis))!
        for (const [k, slope] of alone.gradient.entries()) {
          expect(Math.abs(along.gradient[k] - slope)).toBeLessThanOrEqual(1e-13 * largestOf(alone.gradient))
        }
        expect(along.crossings).toEqual(alone.crossings)
      }
    }
  })

  it('passes back squares by the squares of its derivatives', () => {
    const size = application.result.data.length
    const variances = upstreamOf(1).map(Math.abs)
    for (const operand of value.operands.keys()) {
      const squares = new Float64Array(application.operands[operand].data.length)
      for (let k = 0; k < size; k++) {
        const row = operation.pullBack(application, new Float64Array(size).fill(1, k, k + 1), operand)
        for (let j = 0; j < row.length; j++) squares[j] += row[j] ** 2 * variances[k]
      }
      const passed = operation.pullBackSquares(application, variances, operand)
      for (let j = 0; j < squares.length; j++) {
        expect(Math.abs(passed[j] - squares[j])).toBeLessThanOrEqual(1e-12 * largestOf(squares))
      }
    }
  })

  it('has the size of its terms at least, where it passes a cotangent back', () => {
    const cotangent = upstreamOf(2)
    for (const operand of value.operands.keys()) {
      const terms = operation.pullBackTerms?.(application, cotangent, operand)
      const passed = operation.pullBack(application, cotangent, operand)
      for (let j = 0; j < passed.length; j++) {
        if (terms !== undefined) expect(terms[j]).toBeGreaterThanOrEqual((1 - 1e-12) * Math.abs(passed[j]))
      }
    }
  })

  it('is linear in the operands that it says it is linear in', async () => {
    for (const [operand, { id, shape }] of inputs.entries()) {
      if (!operation.isLinearIn(operand)) continue
      const [near, far] = await Promise.all(
        [2 ** -30, 2 ** 10].map(
          async (step) => (await differentiateValue(carrier, { id, shape }, step, undefined))!,
        ),
      )
      for (const [k, slope] of near.gradient.entries()) {
        expect(Math.abs(far.gradient[k] - slope)).toBeLessThanOrEqual(1e-12 * largestOf(near.gradient))
      }
    }
  })

  it('bounds what errors of its operands do to it', () => {
    const u = 2 ** -53
    const errors = application.operands.map(({ data }) => data.map((x) => 2 ** 20 * Math.abs(x)))
    const bounds = operation.errors(application, errors)
    for (const sign of [1, -1]) {
      const operands = application.operands.map(({ shape, data }, operand) => ({
        shape,
        data: data.map((x, k) => x + sign * (k % 2 === 0 ? 1 : -1) * u * errors[operand][k]),
      }))
      const moved = new Float64Array(application.result.data.length)
      operation.evaluate(operands, moved)
      for (const [k, x] of moved.entries()) {
        // the values themselves are rounded as well
        const distance = Math.abs(x - application.result.data[k])
        expect(distance).toBeLessThanOrEqual((1 + 1e-4) * u * bounds[k])
      }
    }
  })

  it('is plain data beside its rules', () => {
    expect(JSON.parse(JSON.stringify(operation.attributes))).toEqual(
      Object.fromEntries(Object.entries(operation.attributes).filter(([, given]) => given !== undefined)),
    )
    expect(operation.work(application.operands.map(({ shape }) => shape))).toBeGreaterThan(0)
  })
})
