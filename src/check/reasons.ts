import type { Evaluator } from '../differentiate/evaluator.js'
import { listNames } from '../list-names.js'
import { type DType, unitRoundoff } from '../tensor.js'

/** How many tensors a sentence names. */
const MOST_NAMED = 4

/** Why a tensor is inconclusive. */
export type Reason =
  /** Entries that disagree and cross a kink, but were not evaluated again. */
  | { readonly kind: 'unresolved'; readonly count: number }
  /** Entries whose numerical value is not finite. */
  | { readonly kind: 'overflowed'; readonly count: number }
  /** Entries on a kink that lie among the values that are possible there, where no convention for f′(0) puts them. */
  | { readonly kind: 'between'; readonly count: number }
  /** All that its gradient consists of comes from units on their kinks. */
  | { readonly kind: 'untested' }
  /** The numerical error, relative to the gradients' norms, is above the tolerance; and which part of it is larger. */
  | { readonly kind: 'numerical-error'; readonly error: number; readonly cause: 'rounding' | 'truncation' }
  /** The difference is above the tolerance, and rounding of the analytical gradient explains it. */
  | { readonly kind: 'rounded'; readonly dtype: DType }
  /** Its numbers have the digits of `dtype`, which are fewer than it is stored in; or errors as large as those. */
  | { readonly kind: 'digits'; readonly dtype: DType; readonly stored: DType; readonly isCertain: boolean }
  /** Random directions disagree where no entry does. */
  | { readonly kind: 'directions'; readonly onKink: boolean }

/** What remedies depend on. */
export type ArithmeticOf = Pick<Evaluator, 'name' | 'precision'>

/** A tensor that is inconclusive, and all of the reasons. */
export interface OpenTensor {
  readonly name: string
  /** The name of its gradient. */
  readonly gradient: string
  /** True where some entry is wrong as well. */
  readonly isWrong?: boolean
  readonly reasons: readonly Reason[]
}

type Found<K extends Reason['kind']> = readonly (OpenTensor & {
  readonly reason: Extract<Reason, { kind: K }>
})[]

/** A sentence for every reason: what is open, in which tensors, and what to do about it. */
export function explainReasons(open: readonly OpenTensor[], evaluator: ArithmeticOf): string[] {
  const find = <K extends Reason['kind']>(kind: K): Found<K> =>
    open.flatMap((tensor) =>
      tensor.reasons.flatMap((reason) =>
        reason.kind === kind ? [{ ...tensor, reason: reason as Extract<Reason, { kind: K }> }] : [],
      ),
    )
  return [
    ...explainUnresolved(find('unresolved')),
    ...explainOverflow(find('overflowed'), evaluator),
    ...explainBetween(find('between')),
    ...explainUntested(find('untested')),
    ...explainNumericalError(find('numerical-error'), evaluator),
    ...explainRounded(find('rounded')),
    ...explainDigits(find('digits')),
    ...explainDirections(find('directions')),
  ]
}

function explainUnresolved(found: Found<'unresolved'>): string[] {
  if (found.length === 0) return []
  const count = sumCounts(found)
  const entries = count === 1 ? 'entry crosses' : 'entries cross'
  return [
    `${count} disagreeing ${entries} a kink and could not be evaluated again: check once more, without interrupting`,
  ]
}

function explainOverflow(found: Found<'overflowed'>, { precision }: ArithmeticOf): string[] {
  if (found.length === 0) return []
  const count = sumCounts(found)
  const derivatives = count === 1 ? 'derivative is' : 'derivatives are'
  // two parts have the range of one
  const remedy = precision === 'double' ? 'smaller weights or inputs' : 'float64, on the CPU'
  return [
    `${count} numerical ${derivatives} not finite, of ${listFew(found)}: the arithmetic overflowed; try ${remedy}`,
  ]
}

function explainBetween(found: Found<'between'>): string[] {
  if (found.length === 0) return []
  const count = sumCounts(found)
  const sit = count === 1 ? 'entry sits' : 'entries sit'
  return [
    `${count} ${sit} on a kink, in ${listFew(found)}, with a value between the possible ones that no f′(0) gives: of the left side, of the right, or their mean, the same for all units of a layer; look at f′ in the code, or check at another point`,
  ]
}

function explainUntested(found: Found<'untested'>): string[] {
  if (found.length === 0) return []
  return [
    `${listFew(found)} could not be tested: every unit that gives ${found.length === 1 ? 'it' : 'them'} a gradient sits on a kink, where what f′(0) is taken for decides; check at another point, such as one with biases that are not 0`,
  ]
}

/** One sentence for each cause, whose remedies differ. */
function explainNumericalError(found: Found<'numerical-error'>, evaluator: ArithmeticOf): string[] {
  return (['truncation', 'rounding'] as const).flatMap((cause) => {
    const tensors = found.filter(({ reason }) => reason.cause === cause)
    if (tensors.length === 0) return []
    const named = tensors.map(({ name, reason }) => `${name} (${reason.error.toExponential(1)})`)
    const exact = evaluator.name === 'textbook' ? 'difference arithmetic, ' : ''
    const remedy = cause === 'truncation' ? `use ${exact}a smaller step` : describeMoreDigits(evaluator)
    return [
      `the numerical gradient's own error is above the tolerance in ${listNames(named, MOST_NAMED)}: ${remedy}, or a larger tolerance`,
    ]
  })
}

/** What has less rounding than an evaluator. */
function describeMoreDigits({ name, precision }: ArithmeticOf): string {
  if (name === 'textbook') return 'use difference arithmetic, a larger step'
  switch (precision) {
    case 'single':
      return 'use extended precision, float64 on the CPU'
    case 'extended':
      return 'use float64 on the CPU'
    default:
      return 'use another point, where its terms cancel less'
  }
}

function explainRounded(found: Found<'rounded'>): string[] {
  const dtypes = new Set(found.map(({ reason }) => reason.dtype))
  return [...dtypes].map((dtype) => {
    const tensors = found.filter(({ reason }) => reason.dtype === dtype)
    const gradients = listNames(
      tensors.map(({ gradient }) => gradient),
      MOST_NAMED,
    )
    const hasMore = unitRoundoff(dtype) > unitRoundoff('float64')
    const remedy = hasMore ? `compute ${gradients} with more digits` : 'check at another point'
    return (
      `the difference of ${listFew(tensors)} is above the tolerance, but no entry is off by more than rounding in ` +
      `${dtype} makes of terms that cancel: ${remedy}, or use a larger tolerance`
    )
  })
}

/** One sentence for each format, and what is stored in which. */
function explainDigits(found: Found<'digits'>): string[] {
  const keyOf = ({ reason, isWrong }: (typeof found)[number]) =>
    [reason.dtype, reason.stored, reason.isCertain, isWrong].join()
  return [...new Set(found.map(keyOf))].map((key) => {
    const alike = found.filter((tensor) => keyOf(tensor) === key)
    const [{ reason, isWrong }] = alike
    const { dtype, stored, isCertain } = reason
    const gradients = listNames(
      alike.map(({ gradient }) => gradient),
      MOST_NAMED,
    )
    const [it, is, was, them] =
      alike.length === 1 ? ['it', 'is', 'was', 'it'] : ['they', 'are', 'were', 'them']
    if (!isCertain) {
      return `${gradients} ${alike.length === 1 ? 'agrees' : 'agree'} to ${dtype}'s digits throughout: if ${it} ${was} computed in ${dtype}, save ${them} so; else ${it} ${is} wrong`
    }
    const entries = isWrong ? 'the other entries' : 'all entries'
    return `${entries} of ${gradients} agree to ${dtype}'s digits, but not to ${stored}'s, in which ${it} ${is} stored: if ${it} ${was} computed in ${dtype}, save ${them} so`
  })
}

function explainDirections(found: Found<'directions'>): string[] {
  const sentences: string[] = []
  const onKink = found.filter(({ reason }) => reason.onKink)
  const others = found.filter(({ reason }) => !reason.onKink)
  if (onKink.length > 0) {
    sentences.push(
      `random directions of ${listFew(onKink)} cross a kink however small the step is: check every entry, or at another point`,
    )
  }
  if (others.length > 0) {
    sentences.push(
      `random directions of ${listFew(others)} disagree by more than the tolerance, but by too little to prove an entry wrong: check every entry`,
    )
  }
  return sentences
}

const sumCounts = (found: readonly { readonly reason: { readonly count: number } }[]) =>
  found.reduce((sum, { reason }) => sum + reason.count, 0)

const listFew = (tensors: readonly OpenTensor[]) =>
  listNames(
    tensors.map(({ name }) => name),
    MOST_NAMED,
  )
