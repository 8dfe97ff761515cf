import { beforeAll, describe, expect, it } from 'vitest'
import { type CliResult, runCli } from '../support/run-cli.js'

/** One run, which takes some seconds: the textbook loop over 61,481 parameters. */
let run: CliResult
beforeAll(async () => {
  run = await runCli(['examples'])
})

describe('gradcheck examples', () => {
  it('shows every case on the CPU and the software adapter, with the verdict that it should have', () => {
    const { status, stdout, stderr } = run
    expect(status, stdout + stderr).toBe(0)
    const [header, ...rows] = stdout.split('\n')
    expect(header).toMatch(/^case +published +textbook +cpu +software .*verdict$/)
    expect(rows[0]).toMatch(/^three-layer +1\.19e-7 +1\.\d\de-7 .* pass$/)
    expect(rows[1]).toMatch(/^three-layer, buggy +0\.285 +0\.285 +0\.285 +0\.285 .* fail, as it should$/)
    expect(rows[2]).toMatch(/^2-3-1, rows +2\.75e-10 +2\.\d\de-10 .* pass$/)
    expect(rows[3]).toMatch(/^12288-5-5-1, tanh +3\.02e-9 .* pass$/)
  })

  it('says that each case is the notebook’s own function', () => {
    expect(run.stdout.replaceAll('\n', ' ')).toContain(
      "Each case is the notebook's own function, read as Python",
    )
  })

  it('prints the published one-dimensional figures to their last digit', () => {
    const lines = run.stdout.split('\n')
    const start = lines.findIndex((line) => /^one dimension +published +textbook +cpu +software/.test(line))
    const rows = lines.slice(start + 1, start + 5).map((line) => line.split(/ {2,}/))
    expect(rows.map(([, published, textbook]) => [published, textbook])).toEqual(
      ['2.919335883291695e-10', '2.9999999999996696', '5.999999999999872', '6.009999999999849'].map(
        (figure) => [figure, figure],
      ),
    )
  })
})
