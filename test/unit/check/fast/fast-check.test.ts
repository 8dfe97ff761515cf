import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import type { CheckOptions, Progress } from '../../../../src/check/check-options.js'
import type { Problem } from '../../../../src/check/problem.js'
import type { CheckReport } from '../../../../src/check/report.js'
import { createTextbookEvaluator } from '../../../../src/differentiate/textbook.js'
import { LAYOUT_NAMES } from '../../../../src/network/layout.js'
import { formatJson, reportToJson } from '../../../../src/report/json.js'
import { formatReport } from '../../../../src/report/text.js'
import { type NamedTensors, tensor, unravelIndex } from '../../../../src/tensor.js'
import { storeAs, withChanged } from '../../../support/plant-errors.js'
import {
  makeRandomProblem,
  problemOf,
  type RandomProblem,
  randomOptions,
} from '../../../support/random-network.js'

const checkFast = (problem: Problem, options: CheckOptions = {}) =>
  checkGradients(problem, { ...options, fast: true })

const withGradients = ({ problem }: RandomProblem, gradients: NamedTensors): Problem => ({
  ...problem,
  gradients,
})

const failing = (report: CheckReport) =>
  report.tensors.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name)

const messages = (report: CheckReport) => report.diagnosis.map(({ message }) => message)

/** 30 → 60 → 60 → 60 → 4: too deep for every row of W1 to have a direction of its own. */
const deep = (options: Partial<Parameters<typeof makeRandomProblem>[0]> = {}) =>
  makeRandomProblem({
    seed: 31,
    activations: ['tanh', 'relu', 'tanh', 'linear'],
    loss: 'softmax-cross-entropy',
    widths: [30, 60, 60, 60, 4],
    samples: 20,
    ...options,
  })
const network = deep()

describe('a right gradient', () => {
  it.each<[string, CheckOptions, number]>([
    ['central', {}, 60],
    ['forward', { scheme: 'forward' }, 54],
    ['h = 1e-8', { step: 1e-8 }, 60],
    ['h = 1e-2', { step: 1e-2 }, 0],
    ['h = 1', { step: 1 }, 0],
  ])('passes or is left open, of sixty networks: %s', async (_name, options, passing) => {
    let passed = 0
    for (let number = 0; number < 60; number++) {
      const { problem } = makeRandomProblem(randomOptions(number))
      const report = await checkFast(problem, { ...options, seed: number })
      expect(report.verdict, `network ${number}: ${messages(report)}`).not.toBe('fail')
      if (report.verdict === 'pass') passed++
      if (report.verdict === 'pass') expect(report.difference).toBeLessThanOrEqual(report.tolerance)
    }
    expect(passed).toBeGreaterThanOrEqual(passing)
  })

  it.each(['float32', 'float16', 'bfloat16'] as const)('passes when it is rounded to %s', async (dtype) => {
    const report = await checkFast(withGradients(network, storeAs(network.gradients, dtype)))
    expect(report.verdict).toBe('pass')
    // and the rounding shows in the difference
    expect(report.difference).toBeGreaterThan(report.tolerance / 1e4)
    expect(report.difference).toBeLessThan(report.tolerance)
  })

  it('that is zero in some tensors passes, and everywhere leaves nothing to compare', async () => {
    const { plain } = makeRandomProblem({
      seed: 3,
      activations: ['relu', 'linear'],
      loss: 'half-squared-error',
      widths: [2, 3, 2],
    })
    const dead = { ...plain, biases: [[-100, -100, -100], plain.biases[1]] }
    expect((await checkFast(problemOf(dead).problem)).verdict).toBe('pass')
    const targets = plain.targets.map((row, i) => row.map(() => plain.biases[1]![i]))
    const report = await checkFast(problemOf({ ...dead, targets }).problem)
    expect(report.difference).toBe(0)
    expect(report.verdict).toBe('inconclusive')
    expect(report.notices.join()).toMatch(/zero everywhere/)
  })
})

describe('what is wrong is found and located in the user’s own array', () => {
  it.each(LAYOUT_NAMES)('layout %s', async (layout) => {
    const laidOut = deep({ layout, seed: 32, widths: [30, 36, 36, 36, 4] })
    const [rows, columns] = laidOut.gradients.get('dW1')!.shape
    const at = (k: number) => unravelIndex(k, [rows, columns])
    const check = async (name: string, change: (value: number, k: number) => number) => {
      const report = await checkFast(withGradients(laidOut, withChanged(laidOut.gradients, name, change)))
      expect(report.verdict).toBe('fail')
      expect(failing(report)).toEqual([name.slice(1)])
      return report
    }
    expect(messages(await check('dW1', (v, k) => (at(k)[0] === 7 ? 1.01 * v : v)))).toEqual([
      'row 7 of W1 is wrong',
    ])
    expect(messages(await check('dW1', (v, k) => (at(k)[1] === 9 ? 0 : v)))).toEqual([
      'column 9 of W1 is wrong',
    ])
    expect(messages(await check('dW1', (v) => -v))).toEqual([
      expect.stringContaining('dW1 has the wrong sign'),
    ])
    expect(messages(await check('dW1', (v, k) => v * (2 + Math.sin(k * k))))).toEqual([
      'W1 is wrong throughout',
    ])
    const isInBlock = (k: number) => at(k)[0] >= 4 && at(k)[0] < 8 && at(k)[1] >= 20 && at(k)[1] < 26
    const block = await check('dW1', (v, k) => (isInBlock(k) ? 1.1 * v : v))
    expect(messages(block)).toEqual(['W1 is wrong in rows 4–7, columns 20–25'])
    expect(block.tensors[0].located).toEqual({
      rows: [4, 5, 6, 7],
      columns: [20, 21, 22, 23, 24, 25],
      complete: true,
    })
    expect(block.tensors[0].wrongEntries).toBe(24)
    expect(reportToJson(block)).toMatchObject({
      tensors: [{ located: block.tensors[0].located }, {}, {}, {}, {}, {}, {}, {}],
    })
    const entry = await check('dW1', (v, k) => (k === 137 ? v + 0.001 : v))
    expect(messages(entry)).toEqual([`entry [${at(137).join(', ')}] of W1 is wrong`])
    expect(entry.tensors[0].worst.map(({ index }) => index)).toEqual([at(137)])
    const [worst] = entry.tensors[0].worst
    expect(worst.analytical - worst.numerical).toBeCloseTo(0.001, 9)
    expect(messages(await check('db2', (v, k) => (k === 3 || k === 34 ? -v : v)))).toEqual([
      '2 entries of db2 [3] and [34] are wrong, all the others are right; they are of the other sign',
    ])
    expect(messages(await check('db2', (v) => 20 * v))).toEqual([
      expect.stringContaining('db2 is 20 times too large'),
    ])
  })

  it('an entry of a gradient whose entries have all one sign, set to zero', async () => {
    // every term of every entry is positive
    const positive = makeRandomProblem({
      seed: 33,
      activations: ['linear'],
      loss: 'half-squared-error',
      widths: [400, 25],
      samples: 3,
    })
    const ones = (shape: readonly number[], value: number) =>
      tensor(new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(value), shape)
    const problem = {
      ...positive.problem,
      parameters: { W1: ones([25, 400], 0.01), b1: ones([25, 1], 0) },
      inputs: ones([400, 3], 1),
      targets: ones([25, 3], 1),
      gradients: { dW1: ones([25, 400], 9), db1: ones([25, 1], 9) },
    }
    expect((await checkFast(problem)).verdict).toBe('pass')
    for (let seed = 0; seed < 20; seed++) {
      const dW1 = ones([25, 400], 9)
      dW1.data[6000 + seed] = 0
      const report = await checkFast({ ...problem, gradients: { ...problem.gradients, dW1 } }, { seed })
      expect(messages(report)).toEqual([`entry [15, ${seed}] of W1 is wrong`])
    }
  })

  it('errors scattered over a tensor', async () => {
    const places = [11, 345, 777, 1300, 1799]
    const wrong = withChanged(network.gradients, 'dW1', (v, k) => (places.includes(k) ? v + 0.01 : v))
    const report = await checkFast(withGradients(network, wrong))
    expect(report.tensors[0].wrongEntries).toBe(5)
    const indices = report.tensors[0].worst.map(({ index }) => index.join())
    expect(indices.sort()).toEqual(places.map((place) => unravelIndex(place, [60, 30]).join()).sort())
  })

  it('the L2 term forgotten', async () => {
    const penalised = deep({ l2: 0.5, seed: 34, widths: [12, 20, 16, 20, 4] })
    expect((await checkFast(penalised.problem)).verdict).toBe('pass')
    expect((await checkFast(penalised.problem, { scheme: 'forward' })).verdict).toBe('pass')
    const { plain, gradients } = penalised
    const forgotten = plain.weights.reduce(
      (tensors, W, l) => withChanged(tensors, `dW${l + 1}`, (v, k) => v - (0.5 * W.flat()[k]) / 20),
      gradients,
    )
    expect(failing(await checkFast(withGradients(penalised, forgotten)))).toEqual(['W1', 'W2', 'W3', 'W4'])
  })
})

describe('the report', () => {
  it('says in words what the check can miss, and what was looked at one by one', async () => {
    const report = await checkFast(network.problem)
    expect(report.parameters.total).toBe(30 * 60 + 2 * 60 * 60 + 4 * 60 + 3 * 60 + 4)
    // of small tensors every entry
    expect(report.parameters.checked).toBeLessThan(600)
    expect(report.crossValidation.checked).toBeGreaterThan(10)
    expect(report.notices).toHaveLength(1)
    expect(report.notices[0]).toMatch(
      /^random directions cover every parameter but miss small errors: a single wrong entry is found with 99 % probability if it is off by \S+ in W/,
    )
    const text = formatReport(report)
    expect(text).toMatch(/^PASS {2}the gradient is right in random directions: /)
    expect(text).toContain('all 9,424 parameters in random directions')
    const { fast } = JSON.parse(formatJson(reportToJson(report)))
    expect(fast).toEqual(report.fast)
    for (const { name, error, relative, groups, disagreeing } of fast.detectable.tensors) {
      const { data } = network.gradients.get(`d${name}`)!
      const rms = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length)
      expect(relative).toBeCloseTo(error / rms, 12)
      expect(relative).toBeLessThan(1e-3)
      expect(disagreeing).toBe(0)
      expect(groups).toBeGreaterThanOrEqual(name.endsWith('4') ? 4 : 2)
    }
  })

  it('estimates the difference of a tensor from its directions', async () => {
    const off = withChanged(network.gradients, 'dW2', (v) => 1.1 * v)
    const [, , W2] = (await checkFast(withGradients(network, off))).tensors
    expect(W2.difference).toBeGreaterThan((0.1 / 2.1) * 0.9)
    expect(W2.difference).toBeLessThan((0.1 / 2.1) * 1.1)
  })

  it('is the same for the same seed', async () => {
    const of = async (seed: number) => {
      const { timing, ...report } = await checkFast(network.problem, { seed })
      return report
    }
    expect(await of(5)).toEqual(await of(5))
    expect((await of(5)).difference).not.toBe((await of(6)).difference)
  })
})

describe('a small tensor', () => {
  const small = makeRandomProblem({
    seed: 36,
    activations: ['tanh', 'linear'],
    loss: 'softmax-cross-entropy',
    widths: [3, 4, 3],
    samples: 5,
  })

  it('is looked at whole, and nothing of it can be missed', async () => {
    const report = await checkFast(small.problem)
    expect(report.verdict).toBe('pass')
    expect(report.parameters).toEqual({ total: 31, checked: 31 })
    expect(report.fast!.detectable.tensors).toEqual([])
    expect(report.notices).toEqual([])
    expect(formatReport(report)).toMatch(/^PASS {2}the gradient is right: /)
    const wrong = withChanged(small.gradients, 'dW1', (v, k) => (k === 7 ? v * (1 + 1e-6) : v))
    const found = await checkFast(withGradients(small, wrong))
    expect(found.verdict).toBe('fail')
    expect(found.tensors[0].worst.map(({ index }) => index)).toEqual([[2, 1]])
  })

  it('of derivatives whose squares underflow has a difference', async () => {
    const linear = makeRandomProblem({
      seed: 37,
      activations: ['linear', 'linear'],
      loss: 'half-squared-error',
      widths: [3, 4, 3],
      samples: 5,
      biases: 'none',
    })
    const { plain } = linear
    const tiny = problemOf({
      ...plain,
      inputs: plain.inputs.map((row) => row.map((x) => x * 1e-100)),
      targets: plain.targets.map((row) => row.map((y) => y * 1e-100)),
    })
    expect((await checkFast(tiny.problem)).verdict).toBe('pass')
    const report = await checkFast(
      withGradients(
        tiny,
        withChanged(tiny.gradients, 'dW1', (v) => 2 * v),
      ),
    )
    expect(report.verdict).toBe('fail')
    expect(report.difference).toBeGreaterThan(0.05)
    expect(report.tensors[0].difference).toBeCloseTo(1 / 3, 6)
  })
})

describe('a kink that the point lies on', () => {
  // z = 0 at x = 0: the bias's one-sided slopes are 0 and −1
  const one = tensor([1], [1, 1])
  const zero = tensor([0], [1])
  const { problem } = makeRandomProblem({
    seed: 1,
    activations: ['relu', 'linear'],
    loss: 'half-squared-error',
    widths: [1, 1, 1],
    samples: 1,
  })
  it('leaves its tensor open', async () => {
    const report = await checkFast({
      ...problem,
      parameters: { W1: one, b1: zero, W2: one, b2: zero },
      gradients: { dW1: tensor([0], [1, 1]), db1: zero, dW2: tensor([0], [1, 1]), db2: tensor([-1], [1]) },
      inputs: tensor([0], [1, 1]),
      targets: one,
    })
    expect(report.tensors.map(({ verdict }) => verdict)).toEqual(['pass', 'inconclusive', 'pass', 'pass'])
    expect(report.verdict).toBe('inconclusive')
    expect(report.notices.join()).toContain('kink')
  })
})

describe('an interrupted check', () => {
  const wrong = withChanged(network.gradients, 'dW1', (v) => 2 * v)

  it('keeps what its directions found', async () => {
    const controller = new AbortController()
    const report = await checkFast(withGradients(network, wrong), {
      signal: controller.signal,
      onProgress: ({ phase, done }) => {
        if (phase === 'probing' && done >= 1800) controller.abort()
      },
    })
    expect(report.interrupted).toBe(true)
    expect(report.verdict).toBe('fail')
    expect(failing(report)).toEqual(['W1'])
    expect(report.parameters.checked).toBe(0)
    const text = formatReport(report)
    expect(text).toMatch(/^INTERRUPTED {2}after 0 of 9,424 parameters; the gradient is wrong: W1 disagrees/)
    expect(text).toMatch(/W2 .* not checked/)
  })

  it('from the beginning has compared nothing', async () => {
    const report = await checkFast(network.problem, { signal: AbortSignal.abort() })
    expect(report.interrupted).toBe(true)
    expect(report.verdict).toBe('inconclusive')
    expect(formatReport(report)).toContain('nothing has been compared')
  })
})

it('reports its progress, directions first', async () => {
  const seen: Progress[] = []
  await checkFast(network.problem, { onProgress: (progress) => seen.push(progress) })
  const phases = seen.map(({ phase }) => phase)
  expect([...new Set(phases)]).toEqual(['probing', 'perturbing', 'cross-validating'])
  const probing = seen.filter(({ phase }) => phase === 'probing')
  expect(probing.at(-1)).toMatchObject({ done: 9424, total: 9424 })
  for (const [k, { done }] of probing.entries())
    expect(done).toBeGreaterThanOrEqual(probing[Math.max(0, k - 1)].done)
})

it('is refused together with a sample or the textbook method', async () => {
  for (const options of [
    { sample: 10 },
    { method: 'textbook' },
    { evaluator: createTextbookEvaluator('') },
  ] as const) {
    await expect(checkFast(network.problem, options)).rejects.toMatchObject({ code: 'bad-usage' })
  }
})

it('a sampled check says what it can miss', async () => {
  const report = await checkGradients(network.problem, { sample: 200 })
  expect(report.sampling!.tensors).toHaveLength(8)
  expect(report.notices.join()).toMatch(
    /a sample can miss errors: a single wrong entry is found with a probability of/,
  )
  expect(reportToJson(report)).toMatchObject({ sampling: { probability: 0.99 } })
  const all = await checkGradients(network.problem, { sample: 1e6 })
  expect(all.notices).toEqual([])
})

it('onProgress hears of every round of the search for what disagrees', async () => {
  const seen: Progress[] = []
  const wrong = withChanged(network.gradients, 'dW1', (g, k) => (k === 7 ? 2 * g : g))
  await checkFast(withGradients(network, wrong), { onProgress: (progress) => seen.push(progress) })
  const rounds = seen.filter(({ phase }) => phase === 'searching').map(({ round }) => round)
  expect(rounds.length).toBeGreaterThan(1)
  expect(rounds).toEqual(rounds.map((_, k) => k + 1))
})
