import { describe, expect, it } from 'vitest'
import { reversePass } from '../../../src/backward/reverse-pass.js'
import { createCpuCarrier } from '../../../src/program/carry-changes.js'
import { compactProgram } from '../../../src/program/compact.js'
import { type BoundProgram, bindProgram } from '../../../src/program/evaluate.js'
import { differentiateValue } from '../../../src/program/numerical-gradient.js'
import { listSteps } from '../../../src/program/passes/steps.js'
import { writeProgram } from '../../../src/program/passes/write-program.js'
import { inputsOf, type Program } from '../../../src/program/program.js'
import { simplifyProgram } from '../../../src/program/simplify.js'
import type { NamedTensors } from '../../../src/tensor.js'
import { howMany } from '../../support/how-many.js'
import { drawLoopPrograms } from '../../support/loop-programs.js'
import { drawPrograms } from '../../support/random-programs.js'

const largestOf = (numbers: Iterable<number>) =>
  [...numbers].reduce((most, number) => Math.max(most, Math.abs(number)), 0)

/** Sums may be taken in another order. */
const EXACT = 1e-13

function expectClose(given: Float64Array, wanted: Float64Array, size: number): void {
  expect(given.length).toBe(wanted.length)
  for (const [k, number] of wanted.entries()) {
    expect(Math.abs(given[k] - number)).toBeLessThanOrEqual(EXACT * size)
  }
}

const computedOf = ({ values }: Program) => values.filter((value) => value.kind === 'computed')

/** The size of what is summed up on the way to a gradient: what cancels leaves the rounding of that. */
function sizeOfGradients({ base }: BoundProgram, cotangents: readonly (Float64Array | undefined)[]): number {
  return largestOf(
    base.flatMap((value, id) => [...(cotangents[id] ?? [])].flatMap((slope, k) => [slope, slope * value[k]])),
  )
}

/** Without what no element is read of, which may cross kinks as it likes, and otherwise step by step. */
function keepRead(listed: Program): Program {
  const steps = listSteps(listed)
  return writeProgram(
    steps,
    steps.steps.map((step) => [step]),
  )
}

async function expectSame(listed: Program, arrays: NamedTensors): Promise<void> {
  const compact = compactProgram(listed)
  expect(inputsOf(compact).map(({ name }) => name)).toEqual(inputsOf(listed).map(({ name }) => name))
  const [before, after] = [listed, compact].map((program) => bindProgram(program, arrays))
  const [one, other] = [before, after].map((bound) => bound.base[bound.program.output])
  const size = 1 + largestOf(before.base.flatMap((value) => [...value]))
  expectClose(other, one, size)
  const [slopes, compactSlopes] = [before, after].map((bound) => reversePass(bound))
  const ofGradients = size + sizeOfGradients(before, slopes)
  const [carrier, compactCarrier, neededCarrier] = [before, after, bindProgram(keepRead(listed), arrays)].map(
    createCpuCarrier,
  )
  for (const [t, input] of inputsOf(listed).entries()) {
    const own = inputsOf(compact)[t]
    const none = new Float64Array(before.base[input.id].length)
    expectClose(compactSlopes[own.id] ?? none, slopes[input.id] ?? none, ofGradients)
    if (slopes[input.id] === undefined) continue
    for (const step of [0.2, 2 ** -20]) {
      const moved = (await differentiateValue(carrier, input, step, undefined))!
      const { crossings } = (await differentiateValue(neededCarrier, own, step, undefined))!
      for (const axis of [undefined, ...input.shape.keys()]) {
        const along = (await differentiateValue(compactCarrier, own, step, axis))!
        expectClose(along.gradient, moved.gradient, 10 * ofGradients)
        expect(along.crossings.map((count) => Math.min(1, count))).toEqual(
          crossings.map((count) => Math.min(1, count)),
        )
      }
    }
  }
}

describe('a program in fewer operations', () => {
  const loops = [...drawLoopPrograms(howMany(60, 1500))]

  it.each(loops)('has the values, gradients and differences of loop $seed', async ({ arrays, program }) => {
    await expectSame(program, arrays)
  })

  it('has the same of programs that are no loops', async () => {
    for (const { bound, arrays } of drawPrograms(howMany(40, 1000))) await expectSame(bound.program, arrays)
  })

  it.each(loops.slice(0, 30))(
    'has the same behind what is recognised in loop $seed',
    async ({ arrays, program }) => {
      await expectSame(simplifyProgram(program), arrays)
    },
  )

  it('is seldom longer, and names lines of the program alone', () => {
    let [listed, compacted] = [0, 0]
    for (const { program } of loops) {
      const compact = compactProgram(program)
      const places = new Set(computedOf(program).map(({ source: { file, line } }) => `${file}:${line}`))
      for (const { source } of computedOf(compact)) expect(places).toContain(`${source.file}:${source.line}`)
      listed += computedOf(program).length
      compacted += computedOf(compact).length
    }
    expect(compacted).toBeLessThan(0.6 * listed)
  })
})
