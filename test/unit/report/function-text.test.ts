import { describe, expect, it } from 'vitest'
import { checkFunction } from '../../../src/function/check-function.js'
import { functionReportToJson } from '../../../src/report/function-json.js'
import { formatFunctionReport } from '../../../src/report/function-text.js'

describe('the text report of a function', () => {
  it('begins with the verdict and shows the three values of a derivative', async () => {
    const text = formatFunctionReport(
      await checkFunction({ formula: 'x^2', gradient: '2*x', at: { x: 1.5 } }),
    )
    expect(text).toMatch(
      /^PASS {2}the derivative is right: difference \S+ ≤ 1e-7\n\n {2}function +x\^2 = 2\.25 at x = 1\.5\n/,
    )
    expect(text).toMatch(
      /derivative +analytical +numerical +textbook +difference\n {2}d\/dx = 2\*x +3 +3 +3\.0000000\d+/,
    )
    expect(text).toContain('difference arithmetic, central, step 1e-5, double precision')
  })

  it('names what fails, and the worst points', async () => {
    const text = formatFunctionReport(
      await checkFunction({ formula: 'x*y', gradient: { x: 'y', y: 'x+1' }, at: { x: [1, 2], y: 3 } }),
    )
    expect(text).toMatch(/^FAIL {2}the derivative is wrong: d\/dy disagrees/)
    expect(text).toMatch(/d\/dy +x\+1 +2 +\S+ +FAIL +2/)
    expect(text).toMatch(/worst points[\s\S]*d\/dy at x = 1, y = 3 +2\.000000 +1\.000000/)
    expect(text).not.toContain('d/dx at')
  })

  it('names kinks and poles', async () => {
    const text = formatFunctionReport(
      await checkFunction({ formula: 'abs(x) + 1/(x-1)', at: { x: [0, 1, 2] } }),
    )
    expect(text.replace(/\s+/g, ' ')).toContain(
      'a pole of 1 / (x - 1), where its divisor is 0: 1 point on it (x = 1)',
    )
    expect(text).toContain('a kink of abs(x), where its argument is 0: 1 point on it (x = 0)')
  })

  it('draws the error against the step, slopes below it', async () => {
    const report = await checkFunction({ formula: 'x^3', gradient: '3*x^2', at: { x: 1 } }, { steps: true })
    const text = formatFunctionReport(report, { width: 90 })
    expect(text).toMatch(/step +forward F +central C +forward f +central c +1e-17 +1e0\n/)
    expect(text).toMatch(/0\.001 +3\.0e-3 +1\.0e-6 +3\.0e-3 +1\.0e-6 +\* +\*\n/)
    const flat = text.replace(/\s+/g, ' ')
    expect(flat).toContain("forward: the textbook's error falls as h^1.00 and rises again as h^-")
    expect(flat).toContain("difference arithmetic's falls as h^2.00 and does not rise")
  })

  it('shows a function in code by its elements', async () => {
    const report = await checkFunction({
      function: ([a, b]) => a * b,
      gradient: ([a, b]) => [b, 2 * a],
      at: [2, 3],
    })
    const text = formatFunctionReport(report)
    expect(text).toMatch(/^FAIL {2}the gradient is wrong/)
    expect(text).toMatch(/gradient\[1\] +4\.000000 +2\.000000/)
  })

  it('stays within its width, and colour adds escapes alone', async () => {
    const report = await checkFunction(
      { formula: 'sin(x)*y', at: { x: [1, 2, 3], y: [1, 2] } },
      { steps: false },
    )
    const plain = formatFunctionReport(report, { width: 80 })
    expect(Math.max(...plain.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are what is looked for
    expect(formatFunctionReport(report, { width: 80, color: true }).replace(/\x1b\[\d+m/g, '')).toBe(plain)
  })
})

describe('the JSON report of a function', () => {
  it('goes through JSON, numbers that are not finite as strings', async () => {
    const report = await checkFunction({ formula: 'abs(x)', gradient: '2', at: { x: 0 } })
    const json = JSON.parse(JSON.stringify(functionReportToJson(report)))
    expect(json).toMatchObject({
      schema: 1,
      verdict: 'fail',
      formula: 'abs(x)',
      tolerance: 1e-7,
      points: { total: 1, checked: 1 },
      device: { evaluator: 'cpu', software: false },
      derivatives: [
        { variable: 'x', gradient: '2', source: 'user', worst: [{ at: { x: 0 }, textbook: 'NaN' }] },
      ],
      special: [{ kind: 'kink', expression: 'abs(x)' }],
    })
    expect('steps' in json).toBe(false)
  })

  it('has the error against the step where it was asked for', async () => {
    const report = await checkFunction({ formula: '2*x', gradient: '2', at: { x: 1 } }, { steps: true })
    const json = JSON.parse(JSON.stringify(functionReportToJson(report)))
    expect(json.steps.steps).toHaveLength(14)
    expect(json.steps.series[0]).toMatchObject({
      scheme: 'forward',
      method: 'textbook',
      truncationSlope: null,
    })
  })
})
