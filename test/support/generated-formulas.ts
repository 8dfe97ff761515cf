import fc from 'fast-check'
import { derivative, parse } from 'mathjs'
import type { Evaluator } from '../../src/differentiate/evaluator.js'
import { carryToPoints } from '../../src/function/carry-to-points.js'
import { NO_CROSSING } from '../../src/function/changes-at-point.js'
import { type BoundFormula, bindFormula, numberAt } from '../../src/function/lower-formula.js'
import { deriveFromChanges, isSettled, listSteps } from '../../src/function/numerical-derivative.js'
import { parseFormula } from '../../src/function/parse-formula.js'
import type { Elementwise } from '../../src/operations/elementwise.js'
import { formulas, type GeneratedFormula, VARIABLES } from './formulas.js'

/** Where generated formulas are derived: generic points, away from the kinks of |x| and of max(x, y). */
export const POINTS: readonly (readonly number[])[] = [
  [0.83, -1.27],
  [-0.41, 0.66],
  [1.9, 0.37],
]

/**
 * The first `count` different generated formulas that have a variable, without those of which mathjs has
 * no derivative: it derives |u| to |u|/u, which has no value where u is the same as 0, as in max(x, x).
 */
export function sampleFormulas(count: number, seed: number, maxDepth = 4): GeneratedFormula[] {
  const all = fc
    .sample(formulas(maxDepth), { numRuns: 5 * count, seed })
    .filter(({ text }) => /\b[xy]\b/.test(text))
  const different = [...new Map(all.map((formula) => [formula.text, formula])).values()].filter(
    ({ derivable }) =>
      POINTS.every((point) =>
        VARIABLES.every((name) => Number.isFinite(symbolicValue(derivable, name, point))),
      ),
  )
  if (different.length < count) throw new Error(`only ${different.length} of ${count} formulas`)
  return different.slice(0, count)
}

/** One derivative of a generated formula, ours beside mathjs's. */
export interface Comparison {
  readonly text: string
  readonly variable: string
  readonly point: readonly number[]
  readonly numerical: number
  readonly symbolic: number
  /** Σ|terms| of the derivative: more than |g| where they cancel. */
  readonly terms: number
  /** |ĝ − g| / (|ĝ| + |g|) */
  readonly difference: number
}

/** mathjs's derivative as a formula, with what it replaces written out. */
export const symbolicText = ({ derivable }: GeneratedFormula, variable: string) =>
  derivative(parse(derivable), variable, { simplify: false }).toString()

/** The value of mathjs's own derivative, evaluated by mathjs. */
function symbolicValue(derivable: string, variable: string, point: readonly number[]): number {
  const derived = derivative(parse(derivable), variable, { simplify: false })
  return derived.evaluate(Object.fromEntries(VARIABLES.map((name, k) => [name, point[k]])))
}

/** Σ|terms| of the derivative by a variable at a point: the sum over all paths, each without its sign. */
function sizeOfTerms({ program, base }: BoundFormula, moved: number, point: number): number {
  const sizes = new Float64Array(program.values.length)
  sizes[moved] = 1
  for (const value of program.values) {
    if (value.kind !== 'computed') continue
    const { rule } = value.operation as Elementwise
    const [a, b, c] = value.operands.map((operand) => numberAt(base[operand], point))
    const constants = new Float64Array(rule.constants)
    rule.fill(constants, 0, a, b, c, numberAt(base[value.id], point))
    for (const [j, operand] of value.operands.entries()) {
      if (sizes[operand] === 0) continue
      const only = (other: number) => (other === j ? 1 : 0)
      sizes[value.id] += Math.abs(rule.change(constants, 0, only(0), only(1), only(2), 0)) * sizes[operand]
    }
  }
  return sizes[program.output]
}

/** Every derivative of the formulas at every point, but those whose steps may run over a kink. */
export async function compareWithMathjs(
  evaluator: Evaluator,
  generated: readonly GeneratedFormula[],
  tolerance: number,
): Promise<Comparison[]> {
  const step = 1e-5
  const [first, ...others] = listSteps(step)
  const comparisons: Comparison[] = []
  for (const { text, derivable } of generated) {
    const { expression } = await parseFormula(text, VARIABLES)
    const points = POINTS.map((point) => Float64Array.from(point))
    const formula = bindFormula({ expression, variables: VARIABLES }, points)
    const carrier = evaluator.createCarrier!(formula)
    for (const [v, variable] of VARIABLES.entries()) {
      const { slopes, crossed } = await carryToPoints(carrier, formula, v, first)
      const changesAt = (p: number, ofSteps: readonly Float64Array[]) => ({
        slopes: Float64Array.from(ofSteps, (ofStep) => ofStep[p]),
        crossings: new Int32Array(ofSteps.length).fill(NO_CROSSING),
      })
      // as a check does
      const isOpen = POINTS.some(
        (_, p) => !isSettled(changesAt(p, slopes), step, 'central', tolerance, Number.NaN),
      )
      const smaller = isOpen ? await carryToPoints(carrier, formula, v, others.flat()) : undefined
      for (const [p, point] of POINTS.entries()) {
        if (crossed[p] !== 0 || smaller?.crossed[p]) continue
        const changes = changesAt(p, [...slopes, ...(smaller?.slopes ?? [])])
        const { value } = deriveFromChanges(changes, step, 'central', tolerance)
        const symbolic = symbolicValue(derivable, variable, point)
        const size = Math.abs(value) + Math.abs(symbolic)
        comparisons.push({
          text,
          variable,
          point,
          numerical: value,
          symbolic,
          terms: sizeOfTerms(formula, v, p),
          difference: size === 0 ? 0 : Math.abs(value - symbolic) / size,
        })
      }
    }
    carrier.dispose()
  }
  return comparisons
}

/** The comparison that differs most; one that is no number first. */
export function worstOf(comparisons: readonly Comparison[]): Comparison {
  const size = ({ difference }: Comparison) =>
    Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
  return comparisons.reduce((worst, next) => (size(next) > size(worst) ? next : worst))
}
