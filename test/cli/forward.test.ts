import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runCli } from '../support/run-cli.js'
import { fixturePath, TemporaryFolder } from '../support/temporary-files.js'

const folder = new TemporaryFolder()
const FORWARD = `${fixturePath('forward/three_layer.py')}:forward`
const check = (...args: readonly string[]) => runCli(['check', ...args, '--device', 'cpu'])

it('gradcheck check --forward reads the code that made the gradients, and names what is wrong', async () => {
  const right = await check(fixturePath('three-layer.npz'), '--forward', FORWARD, '--json')
  expect(right.status).toBe(0)
  const report = JSON.parse(right.stdout)
  expect(report).toMatchObject({
    verdict: 'pass',
    forward: {
      file: 'three_layer.py',
      entry: 'forward',
      bound: [
        { argument: 'X', array: 'X' },
        { argument: 'Y', array: 'Y' },
        { argument: 'parameters', array: '{W1, W2, W3, b1, b2, b3}' },
      ],
    },
  })
  const wrong = await check(fixturePath('three-layer-buggy.npz'), '--forward', FORWARD)
  expect(wrong.status).toBe(1)
  expect(wrong.stdout).toMatch(/db1 is exactly 4 times too large[\s\S]*dW2 is exactly 2 times too large/)
  expect(wrong.stdout).toMatch(/forward +three_layer\.py:forward, 23 operations/)
})

it('--forward with --trace prints what was bound to what, and every operation with its line', async () => {
  const { status, stdout } = await check(fixturePath('three-layer.npz'), '--forward', FORWARD, '--trace')
  expect(status).toBe(0)
  expect(stdout).toMatch(/parameters = \{W1, W2, W3, b1, b2, b3\}/)
  expect(stdout).toMatch(/= matmul\(%\d+, %\d+\) +three_layer\.py:\d+:\d+/)
})

it('--forward takes a loss as an expression, arrays under other names, and literals', async () => {
  const file = folder.write(
    'net.py',
    'import numpy as np\nfrom three import sigmoid\ndef cost(a, Y, scale):\n    return -scale * np.mean(Y * np.log(a) + (1 - Y) * np.log(1 - a))\ndef wrapped(data, Y, parameters, scale):\n    h = data\n    for l in (1, 2, 3):\n        z = parameters[f"W{l}"] @ h + parameters[f"b{l}"]\n        h = np.maximum(z, 0) if l < 3 else sigmoid(z)\n    return cost(h, Y, scale)\n',
  )
  folder.write('three.py', 'import numpy as np\ndef sigmoid(x):\n    return 1 / (1 + np.exp(-x))\n')
  const data = fixturePath('three-layer.npz')
  const bound = await check(data, '--forward', `${file}:wrapped`, '--bind', 'data=X', '--set', 'scale=1.0')
  expect(bound.stderr).toMatch(/^device: cpu \(.*\)\n$/)
  expect(bound.status).toBe(0)
  const expression = await check(data, '--forward', file, '--loss', 'wrapped(X, Y, parameters, 1)')
  expect(expression.status).toBe(0)
})

it('what cannot be read is refused with status 2, its line and what to do', async () => {
  const file = folder.write(
    'model.py',
    'import numpy as np\ndef loss(W1):\n    return np.fft.fft(W1).sum()\n',
  )
  const data = fixturePath('three-layer.npz')
  const unknown = await check(data, '--forward', `${file}:loss`)
  expect(unknown.status).toBe(2)
  expect(unknown.stderr).toMatch(/model\.py:3:12: numpy\.fft is not understood/)
  expect(unknown.stderr).toMatch(/return np\.fft\.fft\(W1\)\.sum\(\)\n +\^/)
  const refusals: [readonly string[], RegExp][] = [
    [['--forward', join(folder.path, 'none.py')], /none\.py cannot be read: ENOENT/],
    [['--forward', 'model.txt:f'], /names no \.py or \.ipynb file/],
    [['--forward', `${file}:lss`], /there is no function lss; did you mean "loss"/],
    [['--forward', file, '--activations', 'relu'], /say the network twice/],
    [['--forward', file, '--set', 'x'], /--set "x" is no pair/],
    [['--forward', FORWARD, '--method', 'textbook'], /a program is checked by difference arithmetic/],
  ]
  for (const [args, message] of refusals) {
    const { status, stderr } = await check(data, ...args)
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringMatching(message) })
  }
})

/** A linear layer: y = x w, its upstream gradient dy, and both gradients. */
function linearLayer(change: Partial<Record<'y' | 'dw', number>> = {}): string {
  const [x, w, dy] = [
    [1, -2, 3, 0.5],
    [0.5, -1, 2, 0.25],
    [1, 2, -1, 0.5],
  ]
  const dot = (a: number[], b: number[], at: (i: number, j: number, k: number) => [number, number]) =>
    [0, 1, 2, 3].map((n) =>
      [0, 1].reduce((sum, k) => {
        const [left, right] = at(n >> 1, n & 1, k)
        return sum + a[left] * b[right]
      }, 0),
    )
  const y = dot(x, w, (i, j, k) => [2 * i + k, 2 * k + j])
  const dx = dot(dy, w, (i, j, k) => [2 * i + k, 2 * j + k])
  const dw = dot(x, dy, (i, j, k) => [2 * k + i, 2 * k + j])
  y[3] += change.y ?? 0
  dw[1] += change.dw ?? 0
  const shape = [2, 2]
  return folder.writeArrays(
    `linear-${change.y ?? 0}-${change.dw ?? 0}.npz`,
    new Map(Object.entries({ x, w, y, dy, dx, dw }).map(([name, data]) => [name, { shape, data }])),
  )
}

it('--expression takes one line, finds the upstream gradient and compares the saved output', async () => {
  const right = await check(linearLayer(), '--expression', 'x @ w', '--json')
  expect(right.status).toBe(0)
  expect(JSON.parse(right.stdout)).toMatchObject({
    verdict: 'pass',
    savedOutput: { name: 'y', agrees: true },
    forward: {
      file: 'expression',
      entry: 'x @ w',
      bound: expect.arrayContaining([{ argument: 'upstream', array: 'dy' }]),
    },
    parameters: { total: 8 },
  })
  const backward = await check(linearLayer({ dw: 0.01 }), '--expression', 'x @ w')
  expect(backward.status).toBe(1)
  expect(backward.stdout).toMatch(/output +the saved y agrees/)
  const forward = await check(linearLayer({ y: 0.01 }), '--expression', 'x @ w')
  expect(forward.status).toBe(3)
  expect(forward.stdout).toMatch(/INCONCLUSIVE {2}the saved output y is not that of the forward pass/)
  expect(forward.stdout.replaceAll(/\s+/g, ' ')).toMatch(
    /most at y\[1, 1\].* the gradient is that of this forward pass/,
  )
  const json = await check(linearLayer({ y: 0.01 }), '--expression', 'x @ w', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({
    verdict: 'inconclusive',
    savedOutput: { agrees: false, worst: { index: [1, 1] } },
  })
})

it('what an expression cannot be is refused, with its place', async () => {
  const data = linearLayer()
  const refusals: [readonly string[], RegExp][] = [
    [['--expression', 'x @ w @'], /expression:1:\d+: this is no Python\n {2}x @ w @\n +\^/],
    [['--expression', 'a = x @ w'], /expression:1:1: this is no single expression/],
    [['--expression', 'x @ w; x'], /expression:1:8: this is no single expression/],
    [['--expression', ''], /this is no single expression/],
    [['--expression', 'x @ q'], /expression:1:5: q is no array[\s\S]*there are x, w, y/],
    [['--expression', 'max(x @ w, 0)'], /expression:1:1: max of two values/],
    [['--expression', 'x @ w', '--upstream', 'dz'], /multiplied by dz, and there is no such array/],
    [['--expression', 'x @ w', '--saved-output', 'x'], /x is read by the code/],
    [['--expression', 'x @ w', '--saved-output', 'out'], /saved as out, and there is no such array/],
    [['--expression', 'x @ w', '--forward', 'a.py'], /--expression and --forward cannot be combined/],
    [['--expression', 'x @ w', '--loss', 'x'], /--expression and --loss cannot be combined/],
    [['--expression', 'x @ w', '--activations', 'relu'], /say the network twice/],
    [['--expression', 'x @ w', '--parameters', 'w,q*'], /no array is called "q\*"/],
    [['--expression', 'x @ w', '--parameters', 'w,'], /has an empty name/],
    [['--forward', 'a.py', '--loss', 'mean-squared-error'], /is the loss of a network that is declared/],
  ]
  for (const [args, message] of refusals) {
    const { status, stderr } = await check(data, ...args)
    expect({ args, status, stderr }).toEqual({ args, status: 2, stderr: expect.stringMatching(message) })
  }
})

it('--init gives a constructor its arguments', async () => {
  const file = folder.write(
    'class.py',
    'class Net:\n    def __init__(self, n, half=0.0):\n        self.w, self.half = np.zeros((n, n)), half\n    def loss(self, x, dy):\n        return self.half * np.sum((x @ self.w) * dy)\n',
  )
  const run = (init: string) => check(linearLayer(), '--forward', `${file}:Net.loss`, '--init', init)
  expect(await run('2, half=1.0')).toMatchObject({ status: 0 })
  expect(await run('n=2, half=1.5')).toMatchObject({ status: 1 })
  expect(await run('2, haf=1.0')).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/init:1:12: Net\(\) has no argument haf; did you mean "half"/),
  })
  expect(await run('2, 3, 4')).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/takes 2 arguments/),
  })
})
