import { describe, expect, it } from 'vitest'
import type { CheckReport } from '../../src/check/report.js'
import { runCli } from '../support/run-cli.js'
import { fixturePath, readFixture, TemporaryFolder } from '../support/temporary-files.js'

const folder = new TemporaryFolder()
const NETWORK = ['--activations', 'relu,relu,sigmoid', '--device', 'cpu']
/** J of three-layer.npz, from test/fixtures/expected.json. */
const COST = 2.407833389834357

/** three-layer.npz with a cost saved beside it. */
function withCost(cost: number): string {
  const arrays = readFixture('three-layer.npz').set('cost', { shape: [], data: Float64Array.of(cost) })
  return folder.writeArrays(`cost-${cost}.npz`, arrays)
}

describe('the cost in a file', () => {
  it('that the network declared has is said to agree', async () => {
    const args = ['check', withCost(COST), ...NETWORK, '--loss', 'binary-cross-entropy']
    const { status, stdout } = await runCli([...args, '--json'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: 'pass',
      setup: [],
      notices: [],
      savedCost: { value: COST, agrees: true },
    })
    expect((await runCli(args)).stdout).toMatch(/^ {2}cost +2\.407833; the saved cost agrees$/m)
  })

  it('of another scale ends a check of a right gradient with status 3', async () => {
    const args = ['check', withCost(1.3 * COST), ...NETWORK, '--loss', 'binary-cross-entropy']
    const { status, stdout } = await runCli(args)
    expect(status).toBe(3)
    expect(stdout).not.toContain('the saved cost agrees')
  })

  it('of another loss makes a wrong gradient inconclusive, and names the option', async () => {
    const args = ['check', withCost(COST), ...NETWORK, '--loss', 'mean-squared-error']
    const { status, stdout } = await runCli(args)
    expect(status).toBe(3)
    expect(stdout).toMatch(/^INCONCLUSIVE {2}the network declared does not have the cost that was saved\n/)
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('declare --loss binary-cross-entropy')
    const report: CheckReport = JSON.parse((await runCli([...args, '--json'])).stdout)
    expect(report.setup).toMatchObject([
      { kind: 'cost', savedCost: COST, suspects: [{ change: 'loss', gradientAgrees: true }] },
    ])
  })

  it('is not needed for a wrong gradient to be called wrong', async () => {
    const args = ['check', fixturePath('three-layer.npz'), ...NETWORK, '--loss', 'mean-squared-error']
    expect((await runCli(args)).status).toBe(1)
  })
})

describe('--steps', () => {
  const CHECK = ['check', fixturePath('three-layer.npz'), '--activations', 'relu,relu,sigmoid']
  const STEPS = [...CHECK, '--loss', 'binary-cross-entropy', '--steps']

  it.each(['cpu', 'software'])('adds a row for each step: --device %s', async (device) => {
    const { status, stdout } = await runCli([...STEPS, '--device', device, '--json'])
    expect(status).toBe(0)
    const { steps }: CheckReport = JSON.parse(stdout)
    expect(steps!.map(({ step }) => step)).toEqual([1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
    // the textbook's figure at 1e-7 is the published one
    expect(steps![6].textbook).toBeCloseTo(1.19099393705803e-7, 8)
    for (const { difference } of steps!.slice(3))
      expect(difference).toBeLessThan(device === 'cpu' ? 1e-9 : 1e-6)
  })

  it('draws them in the text report', async () => {
    const { stdout } = await runCli([...STEPS, '--device', 'cpu'])
    expect(stdout.match(/^ {2}(0\.\d+|1e-\d) .*[●◉].*$/gm)).toHaveLength(8)
  })
})
