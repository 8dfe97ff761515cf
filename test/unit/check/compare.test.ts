import { describe, expect, it } from 'vitest'
import { DifferenceSum, relativeError } from '../../../src/check/compare.js'
import { Draws } from '../../support/random-network.js'

function sumOf(analytical: readonly number[], numerical: readonly number[]): DifferenceSum {
  const sum = new DifferenceSum()
  for (const [k, value] of analytical.entries()) sum.add(value, numerical[k])
  return sum
}

const size = (values: readonly number[]) => Math.hypot(...values)

describe('DifferenceSum', () => {
  it('is ‖g − ĝ‖ / (‖g‖ + ‖ĝ‖)', () => {
    const draws = new Draws(1)
    for (let round = 0; round < 50; round++) {
      const length = 1 + draws.below(40)
      const [g, n] = [draws.normals(length, 3), draws.normals(length, draws.pick([0.01, 1, 100]))]
      const sum = sumOf(g, n)
      const norms = size(g) + size(n)
      expect(sum.norms / norms).toBeCloseTo(1, 13)
      expect(sum.difference).toBeCloseTo(size(g.map((value, k) => value - n[k])) / norms, 13)
    }
  })

  it.each([1e300, 1e-300, 1e-160, 1])('neither overflows nor underflows at %d', (scale) => {
    const sum = sumOf([3 * scale, 0, 4 * scale], [3 * scale, 5 * scale, 4 * scale])
    // 5 against √50
    expect(sum.difference).toBeCloseTo(5 / (5 + Math.sqrt(50)), 12)
    expect(sum.norms / scale).toBeCloseTo(5 + Math.sqrt(50), 12)
  })

  it('is the same whatever the order of large and small elements', () => {
    const [g, n] = [
      [1e-200, 1, 1e150, -1e-9],
      [2e-200, -1, 1.5e150, 1e-9],
    ]
    const forwards = sumOf(g, n)
    const backwards = sumOf(g.toReversed(), n.toReversed())
    expect(forwards.difference).toBeCloseTo(0.2, 12)
    expect(backwards.difference).toBeCloseTo(0.2, 12)
  })

  it('is 0 when both are zero, or when nothing was added', () => {
    expect(sumOf([0, 0, -0], [0, -0, 0]).difference).toBe(0)
    expect(new DifferenceSum().difference).toBe(0)
    expect(new DifferenceSum().norms).toBe(0)
  })

  it('is 1 against zero and against the opposite, ⅓ for twice as large', () => {
    expect(sumOf([1, -2], [0, 0]).difference).toBe(1)
    expect(sumOf([1, -2], [-1, 2]).difference).toBe(1)
    expect(sumOf([2, -4], [1, -2]).difference).toBeCloseTo(1 / 3, 15)
  })
})

describe('relativeError', () => {
  it.each([
    [0, 0, 0],
    [1, 1, 0],
    [2, 1, 1 / 3],
    [1, -1, 1],
    [0, 1e-300, 1],
    [1e-300, 3e-300, 0.5],
    [1e300, 3e300, 0.5],
  ])('of %d and %d is %d', (analytical, numerical, expected) => {
    expect(relativeError(analytical, numerical)).toBeCloseTo(expected, 14)
    expect(relativeError(numerical, analytical)).toBeCloseTo(expected, 14)
  })
})
