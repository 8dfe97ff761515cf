import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { LineReport } from '../../src/check/backward-report.js'
import { runCli } from '../support/run-cli.js'
import { fixturePath, TemporaryFolder } from '../support/temporary-files.js'

const folder = new TemporaryFolder()
const MODEL = fixturePath('backward/three_layer.py')
const DATA = fixturePath('three-layer.npz')
const check = (...args: readonly string[]) => runCli(['check', ...args, '--device', 'cpu'])
const pair = (file: string, backward = 'backward_propagation_n') => [
  '--forward',
  `${file}:forward_propagation_n`,
  '--backward',
  `${file}:${backward}`,
]
/** The notebook's code without its two mistakes. */
const RIGHT = readFileSync(MODEL, 'utf8').replace('A1.T) * 2', 'A1.T)').replace('db1 = 4.', 'db1 = 1.')

it('--backward names the two wrong lines of the second notebook, and how they are to be written', async () => {
  const { status, stdout } = await check(DATA, ...pair(MODEL))
  expect(status).toBe(1)
  expect(stdout).toMatch(/(WRONG|suspect) +45 +dW2 = 1\. \/ m \* np\.dot\(dZ2, A1\.T\) \* 2\n/)
  expect(stdout).toMatch(/\^ written as `dW2 = 1\. \/ m \* np\.dot\(dZ2, A1\.T\)`, dW2 is right/)
  expect(stdout).toMatch(/(WRONG|suspect) +51 +db1 = 4\. \/ m \* np\.sum/)
  expect(stdout).toMatch(/backward +three_layer\.py:backward_propagation_n, 15 statements/)
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  const json = JSON.parse((await check(DATA, ...pair(MODEL), '--json')).stdout)
  const lines: LineReport[] = json.backward.lines
  const blamed = lines.filter(({ mark }) => mark === 'wrong' || mark === 'suspect')
  expect(blamed.map(({ line, gradients, proposal }) => ({ line, gradients, proposal }))).toEqual([
    { line: 45, gradients: ['dW2'], proposal: 'dW2 = 1. / m * np.dot(dZ2, A1.T)' },
    { line: 51, gradients: ['db1'], proposal: 'db1 = 1. / m * np.sum(dZ1, axis=1, keepdims=True)' },
  ])
  const marks = new Map(lines.map(({ line, mark }) => [line, mark]))
  for (const line of [39, 40, 41, 43, 44, 46, 48, 49, 50])
    expect({ line, mark: marks.get(line) }).toEqual({ line, mark: 'right' })
  expect(marks.get(53)).toBe('follows')
  expect(marks.get(36)).toBe('not judged')
})

it('a right backward pass passes, and no line of it is marked', async () => {
  const file = folder.write('right.py', RIGHT)
  const { status, stdout } = await check(DATA, ...pair(file), '--json')
  expect(status).toBe(0)
  const { backward } = JSON.parse(stdout)
  const marks = new Set(backward.lines.map(({ mark }: LineReport) => mark))
  expect(marks).toEqual(new Set(['right', 'not judged']))
  expect(backward.notices).toEqual([])
  const text = await check(DATA, ...pair(file))
  expect(text.stdout).not.toMatch(/WRONG|suspect|follows|\^/)
})

it('the lines that are proposed make every gradient right', async () => {
  const first = JSON.parse((await check(DATA, ...pair(MODEL), '--json')).stdout)
  const rows = readFileSync(MODEL, 'utf8').split('\n')
  for (const { line, proposal } of first.backward.lines as LineReport[])
    if (proposal !== undefined) rows[line - 1] = `    ${proposal}`
  const { status } = await check(DATA, ...pair(folder.write('mended.py', rows.join('\n'))))
  expect(status).toBe(0)
})

it('the backward pass may be in another file, and --trace prints what its arguments are', async () => {
  const file = folder.write('gradients.py', RIGHT)
  const forward = ['--forward', `${MODEL}:forward_propagation_n`]
  const traced = await check(DATA, ...forward, '--backward', `${file}:backward_propagation_n`, '--trace')
  expect(traced.stdout).toMatch(
    /gradients\.py:backward_propagation_n\n {2}X = X\n {2}Y = Y\n {2}cache = what the forward pass returns as cache\n/,
  )
  const { status } = await check(DATA, ...forward, '--backward', `${file}:backward_propagation_n`)
  expect(status).toBe(0)
})

it('what of a backward pass cannot be followed is refused with status 2, its place and what to do', async () => {
  const file = folder.write(
    'model.py',
    `${RIGHT}
def transposed(X, Y, cache):
    dW3 = np.dot(cache[5], (cache[9] - Y).T)
    return dW3

def unkept(X, Y, cache):
    dW3 = np.dot(cache[9] - Y, mask)
    return dW3

def drawn(X, Y, cache):
    dZ3 = (cache[9] - Y) * np.random.rand(1, 3)
    dW3 = np.dot(dZ3, cache[5].T)
    return dW3

def more(X, Y, lengths):
    return X

def nothing(X, Y, cache):
    print(X)

def infinite(X, Y, cache):
    m = 0
    dW3 = np.dot(cache[9] - Y, cache[5].T) / m
    return dW3
`,
  )
  const back = (name: string) => pair(file, name)
  const refusals: [readonly string[], RegExp][] = [
    [
      back('transposed'),
      /model\.py:59:12: transposed gives dW3, .* shape \(3, 1\), and W3 has \(1, 3\)\n +fix: it looks transposed/,
    ],
    [back('unkept'), /model\.py:\d+:\d+: mask is defined in none of the files[\s\S]*\n +fix: /],
    [back('drawn'), /model\.py:\d+:\d+: np\.random\.rand is random[\s\S]*\n +fix: /],
    [back('more'), /model\.py:\d+:1: more leaves no array|model\.py:\d+:1: more\(\) needs lengths/],
    [
      back('nothing'),
      /model\.py:\d+:1: nothing leaves no array that is called a gradient[\s\S]*\n +fix: return dW1 for W1/,
    ],
    [back('infinite'), /model\.py:\d+:\d+: this makes -?(Infinity|NaN), and with it dW3\[0, 0\]/],
    [
      back('backwrad_propagation_n'),
      /there is no function backwrad_propagation_n; did you mean "backward_propagation_n"/,
    ],
    [['--forward', `${file}:forward_propagation_n`, '--backward', file], /names no function/],
    [
      ['--forward', `${file}:forward_propagation_n`, '--backward', 'model.txt:f'],
      /--backward "model\.txt:f" names no/,
    ],
    [
      ['--forward', `${file}:forward_propagation_n`, '--backward', join(folder.path, 'none.py:f')],
      /none\.py cannot be read: ENOENT/,
    ],
    [['--backward', `${file}:backward_propagation_n`], /--backward needs --forward/],
  ]
  for (const [args, message] of refusals) {
    const { status, stdout, stderr } = await check(DATA, ...args)
    expect({ status, stdout, stderr }).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(message),
    })
    expect(stderr).not.toMatch(/ at .*\(.*:\d+:\d+\)|this is a bug/)
  }
})
