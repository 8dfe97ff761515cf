import { describe, expect, it } from 'vitest'
import { runCommandLine } from '../../../src/cli/run-command-line.js'
import { createFakeTerminal } from '../../support/fake-terminal.js'

async function run(...args: string[]) {
  const terminal = createFakeTerminal()
  const status = await runCommandLine(args, terminal)
  return { status, stdout: terminal.stdout.text, stderr: terminal.stderr.text }
}

const CHECK = ['check', 'no-such-file.npz', '--activations', 'relu,sigmoid', '--loss', 'binary-cross-entropy']

describe('help', () => {
  it('is printed on request', async () => {
    const { status, stdout, stderr } = await run('--help')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain('Usage: gradcheck')
    expect(stdout).toContain('Exit status:')
  })

  it('is printed to stderr, with status 2, when no command is given', async () => {
    const { status, stdout, stderr } = await run()
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain('Usage: gradcheck')
  })

  it('of check has examples and every option', async () => {
    const { status, stdout } = await run('check', '--help')
    expect(status).toBe(0)
    expect(stdout).toContain('np.savez(')
    for (const option of [
      ...['--activations', '--loss', '--layout', '--l2', '--inputs', '--targets', '--weights', '--biases'],
      ...['--gradients', '--device', '--method', '--step', '--scheme', '--precision', '--sample', '--seed'],
      ...['--tolerance', '--json', '--report', '--output'],
    ]) {
      expect(stdout).toContain(`  ${option}`)
    }
  })

  it.each([
    ...['check', 'function', 'examples', 'doctor', 'bench'].map((command) => [command, '--help']),
    ['--help'],
  ])('fits 80 columns: %s', async (...args) => {
    const { stdout } = await run(...args)
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
  })

  it('tells the version', async () => {
    expect(await run('--version')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    })
  })
})

describe('bad usage ends with status 2 and names the mistake', () => {
  it.each([
    ['an unknown command', ['chek'], 'unknown command "chek"; did you mean "check"?'],
    ['a file without a command', ['model.npz'], 'gradcheck check model.npz --activations'],
    ['an unknown option', ['check', '--activation', 'relu'], 'did you mean "--activations"?'],
    ['an option without its value', ['check', 'x.npz', '--step'], '--step'],
    ['no file', ['check'], 'no file was given'],
    ['no activations', ['check', 'x.npz'], '--activations is needed'],
    ['the names of the activations', ['check', 'x.npz'], 'leaky-relu'],
    ['no loss', ['check', 'x.npz', '--activations', 'relu'], 'use one of binary-cross-entropy'],
    ['an unknown activation', [...CHECK, '--activations', 'rleu,sigmoid'], 'did you mean "relu"?'],
    ['an empty activation', [...CHECK, '--activations', 'relu,,sigmoid'], 'empty name in "relu,,sigmoid"'],
    ['an unknown loss', [...CHECK, '--loss', 'binary-crossentropy'], 'did you mean "binary-cross-entropy"?'],
    ['an unknown layout', [...CHECK, '--layout', 'row'], 'did you mean "rows"?'],
    ['an unknown device', [...CHECK, '--device', 'sofware'], 'did you mean "software"?'],
    ['an unknown method', [...CHECK, '--method', 'text-book'], 'did you mean "textbook"?'],
    ['an unknown scheme', [...CHECK, '--scheme', 'centre'], 'did you mean "central"?'],
    ['an unknown precision', [...CHECK, '--precision', 'singel'], 'did you mean "single"?'],
    ['a report not known yet', [...CHECK, '--report', 'html'], 'use one of text, json'],
    ['two kinds of report', [...CHECK, '--json', '--report', 'text'], 'contradict each other'],
    ['a step of zero', [...CHECK, '--step', '0'], '--step must be a number from 1e-30 to 10, not "0"'],
    [
      'a negative step',
      [...CHECK, '--step', '-1e-5'],
      '--step must be a number from 1e-30 to 10, not "-1e-5"',
    ],
    ['an infinite step', [...CHECK, '--step', 'Infinity'], '--step must be'],
    ['a step that is no number', [...CHECK, '--step', '1e-5x'], '--step must be'],
    [
      'an empty number',
      [...CHECK, '--tolerance', ''],
      '--tolerance must be a number above 0 and below 1, not ""',
    ],
    ['a tolerance that no gradient fails', [...CHECK, '--tolerance', '1'], '--tolerance must be'],
    ['a step that leaves the network behind', [...CHECK, '--step', '1e4'], '--step must be'],
    ['a step that vanishes', [...CHECK, '--step', '1e-300'], '--step must be'],
    ['a fast sample', [...CHECK, '--fast', '--sample', '5'], '--fast and --sample cannot be combined'],
    ['a fast textbook', [...CHECK, '--fast', '--method', 'textbook'], '--fast does not use the textbook'],
    ['an abbreviated loss', [...CHECK, '--loss', 'mse'], 'did you mean "mean-squared-error"?'],
    ['a tolerance of zero', [...CHECK, '--tolerance', '0'], '--tolerance must be'],
    ['a sample of none', [...CHECK, '--sample', '0'], '--sample must be a whole number from 1, not "0"'],
    ['half a sample', [...CHECK, '--sample', '2.5'], '--sample must be'],
    ['a negative seed', [...CHECK, '--seed', '-1'], '--seed must be a whole number from 0'],
    ['a negative l2', [...CHECK, '--l2', '-0.1'], '--l2 must be a number from 0'],
    [
      'a device for the textbook method',
      [...CHECK, '--method', 'textbook', '--device', 'gpu'],
      '--device gpu',
    ],
    ['an output in no folder', [...CHECK, '--output', '/no/such/folder/report.txt'], '/no/such/folder'],
    ['an output that is a folder', [...CHECK, '--output', 'src'], 'it is a directory'],
    ['a missing file', CHECK, 'there is no file no-such-file.npz'],
    ['a misspelt file', ['check', 'test/fixtures/three-leyer.npz', ...CHECK.slice(2)], '"three-layer.npz"?'],
    ['a directory', ['check', 'test/fixtures', ...CHECK.slice(2)], 'test/fixtures is a directory'],
    ['too many arguments', ['doctor', 'x'], 'too many arguments'],
  ])('%s', async (_, args, message) => {
    const { status, stdout, stderr } = await run(...args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr).toMatch(/^gradcheck: .*\n( {2}fix: .*\n)?$/)
  })
})
