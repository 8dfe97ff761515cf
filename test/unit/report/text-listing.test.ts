import { expect, it } from 'vitest'
import type { BackwardReport, LineReport } from '../../../src/check/backward-report.js'
import { measureWidth } from '../../../src/report/layout-text.js'
import { formatReport } from '../../../src/report/text.js'
import { makeFailingReport } from '../../support/sample-reports.js'

const line = (number: number, mark: LineReport['mark'], more: Partial<LineReport> = {}): LineReport => ({
  file: 'model.py',
  line: number,
  function: 'backward',
  text: `    d${number} = np.dot(d${number - 1}, W${number}.T)`,
  mark,
  ...more,
})
const backward = (lines: readonly LineReport[], notices: readonly string[] = []): BackwardReport => ({
  file: 'model.py',
  entry: 'backward',
  bound: [],
  lines,
  notices,
})
const write = (of: BackwardReport, width = 80, color = false) =>
  formatReport(makeFailingReport({ backward: of }), { width, color })

const MANY = Array.from({ length: 40 }, (_, k) => line(k + 1, 'right'))

it('shows blamed lines with their reasons, what stands around them and what follows, and shortens the rest', () => {
  const reason = 'written as `d20 = np.dot(d19, W20)`, dW1 and dW2 are right'
  const text = write(
    backward([
      ...MANY.slice(0, 19),
      line(20, 'wrong', { reason, alternatives: [{ file: 'model.py', line: 7 }] }),
      ...MANY.slice(20, 29),
      line(30, 'follows', { reason: 'it reads d20, which is wrong' }),
      ...MANY.slice(30),
    ]),
  )
  expect(text).toContain(`
  model.py:backward
            …
           18      d18 = np.dot(d17, W18.T)
           19      d19 = np.dot(d18, W19.T)
  WRONG    20      d20 = np.dot(d19, W20.T)
                   ^ written as \`d20 = np.dot(d19, W20)\`, dW1 and dW2 are right;
                     or line 7
           21      d21 = np.dot(d20, W21.T)
           22      d22 = np.dot(d21, W22.T)
            …
  follows  30      d30 = np.dot(d29, W30.T)  ← it reads d20
            …
`)
})

it('stays within its width, whatever is written, and shows no control character', () => {
  const long = `    d = ${'a_long_name + '.repeat(30)}0`
  const of = backward([
    line(1, 'right', { text: `    \x1b[31md = 1${'\n        + x'.repeat(20)}` }),
    line(99_999, 'suspect', { text: long, reason: 'because '.repeat(40), proposal: long }),
    line(100_000, 'not reached'),
  ])
  for (const width of [60, 80, 100]) {
    const rows = write(of, width).split('\n')
    for (const row of rows) expect(measureWidth(row)).toBeLessThanOrEqual(width)
    expect(rows.join('')).not.toContain('\x1b')
  }
  const control = String.fromCharCode(27)
  const plain = write(of, 80, true).replaceAll(new RegExp(`${control}\\[\\d+m`, 'g'), '')
  expect(plain).toBe(write(of))
})

it('shows nothing but the notices where no line is blamed', () => {
  expect(write(backward(MANY))).not.toContain('model.py:backward\n')
  const text = write(backward(MANY, ['the lines are not judged: it is open whether dW2 is right']))
  expect(text).toContain('\n  the lines are not judged: it is open whether dW2 is right\n')
  expect(text).not.toContain('np.dot')
})
