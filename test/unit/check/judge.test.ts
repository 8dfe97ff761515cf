import { describe, expect, it } from 'vitest'
import { DifferenceSum } from '../../../src/check/compare.js'
import type { ErrorEstimate } from '../../../src/check/error-estimate.js'
import { judgeTensor } from '../../../src/check/judge.js'
import type { TensorDerivatives } from '../../../src/differentiate/evaluator.js'
import type { ParameterTensor } from '../../../src/network/model.js'
import { RootSum } from '../../../src/network/root-sum-squares.js'

const SIZE = 400
const parameter: ParameterTensor = {
  name: 'W1',
  shape: [20, 20],
  layer: 0,
  role: 'weights',
  size: SIZE,
  transposed: false,
}
const estimate: ErrorEstimate = {
  ofRounding: () => 1e-9,
  ofParameterTruncation: () => 0,
  ofTruncation: () => 1e-6,
  ofArithmetic: () => 1e-8,
  atMost: () => 1e-9 + 1e-6 + 1e-8,
  norms: (_t, entries) => {
    const root = Math.sqrt(entries?.length ?? SIZE)
    return { rounding: root * 1e-9, truncation: root * 1e-6 }
  },
}
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
  { truncations, kinks = [] }: { truncations?: number[]; kinks?: number[] } = {},
) {
  const tensor: TensorDerivatives = {
    parameter,
    perturbed: 'parameters',
    entries: Uint32Array.from(entries),
    derivatives: Float64Array.from(entries, (entry) => gradient.values[entry] + error),
    kinks: Uint8Array.from(entries, (_, k) => (kinks.includes(k) ? 1 : 0)),
    done: entries.length,
  }
  const totals = { difference: new DifferenceSum(), errors: new RootSum(), anyNonZero: false }
  const evidence = {
    gradient,
    estimate,
    tolerance: 1e-7,
    truncations: truncations && Float64Array.from(truncations),
    crossings: 0,
    between: new Set<number>(),
    untested: false,
  }
  return { ...judgeTensor(tensor, 0, evidence, totals), totals }
}

const ALL = Array.from({ length: SIZE }, (_, k) => k)

describe('judgeTensor', () => {
  it('measures a sampled small entry against what its tensor has on average', () => {
    // 5e-10 is 2.5e-6 of the entry, and nothing beside the others
    expect(judge([0], 5e-10, { truncations: [0] }).report).toMatchObject({ verdict: 'pass', wrongEntries: 0 })
  })

  it('fails an entry that is off by more than the tolerance and the errors of both sides', () => {
    const { report } = judge([0, 21], 1e-5)
    expect(report).toMatchObject({ verdict: 'fail', wrongEntries: 2, undecidedEntries: 0 })
    expect(report.worst.map(({ index }) => index)).toEqual(
      expect.arrayContaining([
        [0, 0],
        [1, 1],
      ]),
    )
    expect(report.worst.every(({ verdict }) => verdict === 'fail')).toBe(true)
  })

  it('leaves open what is not known to within the tolerance, however well it agrees', () => {
    expect(judge(ALL, 0)).toMatchObject({
      reasons: [{ kind: 'numerical-error', cause: 'truncation' }],
      report: { verdict: 'inconclusive', difference: 0, wrongEntries: 0, undecidedEntries: 0 },
    })
    expect(judge(ALL, 0, { truncations: ALL.map(() => 0) })).toMatchObject({
      reasons: [],
      report: { verdict: 'pass' },
    })
  })

  it('leaves open what the errors of both sides explain although the difference is above the tolerance', () => {
    const { report } = judge(ALL, 1e-6)
    expect(report).toMatchObject({ verdict: 'inconclusive', wrongEntries: 0, undecidedEntries: SIZE })
    expect(report.worst).toHaveLength(5)
    // half of 1e-9 + 1e-6 by the sum of both values
    expect(report.worst[0]).toMatchObject({ verdict: 'inconclusive' })
    const numericalErrors = report.worst.map(({ numericalError }) => numericalError)
    expect(Math.min(...numericalErrors)).toBeCloseTo(5.005e-7, 12)
  })

  it('fails an entry whose own truncation is known to be small, whatever the estimate says', () => {
    const known = ALL.map((k) => (k === 7 ? 0 : Number.NaN))
    const { report } = judge(ALL, 1e-6, { truncations: known })
    expect(report).toMatchObject({ verdict: 'fail', wrongEntries: 1 })
    expect(report.worst[0].index).toEqual([0, 7])
  })

  it('adds errors up in squares, with those truncations that are known in place of their estimates', () => {
    const norms = 2 * Math.sqrt(399 + 1e-8)
    expect(judge(ALL, 0).report.numericalError).toBeCloseTo((20 * Math.hypot(1e-9, 1e-6)) / norms, 14)
    const known = judge(ALL, 0, { truncations: ALL.map(() => 3e-8) })
    expect(known.report.numericalError).toBeCloseTo((20 * Math.hypot(1e-9, 3e-8)) / norms, 14)
    expect(known.totals.errors.value).toBeCloseTo(20 * Math.hypot(1e-9, 3e-8), 14)
    expect(judge([5, 6], 0).totals.errors.value).toBeCloseTo(Math.SQRT2 * Math.hypot(1e-9, 1e-6), 14)
  })

  it('is inconclusive about a chord over a kink that was not evaluated again', () => {
    expect(judge([3], 1e-3, { kinks: [0] })).toMatchObject({
      reasons: expect.arrayContaining([{ kind: 'unresolved', count: 1 }]),
      report: { verdict: 'inconclusive', undecidedEntries: 1 },
    })
    expect(judge([3, 4], 1e-3, { kinks: [0] }).report).toMatchObject({
      verdict: 'fail',
      wrongEntries: 1,
      undecidedEntries: 1,
    })
  })
})
