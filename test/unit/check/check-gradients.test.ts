import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import type { CheckOptions, Progress } from '../../../src/check/check-options.js'
import type { Problem } from '../../../src/check/problem.js'
import type { CheckReport } from '../../../src/check/report.js'
import { createCpuEvaluator } from '../../../src/differentiate/cpu/evaluator.js'
import type { Evaluator, TensorDerivatives } from '../../../src/differentiate/evaluator.js'
import { createTextbookEvaluator } from '../../../src/differentiate/textbook.js'
import { type ErrorCode, GradcheckError } from '../../../src/errors.js'
import { LAYOUT_NAMES } from '../../../src/network/layout.js'
import { reportToJson } from '../../../src/report/json.js'
import { type NamedTensors, unravelIndex } from '../../../src/tensor.js'
import { bindRandom, evaluateAll } from '../../support/evaluate.js'
import { FIXTURES, readFixture } from '../../support/fixtures.js'
import { numbersOf } from '../../support/how-many.js'
import { backpropagateHastily, nameArrays, plainOutputs } from '../../support/plain-network.js'
import { medianOffset, storeAs, withChanged } from '../../support/plant-errors.js'
import {
  makeRandomProblem,
  problemOf,
  type RandomProblem,
  randomOptions,
} from '../../support/random-network.js'

const cpu = createCpuEvaluator('test')

const verdictsOf = (report: CheckReport) =>
  Object.fromEntries(report.tensors.map(({ name, verdict }) => [name, verdict]))

const failing = (report: CheckReport) =>
  report.tensors.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name)

const withGradients = ({ problem }: RandomProblem, gradients: NamedTensors): Problem => ({
  ...problem,
  gradients,
})

/** 3 → 4 → 5 → 2 with every tensor's gradient well away from 0. */
const small = makeRandomProblem({
  seed: 21,
  activations: ['tanh', 'sigmoid', 'linear'],
  loss: 'half-squared-error',
  widths: [3, 4, 5, 2],
  samples: 5,
  l2: 0.1,
})

describe('a right gradient', () => {
  it.each(numbersOf(60))('of random network %i passes', async (number) => {
    const { problem, cost } = makeRandomProblem(randomOptions(number))
    const report = await checkGradients(problem)
    expect(report.notices).toEqual([])
    expect(report.verdict).toBe('pass')
    expect(report.difference).toBeLessThan(1e-7)
    expect(Math.abs(report.cost - cost)).toBeLessThan(1e-13 * cost)
    for (const { worst, verdict, wrongEntries } of report.tensors) {
      expect({ worst, verdict, wrongEntries }).toEqual({ worst: [], verdict: 'pass', wrongEntries: 0 })
    }
  })

  it.each(FIXTURES)('saved by another program is judged as expected: %s', async (file, expected) => {
    const report = await checkGradients(readFixture(file))
    expect(report.verdict).toBe(expected.verdict)
    if (expected.verdict === 'pass') {
      expect(report.difference).toBeLessThan(expected.gradient_precision === 'float32' ? 1e-6 : 1e-7)
    }
  })
})

describe('a gradient of few digits', () => {
  const medium = makeRandomProblem({
    seed: 22,
    activations: ['tanh', 'relu', 'linear'],
    loss: 'softmax-cross-entropy',
    widths: [12, 20, 15, 4],
    samples: 20,
  })

  it.each([
    ['float32', 1e-5],
    ['float16', 32 * 2 ** -11],
    ['bfloat16', 32 * 2 ** -8],
  ] as const)('%s passes when it is the right one rounded', async (dtype, tolerance) => {
    const report = await checkGradients(withGradients(medium, storeAs(medium.gradients, dtype)))
    expect(report.tolerance).toBe(tolerance)
    expect(report.verdict).toBe('pass')
    // and it was rounded
    expect(report.difference).toBeGreaterThan(tolerance / 1e4)
  })

  it.each(['float32', 'float16', 'bfloat16'] as const)(
    '%s fails when a tensor is twice too large',
    async (dtype) => {
      const doubled = withChanged(medium.gradients, 'dW2', (value) => 2 * value)
      const report = await checkGradients(withGradients(medium, storeAs(doubled, dtype)))
      expect(failing(report)).toEqual(['W2'])
    },
  )

  it('float32 fails when one entry is off by a thousandth', async () => {
    const at = medianOffset(medium.gradients.get('dW1')!)
    const wrong = withChanged(medium.gradients, 'dW1', (value, k) => (k === at ? 1.001 * value : value))
    const report = await checkGradients(withGradients(medium, storeAs(wrong, 'float32')))
    expect(failing(report)).toEqual(['W1'])
    expect(report.tensors[0].worst.map(({ index }) => index)).toEqual([unravelIndex(at, [20, 12])])
  })

  // residuals of a thousandth keep three digits fewer than the outputs they are made of
  it.each(['half-squared-error', 'binary-cross-entropy', 'softmax-cross-entropy'] as const)(
    'float32, of a trained network, is not called wrong: %s',
    async (loss) => {
      for (let seed = 0; seed < 10; seed++) {
        const last = loss === 'binary-cross-entropy' ? 'sigmoid' : 'linear'
        const { plain } = makeRandomProblem({
          seed,
          activations: ['tanh', 'sigmoid', last],
          loss,
          widths: [6, 10, 8, 3],
          samples: 12,
          layout: 'rows',
          scale: 3,
        })
        const weights = plain.weights.map((W, l) =>
          W.map((row) => row.map((w) => Math.fround(l === 2 ? 5 * w : w))),
        )
        const confident = {
          ...plain,
          weights,
          biases: plain.biases.map((b) => b?.map(Math.fround)),
          inputs: plain.inputs.map((row) => row.map(Math.fround)),
        }
        const targets = plainOutputs(confident).map((row) =>
          row.map((a) => {
            if (loss === 'half-squared-error') return Math.fround(1.001 * a)
            return Number(loss === 'binary-cross-entropy' ? a > 0.5 : a === Math.max(...row))
          }),
        )
        const trained = { ...confident, targets }
        const { problem } = problemOf(trained)
        const gradients = nameArrays(backpropagateHastily(trained, Math.fround), 'd')
        const report = await checkGradients({ ...problem, gradients: storeAs(gradients, 'float32') })
        expect(failing(report), `seed ${seed}`).toEqual([])
        expect(report.notices.join()).not.toContain('internal error')
      }
    },
  )
})

describe('one wrong entry of twelve thousand', () => {
  it.each(LAYOUT_NAMES)('is found, and its index is in the user’s own array: %s', async (layout) => {
    const large = makeRandomProblem({
      seed: 23,
      activations: ['tanh', 'linear'],
      loss: 'half-squared-error',
      widths: [120, 100, 3],
      samples: 4,
      layout,
    })
    const right = large.gradients.get('dW1')!
    const at = medianOffset(right)
    const wrong = withChanged(large.gradients, 'dW1', (value, k) => (k === at ? 1.001 * value : value))
    const report = await checkGradients(withGradients(large, wrong))
    expect(verdictsOf(report)).toEqual({ W1: 'fail', b1: 'pass', W2: 'pass', b2: 'pass' })
    expect(report.verdict).toBe('fail')
    // the norm over everything does not show it
    expect(report.difference).toBeLessThan(1e-4)
    const [W1] = report.tensors
    expect(W1.checked).toBe(12_000)
    expect(W1.wrongEntries).toBe(1)
    expect(W1.worst).toHaveLength(1)
    const [entry] = W1.worst
    expect(entry.index).toEqual(unravelIndex(at, right.shape))
    expect(entry.analytical).toBe(1.001 * right.data[at])
    expect(entry.numerical).toBeCloseTo(right.data[at], 9)
    expect(entry.relativeError).toBeCloseTo(0.001 / 2.001, 6)
  })
})

describe('a wrong gradient', () => {
  const m = 5
  it.each<[string, string, (value: number, offset: number) => number]>([
    ['of the other sign', 'dW2', (value) => -value],
    ['twice too large', 'dW1', (value) => 2 * value],
    ['a thousandth too small', 'db2', (value) => 0.999 * value],
    ['not divided by the samples', 'dW3', (value) => m * value],
    ['all zero', 'db3', () => 0],
    ['zero in one entry', 'dW2', (value, k) => (k === 7 ? 0 : value)],
    ['of the other sign in one entry', 'db1', (value, k) => (k === 2 ? -value : value)],
    ['shifted by one entry', 'dW3', (_value, k) => small.gradients.get('dW3')!.data[(k + 1) % 10]],
  ])('fails, and only that tensor: %s', async (_name, name, change) => {
    const report = await checkGradients(withGradients(small, withChanged(small.gradients, name, change)))
    expect(report.verdict).toBe('fail')
    expect(failing(report)).toEqual([name.slice(1)])
    for (const tensor of report.tensors) {
      expect(tensor.gradient).toBe(`d${tensor.name}`)
      expect(tensor.verdict === 'fail').toBe(tensor.worst.length > 0)
    }
  })

  it('fails in every tensor when the penalty’s gradient was forgotten or doubled, biases aside', async () => {
    const { l2, weights } = small.plain
    for (const factor of [-1, 1]) {
      const gradients = weights.reduce(
        (tensors, W, l) =>
          withChanged(tensors, `dW${l + 1}`, (value, k) => value + (factor * l2 * W.flat()[k]) / m),
        small.gradients,
      )
      expect(failing(await checkGradients(withGradients(small, gradients)))).toEqual(['W1', 'W2', 'W3'])
    }
  })

  it('of half the layers behind it wrong fails there: backpropagation without a slope', async () => {
    const { plain, problem } = makeRandomProblem({
      seed: 24,
      activations: ['tanh', 'tanh', 'linear'],
      loss: 'half-squared-error',
      widths: [3, 4, 4, 2],
    })
    // δ passed through the first tanh as if it were linear
    const wrong = { ...plain, activations: ['linear', 'tanh', 'linear'] as const }
    expect(problemOf(wrong).cost).not.toBe(problemOf(plain).cost)
    const gradients = new Map([
      ...problemOf(plain).gradients,
      ...[...problemOf(wrong).gradients].filter(([name]) => name.endsWith('1')),
    ])
    expect(failing(await checkGradients({ ...problem, gradients }))).toEqual(['W1', 'b1'])
  })

  it('lists its five worst entries, the worst first', async () => {
    const gradients = withChanged(small.gradients, 'dW2', (value, k) => value + 0.01 * (k + 1))
    const report = await checkGradients(withGradients(small, gradients))
    const W2 = report.tensors.find(({ name }) => name === 'W2')!
    expect(W2.wrongEntries).toBe(20)
    expect(W2.worst.map(({ index }) => index)).toEqual(
      [19, 18, 17, 16, 15].map((k) => unravelIndex(k, [5, 4])),
    )
    for (const { analytical, numerical, relativeError } of W2.worst) {
      expect(relativeError).toBeCloseTo(
        Math.abs(analytical - numerical) / (Math.abs(analytical) + Math.abs(numerical)),
      )
    }
  })

  it('of the published three-layer notebook: the published figure, and exactly dW2 and db1', async () => {
    for (const method of ['difference', 'textbook'] as const) {
      const report = await checkGradients(readFixture('three-layer-buggy.npz'), { method })
      expect(report.verdict).toBe('fail')
      expect(Math.abs(report.difference - 0.28509316)).toBeLessThan(1e-6)
      expect(failing(report)).toEqual(['b1', 'W2'])
    }
  })

  it('within a looser tolerance passes, within a tighter one fails', async () => {
    const off = [...small.gradients.keys()].reduce(
      (tensors, name) => withChanged(tensors, name, (value) => (1 + 1e-4) * value),
      small.gradients,
    )
    const verdictAt = async (tolerance?: number) => {
      const report = await checkGradients(withGradients(small, off), { ...(tolerance && { tolerance }) })
      if (tolerance !== undefined) expect(report.tolerance).toBe(tolerance)
      return report.verdict
    }
    expect(await verdictAt()).toBe('fail')
    expect(await verdictAt(1e-3)).toBe('pass')
    expect(await verdictAt(1e-5)).toBe('fail')
  })
})

describe('kinks', () => {
  // squared error behind ReLU is exact at any step but where a unit crosses
  const kinked = makeRandomProblem({
    seed: 25,
    activations: ['relu', 'linear'],
    loss: 'half-squared-error',
    widths: [3, 12, 2],
    samples: 20,
    kinkMargin: 0,
  })

  it.each(['difference', 'textbook'] as const)('%s: never make a right gradient wrong', async (method) => {
    for (const step of [1, 0.05, 1e-3, 1e-8]) {
      const report = await checkGradients(kinked.problem, { step, method })
      expect(report.verdict).not.toBe('fail')
      expect(report.notices.join()).not.toContain('internal error')
    }
  })

  it('that a step crosses are counted, and a smaller step decides', async () => {
    const report = await checkGradients(kinked.problem, { step: 0.05 })
    expect(report.tensors.map(({ kinks }) => kinks > 0)).toEqual([true, true, false, false])
    expect(report.verdict).toBe('pass')
    const near = await checkGradients(kinked.problem, { step: 1e-8 })
    expect(near.tensors.every(({ kinks }) => kinks === 0)).toBe(true)
    expect(near.verdict).toBe('pass')
  })

  it('do not hide an error of the very entry whose step crosses', async () => {
    const step = 0.05
    const model = await bindRandom(kinked)
    const [W1] = await evaluateAll(cpu, model, { step, scheme: 'central' })
    const right = kinked.gradients.get('dW1')!.data
    const at = W1.kinks.findIndex((count, k) => count > 0 && Math.abs(right[k]) > 0.01)
    const gradients = withChanged(kinked.gradients, 'dW1', (value, k) => (k === at ? 1.001 * value : value))
    const report = await checkGradients(withGradients(kinked, gradients), { step })
    expect(failing(report)).toEqual(['W1'])
    expect(report.tensors[0].worst.map(({ index }) => index)).toEqual([unravelIndex(at, [12, 3])])
  })

  it('do not hide an error elsewhere', async () => {
    const gradients = withChanged(kinked.gradients, 'dW2', (value, k) => (k === 5 ? 1.01 * value : value))
    const report = await checkGradients(withGradients(kinked, gradients), { step: 0.05 })
    expect(report.verdict).toBe('fail')
    expect(failing(report)).toEqual(['W2'])
  })
})

describe('nothing to compare', () => {
  it('where both gradients are zero everywhere is inconclusive', async () => {
    const { plain } = makeRandomProblem({
      seed: 3,
      activations: ['linear'],
      loss: 'half-squared-error',
      widths: [2, 2],
    })
    const perfect = problemOf({
      ...plain,
      targets: plain.targets.map((row) => row.map(() => 0)),
      weights: [
        [
          [0, 0],
          [0, 0],
        ],
      ],
      biases: [[0, 0]],
    })
    expect([...perfect.gradients.values()].every(({ data }) => data.every((value) => value === 0))).toBe(true)
    const report = await checkGradients(perfect.problem)
    expect(report.difference).toBe(0)
    expect(report.verdict).toBe('inconclusive')
    expect(report.notices.join()).toMatch(/zero everywhere/)
  })

  it('in one tensor alone leaves the verdict to the others', async () => {
    const { plain } = makeRandomProblem({
      seed: 3,
      activations: ['relu', 'linear'],
      loss: 'half-squared-error',
      widths: [2, 3, 2],
    })
    const dead = problemOf({ ...plain, biases: [[-100, -100, -100], plain.biases[1]] })
    const report = await checkGradients(dead.problem)
    expect(dead.gradients.get('dW1')!.data.every((value) => value === 0)).toBe(true)
    expect(report.verdict).toBe('pass')
    const wrong = withChanged(dead.gradients, 'dW1', (value, k) => (k === 3 ? 1e-6 : value))
    expect(failing(await checkGradients(withGradients(dead, wrong)))).toEqual(['W1'])
  })
})

describe('gradients as a function', () => {
  it.each<[string, Problem['gradients']]>([
    ['at once', () => small.gradients],
    ['later', async () => small.gradients],
    ['as a plain object', () => Object.fromEntries(small.gradients)],
  ])('may give them %s', async (_name, gradients) => {
    expect((await checkGradients({ ...small.problem, gradients })).verdict).toBe('pass')
  })

  it('are given the parameters by name', async () => {
    let given: NamedTensors | undefined
    await checkGradients({
      ...small.problem,
      gradients: (parameters) => {
        given = parameters
        return small.gradients
      },
    })
    expect(given).toEqual(small.problem.parameters)
  })

  it('that throw stop the check with their own error', async () => {
    const gradients = async () => {
      throw new RangeError('no gradient today')
    }
    await expect(checkGradients({ ...small.problem, gradients })).rejects.toThrow(
      new RangeError('no gradient today'),
    )
  })
})

describe('options', () => {
  it.each<[CheckOptions, ErrorCode, RegExp]>([
    [{ step: 0 }, 'bad-usage', /^step must be a number from 1e-30 to 10, not 0$/],
    [{ step: 11 }, 'bad-usage', /^step must be/],
    [{ step: -1e-5 }, 'bad-usage', /^step must be/],
    [{ step: Number.NaN }, 'bad-usage', /^step must be .* not NaN$/],
    [{ step: Number.POSITIVE_INFINITY }, 'bad-usage', /^step must be/],
    [{ tolerance: 0 }, 'bad-usage', /^tolerance must be/],
    [{ tolerance: 1 }, 'bad-usage', /^tolerance must be above 0 and below 1/],
    [{ tolerance: Number.NaN }, 'bad-usage', /^tolerance must be/],
    [{ sample: 0 }, 'bad-usage', /^sample must be an integer ≥ 1, not 0$/],
    [{ sample: 1.5 }, 'bad-usage', /^sample must be/],
    [{ sample: Number.NaN }, 'bad-usage', /^sample must be/],
    [{ seed: -1 }, 'bad-usage', /^seed must be an integer ≥ 0, not -1$/],
    [{ seed: 0.5 }, 'bad-usage', /^seed must be/],
    [
      { scheme: 'centra' as 'central' },
      'unknown-name',
      /^unknown scheme "centra"; did you mean "central"\?$/,
    ],
    [{ method: 'text' as 'textbook' }, 'unknown-name', /^unknown method "text"/],
  ])('%j are refused', async (options, code, message) => {
    const error = await checkGradients(small.problem, options).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(GradcheckError)
    expect((error as GradcheckError).message).toMatch(message)
    expect((error as GradcheckError).code).toBe(code)
  })

  it('sample: checks so many parameters, some of every tensor, and says how many', async () => {
    const report = await checkGradients(small.problem, { sample: 20, seed: 5 })
    const total = 12 + 4 + 20 + 5 + 10 + 2
    expect(report.parameters.total).toBe(total)
    expect(report.parameters.checked).toBeGreaterThanOrEqual(20)
    expect(report.parameters.checked).toBeLessThan(26)
    expect(report.tensors.every(({ checked }) => checked > 0)).toBe(true)
    expect(report.tensors.reduce((sum, { checked }) => sum + checked, 0)).toBe(report.parameters.checked)
    expect(report.verdict).toBe('pass')
    expect(report.interrupted).toBe(false)
  })

  it('sample: the same seed finds the same error, and its index is right', async () => {
    const gradients = withChanged(small.gradients, 'dW2', (value, k) => (k % 2 === 0 ? 3 * value : value))
    const problem = withGradients(small, gradients)
    const [first, again] = [
      await checkGradients(problem, { sample: 20, seed: 7 }),
      await checkGradients(problem, { sample: 20, seed: 7 }),
    ]
    expect(first.tensors).toEqual(again.tensors)
    const W2 = first.tensors.find(({ name }) => name === 'W2')!
    for (const { index, analytical } of W2.worst) {
      const at = index[0] * 4 + index[1]
      expect(at % 2).toBe(0)
      expect(analytical).toBe(gradients.get('dW2')!.data[at])
    }
    expect(W2.verdict).toBe('fail')
  })

  it.each([
    ['central', 2],
    ['forward', 1],
  ] as const)('%s: each parameter takes %i perturbations', async (scheme, perturbations) => {
    const report = await checkGradients(small.problem, { scheme, perturb: 'parameters' })
    expect(report.scheme).toBe(scheme)
    expect(report.timing.perturbations).toBe(perturbations * report.parameters.checked)
    expect(report.tensors.every(({ perturbed }) => perturbed === 'parameters')).toBe(true)
  })

  it.each(['auto', 'outputs', undefined] as const)('perturb %s: each unit takes 2', async (perturb) => {
    const report = await checkGradients(small.problem, { perturb })
    expect(report.timing.perturbations).toBe(2 * (4 + 5 + 2))
    expect(report.tensors.every(({ perturbed }) => perturbed === 'outputs')).toBe(true)
    expect(report.verdict).toBe('pass')
  })

  it.each([{ scheme: 'forward' }, { step: 2e-5 }, { sample: 1 }, { method: 'textbook' }] as const)(
    '%j: parameters are moved where nobody asks for outputs',
    async (options) => {
      const { tensors, verdict } = await checkGradients(small.problem, options)
      expect(tensors.every(({ perturbed }) => perturbed === 'parameters')).toBe(true)
      expect(verdict).toBe('pass')
    },
  )

  it('perturb outputs: what a large step leaves out is settled by a small one', async () => {
    const report = await checkGradients(small.problem, { perturb: 'outputs', step: 1e-2 })
    expect(report.tensors.every(({ perturbed }) => perturbed === 'outputs')).toBe(true)
    expect(report.difference).toBeLessThan(1e-7)
    expect(report.verdict).toBe('pass')
  })

  it.each([{ scheme: 'forward' }, { method: 'textbook' }] as const)(
    'perturb outputs with %j cannot be',
    async (options) => {
      const check = checkGradients(small.problem, { perturb: 'outputs', ...options })
      await expect(check).rejects.toMatchObject({ code: 'bad-usage', message: /moves parameters/ })
    },
  )

  it('method textbook: whole losses are subtracted, whatever the device', async () => {
    const never = { ...cpu, evaluate: () => Promise.reject(new Error('not to be asked')) }
    const report = await checkGradients(small.problem, { method: 'textbook', evaluator: never })
    expect(report.method).toBe('textbook')
    expect(report.device).toEqual({ evaluator: 'textbook', adapter: 'test', software: false })
    expect(report.tolerance).toBe(1e-6)
    expect(report.verdict).toBe('pass')
  })

  it('onProgress: hears of every parameter, then of the cross-validation', async () => {
    const seen: Progress[] = []
    await checkGradients(small.problem, { onProgress: (progress) => seen.push(progress) })
    expect(seen.at(-1)).toEqual({ done: 53, total: 53, phase: 'cross-validating' })
    expect(seen.filter(({ phase }) => phase === 'perturbing').at(-1)).toEqual({
      done: 53,
      total: 53,
      phase: 'perturbing',
    })
    expect(seen.every(({ total }) => total === 53)).toBe(true)
  })
})

describe('an interrupted check', () => {
  /** Evaluates the first two tensors and is then stopped. */
  const stopped = (controller: AbortController): Evaluator => ({
    ...cpu,
    async evaluate(model, tensors, settings) {
      await cpu.evaluate(model, tensors.slice(0, 2), settings)
      controller.abort()
    },
  })

  const interrupt = (problem: Problem) => {
    const controller = new AbortController()
    return checkGradients(problem, { evaluator: stopped(controller), signal: controller.signal })
  }

  it('reports what was checked so far, and does not pass', async () => {
    const report = await interrupt(small.problem)
    expect(report.interrupted).toBe(true)
    expect(report.verdict).toBe('inconclusive')
    expect(report.parameters).toEqual({ total: 53, checked: 16 })
    expect(report.tensors.map(({ checked }) => checked)).toEqual([12, 4, 0, 0, 0, 0])
    expect(report.notices.join()).toMatch(/interrupted/)
    expect(report.timing.perturbations).toBe(8)
    expect(report.difference).toBeLessThan(1e-7)
  })

  it('fails when what was checked is wrong', async () => {
    const wrong = withChanged(small.gradients, 'db1', (value) => 2 * value)
    const report = await interrupt(withGradients(small, wrong))
    expect(report.interrupted).toBe(true)
    expect(report.verdict).toBe('fail')
    expect(failing(report)).toEqual(['b1'])
  })

  it('before its first parameter is inconclusive', async () => {
    const report = await checkGradients(small.problem, { signal: AbortSignal.abort() })
    expect(report.interrupted).toBe(true)
    expect(report.verdict).toBe('inconclusive')
    expect(report.parameters.checked).toBe(0)
  })
})

describe('an evaluator that gives wrong derivatives', () => {
  const broken = (
    spoil: (tensor: TensorDerivatives, t: number) => void,
    base: Evaluator = cpu,
  ): Evaluator => ({
    ...base,
    async evaluate(model, tensors, settings, hooks) {
      await base.evaluate(model, tensors, settings, hooks)
      tensors.forEach(spoil)
    },
  })
  const scaled = (factor: number, of: number | undefined = undefined) =>
    broken(({ derivatives }, t) => {
      if (of === undefined || of === t) for (let k = 0; k < derivatives.length; k++) derivatives[k] *= factor
    })

  const faults: [string, Evaluator][] = [
    ['all a thousandth too large', scaled(1.001)],
    ['all of the other sign', scaled(-1)],
    ['all zero', scaled(0)],
    ...[...small.gradients.keys()].map((name, t): [string, Evaluator] => [
      `${name} too large`,
      scaled(1.01, t),
    ]),
    [
      'in another order',
      broken(({ derivatives }) => {
        derivatives.reverse()
      }),
    ],
    [
      'one entry',
      broken(({ derivatives }, t) => {
        if (t === 2) derivatives[13] *= 1.01
      }),
    ],
    ['all too large, named webgpu', { ...scaled(1.001), name: 'webgpu', precision: 'single' }],
  ]

  it.each(faults)('%s: is an internal error, not a verdict on a right gradient', async (_name, evaluator) => {
    const report = await checkGradients(small.problem, { evaluator })
    expect(report.verdict).toBe('inconclusive')
    expect(report.notices.join()).toMatch(/internal error: a second evaluation disagrees.*please report it/)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('that are %d says so', async (value) => {
    const evaluator = scaled(value, 2)
    const report = await checkGradients(small.problem, { evaluator })
    expect(verdictsOf(report)).toMatchObject({ W1: 'pass', W2: 'inconclusive' })
    expect(report.verdict).toBe('inconclusive')
    expect(report.notices.join()).toMatch(
      /^20 numerical derivatives are not finite, of W2: the arithmetic overflowed/,
    )
    const all = await checkGradients(small.problem, { evaluator: scaled(value) })
    expect(all.notices).toHaveLength(1)
    expect(all.notices[0]).toMatch(/^53 numerical derivatives are not finite/)
  })

  it.each([2, -1, 1.001])(
    '%d times too large: a gradient that is wrong alike does not pass',
    async (factor) => {
      const alike = [...small.gradients.keys()].reduce(
        (tensors, name) => withChanged(tensors, name, (value) => factor * value),
        small.gradients,
      )
      const report = await checkGradients(withGradients(small, alike), { evaluator: scaled(factor) })
      expect(report.verdict).toBe('inconclusive')
      expect(report.notices.join()).toContain('internal error')
    },
  )

  it('is not what a right evaluator looks like', async () => {
    for (const evaluator of [cpu, createTextbookEvaluator('test')]) {
      const report = await checkGradients(small.problem, { evaluator })
      expect(report.verdict).toBe('pass')
      expect(report.crossValidation.checked).toBeGreaterThanOrEqual(30)
      expect(report.crossValidation.difference).toBeLessThan(1e-7)
    }
  })
})

describe('the report', () => {
  it('is the JSON of the contract, and survives being written and read', async () => {
    const report = await checkGradients(small.problem)
    const json = JSON.parse(JSON.stringify(reportToJson(report)))
    expect(json).toMatchObject({
      schema: 1,
      verdict: 'pass',
      tolerance: 1e-7,
      cost: report.cost,
      parameters: { total: 53, checked: 53 },
      method: 'difference',
      scheme: 'central',
      step: 1e-6,
      precision: 'double',
      device: { evaluator: 'cpu', adapter: 'CPU', software: false },
      diagnosis: [],
      interrupted: false,
      notices: [],
    })
    for (const number of ['difference', 'numericalError']) expect(json[number]).toBeTypeOf('number')
    expect(json.crossValidation).toEqual({ checked: expect.any(Number), difference: expect.any(Number) })
    expect(json.timing).toEqual({ seconds: expect.any(Number), perturbations: 22 })
    expect(json.tensors).toHaveLength(6)
    expect(json.tensors[0]).toEqual({
      name: 'W1',
      gradient: 'dW1',
      shape: [4, 3],
      checked: 12,
      difference: expect.any(Number),
      verdict: 'pass',
      perturbed: 'outputs',
      kinks: 0,
      tolerance: 1e-7,
      numericalError: expect.any(Number),
      wrongEntries: 0,
      undecidedEntries: 0,
      worst: [],
    })
  })

  it('has no number that JSON cannot write, though the evaluator gives none', async () => {
    const evaluator: Evaluator = {
      ...cpu,
      async evaluate(model, tensors, settings) {
        await cpu.evaluate(model, tensors, settings)
        for (const { derivatives } of tensors) derivatives.fill(Number.NaN)
      },
    }
    const report = await checkGradients(small.problem, { evaluator })
    const text = JSON.stringify(reportToJson(report))
    expect(text).not.toContain('null')
    expect(text).toContain('"numerical":"NaN"')
  })

  it('estimates its own error above what it is', async () => {
    for (const number of [3, 16, 27, 44]) {
      const random = makeRandomProblem(randomOptions(number))
      for (const options of [
        {},
        { scheme: 'forward' as const },
        { step: 1e-3 },
        { method: 'textbook' as const },
      ]) {
        const report = await checkGradients(random.problem, options)
        expect(report.numericalError).toBeGreaterThan(report.difference)
        expect(report.numericalError).toBeLessThan(1e4 * report.difference + 1e-13)
      }
    }
  })
})
