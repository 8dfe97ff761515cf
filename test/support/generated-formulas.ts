import fc from 'fast-check'
import { derivative, parse } from 'mathjs'
import { NO_CROSSING } from '../../src/function/differences.js'
import type { FunctionEvaluator } from '../../src/function/function-evaluator.js'
import { deriveFromChanges, listSteps } from '../../src/function/numerical-derivative.js'
import { parseFormula } from '../../src/function/parse-formula.js'
import { estimateRounding } from '../../src/function/rounding.js'
import { compileTape, constantsAt, evaluateTape } from '../../src/function/tape.js'
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

/** Every derivative of the formulas at every point, but those whose steps run over a kink. */
export async function compareWithMathjs(
  evaluator: FunctionEvaluator,
  generated: readonly GeneratedFormula[],
  tolerance: number,
): Promise<Comparison[]> {
  const step = 1e-5
  const comparisons: Comparison[] = []
  for (const { text, derivable } of generated) {
    const formula = await parseFormula(text, VARIABLES)
    const tape = compileTape(formula.expression, VARIABLES)
    const points = POINTS.map((point) => constantsAt(tape, evaluateTape(tape, point)))
    const terms = POINTS.map((point, p) => {
      return estimateRounding(tape, evaluateTape(tape, point), points[p], [0, 1], 'double').terms
    })
    const steps = listSteps(step)
    const changes = await evaluator.evaluate({ tape, points, moved: [0, 1], steps })
    for (const [p, point] of POINTS.entries()) {
      for (const [v, variable] of VARIABLES.entries()) {
        const at = (p * VARIABLES.length + v) * steps.length
        const found = deriveFromChanges(changes, at, step, 'central', tolerance)
        if (found.near !== NO_CROSSING) continue
        const symbolic = symbolicValue(derivable, variable, point)
        const size = Math.abs(found.value) + Math.abs(symbolic)
        const difference = size === 0 ? 0 : Math.abs(found.value - symbolic) / size
        comparisons.push({
          text,
          variable,
          point,
          numerical: found.value,
          symbolic,
          terms: terms[p][v],
          difference,
        })
      }
    }
  }
  return comparisons
}

/** The comparison that differs most; one that is no number first. */
export function worstOf(comparisons: readonly Comparison[]): Comparison {
  const size = ({ difference }: Comparison) =>
    Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
  return comparisons.reduce((worst, next) => (size(next) > size(worst) ? next : worst))
}
