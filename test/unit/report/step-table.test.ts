import { describe, expect, it } from 'vitest'
import type { StepReport } from '../../../src/check/report.js'
import { formatJson, reportToJson } from '../../../src/report/json.js'
import { measureWidth } from '../../../src/report/layout-text.js'
import { formatReport } from '../../../src/report/text.js'
import { makeFailingReport, makeReport } from '../../support/sample-reports.js'

const row = (step: number, difference: number, textbook: number, checked = 47): StepReport => ({
  step,
  difference,
  textbook,
  checked,
})

const SWEEP = [
  row(0.1, 1e-4, 1e-2),
  row(1e-4, 1e-8, 1e-8),
  row(1e-7, 0, 1e-6),
  row(1e-8, Number.NaN, Number.POSITIVE_INFINITY),
]

/** The lines from the table's header to its last step. */
function tableOf(report = makeReport({ steps: SWEEP }), width = 80): string[] {
  const lines = formatReport(report, { width }).split('\n')
  const start = lines.findIndex((line) => /^ +step +difference +textbook/.test(line))
  return lines.slice(start, start + 1 + report.steps!.length)
}

describe('the table of a sweep', () => {
  it('has both figures of every step', () => {
    const [header, ...rows] = tableOf()
    expect(header).toMatch(/^ {2}step +difference +textbook {2}1e-8 +1e-2$/)
    expect(rows.map((line) => line.trim().split(/ +/).slice(0, 3))).toEqual([
      ['0.1', '1.00e-4', '0.0100'],
      ['1e-4', '1.00e-8', '1.00e-8'],
      ['1e-7', '0', '1.00e-6'],
      ['1e-8', 'NaN', 'Infinity'],
    ])
  })

  it('places them on a logarithmic scale', () => {
    const plots = tableOf()
      .slice(1)
      .map((line) => line.split(/ +/).at(-1)!)
    const ends = plots[0].length - 1
    // the scale goes from 1e-8 to 1e-2
    expect(plots[0].indexOf('●')).toBe(Math.round((4 / 6) * ends))
    expect(plots[0].indexOf('○')).toBe(ends)
    expect(plots[1].indexOf('◉')).toBe(0)
    expect(plots[2].indexOf('●')).toBe(0)
    expect(plots[2].indexOf('○')).toBe(Math.round((2 / 6) * ends))
    // what is not finite has no place
    expect(plots[3]).toMatch(/^·+$/)
  })

  it('says on how many parameters', () => {
    expect(formatReport(makeReport({ steps: SWEEP }))).toContain('central, on all')
    const sampled = makeReport({
      steps: [row(0.1, 1e-4, 1e-2, 20)],
      parameters: { total: 61481, checked: 61481 },
      scheme: 'forward',
    })
    expect(formatReport(sampled, { width: 100 }).replaceAll(/\s+/g, ' ')).toContain(
      'forward, on 20 of 61,481 parameters',
    )
  })

  it.each([60, 80, 100])('fits %i columns', (width) => {
    const steps = SWEEP.map((each) => ({ ...each, step: 1.2345678e-8, difference: -1.23e-300 }))
    for (const line of formatReport(makeFailingReport({ steps }), { width }).split('\n')) {
      expect(measureWidth(line)).toBeLessThanOrEqual(width)
    }
  })

  it('takes no line where no sweep was asked for, or none of its steps was finished', () => {
    const plain = formatReport(makeReport())
    expect(plain).not.toContain('textbook method, against')
    expect(formatReport(makeReport({ steps: [] }))).toBe(plain)
  })

  it('leaves the rest of the report as it is', () => {
    const [swept, plain] = [makeFailingReport({ steps: SWEEP }), makeFailingReport()].map((report) =>
      formatReport(report).split('\n'),
    )
    const lines = new Set(swept)
    for (const line of plain) expect(lines).toContain(line)
    expect(swept.length - plain.length).toBeLessThanOrEqual(SWEEP.length + 4)
  })
})

it('the JSON report has the sweep, where there is one', () => {
  const json = JSON.parse(formatJson(reportToJson(makeReport({ steps: SWEEP }))))
  expect(json.steps).toEqual([
    { step: 0.1, difference: 1e-4, textbook: 1e-2, checked: 47 },
    { step: 1e-4, difference: 1e-8, textbook: 1e-8, checked: 47 },
    { step: 1e-7, difference: 0, textbook: 1e-6, checked: 47 },
    { step: 1e-8, difference: 'NaN', textbook: 'Infinity', checked: 47 },
  ])
  expect(reportToJson(makeReport())).not.toHaveProperty('steps')
})

describe('findings about the set-up', () => {
  const finding = {
    kind: 'cost',
    message: 'the saved cost is another',
    savedCost: 0.5,
    ratio: Number.POSITIVE_INFINITY,
    suspects: [
      {
        change: 'l2',
        message: 'there is L2',
        fix: 'declare `l2: 1`',
        gradientDifference: 0,
        gradientAgrees: true,
      },
    ],
  } as const

  it('are in the JSON report, numbers that are not finite as strings', () => {
    expect(reportToJson(makeReport({ setup: [finding] }))).toMatchObject({
      setup: [{ ...finding, ratio: 'Infinity' }],
    })
    expect(reportToJson(makeReport())).toMatchObject({ setup: [] })
  })

  it('lead an inconclusive report', () => {
    const report = makeReport({ verdict: 'inconclusive', setup: [finding], notices: [finding.message] })
    const [headline] = formatReport(report).split('\n')
    expect(headline).toBe('INCONCLUSIVE  the network declared does not have the cost that was saved')
    expect(formatReport(report)).toMatch(/^INCON.*\n\n {2}found {2}the saved cost is another\n/)
    expect(formatReport(report)).not.toContain('note')
  })
})
