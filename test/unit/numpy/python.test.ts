import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { traceForward } from '../../../src/numpy/load-forward.js'
import { bindProgram } from '../../../src/program/evaluate.js'
import { tensor } from '../../../src/tensor.js'

// made by test/fixtures/forward-python.py
const CASES: readonly { readonly source: string; readonly repr: string }[] = JSON.parse(
  readFileSync(new URL('../../fixtures/forward-python.json', import.meta.url), 'utf8'),
)

const arrays = new Map([
  ['W', tensor([0.5, -1.5, 2.5], [3])],
  ['dW', tensor([1, 1, 1], [3])],
])

const trace = (source: string) => traceForward({ sources: { 'model.py': source }, entry: 'f', arrays })

/** What repr makes of a program's value: it comes back as the message of an exception. */
async function reprOf(source: string): Promise<string> {
  const error = await trace(`${source}def f(W):\n    raise ValueError(repr(value()))\n`).catch(
    (reason: Error) => reason,
  )
  return error instanceof Error ? error.message.replace(/^.*?the code raises ValueError: /s, '') : 'no error'
}

describe('programs in Python make the values that Python makes', () => {
  it.each(CASES.map(({ source, repr }) => [source.split('\n').slice(1, 3).join('; ').trim(), source, repr]))(
    '%s',
    async (_, source, repr) => {
      expect(await reprOf(source)).toBe(repr)
    },
  )
})

async function lossOf(source: string): Promise<number> {
  const traced = await trace(source)
  const listed = traced.program.build(new Map())
  return bindProgram(listed, traced.parameters).base[listed.output][0]
}

describe('of arrays that depend on the parameters', () => {
  it('an object with operators of its own carries them', async () => {
    const source =
      'class Tensor:\n    def __init__(self, data):\n        self.data = data\n    def __mul__(self, other):\n        return Tensor(self.data * other)\n    __rmul__ = __mul__\n    def __add__(self, other):\n        return Tensor(self.data + other.data)\n    def sum(self):\n        return Tensor(np.sum(self.data))\ndef f(W):\n    t = Tensor(W)\n    return (2 * t + t * 3).sum().data\n'
    expect(await lossOf(source)).toBeCloseTo(5 * 1.5, 12)
  })

  it('a generator and a handled exception', async () => {
    const source =
      'def parts(W):\n    for k in range(3):\n        yield W[k] ** 2\ndef f(W):\n    total = 0\n    for part in parts(W):\n        total = total + part\n    try:\n        total = total + {}["bias"]\n    except KeyError:\n        total = total * 2\n    return total\n'
    expect(await lossOf(source)).toBeCloseTo(2 * (0.25 + 2.25 + 6.25), 12)
  })

  it('differences and running products', async () => {
    expect(await lossOf('def f(W):\n    return np.sum(np.diff(W) ** 2) + np.cumprod(W)[2]\n')).toBeCloseTo(
      4 + 16 - 1.875,
      12,
    )
  })
})

describe('what would be other than in Python is refused', () => {
  const refusals: [string, string, RegExp][] = [
    [
      'a tie that is rounded',
      'def f(W):\n    return np.sum(np.round(W))\n',
      /in the middle between two is rounded/,
    ],
    ['what is sorted', 'def f(W):\n    return np.sort(W)[0]\n', /of what depends on the parameters/],
    [
      'match',
      'def f(W):\n    match 1:\n        case 1:\n            pass\n    return np.sum(W)\n',
      /match is not understood/,
    ],
    [
      'a class that is decorated',
      'import enum\n@enum.unique\nclass A:\n    pass\ndef f(W):\n    A()\n    return np.sum(W)\n',
      /the decorator enum\.unique/,
    ],
    [
      'an import that is tried',
      'def f(W):\n    try:\n        import cupy as xp\n    except ImportError:\n        xp = np\n    return xp.sum(W)\n',
      /whether cupy can be imported is not known/,
    ],
    [
      'a list and a float',
      'def f(W):\n    return np.sum(W) + ([1, 2] * 2.0)[0]\n',
      /\* is not understood of 'list' and 'float'/,
    ],
    [
      'an array as a text',
      "def f(W):\n    key = f'{W}'\n    return np.sum(W) if key == 'x' else W[0]\n",
      /an array as a text is not understood/,
    ],
    [
      'an order of what is equal',
      'def f(W):\n    return W[np.argsort(np.array([1, 1, 0]))[1]]\n',
      /the order of equal numbers is not known/,
    ],
    [
      'arguments that a class does not take',
      'class A:\n    pass\ndef f(W):\n    A(1)\n    return np.sum(W)\n',
      /A takes no arguments/,
    ],
    [
      'the item that a set gives up',
      "def f(W):\n    return W[{'a': 0, 'b': 1}[{'a', 'b'}.pop()]]\n",
      /which item a set gives up/,
    ],
  ]

  it.each(refusals)('%s', async (_, source, message) => {
    await expect(trace(source)).rejects.toMatchObject({ message: expect.stringMatching(message) })
  })
})
