import { describe, expect, it } from 'vitest'
import { measureWidth } from '../../../src/report/layout-text.js'
import { formatReport } from '../../../src/report/text.js'
import { makeFailingReport, makeFailingTensor, makeReport, makeTensor } from '../../support/sample-reports.js'

const ESCAPE = '\x1b'
const linesOf = (text: string) => text.trimEnd().split('\n')
const widestLine = (text: string) => Math.max(...linesOf(text).map(measureWidth))

describe('a passing report', () => {
  const text = formatReport(makeReport())

  it('begins with the verdict in words, the difference and the tolerance', () => {
    expect(linesOf(text)[0]).toBe('PASS  the gradient is right: difference 2.60e-8 ≤ 1e-7')
  })

  it('says what was evaluated and where', () => {
    expect(text).toContain('numerical error 3.40e-8')
    expect(text).toContain('2.407833')
    expect(text).toContain('all 47 parameters; 94 perturbations in 0.12 s')
    expect(text).toContain('difference arithmetic, central, step 1e-5, single precision')
    expect(text).toContain('software adapter: SwiftShader Device')
    expect(text).toContain('1.20e-9 from the textbook method on 20 parameters')
  })

  it('has a row for each tensor and no worst entries', () => {
    expect(text).toMatch(/W1 +\(5, 4\) +20 +2\.60e-8 +pass/)
    expect(text).toMatch(/b1 +\(5, 1\) +5 +2\.60e-8 +pass/)
    expect(text).not.toContain('worst entries')
    expect(text).not.toContain('kinks')
  })

  it('shows what is left open, and by which error', () => {
    const entry = { index: [1, 2], analytical: 2, numerical: 1.99, relativeError: 0.0025 }
    const worst = [{ ...entry, numericalError: 3e-3, verdict: 'inconclusive' as const }]
    const tensors = [makeTensor({ verdict: 'inconclusive', undecidedEntries: 7, worst })]
    const open = formatReport(makeReport({ verdict: 'inconclusive', tensors }))
    expect(open).toMatch(/verdict +open\n.* inconclusive +7\n/)
    expect(open).toMatch(
      /ratio +error +verdict\n +dW1\[1, 2\] +2\.000000 +1\.990000 +1\.0050 +0\.00300 +inconclusive/,
    )
    expect(text).not.toContain('open')
  })

  it('shows kinks where there are some', () => {
    const report = makeReport({ tensors: [makeTensor({ kinks: 3 })] })
    expect(formatReport(report)).toMatch(/verdict +kinks\n.* 3\n/)
  })

  it('says that a sampled check is one', () => {
    const report = makeReport({ parameters: { total: 61481, checked: 500 } })
    expect(formatReport(report)).toContain('the gradient is right where it was checked')
    expect(formatReport(report)).toContain('500 of 61,481 parameters')
  })

  it('says why the cross-check may differ by more than the tolerance', () => {
    const reportOf = (difference: number) => makeReport({ crossValidation: { checked: 20, difference } })
    expect(formatReport(reportOf(1e-8))).not.toContain('explained')
    const text = formatReport(reportOf(0.22)).replaceAll(/\s+/g, ' ')
    expect(text).toContain(
      "0.220 from the textbook method on 20 parameters, explained by the textbook method's",
    )
  })

  it('names difference arithmetic as what the textbook method is held against', () => {
    expect(formatReport(makeReport({ method: 'textbook' }))).toContain('1.20e-9 from difference arithmetic')
  })

  it('gives the place of a page as the reader has it', () => {
    const locate = (link: string) => `node_modules/webgpu-gradcheck/${link}`
    const diagnosis = [{ kind: 'scaled', tensors: ['W2'], message: 'twice', link: 'docs/mistakes/scaled.md' }]
    const text = formatReport(makeFailingReport({ diagnosis }), { locate })
    expect(text).toContain('\n         node_modules/webgpu-gradcheck/docs/mistakes/scaled.md\n')
  })

  it('leaves the cross-check out where nothing was cross-checked', () => {
    const report = makeReport({ crossValidation: { checked: 0, difference: 0 } })
    expect(formatReport(report)).not.toContain('cross-check')
  })
})

describe('a failing report', () => {
  const text = formatReport(makeFailingReport())

  it('names the tensors that fail', () => {
    expect(linesOf(text)[0]).toBe(
      'FAIL  the gradient is wrong: b1 and W2 disagree with the numerical gradient',
    )
    expect(text).toMatch(/W2 .* FAIL +8/)
  })

  it('shows the worst entries with index, both values and their ratio, five a tensor at most', () => {
    expect(text).toMatch(/dW2\[0, 0\] +0\.2469136 +0\.1234568 +2\.0000/)
    expect(text).toMatch(/dW2\[4, 8\]/)
    expect(text).not.toMatch(/dW2\[5, 10\]/)
  })

  it('shows what was found', () => {
    expect(text).toContain('found  dW2 is 2 times too large')
  })

  it('has no ratio where the numerical value is zero', () => {
    const worst = [
      {
        index: [0],
        analytical: 1,
        numerical: 0,
        relativeError: 1,
        numericalError: 0,
        verdict: 'fail' as const,
      },
    ]
    const tensors = [makeTensor({ name: 'b1', shape: [5], verdict: 'fail', wrongEntries: 1, worst })]
    expect(formatReport(makeFailingReport({ tensors }))).toMatch(/db1\[0\] +1\.000000 +0 +-\n/)
  })

  it('is wrong as a whole where no tensor fails by itself', () => {
    const text = formatReport(makeFailingReport({ tensors: [makeTensor()] }))
    expect(linesOf(text)[0]).toBe('FAIL  the gradient is wrong: difference 0.285 > 1e-7')
  })
})

describe('an inconclusive report', () => {
  it('says so, with the numerical error and the reason', () => {
    const text = formatReport(
      makeReport({
        verdict: 'inconclusive',
        numericalError: 0.02,
        notices: ['every perturbation crossed a kink'],
      }),
    )
    expect(text).toMatch(/^INCONCLUSIVE {2}cannot tell whether the gradient is right/)
    expect(text).toContain('numerical error 0.0200')
    expect(text).toContain('note  every perturbation crossed a kink')
  })

  it('prints figures that are not finite as they are', () => {
    const report = makeReport({ verdict: 'inconclusive', difference: NaN, cost: Infinity })
    const text = formatReport(report, { width: 100 })
    expect(text).toContain('difference NaN against 1e-7')
    expect(text).toMatch(/cost +Infinity/)
  })
})

describe('an interrupted report', () => {
  it('says how far it came and that nothing was wrong so far', () => {
    const report = makeReport({
      interrupted: true,
      verdict: 'inconclusive',
      parameters: { total: 61481, checked: 12345 },
      tensors: [makeTensor(), makeTensor({ name: 'b1', checked: 0 })],
    })
    expect(linesOf(formatReport(report, { width: 100 }))[0]).toBe(
      'INTERRUPTED  after 12,345 of 61,481 parameters; no wrong entry so far, difference 2.60e-8 ≤ 1e-7',
    )
    expect(formatReport(report)).toMatch(/b1 .* - +not checked/)
  })

  it('says that nothing was compared', () => {
    const text = formatReport(makeReport({ interrupted: true, parameters: { total: 47, checked: 0 } }))
    expect(text).toContain('after 0 of 47 parameters: nothing has been compared')
    expect(text).toMatch(/difference +none yet/)
  })

  it('says what was wrong already', () => {
    const text = formatReport(
      makeFailingReport({ interrupted: true, parameters: { total: 47, checked: 30 } }),
    )
    expect(text.replaceAll(/\s+/g, ' ')).toContain('30 of 47 parameters; the gradient is wrong: b1 and W2')
  })
})

describe('a report of many tensors', () => {
  const manyTensors = (failing: number) =>
    Array.from({ length: 60 }, (_, k) =>
      k % 2 === 1 && k < 2 * failing
        ? makeFailingTensor(`W${k}`)
        : makeTensor({ name: `W${k}`, shape: [64, 64] }),
    )

  it('shows the failing ones and counts the rest', () => {
    const text = formatReport(makeFailingReport({ tensors: manyTensors(3) }))
    for (const name of ['W1', 'W3', 'W5']) expect(text).toMatch(new RegExp(`  ${name} .*FAIL`))
    expect(text).toMatch(/and \d+ more pass\n/)
  })

  it('shows the largest differences of a check that passes', () => {
    const tensors = [...manyTensors(0), makeTensor({ name: 'large', difference: 9e-8 })]
    expect(formatReport(makeReport({ tensors }))).toMatch(/ {2}large .* 9\.00e-8 +pass/)
  })

  it('counts the failing ones that found no room', () => {
    expect(formatReport(makeFailingReport({ tensors: manyTensors(30) }))).toMatch(
      /and \d+ more fail, 30 more pass/,
    )
  })

  it.each([0, 1, 3, 10, 30])('fits one screen with %i failing tensors', (failing) => {
    const report = makeFailingReport({
      tensors: manyTensors(failing),
      diagnosis: Array.from({ length: 30 }, () => ({
        kind: 'x',
        tensors: [],
        message: 'a long finding '.repeat(20),
      })),
      notices: Array.from({ length: 30 }, () => 'a long notice '.repeat(20)),
    })
    for (const width of [80, 100]) {
      const text = formatReport(report, { width })
      expect(linesOf(text).length).toBeLessThanOrEqual(40)
      expect(widestLine(text)).toBeLessThanOrEqual(width)
    }
  })
})

describe('names from files', () => {
  const evil = `W1${ESCAPE}[2J${ESCAPE}]0;title\x07\u202e\u009b31m\n`

  it('cannot send escapes to the terminal', () => {
    const text = formatReport(
      makeFailingReport({
        tensors: [{ ...makeFailingTensor('W1'), name: evil, gradient: `d${evil}` }],
        diagnosis: [{ kind: 'scaled', tensors: [evil], message: `${evil} is scaled` }],
        notices: [evil],
        device: { evaluator: 'webgpu', adapter: evil, software: false },
      }),
      { width: 100 },
    )
    // biome-ignore lint/suspicious/noControlCharactersInRegex: looking for control characters is the purpose
    expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
    expect(text).toContain('\\x1b[2J')
    expect(text).toContain('\\u202e')
  })

  it('are shortened to the width', () => {
    const name = `layers.${'encoder.'.repeat(40)}weight`
    const text = formatReport(makeFailingReport({ tensors: [makeTensor(), makeFailingTensor(name)] }))
    expect(widestLine(text)).toBeLessThanOrEqual(80)
    expect(text).toContain('…')
  })

  it('line up when their characters are wide', () => {
    const text = formatReport(
      makeReport({ tensors: [makeTensor({ name: '重み' }), makeTensor({ name: 'W2' })] }),
    )
    const rows = linesOf(text).filter((line) => line.includes('(5, 4)'))
    const [wide, narrow] = rows.map((row) => measureWidth(row.slice(0, row.indexOf('(5, 4)'))))
    expect(wide).toBe(narrow)
  })
})

describe('colour', () => {
  it('is absent unless asked for', () => {
    expect(formatReport(makeFailingReport())).not.toContain(ESCAPE)
  })

  it('repeats the words and changes nothing else', () => {
    const colored = formatReport(makeFailingReport(), { color: true })
    expect(colored).toContain(`${ESCAPE}[31m`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are escapes
    expect(colored.replaceAll(/\x1b\[\d+m/g, '')).toBe(formatReport(makeFailingReport()))
  })
})
