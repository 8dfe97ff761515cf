import type { Model } from '../../../network/model.js'
import type { Baseline } from '../baseline.js'
import { agreesAt, type EntryFunction, type TensorEvidence } from '../evidence.js'
import type { TensorHypothesis } from '../explanation.js'

/** How many elements tell which samples to try. */
const SCREENED = 6

/** What sample `s` contributes to an element. */
function contributionOf(
  { parameter }: TensorEvidence,
  { backpropagation, steps }: Baseline,
): (s: number, offset: number) => number {
  const delta = backpropagation.delta(parameter.layer)
  const input = steps.input(parameter.layer)
  if (parameter.role === 'biases') return (s, offset) => delta.data[s * delta.columns + offset]
  return (s, offset) => {
    const [i, j] = [Math.floor(offset / input.columns), offset % input.columns]
    return delta.data[s * delta.columns + i] * input.data[s * input.columns + j]
  }
}

/** "the first", "the last", "sample 3 (counted from 0)" */
function nameSample(model: Model, s: number): string {
  if (s === 0) return 'the first sample'
  return s === model.samples - 1 ? 'the last sample' : `sample ${model.sampleNumber(s)} (counted from 0)`
}

/** Sums over the samples that leave one out, or hold one alone. */
export const proposeSamples: TensorHypothesis = function* (evidence, baseline) {
  const { samples: m, countedSamples: counted } = baseline.model
  if (m === 1) return
  const { t, offsets, given, tolerance } = evidence
  const entry = baseline.entries(t)
  const rounding = baseline.rounding(t)
  const contribution = contributionOf(evidence, baseline)
  const penalty = baseline.penalty(t)
  const screened = offsets.subarray(0, SCREENED)
  const fits = (value: EntryFunction) =>
    screened.every((offset) => agreesAt(offset, given[offset], { value, rounding }, tolerance))
  for (let s = 0; s < m; s++) {
    const of: EntryFunction = (offset) => contribution(s, offset)
    const name = nameSample(baseline.model, s)
    const isEnd = s === 0 || s === m - 1
    const cost = isEnd ? 0 : 0.1
    const without: EntryFunction = (offset) => entry(offset) - of(offset)
    const data: EntryFunction = (offset) => entry(offset) - penalty(offset) - of(offset)
    const fewer: EntryFunction = (offset) => (counted / (counted - 1)) * data(offset) + penalty(offset)
    for (const [value, mean] of [
      [without, ''],
      [fewer, `, and the mean is over the other ${counted - 1}`],
    ] as const) {
      if (!fits(value)) continue
      yield {
        kind: 'sample-dropped',
        cost: 1.2 + cost + (mean === '' ? 0 : 0.05),
        group: `without ${s}${mean}`,
        costOfAnother: 0.02,
        prediction: { value, rounding },
        describe: ({ names, plural, agreement }) =>
          `${names} ${plural ? 'leave' : 'leaves'} ${name} out of the sum over the ${m} samples${mean}: without it every entry agrees ${agreement}`,
      }
    }
    const alone: EntryFunction = (offset) => of(offset) + penalty(offset)
    const unaveraged: EntryFunction = (offset) => counted * of(offset) + penalty(offset)
    for (const [value, mean] of [
      [alone, ''],
      [unaveraged, ', not averaged'],
    ] as const) {
      if (!fits(value)) continue
      yield {
        kind: 'reduction-wrong',
        cost: 1.15 + cost,
        group: `alone ${s}${mean}`,
        costOfAnother: 0.02,
        prediction: { value, rounding },
        describe: ({ names, plural, agreement }) =>
          `${names} ${plural ? 'hold' : 'holds'} ${name}'s gradient alone${mean}: the sum over the ${m} samples is overwritten instead of added to, or not taken; every entry agrees with that ${agreement}`,
      }
    }
  }
}
