import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { CheckReport } from '../../src/check/report.js'
import { runCli } from '../support/run-cli.js'
import { fixturePath } from '../support/temporary-files.js'

/** What test/fixtures/expected.json says of a file. */
interface Expected {
  readonly activations: string[]
  readonly loss: string
  readonly layout: string
  readonly targets?: string
  readonly l2?: number
  readonly cost?: number
  readonly gradient_precision?: string
  readonly verdict: string
}

const expectedByFile: Record<string, Expected> = JSON.parse(
  readFileSync(fixturePath('expected.json'), 'utf8'),
)

const STATUS: Readonly<Record<string, number>> = { pass: 0, fail: 1 }

/** The command's arguments for a fixture with its settings. */
function argumentsFor(file: string): string[] {
  const { activations, loss, layout, targets, l2 } = expectedByFile[file]
  return [
    ...['check', fixturePath(file), '--activations', activations.join(), '--loss', loss, '--layout', layout],
    ...(targets === undefined ? [] : ['--targets', targets]),
    ...(l2 === undefined ? [] : ['--l2', String(l2)]),
  ]
}

async function check(
  file: string,
  ...more: string[]
): Promise<{ status: number | null; report: CheckReport }> {
  const { status, stdout, stderr } = await runCli([...argumentsFor(file), '--json', ...more])
  expect(stdout, stderr).not.toBe('')
  return { status, report: JSON.parse(stdout) }
}

describe.each(['cpu', 'software'])('gradcheck check --device %s', (device) => {
  it.each(Object.entries(expectedByFile))(
    '%s has its verdict, status, cost and difference',
    async (file, expected) => {
      const { status, report } = await check(file, '--device', device)
      const isSingle = expected.gradient_precision === 'float32'
      expect(report).toMatchObject({ schema: 1, verdict: expected.verdict, interrupted: false })
      expect(status).toBe(STATUS[expected.verdict])
      expect(report.device).toMatchObject({
        evaluator: device === 'cpu' ? 'cpu' : 'webgpu',
        software: device === 'software',
      })
      expect(report.parameters.checked).toBe(report.parameters.total)
      if (expected.cost !== undefined) {
        expect(Math.abs(report.cost / expected.cost - 1)).toBeLessThanOrEqual(isSingle ? 1e-6 : 1e-12)
      }
      if (expected.verdict === 'pass') expect(report.difference).toBeLessThanOrEqual(isSingle ? 1e-6 : 1e-7)
    },
  )

  it('checks all 61,481 parameters of image-tanh', async () => {
    const { report } = await check('image-tanh.npz', '--device', device)
    expect(report.parameters).toEqual({ total: 61481, checked: 61481 })
    expect(report.tensors.map(({ name, checked }) => [name, checked])).toContainEqual(['W1', 61440])
  })

  it('finds exactly W2 and b1 wrong in three-layer-buggy', async () => {
    const { status, report } = await check('three-layer-buggy.npz', '--device', device)
    expect(status).toBe(1)
    expect(Math.abs(report.difference - 0.28509316)).toBeLessThanOrEqual(1e-6)
    const failing = report.tensors.filter((tensor) => tensor.verdict !== 'pass')
    expect(failing.map((tensor) => tensor.name).sort()).toEqual(['W2', 'b1'])
    for (const { name, worst } of failing) {
      expect(worst.length).toBeGreaterThan(0)
      for (const { analytical, numerical } of worst) {
        expect(analytical / numerical).toBeCloseTo(name === 'W2' ? 2 : 4, 4)
      }
    }
  })

  it('judges by forward differences too', async () => {
    const { report } = await check(
      'two-three-one.npz',
      '--device',
      device,
      '--scheme',
      'forward',
      '--step',
      '1e-7',
    )
    expect(report).toMatchObject({ verdict: 'pass', scheme: 'forward', step: 1e-7 })
  })
})

describe('gradcheck check --precision extended', () => {
  it('reports extended precision on an adapter, in JSON and in text', async () => {
    const { status, report } = await check(
      'two-three-one.npz',
      '--device',
      'software',
      '--precision',
      'extended',
    )
    expect(status).toBe(0)
    expect(report).toMatchObject({ precision: 'extended', step: 1e-6, device: { evaluator: 'webgpu' } })
    expect(report.difference).toBeLessThanOrEqual(1e-11)
    const text = await runCli([
      ...argumentsFor('two-three-one.npz'),
      ...['--device', 'software', '--precision', 'extended'],
    ])
    expect(text.stdout).toContain('step 1e-6, extended precision')
  })

  it('goes on in float64 on the processor, and says so', async () => {
    const args = [...argumentsFor('three-layer.npz'), '--device', 'cpu', '--precision', 'extended', '--json']
    const { status, stdout, stderr } = await runCli(args)
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ precision: 'double', device: { evaluator: 'cpu' } })
    expect(stderr).toContain('precision: float64 on the processor, which is more than extended\n')
  })
})

describe('gradcheck check', () => {
  it.each([
    [['--device', 'cpu'], 1e-6],
    [['--device', 'software'], 1e-5],
    [['--method', 'textbook'], 1e-5],
  ])('takes a step that follows the precision, %j', async (options, step) => {
    expect((await check('two-three-one.npz', ...options)).report.step).toBe(step)
  })

  it('gives the published figure of three-layer by the textbook method, within 15 %', async () => {
    const { report } = await check('three-layer.npz', '--method', 'textbook', '--step', '1e-7')
    expect(report).toMatchObject({ method: 'textbook', step: 1e-7, device: { evaluator: 'textbook' } })
    expect(Math.abs(report.difference / 1.19e-7 - 1)).toBeLessThanOrEqual(0.15)
  })

  it('checks a sample: as many parameters as asked for, some of every tensor, the same by the same seed', async () => {
    const sample = ['--device', 'cpu', '--sample', '500']
    const [first, again, other] = await Promise.all([
      check('image-tanh.npz', ...sample, '--seed', '1'),
      check('image-tanh.npz', ...sample, '--seed', '1'),
      check('image-tanh.npz', ...sample, '--seed', '2'),
    ])
    expect(first.status).toBe(0)
    expect(first.report.parameters.total).toBe(61481)
    expect(first.report.parameters.checked).toBeLessThan(1000)
    for (const tensor of first.report.tensors) expect(tensor.checked).toBeGreaterThan(0)
    expect(again.report.difference).toBe(first.report.difference)
    expect(other.report.difference).not.toBe(first.report.difference)
  })

  it('fails a right gradient that is held to an impossible tolerance, or says that it cannot tell', async () => {
    const { status, report } = await check('three-layer.npz', '--device', 'cpu', '--tolerance', '1e-18')
    expect(report.tolerance).toBe(1e-18)
    expect(report.verdict).not.toBe('pass')
    expect(status).toBe(report.verdict === 'fail' ? 1 : 3)
  })
})

describe('the text report', () => {
  it('fits one screen and says what the JSON says', async () => {
    const { status, stdout, stderr } = await runCli([
      ...argumentsFor('three-layer-buggy.npz'),
      '--device',
      'cpu',
    ])
    expect(status).toBe(1)
    expect(stdout).toMatch(/^FAIL {2}the gradient is wrong: /)
    expect(stdout).toMatch(/dW2\[\d, \d\] .* 2\.0000\n/)
    expect(stdout).toMatch(/db1\[\d, \d\] .* 4\.0000\n/)
    expect(stdout.split('\n').length).toBeLessThanOrEqual(41)
    expect(stderr).toMatch(/^device: cpu \(.+\)\n$/)
  })

  it('announces what auto chose, and why, once and on stderr', async () => {
    const { stdout, stderr } = await runCli(argumentsFor('three-layer.npz'))
    expect(stdout).toMatch(/^PASS/)
    // by lines: Vulkan drivers write warnings of their own to stderr
    const announcements = stderr.split('\n').filter((line) => line.startsWith('device: '))
    expect(announcements).toHaveLength(1)
    expect(announcements[0]).toMatch(/^device: (cpu|gpu) \(.+\), because .+$/)
  })

  it('is coloured only where colour is wanted', async () => {
    const args = [...argumentsFor('three-layer.npz'), '--device', 'cpu']
    expect((await runCli(args)).stdout).not.toContain('\x1b')
    expect((await runCli(args, { environment: { FORCE_COLOR: '1' } })).stdout).toContain('\x1b[32m')
    expect((await runCli(args, { environment: { NO_COLOR: '1' } })).stdout).not.toContain('\x1b')
  })
})
