import { normOf } from '../../../network/root-sum-squares.js'
import { findNormLimit, findRound } from '../../round-numbers.js'
import type { NumbersBaseline } from '../baseline.js'
import { isNear, type TensorEvidence } from '../evidence.js'
import type { NumbersHypothesis } from '../explanation.js'
import { formatFactor } from '../messages.js'

/** What a limit is written with. */
const MOST_DIGITS = 3

/** The largest of a tensor's entries, as a round number where it is one. */
function findLimit({ given, offsets, tolerance }: TensorEvidence): number {
  const largest = offsets.reduce((most, offset) => Math.max(most, Math.abs(given[offset])), 0)
  return findRound(largest, MOST_DIGITS, tolerance) ?? largest
}

/** Whether some entries are at a limit and beyond it without, and others within, in the tensors that share it. */
function isLimit(limit: number, baseline: NumbersBaseline): boolean {
  let [at, within] = [0, 0]
  for (const evidence of baseline.evidence) {
    if (!isNear(findLimit(evidence), limit, evidence.tolerance, 0)) continue
    const value = baseline.entries(evidence.t)
    for (const offset of evidence.offsets) {
      if (Math.abs(value(offset)) > limit) at++
      else if (evidence.given[offset] !== 0) within++
    }
  }
  // a single entry at a limit that is no round number may have any other reason
  return within > 0 && at > (findRound(limit, MOST_DIGITS, 0) === undefined ? 1 : 0)
}

/** Entries beyond a limit replaced by it, or a tensor brought to a norm by itself. */
export const proposeClipped: NumbersHypothesis = function* (evidence, baseline) {
  const { t, given, offsets } = evidence
  const [value, rounding] = [baseline.entries(t), baseline.rounding(t)]
  const limit = findLimit(evidence)
  if (limit > 0 && isLimit(limit, baseline)) {
    yield {
      kind: 'clipped',
      cost: 1.1,
      group: `clipped to ${limit}`,
      costOfAnother: 0.02,
      prediction: { value: (offset) => Math.max(-limit, Math.min(limit, value(offset))), rounding },
      describe: ({ names, plural, agreement }) =>
        `${names} ${plural ? 'are' : 'is'} clipped: no entry is larger than ${formatFactor(limit)}, where the right gradient has larger ones; every entry agrees ${agreement} with the right one clipped to ±${formatFactor(limit)}`,
    }
  }
  const norm = normOf(given)
  const target = findNormLimit(norm)
  const right = normOf(given.map((_, offset) => value(offset)))
  if (target === undefined || !(right > target) || offsets.length < 2) return
  const factor = norm / right
  yield {
    kind: 'clipped',
    cost: 1.15,
    factor,
    group: `clipped to the norm ${target}`,
    costOfAnother: 0.05,
    prediction: { value: (offset) => factor * value(offset), rounding },
    describe: ({ names, plural, agreement }) =>
      `${names} ${plural ? 'are each' : 'is'} clipped to the norm ${target} by ${plural ? 'themselves' : 'itself'}: every entry agrees ${agreement} with the right one brought to that norm`,
  }
}
