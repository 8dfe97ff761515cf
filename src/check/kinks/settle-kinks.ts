import type { TensorDerivatives } from '../../differentiate/evaluator.js'
import type { KinkRefinement } from '../../differentiate/refine-kinks.js'
import type { AnalyticalGradient } from '../../network/bind.js'
import type { Linearization } from '../../network/linearization.js'
import type { KinkConvention } from '../../operations/scalar-rule.js'
import type { ErrorEstimate } from '../error-estimate.js'
import {
  type Agreement,
  boundGradients,
  type ConventionalGradients,
  followConventions,
  gradientOffKinks,
  type LayerChoice,
} from './conventions.js'
import { findUnitsOnKinks, type UnitsOnKinks } from './units-on-kinks.js'

/** What the analytical gradient has where entries sit on kinks. */
export type KinkAgreement =
  | { readonly kind: 'conventions'; readonly choices: readonly LayerChoice[] }
  /** The slopes beside the kinks, of the same side in every entry, or their mean. */
  | { readonly kind: 'beside'; readonly side: KinkConvention }
  /** Neither, in some entry. */
  | { readonly kind: 'none' }

/** What became of the entries that sit on kinks. */
export interface SettledKinks {
  /**
   * For each tensor bounds on the truncation of its results where they are known: 0 for what was evaluated with next to
   * no step, NaN for the others; nothing where no entry crossed a kink.
   */
  readonly truncations: readonly (Float64Array | undefined)[]
  /** For each tensor positions of the entries that sit on a kink, ascending. */
  readonly positions: readonly Uint32Array[]
  /** For each tensor those of them that lie among the values that are possible there, where no convention puts them. */
  readonly between: readonly ReadonlySet<number>[]
  /** For each tensor whether all that its gradient consists of comes from units on their kinks. */
  readonly untested: readonly boolean[]
  readonly agreement: KinkAgreement
}

/** What the search starts from. */
export interface KinkEvidence {
  readonly base: Linearization
  readonly results: readonly TensorDerivatives[]
  readonly gradients: readonly AnalyticalGradient[]
  readonly estimate: ErrorEstimate
  readonly tolerances: readonly number[]
}

/**
 * Settles the entries that sit on a kink. The loss has no derivative there, and backpropagation gives one all the same,
 * by a convention for f′(0) that holds for all units of a layer: the slope of the left side, of the right side, or their
 * mean. So one combination of conventions has to give every such entry, or else the slopes on one side of the kinks do,
 * as differences on one side find them. The results get the values of the one that agrees best.
 */
export function settleKinks(evidence: KinkEvidence, { crossed, onKinks }: KinkRefinement): SettledKinks {
  const { base, results, gradients } = evidence
  const truncations = results.map(({ entries, kinks }, t) => {
    if (crossed[t].length === 0) return undefined
    const known = new Float64Array(entries.length).fill(Number.NaN)
    for (const position of crossed[t]) if (kinks[position] === 0) known[position] = 0
    return known
  })
  const units = findUnitsOnKinks(
    base,
    gradients.map(({ dtype }) => dtype),
  )
  const none = {
    truncations,
    positions: results.map(() => new Uint32Array()),
    between: results.map(() => new Set<number>()),
    untested: results.map(() => false),
    agreement: { kind: 'conventions', choices: [] },
  } as const
  const isCrossed = onKinks.some(({ positions }) => positions.length > 0)
  if (!isCrossed && units.every((layer) => layer === undefined)) return none
  const usual = followConventions(base, units, (t, values) => compareWith(evidence, t, values))
  const sitting = onKinks.map(({ positions }, t) => findSitting(evidence, t, usual, new Set(positions)))
  if (sitting.every(({ length }) => length === 0)) return none
  const slopes = onKinks.map(indexSlopes)
  const values = chooseValues(evidence, usual, sitting, slopes)
  const ranges = findRanges(base, units, usual, slopes, results)
  const between = results.map((tensor, t) => {
    truncations[t] ??= new Float64Array(tensor.entries.length).fill(Number.NaN)
    const open = new Set<number>()
    for (const position of sitting[t]) {
      const entry = tensor.entries[position]
      const [given, value] = [gradients[t].values[entry], values.of(t, position)]
      const [low, high] = ranges(t, position)
      // not finite where the arithmetic overflowed: the verdict leaves that open
      if (!Number.isFinite(low + high + value)) continue
      truncations[t][position] = 0
      tensor.kinks[position] ||= 1
      const nearest = Math.min(high, Math.max(low, given))
      const isPossible = Math.abs(given - nearest) <= allow(evidence, t, entry, nearest)
      if (isPossible && Math.abs(given - value) > allow(evidence, t, entry, value)) open.add(position)
      tensor.derivatives[position] = isPossible ? value : nearest
    }
    return open
  })
  const off = gradientOffKinks(base, units)
  return {
    truncations,
    positions: sitting,
    between,
    untested: results.map(
      ({ entries, done }, t) =>
        entries.subarray(0, done).every((entry) => off[t][entry] === 0) &&
        sitting[t].some((position) => isWide(evidence, t, entries[position], ranges(t, position))),
    ),
    agreement: values.agreement,
  }
}

/** How far apart the analytical gradient and a value by backpropagation may lie. */
function allow(
  { gradients, estimate, tolerances }: KinkEvidence,
  t: number,
  entry: number,
  value: number,
): number {
  return (
    tolerances[t] * (Math.abs(gradients[t].values[entry]) + Math.abs(value)) +
    estimate.ofRounding(t, entry) +
    estimate.ofArithmetic(t, entry)
  )
}

/** How well the checked entries of tensor `t` agree with given values of all of its entries. */
function compareWith(evidence: KinkEvidence, t: number, values: Float64Array): Agreement {
  const { entries, done } = evidence.results[t]
  const given = evidence.gradients[t].values
  let [disagreements, distance] = [0, 0]
  for (const entry of entries.subarray(0, done)) {
    const apart = Math.abs(given[entry] - values[entry])
    if (apart > allow(evidence, t, entry, values[entry])) disagreements++
    if (apart > 0) distance += apart / (Math.abs(given[entry]) + Math.abs(values[entry]))
  }
  return { disagreements, distance }
}

/** Positions of the entries whose perturbation crosses a kink at any step, or that depend on the convention. */
function findSitting(
  evidence: KinkEvidence,
  t: number,
  { low, high }: ConventionalGradients,
  crossing: ReadonlySet<number>,
): Uint32Array {
  const { entries, done } = evidence.results[t]
  const positions: number[] = []
  for (let k = 0; k < done; k++) {
    const entry = entries[k]
    if (crossing.has(k) || isWide(evidence, t, entry, [low[t][entry], high[t][entry]])) positions.push(k)
  }
  return Uint32Array.from(positions)
}

/** Whether a range is one by more than rounding. */
function isWide(
  { estimate }: KinkEvidence,
  t: number,
  entry: number,
  [low, high]: readonly [number, number],
): boolean {
  return high - low > estimate.ofRounding(t, entry) + estimate.ofArithmetic(t, entry)
}

/** The slopes beside the kinks that a tensor's results sit on, and where they stand by the position of the result. */
interface SlopesBeside {
  readonly at: ReadonlyMap<number, number>
  readonly left: Float64Array
  readonly right: Float64Array
}

const indexSlopes = ({ positions, left, right }: KinkRefinement['onKinks'][number]): SlopesBeside => ({
  at: new Map(Array.from(positions, (position, k) => [position, k])),
  left,
  right,
})

interface ChosenValues {
  /** What the entry of tensor `t` at a position should be. */
  of(t: number, position: number): number
  readonly agreement: KinkAgreement
}

/** The conventions' values, or those of one side where more entries agree with them. */
function chooseValues(
  evidence: KinkEvidence,
  { best }: ConventionalGradients,
  sitting: readonly Uint32Array[],
  slopes: readonly SlopesBeside[],
): ChosenValues {
  const { base, results, gradients } = evidence
  const byConvention = base.model.parameters.map((parameter, t) =>
    sitting[t].length === 0 ? undefined : best.backpropagation.gradient(parameter),
  )
  const conventional = (t: number, position: number) => byConvention[t]![results[t].entries[position]]
  const countWrong = (value: (t: number, position: number) => number) =>
    sitting.reduce(
      (sum, positions, t) =>
        sum +
        positions.reduce((count, position) => {
          const [entry, expected] = [results[t].entries[position], value(t, position)]
          const apart = Math.abs(gradients[t].values[entry] - expected)
          return apart <= allow(evidence, t, entry, expected) ? count : count + 1
        }, 0),
      0,
    )
  let fewest = countWrong(conventional)
  let chosen: ChosenValues = {
    of: conventional,
    agreement: fewest === 0 ? { kind: 'conventions', choices: best.choices } : { kind: 'none' },
  }
  if (fewest === 0) return chosen
  for (const side of ['left', 'right', 'mean'] as const) {
    const beside = (t: number, position: number) => {
      const k = slopes[t].at.get(position)
      if (k === undefined) return conventional(t, position)
      const { left, right } = slopes[t]
      return side === 'mean' ? (left[k] + right[k]) / 2 : slopes[t][side][k]
    }
    const wrong = countWrong(beside)
    if (wrong >= fewest) continue
    fewest = wrong
    chosen = { of: beside, agreement: wrong === 0 ? { kind: 'beside', side } : { kind: 'none' } }
  }
  return chosen
}

/**
 * What an entry on a kink may be at the least and the most: by any combination of conventions, and by the slopes beside
 * it. Where units are on a kink by rounding, each may be on its own side.
 */
function findRanges(
  base: Linearization,
  units: readonly (UnitsOnKinks | undefined)[],
  { low, high, complete }: ConventionalGradients,
  slopes: readonly SlopesBeside[],
  results: readonly TensorDerivatives[],
): (t: number, position: number) => readonly [number, number] {
  const isOpenFrom = (l: number) =>
    !complete[l] || units.some((layer, at) => at >= l && layer !== undefined && layer.rounded.size > 0)
  const { parameters } = base.model
  const bounds = parameters.some(({ layer }) => isOpenFrom(layer)) ? boundGradients(base, units) : undefined
  return (t, position) => {
    const entry = results[t].entries[position]
    let [least, most] = [low[t][entry], high[t][entry]]
    if (bounds !== undefined && isOpenFrom(parameters[t].layer)) {
      const [middle, reach] = [bounds.middle[t][entry], bounds.reach[t][entry]]
      least = Math.min(least, middle - reach)
      most = Math.max(most, middle + reach)
    }
    const k = slopes[t].at.get(position)
    if (k === undefined) return [least, most]
    const [left, right] = [slopes[t].left[k], slopes[t].right[k]]
    return [Math.min(least, left, right), Math.max(most, left, right)]
  }
}
