import { expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { traceForward } from '../../../src/numpy/load-forward.js'
import { formatReport } from '../../../src/report/text.js'
import { type Tensor, tensor } from '../../../src/tensor.js'
import { Draws } from '../../support/random-network.js'

const FORWARD = `import numpy as np

def forward(X, W1, W2):
    m = X.shape[1]
    Z1 = np.dot(W1, X)
    A1 = np.tanh(Z1)
    Z2 = np.dot(W2, A1)
    return np.sum(Z2 ** 2) / (2 * m)
`
const draws = new Draws(3)
const [m, inputs, hidden, outputs] = [5, 3, 4, 2]
const X = tensor(draws.normals(inputs * m, 1), [inputs, m])
const W1 = tensor(draws.normals(hidden * inputs, 1), [hidden, inputs])
const W2 = tensor(draws.normals(outputs * hidden, 1), [outputs, hidden])

const entry = ({ data, shape }: Tensor, i: number, j: number) => data[i * shape[1] + j]
const made = (rows: number, columns: number, of: (i: number, j: number) => number): Tensor =>
  tensor(
    Array.from({ length: rows * columns }, (_, k) => of(Math.floor(k / columns), k % columns)),
    [rows, columns],
  )
const product = (one: Tensor, other: Tensor): Tensor =>
  made(one.shape[0], other.shape[1], (i, j) => {
    let sum = 0
    for (let k = 0; k < one.shape[1]; k++) sum += entry(one, i, k) * entry(other, k, j)
    return sum
  })
const turned = (of: Tensor) => made(of.shape[1], of.shape[0], (i, j) => entry(of, j, i))
const times = (of: Tensor, factor: number) =>
  made(of.shape[0], of.shape[1], (i, j) => factor * entry(of, i, j))

/** The notebooks' way: 1/m comes where the parameters' gradients are made. */
function backward(changed: (name: string, value: Tensor) => Tensor) {
  const A1 = made(hidden, m, (i, j) => Math.tanh(entry(product(W1, X), i, j)))
  const dZ2 = changed('dZ2', product(W2, A1))
  const dW2 = changed('dW2', times(product(dZ2, turned(A1)), 1 / m))
  const dA1 = changed('dA1', product(turned(W2), dZ2))
  const dZ1 = changed(
    'dZ1',
    made(hidden, m, (i, j) => entry(dA1, i, j) * (1 - entry(A1, i, j) ** 2)),
  )
  const dW1 = changed('dW1', times(product(dZ1, turned(X)), 1 / m))
  return { dZ2, dW2, dA1, dZ1, dW1 }
}

const run = async (changed: (name: string, value: Tensor) => Tensor) =>
  checkGradients(
    await traceForward({
      sources: { 'net.py': FORWARD },
      arrays: new Map(Object.entries({ X, W1, W2, ...backward(changed) })),
      entry: 'forward',
    }),
  )

it('a constant multiple of the gradient of an intermediate value is not wrong by itself', async () => {
  const report = await run((_, value) => value)
  expect(report.verdict).toBe('pass')
  expect(report.intermediates?.map(({ gradient, verdict }) => [gradient, verdict])).toEqual([
    ['dZ1', 'scaled'],
    ['dA1', 'scaled'],
    ['dZ2', 'scaled'],
  ])
  for (const { factor } of report.intermediates!) expect(factor).toBeCloseTo(m, 6)
  expect(report.notices.join()).not.toMatch(/mistake|nothing reads/)
  expect(formatReport(report)).toMatch(/dZ1 +5 times the gradient of Z1 \(net\.py:5\)/)
})

it.each([
  ['dW2', 'dZ2 is right, but for the factor 5, and dW2 is wrong: the mistake is in the line that makes dW2'],
  ['dW1', 'dZ1 is right, but for the factor 5, and dW1 is wrong: the mistake is in the line that makes dW1'],
  ['dA1', 'dZ2 is right, but for the factor 5, and dA1 is wrong: the mistake is in the line that makes dA1'],
  ['dZ1', 'dA1 is right, but for the factor 5, and dZ1 is wrong: the mistake is in the line that makes dZ1'],
])('says that the mistake is in the line that makes %s', async (wrong, sentence) => {
  const report = await run((name, value) =>
    name === wrong ? made(value.shape[0], value.shape[1], (i, j) => entry(value, i, j) * (1 + i)) : value,
  )
  expect(report.verdict).toBe('fail')
  expect(report.notices).toContain(sentence)
})

it('the gradient of an input is not taken for that of what the code makes of it under its name', async () => {
  const traced = await traceForward({
    sources: {
      'net.py': 'import numpy as np\ndef forward(X, W1):\n    X = X / 4\n    return np.sum(np.dot(W1, X))\n',
    },
    arrays: new Map(Object.entries({ X, W1, dX: X, dW1: W1 })),
    entry: 'forward',
  })
  expect([...traced.gradients.keys()]).toEqual(['X', 'W1'])
  expect(traced.intermediates).toBeUndefined()
})
