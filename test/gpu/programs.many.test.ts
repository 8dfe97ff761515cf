import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../src/check/check-gradients.js'
import { buildProgram, program } from '../../src/program/builder.js'
import { createCpuCarrier } from '../../src/program/carry-changes.js'
import { bindProgram } from '../../src/program/evaluate.js'
import { differentiateValue } from '../../src/program/numerical-gradient.js'
import { type Tensor, tensor } from '../../src/tensor.js'
import { howMany, spread } from '../support/how-many.js'
import { openPrecisionEvaluators } from '../support/precision-evaluators.js'
import { SMALL_PROGRAMS } from '../support/small-programs.js'

const evaluatorOf = openPrecisionEvaluators()

const norm = (values: Float64Array) => Math.hypot(...values)

describe.each([
  { precision: 'single' as const, step: 2 ** -20, bound: 1e-6, some: 7 },
  { precision: 'extended' as const, step: 2 ** -20, bound: 2e-12, some: 2 },
])('programs on a device in $precision precision', ({ precision, step, bound, some }) => {
  const names = spread(Object.keys(SMALL_PROGRAMS), howMany(some, Object.keys(SMALL_PROGRAMS).length))

  it.each(names)('%s: the changes of every value are those of float64', async (name) => {
    const { arrays, build } = SMALL_PROGRAMS[name]
    const shapes = new Map([...arrays].map(([of, { shape }]) => [of, shape]))
    const bound_ = bindProgram(buildProgram(build, shapes), arrays)
    const device = evaluatorOf(precision).createCarrier!(bound_)
    const exact = createCpuCarrier(bound_)
    for (const value of bound_.program.values) {
      if (value.kind === 'constant') continue
      for (const laneAxis of [undefined, ...value.shape.keys()]) {
        if (laneAxis !== undefined && value.shape[laneAxis] === 1) continue
        const [found, right] = await Promise.all(
          [device, exact].map(async (carrier) => (await differentiateValue(carrier, value, step, laneAxis))!),
        )
        const off = norm(found.gradient.map((slope, k) => slope - right.gradient[k]))
        expect(off, `${value.id} ${laneAxis}`).toBeLessThanOrEqual(bound * norm(right.gradient))
        expect([...found.crossings]).toEqual([...right.crossings])
      }
    }
    device.dispose()
  })

  it.each(names)('%s: right gradients pass, wrong ones fail', async (name) => {
    const { arrays, build } = SMALL_PROGRAMS[name]
    const definition = program.from(build)
    const exact = await checkGradients(
      { program: definition, parameters: arrays, gradients: zeros(arrays) },
      { keepGradients: true },
    )
    const right = new Map(
      exact.gradients!.map(({ name: of, numerical }) => [
        of,
        tensor(Float64Array.from(numerical), arrays.get(of)!.shape),
      ]),
    )
    const evaluator = evaluatorOf(precision)
    const report = await checkGradients(
      { program: definition, parameters: arrays, gradients: right },
      { evaluator },
    )
    expect(report.verdict).toBe('pass')
    expect(report.precision).toBe(precision)
    expect(report.difference).toBeLessThanOrEqual(precision === 'single' ? 1e-6 : 1e-11)
    const [first] = right.keys()
    const wrong = new Map(right).set(first, {
      ...right.get(first)!,
      data: right.get(first)!.data.map((slope, k) => (k === 1 ? 1.01 * slope : slope)),
    })
    const failed = await checkGradients(
      { program: definition, parameters: arrays, gradients: wrong },
      { evaluator },
    )
    expect(failed.verdict).toBe('fail')
    expect(failed.tensors.flatMap(({ wrongEntries }) => wrongEntries)).toEqual([
      1,
      ...Array(right.size - 1).fill(0),
    ])
  })
})

const zeros = (arrays: ReadonlyMap<string, Tensor>) =>
  new Map([...arrays].map(([name, { shape, data }]) => [name, tensor(new Float64Array(data.length), shape)]))
