import { describe, expect, it } from 'vitest'
import { selectLargest, selectMiddle } from '../../../src/check/select-largest.js'

/** Numbers with many equal ones among them. */
const numbers = (length: number, kinds: number) =>
  Float64Array.from({ length }, (_, k) => Math.floor(kinds * Math.abs(Math.sin(1 + k * 12.9898))) - 3)

const CASES = [1, 2, 5, 6, 40, 1001].flatMap((length) => [1, 4, 1e6].map((kinds) => ({ length, kinds })))

describe('selectLargest', () => {
  it.each(CASES)(
    'gives what a stable sort of $length values of $kinds kinds has in front',
    ({ length, kinds }) => {
      const values = numbers(length, kinds)
      for (const count of [1, 5, 48]) {
        const sorted = [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, count)
        expect(selectLargest(values.keys(), count, (k) => values[k])).toEqual(sorted)
      }
    },
  )

  it('takes infinite values for the largest', () => {
    const values = [3, Number.POSITIVE_INFINITY, 5, Number.POSITIVE_INFINITY]
    expect(selectLargest(values.keys(), 3, (k) => values[k])).toEqual([1, 3, 2])
  })
})

describe('selectMiddle', () => {
  it.each(CASES)('gives the middle of $length sorted values of $kinds kinds', ({ length, kinds }) => {
    const values = numbers(length, kinds)
    expect(selectMiddle(values.slice())).toBe(values.toSorted()[Math.floor(length / 2)])
  })

  it('takes infinite values for the largest', () => {
    expect(selectMiddle(Float64Array.of(Number.POSITIVE_INFINITY, 2, Number.POSITIVE_INFINITY))).toBe(
      Number.POSITIVE_INFINITY,
    )
  })
})
