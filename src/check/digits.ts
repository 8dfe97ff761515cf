import type { TensorDerivatives } from '../differentiate/evaluator.js'
import type { AnalyticalGradient } from '../network/bind.js'
import { hasFewBits } from '../network/lowest-bit.js'
import { type DType, unitRoundoff } from '../tensor.js'
import { ARITHMETIC_DEVIATIONS, type ErrorEstimate, type TensorRounding } from './error-estimate.js'
import { selectMiddle } from './select-largest.js'

/** The formats that gradients are computed in, the one with the most digits first. */
const FORMATS = ['float32', 'float16', 'bfloat16'] as const
/** The share of the entries that must be within a format's rounding: others may be wrong. */
const LEAST_SHARE = 0.9
/** How many entries tell what their errors look like, and how many a factor must not fit. */
const FEWEST_ENTRIES = 8
const FEWEST_OF_FACTOR = 3
/** How large the middle error is at least, in deviations of the format. What is computed with more digits has far less. */
const LEAST_ERROR = 2 ** -6
/** How large it usually is. */
const USUAL_ERROR = 2 ** -2
/** Entries of one tensor whose errors are looked at, spread over it: some thousands tell what their errors look like. */
const MOST_MEASURED = 2 ** 14
/** How much of the errors remains where no factor explains them. */
const LEAST_REST = 0.5

/** The format that a tensor was computed in, by what its numbers show. */
export interface ShownFormat {
  readonly dtype: DType
  /**
   * True where every number of the tensor is one of the format, or where its errors are float32's: hardly a mistake is
   * so small. False where the errors are only as large as the format's.
   */
  readonly isCertain: boolean
}

/** What is held against a format. */
export interface DigitsEvidence {
  /** What rounding does to a gradient of which each tensor is computed in some format. */
  roundingIn(dtypes: readonly DType[]): TensorRounding
  readonly results: readonly TensorDerivatives[]
  readonly gradients: readonly AnalyticalGradient[]
  readonly estimate: ErrorEstimate
}

/**
 * Recognises tensors whose numbers have fewer digits than what they are stored in, as of a gradient that was computed
 * in float32 and saved as float64: by their own bits, or by errors of that size throughout.
 * @param t the tensors in question
 */
export function recogniseFormats(
  evidence: DigitsEvidence,
  tensors: readonly number[],
): Map<number, ShownFormat> {
  const found = new Map<number, ShownFormat>()
  const { gradients } = evidence
  const isFiner = (t: number, dtype: Format) => unitRoundoff(gradients[t].dtype) < unitRoundoff(dtype)
  const candidates = FORMATS.filter((dtype) => tensors.some((t) => isFiner(t, dtype))).map((dtype) => {
    const errors = measureAll(evidence, dtype, (t) => isFiner(t, dtype))
    return { dtype, errors, ofAll: joinErrors(errors) }
  })
  for (const t of tensors) {
    const possible = candidates.filter(({ dtype, errors }) => isFiner(t, dtype) && isWithin(errors[t]))
    // the numbers of a format are those of every format with more digits, too
    const byBits = possible.findLast(({ dtype }) => hasDigitsOf(gradients[t].values, dtype))
    const [byErrors] = possible
      .filter(
        ({ dtype, errors, ofAll }) =>
          looksRounded(errors[t], dtype) || (isWithin(ofAll) && looksRounded(ofAll, dtype)),
      )
      .toSorted((a, b) => farFromUsual(a.ofAll) - farFromUsual(b.ofAll))
    const chosen = byBits ?? byErrors
    if (chosen === undefined) continue
    found.set(t, {
      dtype: chosen.dtype,
      isCertain: byBits !== undefined || chosen.dtype === 'float32',
    })
  }
  return found
}

type Format = (typeof FORMATS)[number]

/** Whether every number of a tensor is one of a format, but for its range. */
function hasDigitsOf(values: Float64Array, dtype: Format): boolean {
  const digits = -Math.log2(unitRoundoff(dtype))
  return values.some((value) => value !== 0) && values.every((value) => hasFewBits(value, digits))
}

/** The errors of a gradient's entries, in deviations of a format. */
interface Errors {
  readonly sizes: Float64Array
  /** Σ of squares where a factor can be told from rounding, and what is left of it by the factor that fits best. */
  readonly squares: number
  readonly rest: number
}

const NO_ERRORS: Errors = { sizes: new Float64Array(), squares: 0, rest: 0 }

function measureAll(evidence: DigitsEvidence, dtype: Format, isFiner: (t: number) => boolean): Errors[] {
  const { gradients, results } = evidence
  const rounding = evidence.roundingIn(gradients.map(() => dtype))
  return results.map((_, t) => (isFiner(t) ? measureErrors(evidence, rounding, t) : NO_ERRORS))
}

function measureErrors(
  { results, gradients, estimate }: DigitsEvidence,
  rounding: TensorRounding,
  t: number,
): Errors {
  const { entries, derivatives, kinks, done } = results[t]
  const given = gradients[t].values
  const measured = Math.min(done, MOST_MEASURED)
  const found = new Float64Array(measured)
  // both gradients in units of each entry's deviation
  const [g, reference] = [new Float64Array(measured), new Float64Array(measured)]
  let count = 0
  for (let j = 0; j < measured; j++) {
    const k = Math.floor(((j + 0.5) * done) / measured)
    const offset = entries[k]
    const deviation = rounding.roundoff(t) * rounding.deviation(t, offset)
    if (kinks[k] !== 0 || !(deviation > 0) || !Number.isFinite(derivatives[k])) continue
    // what the numerical side may be off by says nothing of the analytical one
    const error = Math.abs(given[offset] - derivatives[k]) - estimate.ofRounding(t, offset)
    found[count] = Math.max(0, error) / deviation
    g[count] = given[offset] / deviation
    reference[count] = derivatives[k] / deviation
    count++
  }
  const sizes = found.subarray(0, count)
  const sum = (value: (k: number) => number) => {
    let total = 0
    for (let k = 0; k < count; k++) total += value(k)
    return total
  }
  const references = sum((k) => reference[k] ** 2)
  if (count < FEWEST_OF_FACTOR || references === 0) return { ...NO_ERRORS, sizes }
  const factor = sum((k) => g[k] * reference[k]) / references
  return {
    sizes,
    squares: sum((k) => (g[k] - reference[k]) ** 2),
    rest: sum((k) => (g[k] - factor * reference[k]) ** 2),
  }
}

const joinErrors = (errors: readonly Errors[]): Errors => ({
  sizes: concatenate(errors.map(({ sizes }) => sizes)),
  squares: errors.reduce((sum, { squares }) => sum + squares, 0),
  rest: errors.reduce((sum, { rest }) => sum + rest, 0),
})

function concatenate(lists: readonly Float64Array[]): Float64Array {
  const result = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const list of lists) {
    result.set(list, at)
    at += list.length
  }
  return result
}

/** Whether a format's rounding explains all but a few entries. */
function isWithin({ sizes }: Errors): boolean {
  let within = 0
  for (const size of sizes) if (size <= ARITHMETIC_DEVIATIONS) within++
  return sizes.length > 0 && within >= LEAST_SHARE * sizes.length
}

/**
 * Whether errors are as large as a format's throughout, and no factor explains them. No mistake is a factor as near to 1
 * as float32's digits; but rounding may be, of a sample's output that everything else is multiplied with.
 */
function looksRounded({ sizes, squares, rest }: Errors, dtype: Format): boolean {
  if (sizes.length < FEWEST_ENTRIES || middleOf(sizes) < LEAST_ERROR) return false
  return dtype === 'float32' || rest > LEAST_REST ** 2 * squares
}

const middleOf = (sizes: Float64Array) => selectMiddle(sizes.slice())

const farFromUsual = ({ sizes }: Errors) => Math.abs(Math.log2(middleOf(sizes) / USUAL_ERROR))
