import { expect, it } from 'vitest'
import { runCli } from '../support/run-cli.js'
import { fixturePath } from '../support/temporary-files.js'

const NETWORK = ['--activations', 'relu,relu,sigmoid', '--loss', 'binary-cross-entropy', '--device', 'cpu']

it('gradcheck check --fast says where a gradient is wrong, and what it can miss', async () => {
  const wrong = await runCli(['check', fixturePath('three-layer-buggy.npz'), ...NETWORK, '--fast'])
  expect(wrong.status).toBe(1)
  expect(wrong.stdout).toContain('found  db1 is exactly 4 times too large')
  // its first tensor is too large to be looked at whole
  const image = ['--activations', 'tanh,tanh,sigmoid', '--loss', 'binary-cross-entropy', '--device', 'cpu']
  const right = await runCli(['check', fixturePath('image-tanh.npz'), ...image, '--fast', '--seed', '3'])
  expect(right.status).toBe(0)
  expect(right.stdout).toMatch(/^PASS {2}the gradient is right in random directions/)
  expect(right.stdout.replace(/\s+/g, ' ')).toContain('a single wrong entry is found with 99 % probability')
})

it('gradcheck check --fast is refused with --sample and --method textbook', async () => {
  for (const more of [
    ['--sample', '10'],
    ['--method', 'textbook'],
  ]) {
    const { status, stderr } = await runCli([
      'check',
      fixturePath('three-layer.npz'),
      ...NETWORK,
      '--fast',
      ...more,
    ])
    expect(status).toBe(2)
    expect(stderr).toContain('fast')
    expect(stderr).toContain('fix:')
  }
})
