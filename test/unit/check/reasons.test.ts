import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { DifferenceSum } from '../../../src/check/compare.js'
import { conclude } from '../../../src/check/conclude.js'
import { explainReasons, type Reason } from '../../../src/check/reasons.js'
import { createCpuEvaluator } from '../../../src/differentiate/cpu/evaluator.js'
import { createTextbookEvaluator } from '../../../src/differentiate/textbook.js'
import { RootSum } from '../../../src/network/root-sum-squares.js'
import { makeRightProblem } from '../../support/right-networks.js'
import { makeTensor } from '../../support/sample-reports.js'

const cpu = createCpuEvaluator('')

const KINDS: Reason[] = [
  { kind: 'unresolved', count: 2 },
  { kind: 'overflowed', count: 3 },
  { kind: 'numerical-error', error: 3e-5, cause: 'rounding' },
  { kind: 'numerical-error', error: 2e-5, cause: 'truncation' },
  { kind: 'rounded', dtype: 'float32' },
  { kind: 'rounded', dtype: 'float64' },
  { kind: 'between', count: 2 },
  { kind: 'untested' },
  { kind: 'digits', dtype: 'float32', stored: 'float64', isCertain: true },
  { kind: 'digits', dtype: 'float16', stored: 'float32', isCertain: false },
  { kind: 'directions', onKink: true },
  { kind: 'directions', onKink: false },
]

const openTensor = (name: string, reasons: readonly Reason[]) => ({ name, gradient: `d${name}`, reasons })

describe('the reasons of an inconclusive verdict', () => {
  it('are all shown, whichever of them come together', () => {
    for (let chosen = 0; chosen < 2 ** KINDS.length; chosen++) {
      const reasons = KINDS.filter((_, k) => (chosen >> k) & 1)
      const open = reasons.map((reason, k) => openTensor(`W${k}`, [reason]))
      expect(explainReasons(open, cpu)).toHaveLength(reasons.length)
      expect(explainReasons([openTensor('W1', reasons)], cpu)).toHaveLength(reasons.length)
    }
  })

  it('name their tensors, and many of one reason in one sentence', () => {
    const open = KINDS.slice(1).map((reason, k) => openTensor(`W${k}`, [reason]))
    for (const [k, sentence] of explainReasons(open, cpu).entries()) {
      // the kinds' own order is that of the sentences, but for these
      const order = [0, 5, 6, 2, 1, 3, 4, 7, 8, 9, 10]
      expect(sentence, sentence).toContain(`W${order[k]}`)
    }
    const alike = ['W1', 'b1', 'W2', 'b2', 'W3'].map((name) => openTensor(name, [KINDS[4]]))
    expect(explainReasons(alike, cpu)).toHaveLength(1)
  })

  it.each([
    cpu,
    { ...cpu, precision: 'single' },
    { ...cpu, precision: 'extended' },
    createTextbookEvaluator(''),
  ] as const)(
    'speak of no command line, and never advise what is done already: $name, $precision',
    (evaluator) => {
      const text = explainReasons([openTensor('W1', KINDS)], evaluator).join('\n')
      expect(text).not.toContain('--')
      if (evaluator.precision === 'double') expect(text).not.toMatch(/float64 on the CPU|extended precision/)
      if (evaluator.precision === 'extended') expect(text).not.toContain('use extended')
      if (evaluator.name !== 'textbook') expect(text).not.toContain('use difference arithmetic')
      expect(text).not.toMatch(/rounding in float64 .*more digits/)
    },
  )

  it('stand beside those of the whole', () => {
    const found = {
      judgements: [
        { report: makeTensor({ verdict: 'inconclusive' }), norms: 1, reasons: KINDS.slice(0, 3), wrong: [] },
      ],
      crossValidation: { checked: 10, difference: 1, disagreements: 2 },
      secondLook: { truncations: [], checked: 4, disagreements: 0 },
      totals: { difference: new DifferenceSum(), errors: new RootSum(), anyNonZero: true },
      tolerance: 1e-7,
      numericalError: 1e-5,
      evaluator: cpu,
      interrupted: true,
    } as const
    const { verdict, reasons } = conclude(found)
    expect(verdict).toBe('inconclusive')
    expect(reasons).toHaveLength(5)
    expect(reasons.join('\n')).toMatch(/interrupted[\s\S]*internal error/)
  })
})

describe('a verdict claims no more than the error estimate allows', () => {
  it.each([{}, { scheme: 'forward' }, { method: 'textbook' }, { step: 1e-3 }] as const)(
    'where a tensor passes, its numerical error is within the tolerance, and so is that of the whole: %j',
    async (options) => {
      let open = 0
      for (let number = 0; number < 300; number += 23) {
        for (const tolerance of [1e-15, 1e-12, 1e-9, undefined]) {
          const chosen = tolerance === undefined ? options : { ...options, tolerance }
          const { problem } = makeRightProblem(number, 'float64')
          const report = await checkGradients(problem, chosen)
          const where = `network ${number}, tolerance ${tolerance}: ${report.notices}`
          expect(report.verdict, where).not.toBe('fail')
          for (const tensor of report.tensors) {
            if (tensor.verdict !== 'pass') continue
            expect(tensor.numericalError, where).toBeLessThanOrEqual(tensor.tolerance)
            expect(tensor.difference, where).toBeLessThanOrEqual(tensor.tolerance)
          }
          if (report.verdict === 'pass') {
            expect(report.numericalError, where).toBeLessThanOrEqual(report.tolerance)
            expect(report.reasons).toEqual([])
            continue
          }
          open++
          expect(report.reasons.length, where).toBeGreaterThan(0)
          for (const reason of report.reasons) expect(report.notices).toContain(reason)
        }
      }
      expect(open).toBeGreaterThan(5)
    },
    120_000,
  )
})
