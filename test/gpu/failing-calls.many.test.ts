import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reversePass } from '../../src/backward/reverse-pass.js'
import { checkGradients } from '../../src/check/check-gradients.js'
import type { Problem } from '../../src/check/problem.js'
import type { ProgramProblem } from '../../src/check/program/bind-program-problem.js'
import type { CheckReport } from '../../src/check/report.js'
import { createWebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import { GradcheckError } from '../../src/errors.js'
import type { GpuDevice } from '../../src/gpu/device.js'
import { type Builder, buildProgram, type Node, program } from '../../src/program/builder.js'
import { bindProgram } from '../../src/program/evaluate.js'
import { inputsOf } from '../../src/program/program.js'
import { type NamedTensors, tensor } from '../../src/tensor.js'
import { FailingDevices, type Failure } from '../support/failing-devices.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { howMany, numbersOf, spread } from '../support/how-many.js'
import { withChanged } from '../support/plant-errors.js'
import { makeRandomProblem, type RandomNetworkOptions } from '../support/random-network.js'
import { SMALL_PROGRAMS } from '../support/small-programs.js'

/** A check in which the gradient of one tensor is wrong. */
interface WrongProblem {
  readonly problem: Problem | ProgramProblem
  /** The name of that tensor. */
  readonly wrong: string
}

/** A small check, in which the gradient of the last weights is wrong. */
function makeWrongNetwork(
  options: Pick<RandomNetworkOptions, 'activations' | 'widths' | 'biases'>,
): WrongProblem {
  const random = makeRandomProblem({ ...options, seed: 2, loss: 'half-squared-error', samples: 2 })
  const gradients = withChanged(random.gradients, lastGradient(options), (value) => 2 * value)
  return { problem: { ...random.problem, gradients }, wrong: `W${options.activations.length}` }
}

const lastGradient = ({ activations }: Pick<RandomNetworkOptions, 'activations'>) => `dW${activations.length}`

/** A program's check, in which the gradient of W is wrong. */
function makeWrongProgram(
  arrays: NamedTensors,
  build: (b: Builder, arrays: Readonly<Record<string, Node>>) => Node,
): WrongProblem {
  const shapes = new Map([...arrays].map(([name, { shape }]) => [name, shape]))
  const bound = bindProgram(buildProgram(build, shapes), arrays)
  const cotangents = reversePass(bound)
  const gradients = new Map(
    inputsOf(bound.program).map(({ id, name, shape }) => {
      const factor = name === 'W' ? 2 : 1
      return [
        name,
        tensor(
          cotangents[id]!.map((slope) => factor * slope),
          shape,
        ),
      ]
    }),
  )
  return { problem: { program: program.from(build), parameters: arrays, gradients }, wrong: 'W' }
}

const { arrays, build } = SMALL_PROGRAMS['a skip connection']

/** Every kind of kernel. */
const SMALL = [
  {
    name: 'a network',
    ...makeWrongNetwork({ activations: ['tanh', 'sigmoid', 'linear'], widths: [2, 2, 2, 1], biases: 'none' }),
  },
  { name: 'a program', ...makeWrongProgram(arrays, build) },
]
/** As few kernels as there may be, for devices that have to make them. */
const TINY = [
  { name: 'a network', ...makeWrongNetwork({ activations: ['linear'], widths: [2, 1], biases: 'none' }) },
  {
    name: 'a program',
    ...makeWrongProgram(new Map([['W', tensor([0.3, -0.7], [2])]]), (b, { W }) => b.sum(b.square(W))),
  },
]
const LONGEST_MILLISECONDS = 60_000
const DEVICES_AT_ONCE = 8

/** How a check ended. */
type Outcome = CheckReport | GradcheckError

async function check(
  { problem }: WrongProblem,
  devices: FailingDevices,
  signal?: AbortSignal,
): Promise<Outcome> {
  const evaluator = await createWebgpuEvaluator(devices.open)
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the check does not end')), LONGEST_MILLISECONDS)
  })
  try {
    const options = signal === undefined ? { evaluator } : { evaluator, signal }
    return await Promise.race([checkGradients(problem, options), late])
  } catch (error) {
    if (error instanceof GradcheckError) return error
    throw error
  } finally {
    clearTimeout(timer)
    // before the device is closed, which would destroy them as well
    expect(devices.openBuffers).toBe(0)
    evaluator.dispose()
    expect(devices.openDevices).toBe(0)
  }
}

/** An error of ours, or that one tensor is wrong and no other. */
function expectRight({ wrong }: WrongProblem, outcome: Outcome): void {
  if (outcome instanceof GradcheckError) return
  expect(outcome.verdict).toBe('fail')
  const failing = outcome.tensors.filter(({ verdict }) => verdict === 'fail')
  expect(failing.map(({ name }) => name)).toEqual([wrong])
  expect(outcome.parameters.checked).toBe(outcome.parameters.total)
  expect(outcome.interrupted).toBe(false)
}

const isError = (outcome: Outcome) => outcome instanceof GradcheckError

describe('a check of which one device call fails', () => {
  let shared: GpuDevice
  beforeAll(async () => {
    shared = await openGpuDevice('software')
  })
  afterAll(() => shared?.dispose())

  /** How many calls a check makes. */
  async function countCalls(problem: WrongProblem): Promise<number> {
    const devices = new FailingDevices(undefined, 0, { shared })
    expectRight(problem, await check(problem, devices))
    return devices.calls
  }

  /** The outcomes of checks in each of which another call fails, all at once. */
  async function failEach(problem: WrongProblem, failure: Failure): Promise<Outcome[]> {
    const calls = await countCalls(problem)
    const outcomes = await Promise.all(
      Array.from({ length: calls }, (_, at) => check(problem, new FailingDevices(failure, at, { shared }))),
    )
    for (const outcome of outcomes) expectRight(problem, outcome)
    return outcomes
  }

  it.each(SMALL)(
    'of $name by a validation error or a rejection ends in an error, or is made again',
    async (small) => {
      const outcomes = await failEach(small, 'validation')
      for (const outcome of outcomes)
        if (outcome instanceof GradcheckError) expect(outcome.code).toBe('internal')
      // none goes unnoticed: what is made again is the reading of a batch, one for each tensor and refinement
      expect(outcomes.filter((outcome) => !isError(outcome)).length).toBeLessThan(outcomes.length / 20)
    },
  )

  it.each(SMALL)('of $name because memory runs out ends in the right verdict', async (small) => {
    expect((await failEach(small, 'out-of-memory')).filter(isError)).toEqual([])
  })

  it.each(TINY)(
    'of $name because the device is lost ends in the right verdict',
    async (tiny) => {
      const calls = await countCalls(tiny)
      const chosen = spread(numbersOf(calls), howMany(DEVICES_AT_ONCE, calls))
      const outcomes: Outcome[] = []
      for (let from = 0; from < chosen.length; from += DEVICES_AT_ONCE) {
        const several = chosen
          .slice(from, from + DEVICES_AT_ONCE)
          .map((at) => check(tiny, new FailingDevices('loss', at)))
        outcomes.push(...(await Promise.all(several)))
      }
      for (const outcome of outcomes) expectRight(tiny, outcome)
      expect(outcomes.filter(isError)).toEqual([])
    },
    300_000,
  )

  it.each(SMALL)(
    'of $name because it hangs ends once it is aborted, and claims no more than it saw',
    async (small) => {
      const calls = await countCalls(small)
      const each = Array.from({ length: calls }, async (_, at) => {
        const controller = new AbortController()
        const onFailure = () => setTimeout(() => controller.abort(), 20)
        return await check(small, new FailingDevices('hang', at, { shared, onFailure }), controller.signal)
      })
      const outcomes = await Promise.all(each)
      expect(outcomes.filter(isError)).toEqual([])
      const reports = outcomes as CheckReport[]
      for (const report of reports) {
        if (!report.interrupted) expectRight(small, report)
        for (const { name, verdict } of report.tensors) if (verdict === 'fail') expect(name).toBe(small.wrong)
      }
      expect(reports.filter(({ interrupted }) => interrupted).length).toBeGreaterThan(calls / 4)
    },
  )
})
