import { describe, expect, it } from 'vitest'
import { DifferenceSum } from '../../../src/check/compare.js'
import type { ErrorEstimate } from '../../../src/check/error-estimate.js'
import { judgeTensor } from '../../../src/check/judge.js'
import type { TensorDerivatives } from '../../../src/differentiate/evaluator.js'
import type { ParameterTensor } from '../../../src/network/model.js'

const SIZE = 400
const parameter: ParameterTensor = {
  name: 'W1',
  shape: [20, 20],
  layer: 0,
  role: 'weights',
  size: SIZE,
  transposed: false,
}
const estimate: ErrorEstimate = { ofEntry: () => 1e-9, ofArithmetic: () => 0 }
/** Ones, but for a small first entry. */
const gradient = {
  name: 'dW1',
  values: new Float64Array(SIZE).fill(1).fill(1e-4, 0, 1),
  dtype: 'float64',
} as const

/** Judges entries whose numerical derivatives are `error` more than the analytical ones. */
function judge(
  entries: number[],
  error: number,
  looked: { excused?: number[]; open?: number[] } = {},
  kinks: number[] = [],
) {
  const tensor: TensorDerivatives = {
    parameter,
    entries: Uint32Array.from(entries),
    derivatives: Float64Array.from(entries, (entry) => gradient.values[entry] + error),
    kinks: Uint8Array.from(entries, (_, k) => (kinks.includes(k) ? 1 : 0)),
    done: entries.length,
  }
  const totals = { difference: new DifferenceSum(), squaredErrors: 0, anyNonZero: false }
  const sets = { excused: new Set(looked.excused), open: new Set(looked.open) }
  return judgeTensor(tensor, 0, gradient, estimate, 1e-7, sets, 0, totals)
}

describe('judgeTensor', () => {
  it('measures a sampled small entry against what its tensor has on average', () => {
    // 5e-10 is 2.5e-6 of the entry, and nothing beside the others
    expect(judge([0], 5e-10).report).toMatchObject({ verdict: 'pass', wrongEntries: 0 })
  })

  it('fails an entry that is off by more than the tolerance and its estimated error', () => {
    const { report } = judge([0, 21], 1e-5)
    expect(report).toMatchObject({ verdict: 'fail', wrongEntries: 2 })
    expect(report.worst.map(({ index }) => index)).toEqual(
      expect.arrayContaining([
        [0, 0],
        [1, 1],
      ]),
    )
  })

  it('is inconclusive about entries on a kink, and about those a second look did not get to', () => {
    expect(judge([3], 1e-3, {}, [0])).toMatchObject({ undecided: 1, report: { verdict: 'inconclusive' } })
    expect(judge([3], 1e-3, { open: [0] })).toMatchObject({
      unexamined: 1,
      report: { verdict: 'inconclusive', wrongEntries: 0 },
    })
  })

  it('still fails a tensor of which other entries are excused', () => {
    expect(judge([3, 4], 1e-3, { excused: [0] })).toMatchObject({
      report: { verdict: 'fail', wrongEntries: 1 },
    })
  })
})
