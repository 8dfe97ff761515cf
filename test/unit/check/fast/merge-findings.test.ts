import { describe, expect, it } from 'vitest'
import { describeLocation } from '../../../../src/check/fast/describe-location.js'
import { mergeFindings } from '../../../../src/check/fast/merge-findings.js'
import type { Probed } from '../../../../src/check/fast/prober.js'
import { createCpuEvaluator } from '../../../../src/differentiate/cpu/evaluator.js'
import type { ParameterTensor } from '../../../../src/network/model.js'
import { makeTensor } from '../../../support/sample-reports.js'

const parameter: ParameterTensor = {
  name: 'W1',
  shape: [4, 6],
  layer: 0,
  role: 'weights',
  size: 24,
  transposed: false,
}

/** Merges a tensor whose only two looked-at entries are right with what two groups of its rows showed. */
function merge(excess: number, onKink = false) {
  const group = (rows: number[], of: number): Probed => ({
    region: { rows: Uint32Array.from(rows) },
    size: 12,
    excess: of,
    onKink,
    smallestError: 0.25,
    distance: of > 1 ? Math.sqrt(3) : 0,
    numerical: Math.sqrt(12),
  })
  const groups = [group([0, 1], excess), group([2, 3], 0)]
  const location =
    excess > 1
      ? {
          rows: Uint32Array.of(1),
          columns: Uint32Array.of(2, 3, 5),
          entries: Uint32Array.of(8),
          complete: false,
        }
      : undefined
  return mergeFindings(
    { tensors: [{ groups, location }], selection: [], perturbations: 16, interrupted: false },
    {
      results: [
        {
          parameter,
          perturbed: 'parameters',
          entries: Uint32Array.of(8, 20),
          derivatives: Float64Array.of(1, 1),
          kinks: new Uint8Array(2),
          done: 2,
        },
      ],
      gradients: [{ name: 'dW1', values: new Float64Array(24).fill(1), dtype: 'float64' }],
      judgements: [{ report: makeTensor({ checked: 2 }), norms: 1, reasons: [], wrong: [] }],
      evaluator: createCpuEvaluator(''),
    },
  )
}

describe('mergeFindings', () => {
  it('fails a tensor whose directions are far off, though no single entry was caught', () => {
    const { judgements, findings, difference, report } = merge(3)
    expect(judgements[0].report.verdict).toBe('fail')
    expect(judgements[0].report.located).toEqual({ rows: [1], columns: [2, 3, 5], complete: false })
    expect(findings).toEqual([
      {
        kind: 'located',
        tensors: ['W1'],
        message:
          'W1 is wrong in row 1, columns 2–3 and 5 by its directions, although none of 2 single entries is',
        link: 'docs/mistakes/located.md',
      },
    ])
    expect(difference).toBeCloseTo(Math.sqrt(3) / (2 * Math.sqrt(24)), 12)
    // what is stated is of the group that agrees
    expect(report.detectable.tensors).toEqual([
      { name: 'W1', groups: 2, disagreeing: 1, error: 0.25, relative: 0.25 },
    ])
  })

  it('leaves a tensor open between suspicion and proof, and on a kink', () => {
    expect(merge(1.2).judgements[0].report.verdict).toBe('inconclusive')
    expect(merge(1.2).judgements[0].reasons).toEqual([{ kind: 'directions', onKink: false }])
    expect(merge(9, true).judgements[0].report.verdict).toBe('inconclusive')
    expect(merge(9, true).judgements[0].reasons).toEqual([{ kind: 'directions', onKink: true }])
    expect(merge(9, true).findings).toEqual([])
  })

  it('passes a tensor whose directions agree', () => {
    const { judgements, findings, anyNonZero, notices } = merge(0.5)
    expect(judgements[0].report.verdict).toBe('pass')
    expect(findings).toEqual([])
    expect(anyNonZero).toBe(true)
    expect(notices).toEqual([
      'random directions cover every parameter but miss small errors: a single wrong entry is found with 99 % probability if it is off by 2.5e-1 in W1 (25 % of its rms)',
    ])
  })
})

describe('describeLocation', () => {
  const describeRows = (rows: number[]) =>
    describeLocation(parameter, {
      located: { rows, columns: [0, 1, 2, 3, 4, 5], complete: true },
      wholeRows: true,
      wholeColumns: false,
    })

  it('names rows and ranges of them', () => {
    expect(describeRows([3])).toBe('row 3 of W1 is wrong')
    expect(describeRows([3, 7])).toBe('rows 3 and 7 of W1 are wrong')
    expect(describeRows([0, 1, 2, 9])).toBe('rows 0–2 and 9 of W1 are wrong')
  })

  it('counts what is too much for a sentence', () => {
    const even = Array.from({ length: 40 }, (_, k) => 2 * k)
    expect(describeRows(even)).toBe('rows 0, 2, 4, 6, 8, 10 and 34 more of W1 are wrong')
  })
})
