import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { CheckReport } from '../../src/check/report.js'
import type { ArrayLike64 } from '../support/array-files.js'
import { runCli, startCli } from '../support/run-cli.js'
import { fixturePath, TemporaryFolder } from '../support/temporary-files.js'

const folder = new TemporaryFolder()
const CHECK = [
  ...['check', fixturePath('three-layer.npz'), '--device', 'cpu'],
  ...['--activations', 'relu,relu,sigmoid', '--loss', 'binary-cross-entropy'],
]

/** A network for whose 53,410 parameters the textbook method needs minutes. */
function writeLargeProblem(): string {
  let state = 1
  const fill = (...shape: number[]): ArrayLike64 => ({
    shape,
    data: Float64Array.from({ length: shape.reduce((product, length) => product * length, 1) }, () => {
      state = (state * 48271) % 2147483647
      return (state / 2147483647 - 0.5) / 5
    }),
  })
  const arrays: [string, ArrayLike64][] = [
    ...([
      ['X', fill(256, 50)],
      ['Y', fill(10, 50)],
    ] as [string, ArrayLike64][]),
    ...['', 'd'].flatMap((prefix): [string, ArrayLike64][] => [
      [`${prefix}W1`, fill(200, 256)],
      [`${prefix}b1`, fill(200, 1)],
      [`${prefix}W2`, fill(10, 200)],
      [`${prefix}b2`, fill(10, 1)],
    ]),
  ]
  return folder.writeArrays('large.npz', new Map(arrays))
}

const LONG_CHECK = [
  ...['check', writeLargeProblem(), '--method', 'textbook'],
  ...['--activations', 'tanh,linear', '--loss', 'mean-squared-error'],
]

describe('Ctrl-C', () => {
  it('ends a check with a report on what was checked so far, and status 130', async () => {
    const cli = startCli([...LONG_CHECK, '--json'])
    await cli.waitForStderr('device: ')
    await sleep(1000)
    cli.child.kill('SIGINT')
    const { status, stdout, stderr } = await cli.result
    expect(status).toBe(130)
    const report: CheckReport = JSON.parse(stdout)
    expect(report.interrupted).toBe(true)
    expect(report.parameters.total).toBe(53410)
    expect(report.parameters.checked).toBeGreaterThan(0)
    expect(report.parameters.checked).toBeLessThan(53410)
    const checked = report.parameters.checked.toLocaleString('en-US')
    expect(stderr).toContain(`interrupted: ${checked} of 53,410 parameters checked\n`)
    expect(stderr).not.toContain('    at ')
  })

  it('is said in the text report', async () => {
    const cli = startCli(LONG_CHECK)
    await cli.waitForStderr('device: ')
    cli.child.kill('SIGINT')
    const { status, stdout } = await cli.result
    expect(status).toBe(130)
    expect(stdout).toMatch(/^INTERRUPTED {2}after [\d,]+ of 53,410 parameters/)
  })

  it('ends a check of a function on a long grid, and says how far it came', async () => {
    const cli = startCli(['function', 'sin(x) * exp(x)', '--at', 'x=0:1:100000', '--device', 'cpu', '--json'])
    await cli.waitForStderr('device: ')
    await sleep(100)
    cli.child.kill('SIGINT')
    const { status, stdout, stderr } = await cli.result
    expect({ status, stdout }).toEqual({ status: 130, stdout: '' })
    expect(stderr).toMatch(
      /interrupted: [\d,]+ of [\d,]+ points checked; there is no report on a part of them\n$/,
    )
  })

  it('twice ends the process with status 130', async () => {
    const cli = startCli(LONG_CHECK)
    await cli.waitForStderr('device: ')
    cli.child.kill('SIGINT')
    await sleep(20)
    cli.child.kill('SIGINT')
    expect(await cli.result).toMatchObject({ status: 130, signal: null })
  })
})

describe('output', () => {
  it('ends quietly when its reader has gone', async () => {
    for (const format of ['text', 'json']) {
      const cli = startCli([...CHECK, '--report', format])
      cli.child.stdout!.destroy()
      const { status, stderr } = await cli.result
      expect(status).toBe(0)
      expect(stderr).toMatch(/^device: .*\n$/)
    }
  })

  it('goes to a file on request, without colour', async () => {
    const path = join(folder.path, 'report.txt')
    const { status, stdout, stderr } = await runCli([...CHECK, '--output', path], {
      environment: { FORCE_COLOR: '1' },
    })
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
    expect(stderr).toContain(`report written to ${path}`)
    expect(readFileSync(path, 'utf8')).toMatch(/^PASS/)
  })

  it('goes to a file as JSON', async () => {
    const path = join(folder.path, 'report.json')
    await runCli([...CHECK, '--report', 'json', '--output', path])
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ schema: 1, verdict: 'pass' })
  })

  it('is not written where the input is bad', async () => {
    const path = join(folder.path, 'never.txt')
    const { status } = await runCli([...CHECK, '--activations', 'relu,sigmoid', '--output', path])
    expect(status).toBe(2)
    expect(existsSync(path)).toBe(false)
  })

  it('of several files is that of one with all their arrays', async () => {
    const { stdout } = await runCli([...CHECK, fixturePath('three-layer.npz'), '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'pass', parameters: { total: 47, checked: 47 } })
  })
})

describe('gradcheck', () => {
  it('has a version and help, also without a terminal', async () => {
    expect(await runCli(['--version'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    })
    expect(await runCli(['check', '--help'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Usage: gradcheck check'),
    })
  })

  it('alone prints help and ends with status 2', async () => {
    const { status, stdout, stderr } = await runCli([])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain('Usage: gradcheck')
  })

  it('runs from any folder', async () => {
    expect(await runCli(CHECK, { cwd: folder.path })).toMatchObject({ status: 0 })
  })
})

describe('gradcheck doctor', () => {
  it('shows the software adapter, the processor and what auto uses', async () => {
    const { status, stdout } = await runCli(['doctor'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^software adapter: (?!none)/m)
    expect(stdout).toMatch(/maxStorageBufferBindingSize +\d+/)
    expect(stdout).toContain('features: ')
    expect(stdout).toMatch(/single precision: as expected, elementary functions within \d\.\d ulp/)
    expect(stdout).toContain('extended precision: kept exact')
    expect(stdout).toMatch(/\d cores?$/m)
    expect(stdout).toMatch(/--device auto uses (cpu|gpu) \(/)
  })

  it('says the same as JSON', async () => {
    const { status, stdout } = await runCli(['doctor', '--json'])
    expect(status).toBe(0)
    const survey = JSON.parse(stdout)
    expect(survey.adapters).toContainEqual(expect.objectContaining({ kind: 'software' }))
    expect(survey.adapters[0].arithmetic).toEqual({
      single: {
        ulps: expect.any(Number),
        asExpected: true,
        subnormals: expect.stringMatching(/^(kept|flushed)$/),
      },
      extended: { exact: true, lost: [] },
    })
    expect(survey.processor.cores).toBeGreaterThanOrEqual(1)
    expect(['hardware', 'cpu']).toContain(survey.auto.kind)
  })
})
