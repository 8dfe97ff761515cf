import { describe, expect, it } from 'vitest'
import { runCli } from '../support/run-cli.js'

interface BenchJson {
  schema: number
  rows: {
    network: string
    evaluator: string
    precision: string
    software: boolean
    parameters: number
    measured: number
    scaled: boolean
    seconds: number
    parametersPerSecond: number
    difference: number
    product?: { rows: number; depth: number; fused: number; plain: number; clock: string }
  }[]
}

describe('gradcheck bench', () => {
  it('measures every device present, the error beside each time, and the product beside a plain one', async () => {
    const { status, stdout } = await runCli([
      ...['bench', '--network', '6-20-20-18', '--activation', 'tanh', '--samples', '4', '--json'],
    ])
    expect(status).toBe(0)
    const { schema, rows } = JSON.parse(stdout) as BenchJson
    expect(schema).toBe(1)
    const parameters = 6 * 20 + 20 + 20 * 20 + 20 + 20 * 18 + 18
    for (const row of rows) {
      expect(row).toMatchObject({ network: '6-20-20-18 tanh, 4 samples', parameters, measured: parameters })
      expect(row.scaled).toBe(false)
      expect(row.seconds).toBeGreaterThan(0)
      expect(row.difference).toBeLessThan(1e-7)
    }
    expect(rows.find((row) => row.evaluator === 'cpu')!.difference).toBeLessThan(1e-9)
    const software = rows.find((row) => row.software)!
    expect(software.product).toMatchObject({ rows: 18, depth: 20, clock: 'queue completion' })
    expect(software.product!.fused).toBeGreaterThan(0)
  })

  it('measures a sample of the units, and says so, where all would take too long', async () => {
    const { status, stdout } = await runCli([
      ...['bench', '--network', '20-40-40-5', '--activation', 'tanh', '--device', 'cpu'],
      ...['--seconds', '0.001', '--json'],
    ])
    expect(status).toBe(0)
    const [row] = (JSON.parse(stdout) as BenchJson).rows
    expect(row.scaled).toBe(true)
    expect(row.measured).toBeLessThan(row.parameters)
    const text = await runCli(['bench', '--network', '20-40-40-5', '--device', 'cpu', '--seconds', '0.001'])
    expect(text.stdout).toContain('~ scaled by multiply-adds from')
  })

  it('measures an adapter in extended precision', async () => {
    const { status, stdout } = await runCli([
      ...['bench', '--network', '3-4-2', '--device', 'software', '--precision', 'extended', '--json'],
    ])
    expect(status).toBe(0)
    const [row] = (JSON.parse(stdout) as BenchJson).rows
    expect(row).toMatchObject({ precision: 'extended', software: true })
    expect(row.difference).toBeLessThan(1e-11)
  })

  it('refuses what is no network, no activation or no device', async () => {
    for (const [args, message] of [
      [['--network', '784'], 'is no network'],
      [['--network', '10-0-3'], 'is no network'],
      [['--activation', 'relo'], 'did you mean "relu"?'],
      [['--device', 'gpuu'], 'did you mean "gpu"?'],
    ] as const) {
      const { status, stderr, stdout } = await runCli(['bench', ...args])
      expect(status).toBe(2)
      expect(stderr).toContain(message)
      expect(stdout).toBe('')
    }
  })
})
