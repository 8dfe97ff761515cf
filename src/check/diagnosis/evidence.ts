import type { TensorDerivatives } from '../../differentiate/evaluator.js'
import type { AnalyticalGradient } from '../../network/bind.js'
import type { Model, ParameterTensor } from '../../network/model.js'
import { DifferenceSum } from '../compare.js'
import type { ErrorEstimate } from '../error-estimate.js'
import type { TensorReport } from '../report.js'
import { selectLargest } from '../select-largest.js'

/** How many entries are looked at first, so that a hypothesis that does not hold costs little. */
export const PROBES = 24
/** Elements of one tensor that hypotheses are tested on; some thousands decide as well as millions. */
const MOST_TESTED = 2 ** 14

/** An element of one tensor, by its offset in the model's orientation, as some hypothesis has it. */
export type EntryFunction = (offset: number) => number

/** What a hypothesis says a tensor is, and how far rounding may carry each element from it. */
export interface Prediction {
  readonly value: EntryFunction
  readonly rounding: EntryFunction
  /** A bound on the rounding of every element, where one is known: what is further off need not be asked for its own. */
  readonly mostRounding?: number | undefined
}

/** What is known of one tensor of the analytical gradient. Offsets are in the model's orientation. */
export interface TensorEvidence {
  /** Its place among the model's parameters. */
  readonly t: number
  readonly parameter: ParameterTensor
  /** The gradient's own name, `dW1`. */
  readonly name: string
  /** The analytical gradient, every element. */
  readonly given: Float64Array
  /** The right gradient: float64 backpropagation, which the numerical gradient confirms at `offsets`. */
  readonly right: Float64Array
  /** The elements that were checked, but for those that a kink leaves open. */
  readonly confirmed: Uint32Array
  /** Those of them that hypotheses are tested on, the ones that tell most first. */
  readonly offsets: Uint32Array
  /** True where the analytical gradient is wrong in some of `confirmed`. */
  readonly isWrong: boolean
  readonly tolerance: number
  /** What rounding does to the right gradient's element, and a bound on it. */
  readonly rounding: EntryFunction
  readonly mostRounding: number
}

/** What a diagnosis starts from. */
export interface DiagnosisInput {
  readonly model: Model
  readonly gradients: readonly AnalyticalGradient[]
  readonly results: readonly TensorDerivatives[]
  readonly estimate: ErrorEstimate
  /** The judgement of each tensor. */
  readonly tensors: readonly TensorReport[]
}

/**
 * Gathers the evidence on every tensor. The numerical gradient is known at the checked elements only and has an
 * error of its own; float64 backpropagation is known everywhere. So hypotheses are held against the latter, at the
 * elements where the numerical gradient confirms it to within its error estimate and no kink is crossed.
 */
export function gatherEvidence(input: DiagnosisInput): TensorEvidence[] {
  const right = input.model.baseGradients
  return input.results.map((tensor, t) => gatherTensor(input, tensor, t, right[t]))
}

function gatherTensor(
  { gradients, estimate, tensors }: DiagnosisInput,
  { parameter, entries, derivatives, kinks, done }: TensorDerivatives,
  t: number,
  right: Float64Array,
): TensorEvidence {
  const given = gradients[t].values
  const { tolerance } = tensors[t]
  const rounding = (offset: number) => estimate.ofArithmetic(t, offset)
  const confirmed = new Uint32Array(done)
  // estimates cost most, and few entries of a large tensor need them
  const isConfirmed = (k: number, offset: number) => {
    const distance = Math.abs(right[offset] - derivatives[k])
    const allowed = tolerance * (Math.abs(right[offset]) + Math.abs(derivatives[k]))
    return (
      distance <= allowed ||
      distance <= allowed + estimate.ofRounding(t, offset) + estimate.ofTruncation(t, offset)
    )
  }
  const mostRounding = estimate.atMost(t)
  const prediction: Prediction = { value: (offset) => right[offset], rounding, mostRounding }
  let count = 0
  let hasWrong = false
  for (let k = 0; k < done; k++) {
    const offset = entries[k]
    if (kinks[k] !== 0 || !isConfirmed(k, offset)) continue
    confirmed[count++] = offset
    hasWrong ||= !agreesAt(offset, given[offset], prediction, tolerance)
  }
  return {
    t,
    parameter,
    name: gradients[t].name,
    given,
    right,
    confirmed: confirmed.subarray(0, count),
    offsets: putTellingFirst(confirmed.subarray(0, count), given, right),
    isWrong: tensors[t].verdict === 'fail' && hasWrong,
    tolerance,
    rounding,
    mostRounding,
  }
}

/** Puts the largest errors, the largest values and some elements spread over the tensor first. */
export function putTellingFirst(
  confirmed: Uint32Array,
  given: Float64Array,
  right: Float64Array,
): Uint32Array {
  if (confirmed.length <= PROBES) return confirmed
  const share = PROBES / 3
  const first = new Set<number>([
    ...selectLargest(confirmed, share, (offset) => Math.abs(given[offset] - right[offset])),
    ...selectLargest(confirmed, share, (offset) => Math.abs(right[offset])),
    ...spread(confirmed, share),
  ])
  const rest = confirmed.length > MOST_TESTED ? spread(confirmed, MOST_TESTED) : confirmed
  return Uint32Array.from([...first, ...rest.filter((offset) => !first.has(offset))])
}

const spread = (offsets: Uint32Array, count: number) =>
  Uint32Array.from({ length: count }, (_, k) => offsets[Math.floor(((k + 0.5) * offsets.length) / count)])

/** Whether a value is what was predicted, to within the tolerance and what rounding does to it; nothing is near infinity. */
export function isNear(given: number, predicted: number, tolerance: number, rounding: number): boolean {
  if (!Number.isFinite(predicted)) return false
  return Math.abs(given - predicted) <= tolerance * (Math.abs(given) + Math.abs(predicted)) + rounding
}

/** Whether an element is what was predicted; its rounding is only computed where the values alone leave that open. */
export function agreesAt(offset: number, given: number, prediction: Prediction, tolerance: number): boolean {
  const predicted = prediction.value(offset)
  if (!Number.isFinite(predicted)) return false
  const beyond = Math.abs(given - predicted) - tolerance * (Math.abs(given) + Math.abs(predicted))
  if (beyond <= 0) return true
  const { mostRounding } = prediction
  return (mostRounding === undefined || beyond <= mostRounding) && beyond <= prediction.rounding(offset)
}

/** Whether a prediction explains every element of the evidence. */
export function explains({ offsets, given, tolerance }: TensorEvidence, prediction: Prediction): boolean {
  if (offsets.length === 0) return false
  for (const offset of offsets) {
    if (!agreesAt(offset, given[offset], prediction, tolerance)) return false
  }
  return true
}

/** Whether a prediction is contradicted by a tensor that is right, or open: it would make it visibly worse. */
export function contradicts(
  { offsets, given, right, tolerance }: TensorEvidence,
  prediction: Prediction,
): boolean {
  for (const offset of offsets) {
    const predicted = prediction.value(offset)
    const room = Math.max(prediction.rounding(offset), 2 * Math.abs(given[offset] - right[offset]))
    if (!isNear(given[offset], predicted, tolerance, room)) return true
  }
  return false
}

/** How well what a mistake makes of the right gradient, p, fits the given one. */
export interface Fit {
  /** ‖g − p‖₂/(‖g‖₂ + ‖p‖₂) over the evidence on some tensors. */
  readonly residual: number
  /** The share of ‖g − ĝ‖₂ that p accounts for. */
  readonly explained: number
  /** True where the residual is above the tolerance: rounding alone is compared, as of sums that cancel. */
  readonly isRounding: boolean
}

export function measureFit(fitted: readonly { evidence: TensorEvidence; value: EntryFunction }[]): Fit {
  const [left, whole] = [new DifferenceSum(), new DifferenceSum()]
  for (const { evidence, value } of fitted) {
    for (const offset of evidence.offsets) {
      const given = evidence.given[offset]
      left.add(given, value(offset))
      whole.add(given, evidence.right[offset])
    }
  }
  return {
    residual: left.difference,
    isRounding: left.difference > Math.max(...fitted.map(({ evidence }) => evidence.tolerance)),
    explained: whole.distance === 0 ? 0 : Math.max(0, 1 - left.distance / whole.distance),
  }
}
