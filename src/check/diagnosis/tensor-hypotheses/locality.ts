import { listNames } from '../../../list-names.js'
import { userIndex } from '../../../network/bind.js'
import { selectLargest } from '../../select-largest.js'
import type { NumbersBaseline } from '../baseline.js'
import { agreesAt, isNear, type Prediction, type TensorEvidence } from '../evidence.js'
import type { NumbersHypothesis, TensorExplanation } from '../explanation.js'
import { countOf, describeFactor } from '../messages.js'
import { describePattern } from '../pattern.js'
import { positionsOf } from '../positions.js'

/** Any explanation of how is better than one of where. */
const COST_OF_PLACE = 3
const COST_OF_NOTHING = 6
const MOST_LISTED = 6
const MOST_ENTRIES = 20

/** Where a tensor departs from the baseline, among the elements whose departing could be seen. */
interface Departures {
  readonly offsets: Uint32Array
  /** Elements that are right and not zero, so that most mistakes would show in them. */
  readonly sound: Uint32Array
}

function findDepartures(evidence: TensorEvidence, baseline: NumbersBaseline): Departures {
  const prediction = baseline.prediction(evidence.t)
  const { given, tolerance, confirmed } = evidence
  const [offsets, sound] = [new Uint32Array(confirmed.length), new Uint32Array(confirmed.length)]
  let [departing, others] = [0, 0]
  for (const offset of confirmed) {
    if (!agreesAt(offset, given[offset], prediction, tolerance)) offsets[departing++] = offset
    else if (prediction.value(offset) !== 0) sound[others++] = offset
  }
  return { offsets: offsets.subarray(0, departing), sound: sound.subarray(0, others) }
}

/** Right but for a few entries, or but for whole rows or columns; or nothing that is known. */
export const proposePlaces: NumbersHypothesis = function* (evidence, baseline) {
  const departures = findDepartures(evidence, baseline)
  const lines = findLines(evidence, departures, 'row') ?? findLines(evidence, departures, 'column')
  if (lines !== undefined) yield explainLines(evidence, baseline, departures, lines)
  else if (areFew(departures) || findCommonFactor(evidence, baseline, departures) !== undefined) {
    yield explainElements(evidence, baseline, departures)
  }
  yield {
    kind: 'unexplained',
    cost: COST_OF_NOTHING,
    prediction: asGiven(evidence),
    describe: ({ names }) => `${names} is wrong ${describePattern(evidence, baseline, departures.offsets)}`,
  }
}

/** Fewer than are right, and a list that a person can go through or a small part of the tensor. */
function areFew({ offsets, sound }: Departures): boolean {
  return (
    offsets.length <= sound.length &&
    (offsets.length <= MOST_ENTRIES || offsets.length <= 0.05 * sound.length)
  )
}

/** What an explanation of the place predicts: whatever was given. */
const asGiven = ({ given }: TensorEvidence): Prediction => ({
  value: (offset) => given[offset],
  rounding: () => 0,
})

interface Lines {
  readonly axis: 'row' | 'column'
  readonly numbers: readonly number[]
}

/** The rows (or columns) that the wrong elements fill, if they fill whole ones and leave others right. */
function findLines(
  { parameter }: TensorEvidence,
  { offsets, sound }: Departures,
  axis: Lines['axis'],
): Lines | undefined {
  const positions = positionsOf(parameter)
  if (positions.isVector) return undefined
  const counts = new Map<number, number>()
  for (const offset of offsets) {
    const line = positions.locate(offset)[axis]
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  const isWhole = sound.length > 0 && sound.every((offset) => !counts.has(positions.locate(offset)[axis]))
  // one element in each line fills nothing
  if (!isWhole || Array.from(counts.values()).includes(1)) return undefined
  return { axis, numbers: [...counts.keys()].sort((a, b) => a - b) }
}

function explainLines(
  evidence: TensorEvidence,
  baseline: NumbersBaseline,
  { offsets }: Departures,
  { axis, numbers }: Lines,
): TensorExplanation {
  const many = numbers.length > 1
  const list = listNames(numbers.map(String), MOST_LISTED)
  return {
    kind: axis === 'row' ? 'rows' : 'columns',
    cost: COST_OF_PLACE,
    entries: numbers.map((number) => [number]),
    prediction: asGiven(evidence),
    describe: ({ names }) =>
      `${axis}${many ? 's' : ''} ${list} of ${names} ${many ? 'are' : 'is'} wrong, every other ${axis}${ofThoseJudged(evidence, 'was')} is right; ` +
      `${many ? 'their' : 'its'} entries ${describeValues(evidence, baseline, offsets)}`,
  }
}

function explainElements(
  evidence: TensorEvidence,
  baseline: NumbersBaseline,
  { offsets }: Departures,
): TensorExplanation {
  const { parameter, given } = evidence
  const value = baseline.entries(evidence.t)
  const bySize = selectLargest(offsets, MOST_ENTRIES, (offset) => Math.abs(given[offset] - value(offset)))
  const entries = bySize.map((offset) => userIndex(parameter, offset))
  const nameOf = (index: readonly number[]) => `[${index.join(', ')}]`
  const list = listNames(entries.slice(0, MOST_LISTED).map(nameOf), MOST_LISTED)
  // there may be more than a call takes arguments
  const from = offsets.reduce((least, offset) => Math.min(least, offset))
  const to = offsets.reduce((most, offset) => Math.max(most, offset))
  const isRange = !parameter.transposed && to - from + 1 === offsets.length
  const range = ` ${nameOf(userIndex(parameter, from))} to ${nameOf(userIndex(parameter, to))}`
  const more = offsets.length <= MOST_LISTED ? ` ${list}` : isRange ? `,${range},` : `, among them ${list},`
  const are = offsets.length === 1 ? 'is' : 'are'
  return {
    kind: 'elements',
    cost: COST_OF_PLACE,
    entries,
    prediction: asGiven(evidence),
    describe: ({ names }) =>
      `${countOf(offsets.length, 'entry', 'entries')} of ${names}${more} ${are} wrong, all the others${ofThoseJudged(evidence, 'were')} are right; ` +
      `${offsets.length === 1 ? 'it' : 'they'} ${describeValues(evidence, baseline, offsets, offsets.length === 1)}`,
  }
}

/** What a sentence on the other elements must add where a sample leaves some of them out. */
const ofThoseJudged = ({ confirmed, parameter }: TensorEvidence, verb: 'was' | 'were') =>
  confirmed.length === parameter.size ? '' : ` that ${verb} judged`

/** What the wrong elements have in common. */
function describeValues(
  evidence: TensorEvidence,
  baseline: NumbersBaseline,
  offsets: Uint32Array,
  isOne = false,
): string {
  const { given } = evidence
  const are = isOne ? 'is' : 'are'
  if (offsets.every((offset) => given[offset] === 0)) return `${are} zero`
  const factor = fitFactor(evidence, baseline, offsets)
  if (factor !== undefined) return `${are} ${describeFactor(factor)}`
  return isOne ? 'has no relation to the right value that is known' : 'have no factor in common'
}

/** The factor that several wrong elements have in common while others are right, however many they are. */
function findCommonFactor(
  evidence: TensorEvidence,
  baseline: NumbersBaseline,
  { offsets, sound }: Departures,
): number | undefined {
  return offsets.length < 2 || sound.length === 0 ? undefined : fitFactor(evidence, baseline, offsets)
}

/** The factor between some elements and the right ones, in few digits if those fit. */
function fitFactor(
  { given, t, tolerance }: TensorEvidence,
  baseline: NumbersBaseline,
  offsets: Uint32Array,
): number | undefined {
  const { value, rounding } = baseline.prediction(t)
  const [first] = selectLargest(offsets, 1, (offset) => Math.abs(value(offset)))
  const factor = given[first] / value(first)
  return [Number(factor.toPrecision(3)), factor].find(
    (candidate) =>
      Number.isFinite(candidate) &&
      candidate !== 0 &&
      offsets.every((offset) =>
        isNear(given[offset], candidate * value(offset), tolerance, Math.abs(candidate) * rounding(offset)),
      ),
  )
}
