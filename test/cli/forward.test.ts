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
