import { isMean } from '../../../network/reductions.js'
import type { NumbersBaseline } from '../baseline.js'
import type { EntryFunction, TensorEvidence } from '../evidence.js'
import type { NumbersHypothesis, TensorExplanation } from '../explanation.js'
import { describeOtherMeaning, type Factor, fitFactors } from '../factors.js'
import { describeFactor, formatFactor } from '../messages.js'

/** A number that was fitted, and means nothing by itself. */
const COST_OF_OFFSET = 1.5

const hasPenalty = ({ parameter }: TensorEvidence, { model }: NumbersBaseline) =>
  model !== undefined && model.network.l2 !== 0 && parameter.role !== 'biases'

/** A tensor that is a multiple of the right one, or whose part from the data is (the penalty's being right). */
export const proposeScaled: NumbersHypothesis = function* (evidence, baseline) {
  const { t } = evidence
  const entry = baseline.entries(t)
  const penalty = baseline.penalty(t)
  const nothing = () => 0
  for (const factor of fitFactors(evidence, entry, nothing, baseline)) {
    yield explainScale(evidence, baseline, factor, entry, nothing)
  }
  if (!hasPenalty(evidence, baseline)) return
  const data: EntryFunction = (offset) => entry(offset) - penalty(offset)
  for (const factor of fitFactors(evidence, data, penalty, baseline)) {
    yield explainScale(evidence, baseline, factor, data, penalty)
  }
}

function explainScale(
  { t }: TensorEvidence,
  baseline: NumbersBaseline,
  factor: Factor,
  scaled: EntryFunction,
  rest: EntryFunction,
): TensorExplanation {
  const rounding = baseline.rounding(t)
  const { value, kind } = factor
  const isPart = rest(0) !== 0
  const m = baseline.model?.countedSamples
  return {
    kind,
    cost: 1 + factor.cost,
    factor: value,
    group: `${kind} ${value.toPrecision(6)} ${isPart}`,
    costOfAnother: kind === 'not-averaged' || kind === 'averaged-twice' ? 0.05 : 0.3,
    prediction: {
      value: (offset) => value * scaled(offset) + rest(offset),
      rounding: (offset) => Math.max(1, Math.abs(value)) * rounding(offset),
    },
    describe({ names, plural, agreement }) {
      const is = plural ? 'are each' : 'is'
      const also = describeOtherMeaning(factor)
      const what = isPart ? `the data's part of ${names}` : names
      switch (kind) {
        case 'sign-flipped':
          return `${what} ${plural ? 'have' : 'has'} the wrong sign: every entry agrees ${agreement} after a change of sign`
        case 'not-averaged':
          return `${what} ${is} ${m} times too large, the number of samples${also}: the 1/m of the mean over the samples is missing; every entry agrees ${agreement} after dividing by ${m}`
        case 'averaged-twice': {
          const cause = isMean(baseline.model!.network.reduction)
            ? 'the mean over the samples is taken twice'
            : 'it is divided by m, but this loss is a sum over the samples, not a mean'
          return `${what} ${is} ${m} times too small, the number of samples${also}: ${cause}; every entry agrees ${agreement} after multiplying by ${m}`
        }
        default: {
          const meaning = factor.meaning === '' ? '' : ` (${factor.meaning}${also})`
          const by =
            Math.abs(value) > 1
              ? `dividing by ${formatFactor(value)}`
              : `multiplying by ${formatFactor(1 / value)}`
          return `${what} ${is} exactly ${describeFactor(value)}${meaning}: every entry agrees ${agreement} after ${by}`
        }
      }
    },
  }
}

/** The right tensor and one number more in every element. */
export const proposeOffset: NumbersHypothesis = function* ({ t, offsets, given }, baseline) {
  const entry = baseline.entries(t)
  // one element fits any number
  if (offsets.length < 2) return
  const offset = offsets.reduce((sum, k) => sum + (given[k] - entry(k)), 0) / offsets.length
  if (offset === 0 || !Number.isFinite(offset)) return
  yield {
    kind: 'offset',
    cost: COST_OF_OFFSET,
    group: `offset ${offset.toPrecision(6)}`,
    costOfAnother: 0.1,
    prediction: { value: (k) => entry(k) + offset, rounding: baseline.rounding(t) },
    describe: ({ names, plural, agreement }) =>
      `${names} ${plural ? 'are' : 'is'} too ${offset > 0 ? 'large' : 'small'} by the same number, ${formatFactor(Math.abs(offset))}, in every entry: without it they agree ${agreement}`,
  }
}

/** A tensor of zeros, or one that holds nothing but the penalty. */
export const proposeZero: NumbersHypothesis = function* (evidence, baseline) {
  const { t, offsets, given } = evidence
  const rounding = baseline.rounding(t)
  // sums that cancel leave small numbers, not zeros
  if (offsets.every((offset) => given[offset] === 0)) {
    yield {
      kind: 'zero',
      cost: 0.95,
      group: 'zero',
      costOfAnother: 0.02,
      prediction: { value: () => 0, rounding },
      describe: ({ names, plural }) =>
        `${names} ${plural ? 'are' : 'is'} zero everywhere, but the right gradient is not: it was never computed, or overwritten`,
    }
  }
  if (!hasPenalty(evidence, baseline)) return
  yield {
    kind: 'zero',
    cost: 1,
    group: 'zero but for the penalty',
    costOfAnother: 0.3,
    prediction: { value: baseline.penalty(t), rounding },
    describe: ({ names, plural, agreement }) =>
      `${names} ${plural ? 'hold' : 'holds'} the penalty's gradient λ/m·W alone: the data's part is missing; every entry agrees with that ${agreement}`,
  }
}
