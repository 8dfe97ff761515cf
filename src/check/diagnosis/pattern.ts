import { selectMiddle } from '../select-largest.js'
import type { NumbersBaseline } from './baseline.js'
import type { TensorEvidence } from './evidence.js'
import { countOf, formatFactor } from './messages.js'
import { positionsOf } from './positions.js'

/** How far ratios may differ and still count as one. */
const SAME_RATIO = 1e-3

/** How the wrong entries of a tensor look, for a reader whose mistake has no name here. */
export function describePattern(
  evidence: TensorEvidence,
  baseline: NumbersBaseline,
  offsets: Uint32Array,
): string {
  const { given, confirmed } = evidence
  const value = baseline.entries(evidence.t)
  const where = `in ${offsets.length} of ${countOf(confirmed.length, 'entry', 'entries')}, and no mistake known here explains it`
  const all = new Float64Array(offsets.length)
  let [count, sameSign] = [0, 0]
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const offset of offsets) {
    const ratio = given[offset] / value(offset)
    if (!Number.isFinite(ratio)) continue
    all[count++] = ratio
    least = Math.min(least, ratio)
    most = Math.max(most, ratio)
    if (ratio > 0) sameSign++
  }
  const ratios = all.subarray(0, count)
  if (count === 0) return `${where}: the right gradient is zero there`
  const middle = selectMiddle(ratios)
  const short = (ratio: number) => formatFactor(Number(ratio.toPrecision(4)))
  if (ratios.length === 1) return `${where}: it is ${short(least)} times the numerical gradient`
  const signs = sameSign === ratios.length ? '' : `; ${ratios.length - sameSign} have the wrong sign`
  const line = findConstantLines(evidence, offsets, (offset) => given[offset] / value(offset))
  const along = line === undefined ? '' : `, the same along each ${line}`
  return `${where}: the ratio to the numerical gradient runs from ${short(least)} to ${short(most)} (median ${short(middle)})${along}${signs}`
}

/** Whether the ratio is one number in each row, or in each column. */
function findConstantLines(
  { parameter }: TensorEvidence,
  offsets: Uint32Array,
  ratio: (offset: number) => number,
): 'row' | 'column' | undefined {
  const { locate, isVector } = positionsOf(parameter)
  if (isVector) return undefined
  for (const axis of ['row', 'column'] as const) {
    const first = new Map<number, number>()
    let repeats = 0
    const isConstant = offsets.every((offset) => {
      const line = locate(offset)[axis]
      const expected = first.get(line)
      if (expected === undefined) {
        first.set(line, ratio(offset))
        return true
      }
      repeats++
      return Math.abs(ratio(offset) - expected) <= SAME_RATIO * Math.abs(expected)
    })
    if (isConstant && repeats > 0) return axis
  }
  return undefined
}
