import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { traceForward } from '../../../src/numpy/load-forward.js'
import type { ForwardSource } from '../../../src/numpy/trace-forward.js'
import { bindProgram } from '../../../src/program/evaluate.js'
import { type DType, type NamedTensors, type Tensor, tensor } from '../../../src/tensor.js'

const lossOf = async (source: ForwardSource) => {
  const traced = await traceForward(source)
  const listed = traced.program.build(new Map())
  return bindProgram(listed, traced.parameters).base[listed.output][0]
}
const arraysOf = (given: Record<string, number[] | Tensor>): NamedTensors =>
  new Map(
    Object.entries(given).map(([name, data]) => [
      name,
      Array.isArray(data) ? tensor(data, [data.length]) : data,
    ]),
  )

describe('an expression', () => {
  const arrays = arraysOf({ x: [1, -2, 0.5], dx: [0, 0, 0], dout: [1, 2, 3] })
  const sizes = [Math.E, Math.exp(-2), Math.exp(0.5)]
  const total = sizes[0] + sizes[1] + sizes[2]
  const soft = sizes.map((size) => size / total)
  const dot = (values: readonly number[]) => values[0] + 2 * values[1] + 3 * values[2]
  it.each([
    ['softmax(x)', dot(soft)],
    ['softmax(x, axis=-1)', dot(soft)],
    ['F.softmax(x, dim=0)', dot(soft)],
    ['log_softmax(x)', dot(soft.map(Math.log))],
    ['relu(x)', dot([1, 0, 0.5])],
    ['maximum(x, 0)', dot([1, 0, 0.5])],
    ['sum(x) * x', -0.5 * dot([1, -2, 0.5])],
    ['x - max(x)', dot([0, -3, -0.5])],
    ['np.exp(x)', dot(sizes)],
    ['sigmoid(x)', dot([1, -2, 0.5].map((v) => 1 / (1 + Math.exp(-v))))],
    ['x / sqrt(x.size)', dot([1, -2, 0.5]) / Math.sqrt(3)],
    ['mean(x**2)', 5.25 / 3],
  ])('%s', async (expression, value) => {
    expect(await lossOf({ expression, arrays })).toBeCloseTo(value, 12)
  })

  it('is no file at the same time', async () => {
    const sources = { 'a.py': 'def f(x):\n    return x\n' }
    await expect(traceForward({ expression: 'x', sources, arrays })).rejects.toMatchObject({
      code: 'bad-usage',
    })
  })
})

describe('parameters', () => {
  const sources = { 'model.py': 'def f(W, x, params):\n    return (W * x).sum() * len(params)\n' }
  const arrays = arraysOf({ W: [1, 2], dW: [0, 0], x: [3, 4], dx: [0, 0] })
  it('are those that patterns name', async () => {
    expect(await lossOf({ sources, arrays })).toBe(0)
    const chosen = await traceForward({
      sources: { 'model.py': 'def f(W, x):\n    return (W * x).sum()\n' },
      arrays,
      parameters: ['W*'],
    })
    expect([...(chosen.gradients as Map<string, Tensor>).keys()]).toEqual(['W'])
  })
  it.each([
    [['V'], /no array is called "V"/],
    [['x', 'dW'], /dW is among the parameters and has no gradient/],
  ])('%s are refused', async (parameters, message) => {
    await expect(traceForward({ sources, arrays, parameters })).rejects.toMatchObject({
      message: expect.stringMatching(message),
    })
  })
  it('with a gradient that is transposed are refused', async () => {
    const wide = arraysOf({
      W: tensor([1, 2, 3, 4, 5, 6], [2, 3]),
      dW: tensor([0, 0, 0, 0, 0, 0], [3, 2]),
      x: [1],
      dx: [1],
    })
    await expect(traceForward({ expression: 'sum(W) * sum(x)', arrays: wide })).rejects.toMatchObject({
      code: 'bad-shape',
      fix: 'transpose dW',
    })
    await expect(traceForward({ expression: 'sum(x)', arrays: wide })).resolves.toBeDefined()
  })
})

describe('the upstream gradient', () => {
  const upstreamOf = async (
    expression: string,
    given: Record<string, number[]>,
    more: Partial<ForwardSource> = {},
  ) =>
    (await traceForward({ expression, arrays: arraysOf(given), ...more })).forward.bound.find(
      ({ argument }) => argument === 'upstream',
    )?.array
  const layer = { x: [1, 2], dx: [1, 1] }
  it('is found by its name, and is no gradient of what the code reads', async () => {
    expect(await upstreamOf('2 * x', { ...layer, dy: [1, 2] })).toBe('dy')
    expect(await upstreamOf('2 * x', { ...layer, y: [2, 4], dy: [1, 2] })).toBe('dy')
    expect(await upstreamOf('2 * x', { ...layer, O: [2, 4], dO: [1, 2] })).toBe('dO')
    expect(await upstreamOf('x - y', { ...layer, y: [2, 4], dy: [1, 2], dout: [1, 2] })).toBe('dout')
    await expect(upstreamOf('x - y', { ...layer, y: [2, 4], dy: [1, 2] })).rejects.toThrow(/not one number/)
    await expect(upstreamOf('x * dy', { ...layer, dy: [1, 2] })).rejects.toThrow(/not one number/)
    expect(await upstreamOf('sum(x * dy)', { ...layer, y: [1, 2], dy: [1, 2] })).toBeUndefined()
    const read = await traceForward({
      expression: 'sum(x * dy + y)',
      arrays: arraysOf({ ...layer, y: [1, 2], dy: [1, 2] }),
    })
    expect([...(read.gradients as Map<string, Tensor>).keys()]).toEqual(['x'])
    await expect(upstreamOf('2 * x', { ...layer, dy: [1, 2], dout: [1, 2] })).rejects.toThrow(
      /each of dout and dy/,
    )
    await expect(upstreamOf('2 * x', { ...layer, dy: [1] })).rejects.toThrow(/has shape \(2,?\), and dy has/)
  })
})

describe('a saved output', () => {
  const layer = { x: [1.1, 2.3], dx: [3, 3], dout: [1, 1] }
  const outputOf = async (given: Record<string, number[] | Tensor>, expression = '3 * x') =>
    (await checkGradients(await traceForward({ expression, arrays: arraysOf({ ...layer, ...given }) })))
      .savedOutput
  const typed = (data: number[], dtype: DType): Tensor => ({ ...tensor(data, [data.length]), dtype })
  it('is compared in the digits that it is saved in', async () => {
    expect(await outputOf({})).toBeUndefined()
    expect(await outputOf({ y: [3 * 1.1, 3 * 2.3] })).toMatchObject({ name: 'y', agrees: true })
    expect(await outputOf({ y: [3.301, 6.9] })).toMatchObject({ agrees: false, worst: { index: [0] } })
    expect(await outputOf({ y: typed([3.301, 6.9], 'float16') })).toMatchObject({ agrees: true })
    expect(await outputOf({ y: typed([3.33, 6.9], 'float16') })).toMatchObject({ agrees: false })
    expect(await outputOf({ y: typed([3.33, 6.9], 'bfloat16') })).toMatchObject({ agrees: true })
  })
  it('is nothing that the code reads, nor of another shape', async () => {
    expect(await outputOf({ y: [7, 8], out: [1, 2, 3] }, '3 * x - y')).toBeUndefined()
  })
  it('names the factor that it is off by', async () => {
    const traced = await traceForward({
      expression: '3 * x',
      arrays: arraysOf({ ...layer, out: [6 * 1.1, 6 * 2.3] }),
    })
    const report = await checkGradients(traced)
    expect(report).toMatchObject({
      verdict: 'inconclusive',
      reasons: [expect.stringMatching(/it is 2\.000 times ours/)],
    })
  })
})

describe('an object', () => {
  const sources = {
    'net.py':
      'class Net:\n    def __init__(self, scale, *more, **names):\n        self.b = np.zeros(2)\n        self.scale = scale + len(more) + len(names)\n    def loss(self, x):\n        return self.scale * np.sum(self.b * x)\n',
  }
  const arrays = arraysOf({ b: [1, 2], db: [0, 0], x: [3, 4] })
  it('is made with what init says', async () => {
    const loss = (init: string) => lossOf({ sources, entry: 'Net.loss', arrays, init })
    expect(await loss('2')).toBe(22)
    expect(await loss('scale=2')).toBe(22)
    expect(await loss('2, 5, q=1')).toBe(44)
    await expect(loss('*[1]')).rejects.toThrow(/a star has no place here/)
    await expect(loss('n')).rejects.toThrow(/n is defined in none of the files/)
  })
  it('has the arrays of the file where an expression makes it', async () => {
    expect(await lossOf({ sources, loss: 'Net(2).loss(x)', arrays })).toBe(22)
  })
  it('is needed where init is given', async () => {
    await expect(traceForward({ sources, loss: 'Net(2).loss(x)', init: '2', arrays })).rejects.toThrow(
      /no object was made/,
    )
  })
})

describe('what names stand for', () => {
  const source =
    'keep = 0.5\ndef f(x, parameters):\n    W1 = parameters["W1"].copy()\n    Z1 = x * W1\n    return keep * np.sum(Z1) * len(parameters)\ndef g(x, ps):\n    return np.sum(x * ps[0]) + np.sum(ps[1])\ndef h(x, ps):\n    return np.sum(x * ps["a"])\n'
  const sources = { 'model.py': source }
  const arrays = arraysOf({ x: [1, 2], W1: [3, 4], dW1: [0, 0], Z1: [3, 8], dZ1: [1, 1] })
  it('a dictionary of the parameters has nothing that the code computes', async () => {
    const traced = await traceForward({ sources, entry: 'f', arrays })
    expect(traced.forward.bound).toContainEqual({ argument: 'parameters', array: '{W1}' })
    expect(traced.intermediates?.get('Z1')?.gradient).toBe('dZ1')
    expect(traced.forward.notices).toEqual([])
    expect(await lossOf({ sources, entry: 'f', arrays })).toBe(5.5)
    expect(await lossOf({ sources, loss: 'f(x, parameters)', arrays })).toBe(5.5)
  })
  it('a literal takes the place of a global, arrays that of a list or a dictionary', async () => {
    expect(await lossOf({ sources, entry: 'f', arrays, set: { keep: '1' } })).toBe(11)
    expect(await lossOf({ sources, entry: 'g', arrays, bind: { ps: '[W1, x]' } })).toBe(14)
    expect(await lossOf({ sources, entry: 'h', arrays, bind: { ps: '{a: W1}' } })).toBe(11)
  })
  it.each([
    [{ bind: { ps: '[W1, q]' } }, /there is no array q/],
    [{ bind: { ps: '[W1, x]', y: 'x' } }, /y is given, and nothing that was followed reads it/],
    [{ bind: { ps: '[W1, x]' }, set: { __proto__x: '1' } }, /__proto__x is given/],
    [{ bind: { ps: '{a: }' } }, /binds no array/],
  ])('%j is refused', async (more, message) => {
    await expect(traceForward({ sources, entry: 'g', arrays, ...more })).rejects.toThrow(message)
  })
  it('a class is no function', async () => {
    const net = { 'a.py': 'class Net:\n    def loss(self, x):\n        return x.sum()\n' }
    await expect(traceForward({ sources: net, entry: 'Net', arrays })).rejects.toMatchObject({
      message: 'a.py: Net is a class',
      fix: 'name a method: Net.loss',
    })
  })
})

it('branches and masks that depend on the parameters are listed with their places', async () => {
  const source =
    'def f(W, x):\n    for k in range(2):\n        if W[k] > 0:\n            x[W > 1] = 0\n    return np.sum(W * x)\n'
  const { forward } = await traceForward({
    sources: { 'model.py': source },
    entry: 'f',
    arrays: arraysOf({ W: [1, 2], dW: [1, 0], x: [1, 1] }),
  })
  expect(forward.guards).toEqual([
    { kind: 'branch', file: 'model.py', line: 3, column: 12 },
    { kind: 'mask', file: 'model.py', line: 4, column: 13 },
  ])
  expect(forward.notices[0]).toMatch(/^model\.py:3:12: the branch depends on the parameters/)
})

it.each([
  [12, /, 4 times that: a sum instead of a mean/],
  [0.75, /, a fraction 1\/4 of that: a sum/],
  [3.1, /the program's is 3: the gradient/],
])('a saved cost of %d against 3 leaves the verdict open', async (cost, message) => {
  const arrays = arraysOf({ W: [1, 2], dW: [1, 1], cost: [cost] })
  const report = await checkGradients(await traceForward({ expression: 'sum(W)', arrays }))
  expect(report).toMatchObject({ verdict: 'inconclusive', reasons: [expect.stringMatching(message)] })
})
