import { expect, it } from 'vitest'
import { blockStart, EntryGrid } from '../../../demo/src/charts/grid.js'
import { CLASSES_PER_DECADE, LOWEST_POWER, summarize } from '../../../demo/src/worker/summarize.js'
import type { GradientEntries } from '../../../src/check/gradient-entries.js'

/** A tensor of equal values but for some. */
function makeEntries(
  shape: readonly number[],
  offsets: readonly number[],
  wrong: Readonly<Record<number, number>> = {},
): GradientEntries {
  return {
    name: 'W',
    gradient: 'dW',
    shape,
    offsets: Uint32Array.from(offsets),
    analytical: Float64Array.from(offsets, (offset) => wrong[offset] ?? 1),
    numerical: Float64Array.from(offsets, () => 1),
    allowed: Float64Array.from(offsets, () => 1e-6),
  }
}

const all = (count: number) => Array.from({ length: count }, (_, k) => k)

it('a matrix keeps its rows and columns, a vector lies in one row', () => {
  const size = (shape: readonly number[]) => {
    const { rows, columns } = new EntryGrid(makeEntries(shape, []))
    return [rows, columns]
  }
  expect(size([3, 5])).toEqual([3, 5])
  expect(size([5])).toEqual([1, 5])
  expect(size([5, 1])).toEqual([1, 5])
  expect(size([1, 5])).toEqual([1, 5])
  expect(size([1, 1])).toEqual([1, 1])
  expect(size([])).toEqual([1, 1])
})

it('the worst entry of a block is found, of a sample too', () => {
  const grid = new EntryGrid(makeEntries([4, 6], all(24), { 8: 1.5, 21: 3 }))
  expect(grid.worstIn(grid.whole)).toEqual({ at: 21, error: 0.5, cells: 24 })
  expect(grid.worstIn({ row: 0, column: 0, rows: 2, columns: 6 }).at).toBe(8)
  const sampled = new EntryGrid(makeEntries([4, 6], [2, 8, 21], { 21: 3 }))
  expect(sampled.find(8)).toBe(1)
  expect(sampled.find(9)).toBe(-1)
  expect(sampled.worstIn(sampled.whole).at).toBe(2)
  expect(sampled.worstIn({ row: 0, column: 3, rows: 1, columns: 3 }).at).toBe(-1)
})

it('blocks cover every cell once', () => {
  for (const [blocks, length] of [
    [7, 100],
    [100, 100],
    [1, 5],
    [64, 65],
  ]) {
    const starts = all(blocks + 1).map((k) => blockStart(k, blocks, length))
    expect(starts[0]).toBe(0)
    expect(starts[blocks]).toBe(length)
    for (let k = 0; k < blocks; k++) expect(starts[k + 1]).toBeGreaterThan(starts[k])
  }
})

it('entries are counted by the power of ten of their error', () => {
  const { histograms } = summarize([
    makeEntries([10], all(10), { 3: 1 + 4e-4, 4: 1 + 4e-12 }),
    makeEntries([2], [0, 1]),
  ])
  const [whole, first, second] = histograms
  const place = (power: number) => Math.floor((power - LOWEST_POWER) * CLASSES_PER_DECADE)
  expect(whole.exact).toBe(10)
  expect(first.counts[place(-4)]).toBe(1)
  expect(first.outside[place(-4)]).toBe(1)
  expect(first.counts.reduce((sum, count) => sum + count, 0)).toBe(2)
  expect(first.outside.reduce((sum, count) => sum + count, 0)).toBe(1)
  expect(second.counts.every((count) => count === 0)).toBe(true)
})

it('the worst entries come first, those outside what is allowed before all others', () => {
  const small: GradientEntries = {
    ...makeEntries([4000], all(4000)),
    // relatively far apart, and yet allowed
    analytical: Float64Array.from(all(4000), () => 3e-9),
    numerical: Float64Array.from(all(4000), () => 1e-9),
  }
  const { largest } = summarize([small, makeEntries([2, 3], all(6), { 4: 1.01, 5: 2 })])
  expect(largest.length).toBe(12)
  expect(largest.slice(0, 3).map(({ tensor, index, isOutside }) => [tensor, index, isOutside])).toEqual([
    [1, [1, 2], true],
    [1, [1, 1], true],
    [0, [0], false],
  ])
})
