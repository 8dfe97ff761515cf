import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { reversePass } from '../../../src/backward/reverse-pass.js'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { traceForward } from '../../../src/numpy/load-forward.js'
import { bindProgram } from '../../../src/program/evaluate.js'
import { inputsOf } from '../../../src/program/program.js'
import { type NamedTensors, tensor } from '../../../src/tensor.js'

interface NumpyCase {
  readonly name: string
  readonly source: string
  readonly arrays: Readonly<Record<string, { readonly shape: number[]; readonly data: number[] }>>
  readonly loss: number
  readonly gradients: Readonly<Record<string, number[]>>
}

// made by test/fixtures/forward-numpy.py
const CASES: readonly NumpyCase[] = JSON.parse(
  readFileSync(new URL('../../fixtures/forward-numpy.json', import.meta.url), 'utf8'),
)

/** Arrays with gradients of zeros beside those that have one. */
function arraysOf({ arrays, gradients }: Pick<NumpyCase, 'arrays' | 'gradients'>): NamedTensors {
  const all = new Map(Object.entries(arrays).map(([name, { shape, data }]) => [name, tensor(data, shape)]))
  for (const [name, slopes] of Object.entries(gradients))
    all.set(`d${name}`, tensor(slopes, arrays[name].shape))
  return all
}

describe.each(CASES)('$name', (of) => {
  it('has the loss and the gradient that Python finds, and passes its check', async () => {
    const arrays = arraysOf(of)
    const traced = await traceForward({ sources: { 'model.py': of.source }, entry: 'f', arrays })
    const listed = traced.program.build(new Map())
    const bound = bindProgram(listed, traced.parameters)
    expect(Math.abs(bound.base[listed.output][0] - of.loss)).toBeLessThanOrEqual(
      1e-12 * (1 + Math.abs(of.loss)),
    )
    const cotangents = reversePass(bound)
    for (const { id, name } of inputsOf(listed)) {
      const right = of.gradients[name]
      if (right === undefined) continue
      const most = Math.max(...right.map(Math.abs), 1e-3)
      for (const [k, slope] of right.entries()) {
        expect(Math.abs((cotangents[id]?.[k] ?? 0) - slope), `${name}[${k}]`).toBeLessThanOrEqual(1e-7 * most)
      }
    }
    const report = await checkGradients(traced, { tolerance: 1e-6 })
    expect(report.verdict, report.reasons.join()).toBe('pass')
    expect(report.forward).toMatchObject({ file: 'model.py', entry: 'f' })
  })

  it('fails where an entry is 1 % off', async () => {
    const [[name, right]] = Object.entries(of.gradients)
    const at = right.findIndex((slope) => Math.abs(slope) > 1e-3)
    const arrays = arraysOf({
      ...of,
      gradients: { ...of.gradients, [name]: right.with(at, 1.01 * right[at]) },
    })
    const traced = await traceForward({ sources: { 'model.py': of.source }, entry: 'f', arrays })
    const report = await checkGradients(traced, { tolerance: 1e-6 })
    expect(report.verdict).toBe('fail')
    expect(report.tensors.filter(({ verdict }) => verdict === 'fail').map((found) => found.name)).toEqual([
      name,
    ])
  })
})

const arrays: NamedTensors = new Map([
  ['W', tensor([0.1, -0.2, 0.3, 0.4], [2, 2])],
  ['dW', tensor([1, 1, 1, 1], [2, 2])],
  ['x', tensor([1, 2], [2])],
])
const trace = (source: string, more: object = {}) =>
  traceForward({ sources: { 'model.py': source }, entry: 'f', arrays, ...more })

describe('what is not understood is refused where it stands', () => {
  const refusals: [string, string, object | undefined, RegExp][] = [
    [
      'shapes',
      'def f(W, x):\n    y = 1\n    return np.dot(W, np.ones((3, 3)))\n',
      undefined,
      /^model\.py:3:12: matmul: shapes \(2, 2\) and \(3, 3\)/,
    ],
    [
      'an argument without an array',
      'def f(W, q):\n    return W.sum()\n',
      undefined,
      /^model\.py:1:1: f\(\) needs q; there are W, x/,
    ],
    [
      'a key',
      'def f(parameters):\n    return parameters["Wa"].sum()\n',
      undefined,
      /^model\.py:2:12: there is no key Wa, only W/,
    ],
    [
      'chance',
      'def f(W):\n    return np.sum(W * np.random.rand(2))\n',
      undefined,
      /^model\.py:2:23: np\.random\.rand is random/,
    ],
    [
      'a module',
      'from scipy.special import expit\ndef f(W):\n    return expit(W).sum()\n',
      undefined,
      /^model\.py:1:1: expit comes from scipy\.special, which is not at hand/,
    ],
    [
      'softmax without its file',
      'from utils import softmax\ndef f(W):\n    return softmax(W).sum()\n',
      undefined,
      /softmax is defined in none of the files/,
    ],
    [
      'an unknown function',
      'def f(W):\n    return np.fft.fft(W).sum()\n',
      undefined,
      /^model\.py:2:12: numpy\.fft is not understood/,
    ],
    [
      'a bound that moves',
      'def f(W):\n    return sum(W[0, 0] for i in range(W[0, 0]))\n',
      undefined,
      /^model\.py:2:33: a bound, shape or index depends on the parameters/,
    ],
    [
      'an array for a loss',
      'def f(W):\n    return W * 2\n',
      undefined,
      /returns an array of shape \(2, 2\), not one number/,
    ],
    [
      'a float into whole numbers',
      'def f(W):\n    a = np.zeros(2, dtype=int)\n    a[0] = W[0, 0]\n    return a.sum()\n',
      undefined,
      /^model\.py:3:5: a float that depends on the parameters is stored in an integer array/,
    ],
    [
      'a function that is not there',
      'def forward(W):\n    return W.sum()\n',
      { entry: 'forwrad' },
      /there is no function forwrad; did you mean "forward"/,
    ],
    [
      'an error that is raised',
      'def f(W):\n    raise ValueError("mode")\n',
      undefined,
      /^model\.py:2:5: the code raises ValueError: mode/,
    ],
    [
      'a loop without an end',
      'def f(W):\n    while True:\n        pass\n',
      undefined,
      /has taken 2000000 steps/,
    ],
    [
      'a loop without an end that computes',
      'def f(W):\n    while True:\n        W += 1\n',
      undefined,
      /^model\.py:3:9: the forward pass makes more than 200000 operations/,
    ],
    [
      'a whole number that grows without an end',
      'def f(W):\n    i = 1\n    while i << 5:\n        i += i\n',
      undefined,
      /^model\.py:3:11: this whole number is larger than any float/,
    ],
    [
      'a least common multiple that grows without an end',
      'import math\ndef f(W):\n    i = 3\n    while True:\n        i = math.lcm(i, i + 1)\n',
      undefined,
      /^model\.py:5:13: this whole number is larger than any float/,
    ],
    [
      'long lists without an end',
      'def f(W):\n    while True:\n        x = [0] * 1000000\n',
      undefined,
      /^model\.py:3:13: this has taken 2000000 steps/,
    ],
    [
      'factorials without an end',
      'import math\ndef f(W):\n    while True:\n        x = math.factorial(2000)\n',
      undefined,
      /^model\.py:4:13: this has taken 2000000 steps/,
    ],
    ['a recursion without an end', 'def f(W):\n    return f(W)\n', undefined, /has called itself 100 deep/],
    [
      'an index out of bounds',
      'def f(W):\n    return W[2, 0]\n',
      undefined,
      /^model\.py:2:12: index 2 is out of bounds for axis 0 of length 2/,
    ],
    [
      'what changes an array by itself',
      'def f(W):\n    np.fill_diagonal(W, 0)\n    return W.sum()\n',
      undefined,
      /^model\.py:2:5: numpy\.fill_diagonal is not understood/,
    ],
    [
      'what is not understood where an exception is awaited',
      'def f(W):\n    try:\n        y = np.fft.fft(W)\n    except Exception:\n        y = 0\n    return W.sum()\n',
      undefined,
      /^model\.py:3:13: numpy\.fft is not understood/,
    ],
    [
      'a loss without parameters',
      'def f(x):\n    return x.sum()\n',
      undefined,
      /does not depend on any parameter/,
    ],
    [
      'a notebook that is none',
      '{"cells": 3',
      { sources: { 'net.ipynb': '{"cells": 3' } },
      /net\.ipynb is no notebook: it is not JSON/,
    ],
    [
      'names of objects',
      'def f(W):\n    return W.__proto__.constructor\n',
      undefined,
      /^model\.py:2:12: \.__proto__ is not understood here/,
    ],
    [
      'an argument of that name',
      'def f(constructor):\n    return constructor\n',
      undefined,
      /f\(\) needs constructor/,
    ],
  ]

  it.each(refusals)('%s', async (_, source, more, message) => {
    await expect(trace(source, more)).rejects.toMatchObject({ message: expect.stringMatching(message) })
  })

  it('with the line and a caret', async () => {
    await expect(trace('def f(W):\n    return np.fft.fft(W).sum()\n')).rejects.toMatchObject({
      code: 'bad-forward',
      detail: ['    return np.fft.fft(W).sum()', '           ^'],
    })
  })
})

describe('what would be followed wrongly is refused', () => {
  const refusals: [string, string, RegExp][] = [
    [
      'a name of the file that is set twice',
      'k = 1\nk = k * 3\ndef f(W):\n    return W.sum() * k\n',
      /^model\.py:2:1: k is set in more than one place/,
    ],
    [
      'a decorator',
      'def twice(g):\n    return g\n@twice\ndef f(W):\n    return W.sum()\n@twice\ndef g(W):\n    return W\n',
      /no function f|decorator twice/,
    ],
    [
      'an argument that is not read',
      'def f(W):\n    return np.maximum(W, 0, where=W > 1).sum()\n',
      /the argument where .*is not understood/,
    ],
    [
      'an order of elements',
      "def f(W):\n    return np.sum(W.reshape(4, order='F'))\n",
      /the argument order is not understood/,
    ],
    [
      'what is done by a method that is not known',
      'def f(W):\n    l = [W[0], W[1]]\n    l.sort()\n    return l[0].sum()\n',
      /^model\.py:3:5: an order that depends on the parameters/,
    ],
    [
      'a part of an array that is deleted',
      'def f(W):\n    del W[0]\n    return W.sum()\n',
      /^model\.py:2:9: what is deleted here is not understood/,
    ],
    [
      'zeros and ones that may be a mask',
      'def f(W):\n    return W[np.array([0., 1.])].sum()\n',
      /may be a mask or indices/,
    ],
    ['a norm of matrices', 'def f(W):\n    return np.linalg.norm(W, 2)\n', /norms of matrices/],
    [
      'a comprehension without in',
      'def f(W):\n    return W.sum()\ndef g(b):\n    return [x for x i b]\n',
      /^$/,
    ],
  ]

  it.each(refusals)('%s', async (_, source, message) => {
    const traced = await trace(source).catch((error: Error) => error)
    // what is not called is not looked at
    expect(traced instanceof Error ? traced.message : '').toMatch(message)
  })
})

describe('what surrounds a forward pass', () => {
  const lossOf = async (source: string, more: object = {}) => {
    const traced = await trace(source, more)
    const listed = traced.program.build(new Map())
    return { loss: bindProgram(listed, traced.parameters).base[listed.output][0], traced }
  }

  it('a dictionary of all parameters, a module beside it, an import by a star', async () => {
    const { loss, traced } = await lossOf(
      'from helpers import *\nimport tools\ndef f(parameters):\n    return tools.twice(total(parameters["W"]))\n',
      {
        sources: {
          'model.py':
            'from helpers import *\nimport tools\ndef f(parameters):\n    return tools.twice(total(parameters["W"]))\n',
          'helpers.py': 'def total(a):\n    return a.sum()\n',
          'lib/tools.py': 'def twice(a):\n    return 2 * a\n',
        },
      },
    )
    expect(loss).toBeCloseTo(1.2, 12)
    expect(traced.forward.bound).toEqual([{ argument: 'parameters', array: '{W}' }])
  })

  it('the usual activations of a helper module that is not there, as a pair where it is unpacked', async () => {
    const { traced } = await lossOf(
      'from dnn import sigmoid\ndef f(W):\n    A, cache = sigmoid(W)\n    return np.sum(A * cache)\n',
    )
    expect(traced.forward.notices.join()).toContain('sigmoid is defined in none of the files')
  })

  it('a loss as an expression, names under other names, literals', async () => {
    const source = 'def forward(a, mode):\n    return a * 2 if mode == "train" else a\n'
    const { loss } = await lossOf(source, { entry: undefined, loss: 'forward(W, "train").sum() + x[0]' })
    expect(loss).toBeCloseTo(2.2, 12)
    const bound = await lossOf('def f(weight, mode):\n    return weight.sum() if mode == "train" else 0\n', {
      bind: { weight: 'W' },
      set: { mode: "'train'" },
    })
    expect(bound.loss).toBeCloseTo(0.6, 12)
  })

  it('an output that is an array, and its upstream gradient', async () => {
    const { loss } = await lossOf('def f(W):\n    return W * W, (W,)\n', {
      arrays: new Map([...arrays, ['dout', tensor([1, 2, 3, 4], [2, 2])]]),
    })
    expect(loss).toBeCloseTo(0.01 + 2 * 0.04 + 3 * 0.09 + 4 * 0.16, 12)
  })

  it('a class whose parameters are drawn at random', async () => {
    const source =
      'class Net:\n    def __init__(self, scale=0.1):\n        self.params = {}\n        self.params["W"] = scale * np.random.randn(2, 2)\n        self.V = np.zeros(3)\n    def loss(self, x):\n        return np.sum(self.params["W"] @ x), {}\n'
    const { loss } = await lossOf(source, { entry: 'Net.loss' })
    expect(loss).toBeCloseTo(0.1 - 0.4 + 0.3 + 0.8, 12)
  })

  it('a notebook, its cells and what only it understands', async () => {
    const cells = [
      { cell_type: 'markdown', source: ['# text'] },
      { cell_type: 'code', source: ['%matplotlib inline\n', 'import numpy as np'] },
      { cell_type: 'code', source: 'def f(W):\n    !ls\n    return np.sum(W) / np.nothing' },
    ]
    await expect(trace('', { sources: { 'net.ipynb': JSON.stringify({ cells }) } })).rejects.toMatchObject({
      message: expect.stringMatching(/^net\.ipynb cell \[3\] line 3:24: numpy\.nothing is not understood/),
    })
  })

  it('parts of a tensor whose length they do not divide, as torch has them', async () => {
    const source =
      'import torch\ndef f(W):\n    (a, b), c = W.chunk(2), W.split(2)\n    return 10 * a.sum() + b.sum() + 100 * c[2].sum() + 1000 * c[0].sum()\n'
    const W = tensor([1, 2, 3, 4, 5], [5])
    const { loss } = await lossOf(source, {
      arrays: new Map([
        ['W', W],
        ['dW', W],
      ]),
    })
    expect(loss).toBe(10 * 6 + 9 + 100 * 5 + 1000 * 3)
  })

  it('names and places of values', async () => {
    const { traced } = await lossOf('def f(W, x):\n    Z1 = np.dot(W, x)\n    return np.sum(np.tanh(Z1))\n')
    const z = traced.program.build(new Map()).values.find(({ source }) => source.name === 'Z1')
    expect(z?.source).toMatchObject({ file: 'model.py', line: 2 })
  })
})
