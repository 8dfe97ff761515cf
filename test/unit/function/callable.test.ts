import { describe, expect, it } from 'vitest'
import { checkFunction } from '../../../src/function/check-function.js'
import { formatFunctionReport } from '../../../src/report/function-text.js'
import { type Tensor, tensor } from '../../../src/tensor.js'

const relu = ([x]: Float64Array) => Math.max(x, 0)

describe('at a kink of a function in code', () => {
  it.each([
    ['the slope to the left', 0, 'pass'],
    ['the slope to the right', 1, 'pass'],
    ['their mean', 0.5, 'pass'],
    ['another value between', 0.3, 'inconclusive'],
    ['a value outside', 1.4, 'fail'],
    ['a value outside', -0.2, 'fail'],
  ])('%s (%f): %s', async (_, slope, verdict) => {
    const report = await checkFunction({ function: relu, gradient: () => [slope], at: [0] })
    expect(report.verdict).toBe(verdict)
    expect(report.notices.join()).toMatch(/on a kink of the function \(slope 0 to the left, 1 to the right\)/)
  })

  it.each([1e-3, 1e-6, 1e-9, 1e-12])('%f beside it only the slope of its own side is right', async (x) => {
    const right = await checkFunction({ function: relu, gradient: () => [1], at: [x] })
    expect(right.verdict).toBe('pass')
    const wrong = await checkFunction({ function: relu, gradient: () => [0], at: [x] })
    expect(wrong.verdict).toBe('fail')
  })

  it('a jump has no derivative, and nothing is called wrong there', async () => {
    const jump = ([x]: Float64Array) => (x > 0 ? 1 : 0) + x
    const report = await checkFunction({ function: jump, gradient: () => [1], at: [0] })
    expect(report.verdict).toBe('inconclusive')
  })

  it('a smooth function that bends sharply has no kink', async () => {
    const softplus = ([x]: Float64Array) => Math.log1p(Math.exp(1e4 * x))
    const report = await checkFunction({ function: softplus, gradient: () => [5e3], at: [0] })
    expect(report).toMatchObject({ verdict: 'pass', tensors: [{ kinks: 0 }] })
  })
})

describe('a function in code that was not tested', () => {
  it('is inconclusive where the gradient is zero on both sides', async () => {
    const report = await checkFunction({
      function: ([x]) => Math.max(0, x - 5),
      gradient: () => [0],
      at: [1],
    })
    expect(report.verdict).toBe('inconclusive')
    expect(report.reasons.join()).toMatch(/nothing was tested/)
  })

  it('fails where the function is constant and its gradient is not zero', async () => {
    const report = await checkFunction({
      function: ([x]) => Math.max(0, x - 5),
      gradient: () => [1],
      at: [1],
    })
    expect(report.verdict).toBe('fail')
  })

  it('passes with a notice where one tensor of several is zero', async () => {
    const report = await checkFunction({
      function: ({ w }) => w.data[0] ** 2,
      gradient: ({ w }) => ({ w: [2 * w.data[0]], unused: [0, 0] }),
      at: { w: [3], unused: [1, 2] },
    })
    expect(report.verdict).toBe('pass')
    expect(report.notices.join()).toMatch(/dunused is zero on both sides: nothing of it was tested/)
  })
})

describe('named tensors', () => {
  const [W, b] = [tensor([0.3, -0.2, 0.5, 0.7, -0.4, 0.1], [2, 3]), [0.2, -0.1]]
  const x = [1.5, -0.5, 2]
  const forward = ({ W, b }: { W: Tensor; b: Tensor }) =>
    [0, 1].map((i) => Math.tanh(x.reduce((sum, v, j) => sum + W.data[3 * i + j] * v, b.data[i])))
  const loss = (point: { W: Tensor; b: Tensor }) => forward(point).reduce((sum, y) => sum + y * y, 0) / 2
  const backward = (point: { W: Tensor; b: Tensor }, upstream: ArrayLike<number> = forward(point)) => {
    const slopes = forward(point).map((y, i) => upstream[i] * (1 - y * y))
    return { W: slopes.flatMap((slope) => x.map((v) => slope * v)), b: slopes }
  }

  it('pass, whatever the form of their gradients', async () => {
    const forms = [
      (point: { W: Tensor; b: Tensor }) => backward(point),
      (point: { W: Tensor; b: Tensor }) => ({ dW: tensor(backward(point).W, [2, 3]), db: backward(point).b }),
      (point: { W: Tensor; b: Tensor }) => new Map(Object.entries(backward(point))),
    ]
    for (const gradient of forms) {
      const report = await checkFunction({ function: loss, gradient, at: { W, b } })
      expect(report.verdict).toBe('pass')
      expect(report.tensors.map(({ name, shape }) => [name, shape])).toEqual([
        ['W', [2, 3]],
        ['b', [2]],
      ])
    }
  })

  it('are named with their indices, values and ratio', async () => {
    const gradient = (point: { W: Tensor; b: Tensor }) => {
      const { W, b } = backward(point)
      return { W: W.with(5, 3 * W[5]), b }
    }
    const report = await checkFunction({ function: loss, gradient, at: { W, b } })
    expect(report).toMatchObject({ verdict: 'fail', tensors: [{ wrongEntries: 1 }, { verdict: 'pass' }] })
    expect(report.tensors[0].worst[0].index).toEqual([1, 2])
    expect(report.diagnosis).toMatchObject([{ kind: 'elements', tensors: ['W'], entries: [[1, 2]] }])
    expect(formatFunctionReport(report)).toMatch(/dW\[1, 2\] +\S+ +\S+ +3\.0000/)
  })

  it.each<[string, string, (right: ReturnType<typeof backward>) => Partial<typeof backward.prototype>]>([
    ['sign-flipped', 'W', ({ W, b }) => ({ W: W.map((v) => -v), b })],
    ['scaled', 'b', ({ W, b }) => ({ W, b: b.map((v) => v / 3) })],
    ['zero', 'b', ({ W }) => ({ W, b: [0, 0] })],
    ['offset', 'W', ({ W, b }) => ({ W: W.map((v) => v + 0.1), b })],
    ['shifted', 'W', ({ W, b }) => ({ W: [...W.slice(1), W[0]], b })],
    ['rows', 'W', ({ W, b }) => ({ W: W.map((v, k) => (k < 3 ? v * v + 1 : v)), b })],
    ['reordered', 'W', ({ W, b }) => ({ W: [0, 2, 4, 1, 3, 5].map((k) => W[k]), b })],
    ['reordered', 'W', ({ W, b }) => ({ W: W.toReversed(), b })],
  ])('have a diagnosis: %s of %s', async (kind, name, spoil) => {
    const report = await checkFunction({
      function: loss,
      gradient: (point) => spoil(backward(point)) as never,
      at: { W, b },
    })
    expect(report.diagnosis.map((finding) => [finding.kind, finding.tensors])).toEqual([[kind, [name]]])
  })

  it('may have an output of any shape, with an upstream gradient', async () => {
    const gradient = (point: { W: Tensor; b: Tensor }, upstream: Tensor) =>
      backward(point, [...upstream.data])
    const one = await checkFunction({ function: forward, gradient, at: { W, b }, upstream: [0.3, -2] })
    expect(one.verdict).toBe('pass')
    const several = await checkFunction({
      function: forward,
      gradient,
      at: { W, b },
      upstream: { random: 3 },
    })
    expect(several.verdict).toBe('pass')
    expect(several.notices.join()).toMatch(/3 random upstream gradients: 3 pass/)
    // right for an upstream gradient of ones alone
    const ignores = (point: { W: Tensor; b: Tensor }) => backward(point, [1, 1])
    const wrong = await checkFunction({
      function: forward,
      gradient: ignores,
      at: { W, b },
      upstream: { random: 3 },
    })
    expect(wrong.verdict).toBe('fail')
  })
})

describe('noise', () => {
  // a number between −1 and 1 that has nothing to do with those of neighbours
  const scatter = (x: number) => 2 * ((((Math.sin(1e15 * x) * 43758.5453) % 1) + 1) % 1) - 1
  const noisy = ([x]: Float64Array) => Math.sin(x) + 1e-5 * scatter(x)
  const at = [0.7]

  it('is measured where the values show no format', async () => {
    const report = await checkFunction({ function: noisy, gradient: ([x]) => [Math.cos(x)], at })
    expect(report.verdict).not.toBe('fail')
    expect(report.noise?.bound).toBeGreaterThan(5e-6)
    expect(report.noise?.bound).toBeLessThan(1e-4)
  })

  it.each([
    ['float32', Math.fround],
    ['decimals', (value: number) => Math.round(1e4 * value) / 1e4],
  ] as const)('of %s is recognised by the digits', async (format, round) => {
    const report = await checkFunction({
      function: ([x, y]) => round(Math.sin(x) * y),
      gradient: ([x, y]) => [Math.cos(x) * y, Math.sin(x)],
      at: [0.7, 1.3],
    })
    expect(report.noise?.format).toBe(format)
    expect(report.verdict).toBe('pass')
    expect(report.numericalError).toBeLessThan(report.tolerance)
  })

  it('that is declared excuses values that differ at one point, by as much and no more', async () => {
    let calls = 0
    const jittering = ([x]: Float64Array) => Math.sin(x) + 1e-7 * Math.sin(1e3 * calls++)
    const problem = { function: jittering, gradient: ([x]: Float64Array) => [Math.cos(x)], at }
    expect((await checkFunction(problem, { noise: 1e-7 })).verdict).toBe('pass')
    expect((await checkFunction(problem, { noise: 1e-9 })).verdict).toBe('inconclusive')
    expect((await checkFunction(problem)).reasons.join()).toMatch(/not deterministic/)
  })
})

describe('a step that is given', () => {
  const problem = { function: ([x]: Float64Array) => x ** 3, at: [2] }

  it('is the one that is used, and judged by what it leaves out', async () => {
    const right = await checkFunction({ ...problem, gradient: () => [12] }, { step: 1e-4 })
    expect(right).toMatchObject({ verdict: 'pass', step: 1e-4 })
    expect(right.timing.perturbations).toBeLessThan(60)
    const wrong = await checkFunction({ ...problem, gradient: () => [12.01] }, { step: 1e-4 })
    expect(wrong.verdict).toBe('fail')
    const coarse = await checkFunction({ ...problem, gradient: () => [12] }, { step: 0.5 })
    expect(coarse.verdict).toBe('inconclusive')
  })
})

describe('values that differ at one point', () => {
  const problem = { gradient: ([x]: Float64Array) => [2 * x], at: [3] }

  it('by chance are named so', async () => {
    let k = 0
    const values = [0.3, -0.1, 0.2, 0.15, -0.4]
    const report = await checkFunction({ ...problem, function: ([x]) => x * x + values[k++ % 5] })
    expect(report.reasons.join()).toMatch(/random numbers \(dropout, sampling\) or clear the state/)
  })

  it('because the gradient function changes something are named so', async () => {
    let bias = 0
    const gradient = ([x]: Float64Array) => {
      bias = 0.5
      return [2 * x]
    }
    const report = await checkFunction({ ...problem, gradient, function: ([x]) => x * x + bias })
    expect(report.reasons.join()).toMatch(/the same until the gradient function is called/)
  })

  it('because a state is kept from other points are named so', async () => {
    let mean = 9
    const running = ([x]: Float64Array) => {
      mean = 0.9 * mean + 0.1 * x * x
      return mean
    }
    const report = await checkFunction({ ...problem, function: running })
    expect(report.verdict).toBe('inconclusive')
    expect(report.reasons.join()).toMatch(/keeps state between calls/)
  })
})

describe('what cannot be checked is refused, with what to do', () => {
  const right = { function: ([x]: Float64Array) => x * x, gradient: ([x]: Float64Array) => [2 * x], at: [3] }
  const moves = (x: Float64Array) => {
    x[0] -= 0.1
    return [2 * x[0]]
  }

  it.each<[string, object, RegExp]>([
    ['no problem', { ...right, function: undefined }, /no function function/],
    ['no gradient', { ...right, gradient: undefined }, /no gradient function/],
    ['a gradient that is no function', { ...right, gradient: [6] }, /no gradient function/],
    ['no point', { ...right, at: undefined }, /the point is undefined/],
    ['a number as the point', { ...right, at: 3 }, /number 3, not an array/],
    ['text as the point', { ...right, at: 'x' }, /the point is "x"/],
    ['a nested point', { ...right, at: [[1, 2]] }, /nested array/],
    ['an empty point', { ...right, at: [] }, /no elements/],
    ['no tensors', { ...right, at: {} }, /no tensors/],
    ['NaN in the point', { ...right, at: [Number.NaN] }, /element 0 of the point is NaN/],
    ['text in the point', { ...right, at: ['3'] }, /element 0 of the point is "3"/],
    [
      'a tensor that does not fill its shape',
      { ...right, at: { W: { shape: [2, 2], data: [1] } } },
      /do not fill/,
    ],
    ['a gradient of undefined', { ...right, gradient: () => undefined }, /the gradient is undefined/],
    ['a gradient that is a number', { ...right, gradient: () => 6 }, /a single number/],
    ['a nested gradient', { ...right, gradient: () => [[6]] }, /nested array/],
    ['a short gradient', { ...right, at: [1, 2] }, /1 elements and the point has 2/],
    [
      'a gradient without a name',
      { function: () => 1, gradient: () => [1], at: { W: [1] } },
      /not arrays by name/,
    ],
    [
      'a gradient of another name',
      { function: () => 1, gradient: () => ({ Wx: [1] }), at: { W: [1] } },
      /nothing for W/,
    ],
    [
      'a transposed gradient',
      {
        function: () => 1,
        gradient: () => ({ W: tensor([1, 2], [2, 1]) }),
        at: { W: tensor([1, 2], [1, 2]) },
      },
      /transposed shape \(2, 1\)/,
    ],
    ['a vector as the value', { ...right, function: () => [1, 2] }, /an array of 2 elements, not a number/],
    [
      'an upstream gradient of another length',
      { ...right, function: () => [1, 2], upstream: [1] },
      /2 elements and the upstream gradient 1/,
    ],
    ['no upstream gradients', { ...right, upstream: { random: 0 } }, /from 1 to 1000/],
    ['a gradient function that moves its parameters', { ...right, gradient: moves }, /changes the point/],
  ])('%s', async (_, problem, message) => {
    const found = await checkFunction(problem as typeof right).catch((error: unknown) => error)
    expect(found).toMatchObject({ name: 'GradcheckError', message: expect.stringMatching(message) })
    expect((found as { fix?: string }).fix).toBeTruthy()
  })

  it('names the tensor that a gradient function moves', async () => {
    const gradient = ({ W }: { W: Tensor }) => {
      W.data[1] = 0
      return { W: [1, 2], b: [0] }
    }
    const problem = { function: () => 1, gradient, at: { W: [1, 2], b: [3] } }
    await expect(checkFunction(problem as never)).rejects.toThrow(/changes W/)
  })

  it.each([
    { tolerance: 1 },
    { tolerance: 0 },
    { step: 1e300 },
    { step: 0 },
    { noise: -1 },
    { noise: Number.NaN },
    { scheme: 'forward' as const },
    { steps: true },
  ])('the option %o', async (options) => {
    await expect(checkFunction(right, options)).rejects.toMatchObject({ name: 'GradcheckError' })
  })
})
