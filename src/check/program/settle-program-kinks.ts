import {
  type ElementsOnKinks,
  findKinks,
  reversePassBesideKinks,
  reversePassByConvention,
} from '../../backward/conventions.js'
import type { Cotangents } from '../../backward/reverse-pass.js'
import type { TensorDerivatives } from '../../differentiate/evaluator.js'
import { KINK_CONVENTIONS, type KinkConvention } from '../../operations/scalar-rule.js'
import { describeSource } from '../../program/print.js'
import { boundValueErrors } from '../../rounding/value-errors.js'
import type { ErrorEstimate } from '../error-estimate.js'
import type { BoundProgramProblem } from './bind-program-problem.js'

/** Values on kinks whose conventions are tried one by one; of more, all have the same. */
const MOST_SEPARATE = 4

/** What became of the entries that sit on kinks. */
export interface ProgramKinks {
  /** For each tensor positions of those that lie among the values possible there, where no convention puts them. */
  readonly between: readonly ReadonlySet<number>[]
  /** For each tensor whether all that its gradient consists of comes from elements on their kinks. */
  readonly untested: readonly boolean[]
  /** How many entries sit on kinks, and where the kinks are. */
  readonly sitting: number
  readonly places: readonly ElementsOnKinks[]
}

/**
 * Settles the entries that cross a kink however small the step is. The loss has no derivative there, and
 * backpropagation gives one by a convention for the slope on the kink, the same for all elements of an operation. The
 * results get the values of the conventions that agree best with the analytical gradient.
 */
export function settleProgramKinks(
  { bound, checked }: BoundProgramProblem,
  results: readonly TensorDerivatives[],
  crossed: readonly number[],
  estimate: ErrorEstimate,
  tolerances: readonly number[],
): ProgramKinks {
  const positions = results.map(({ kinks, done }) =>
    Array.from(kinks.subarray(0, done).keys()).filter((k) => kinks[k] !== 0),
  )
  const sitting = positions.reduce((sum, places) => sum + places.length, 0)
  const none = { between: checked.map(() => new Set<number>()), untested: checked.map(() => false) }
  if (sitting === 0 || crossed.every((count) => count === 0)) return { ...none, sitting: 0, places: [] }
  const wanted = checked.map(({ input }) => input.id)
  const errors = boundValueErrors(bound)
  const places = findKinks(bound, errors)
  const candidates = listChoices(places).map((choice) =>
    reversePassByConvention(bound, wanted, places, errors, (id) => choice.get(id) ?? 'left'),
  )
  const slopeOf = (cotangents: Cotangents, t: number, k: number) => cotangents[checked[t].input.id]?.[k] ?? 0
  const agrees = (cotangents: Cotangents, t: number, k: number) => {
    const [analytical, numerical] = [checked[t].gradient.values[k], slopeOf(cotangents, t, k)]
    const allowed = tolerances[t] * (Math.abs(analytical) + Math.abs(numerical))
    return (
      Math.abs(analytical - numerical) <= allowed + estimate.ofRounding(t, k) + estimate.ofArithmetic(t, k)
    )
  }
  const count = (cotangents: Cotangents) =>
    positions.reduce((sum, entries, t) => sum + entries.filter((k) => agrees(cotangents, t, k)).length, 0)
  const best = candidates.reduce((most, candidate) => (count(candidate) > count(most) ? candidate : most))
  const between = positions.map((entries, t) => {
    const found = new Set<number>()
    for (const k of entries) {
      const possible = candidates.map((candidate) => slopeOf(candidate, t, k))
      const analytical = checked[t].gradient.values[k]
      const isWithin = analytical >= Math.min(...possible) && analytical <= Math.max(...possible)
      if (isWithin && !agrees(best, t, k)) found.add(k)
      results[t].derivatives[k] = slopeOf(best, t, k)
    }
    return found
  })
  const beside = reversePassBesideKinks(bound, wanted, places)
  const untested = results.map(({ derivatives, kinks, done }, t) => {
    // what comes around the kinks is not 0 by chance alone
    const isEmpty = (numerical: number, k: number) =>
      kinks[k] === 0
        ? numerical === 0 && checked[t].gradient.values[k] === 0
        : Math.abs(slopeOf(beside, t, k)) <= estimate.ofRounding(t, k)
    return positions[t].length > 0 && derivatives.subarray(0, done).every(isEmpty)
  })
  for (const [t, entries] of positions.entries()) for (const k of entries) results[t].kinks[k] = 0
  return { between, untested, sitting, places }
}

/** Conventions for the values on kinks, by their ids. */
function listChoices(places: readonly ElementsOnKinks[]): ReadonlyMap<number, KinkConvention>[] {
  if (places.length > MOST_SEPARATE) {
    return KINK_CONVENTIONS.map((convention) => new Map(places.map(({ value }) => [value.id, convention])))
  }
  let choices: Map<number, KinkConvention>[] = [new Map()]
  for (const { value } of places) {
    choices = choices.flatMap((choice) =>
      KINK_CONVENTIONS.map((convention) => new Map(choice).set(value.id, convention)),
    )
  }
  return choices
}

/** What a reader must know of entries on kinks. */
export function describeProgramKinks({ sitting, places }: ProgramKinks): string[] {
  if (sitting === 0) return []
  const where = places.map(({ value, elements }) => {
    const source = describeSource(value.source)
    const count = elements.length === 1 ? 'one element' : `${elements.length} elements`
    return `${count} of ${value.operation.name}${source === '' ? '' : ` (${source})`}`
  })
  return [
    `${sitting} ${sitting === 1 ? 'entry sits' : 'entries sit'} on a kink${where.length === 0 ? '' : ` of ${where.join(', ')}`}: the slopes beside it and their mean were tried, the same for all elements of an operation`,
  ]
}
