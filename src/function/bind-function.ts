import { describeValue } from '../describe-value.js'
import { GradcheckError } from '../errors.js'
import { isRecord } from '../requirements.js'
import { setting } from '../settings.js'
import { suggestName } from '../suggest.js'
import type { Expression } from './expression.js'
import { nameError } from './formula-error.js'
import { type Formula, parseFormula } from './parse-formula.js'
import { listPoints, type VariableValues } from './points.js'
import { deriveFormula } from './symbolic-derivative.js'

/** A function typed as a formula, and what to check of it. */
export interface FormulaProblem {
  /** `theta * x` */
  readonly formula: string
  /** The variables' values: one each, or several, of which every combination is a point. */
  readonly at: VariableValues
  /** Its derivative by `wrt`, or one for each variable. Without it, mathjs's derivative takes its place. */
  readonly gradient?: string | Readonly<Record<string, string>>
  /** The variables to derive by. @default those of `gradient`, else the first of `at` that the formula has */
  readonly wrt?: string | readonly string[]
}

/** A derivative that is to be checked. */
export interface BoundDerivative {
  readonly variable: string
  /** Its place in a point. */
  readonly moved: number
  readonly text: string
  readonly source: 'user' | 'mathjs'
  /** Undefined where the formula is too long for mathjs. */
  readonly expression: Expression | undefined
}

/** A problem whose names all have a meaning. */
export interface BoundFunction {
  readonly formula: Formula
  /** Those that have values, in the order of a point's coordinates. */
  readonly variables: readonly string[]
  readonly points: readonly Float64Array[]
  readonly derivatives: readonly BoundDerivative[]
}

/** @throws GradcheckError `bad-formula`, `bad-value` or `bad-usage` */
export async function bindFunction(problem: FormulaProblem): Promise<BoundFunction> {
  requireTypes(problem)
  const { variables, points } = listPoints(problem.at)
  const formula = await parseKnown(problem.formula, variables)
  const names = chooseVariables(problem, formula, variables)
  const given = problem.gradient
  const derivatives: BoundDerivative[] = []
  for (const variable of names) {
    const text = typeof given === 'string' ? given : findOwn(given, variable)
    const moved = variables.indexOf(variable)
    if (text !== undefined) {
      const gradient = await parseKnown(text, variables)
      derivatives.push({
        variable,
        moved,
        text,
        source: 'user',
        expression: gradient.expression,
      })
      continue
    }
    const derived = await deriveFormula(formula, variable)
    derivatives.push({
      variable,
      moved,
      text: derived?.text ?? '',
      source: 'mathjs',
      expression: derived?.formula.expression,
    })
  }
  return { formula, variables, points, derivatives }
}

/** What a caller without types may have given. */
function requireTypes({
  formula,
  at,
  gradient,
  wrt,
}: Readonly<Partial<Record<keyof FormulaProblem, unknown>>>): void {
  const refuse = (what: string, given: unknown, fix: string) => {
    throw new GradcheckError('bad-usage', `${what} is ${describeValue(given)}`, { fix })
  }
  const isText = (value: unknown) => typeof value === 'string'
  if (!isText(formula)) refuse('the formula', formula, "give a text, such as 'theta * x'")
  if (!isRecord(at)) refuse('the point', at, 'give { x: 1, y: 2 }, a number or a list for each variable')
  const isGradient = isText(gradient) || (isRecord(gradient) && Object.values(gradient).every(isText))
  if (gradient !== undefined && !isGradient)
    refuse('the gradient', gradient, "give a formula, or { x: '2*x', … } with one for each variable")
  if (wrt !== undefined && !isText(wrt) && !(Array.isArray(wrt) && wrt.every(isText)))
    refuse('wrt', wrt, 'give the name of a variable, or a list of names')
}

/** An own property: a variable may be called constructor. */
const findOwn = (record: Readonly<Record<string, string>> | undefined, name: string) =>
  record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined

/** Reads a formula whose variables all have values. */
async function parseKnown(text: string, variables: readonly string[]): Promise<Formula> {
  const formula = await parseFormula(text, variables)
  const missing = formula.variables.find((name) => !variables.includes(name))
  if (missing === undefined) return formula
  throw nameError(
    text,
    missing,
    `the variable "${missing}" has no value${suggestName(missing, variables)}`,
    `give it one: ${setting('at', [...variables.map((name) => `${name}=…`), `${missing}=1`].join(','))}`,
  )
}

function chooseVariables(problem: FormulaProblem, formula: Formula, variables: readonly string[]): string[] {
  const { gradient, wrt } = problem
  const named = typeof gradient === 'object' ? Object.keys(gradient) : []
  const asked = wrt === undefined ? [] : typeof wrt === 'string' ? [wrt] : [...wrt]
  for (const name of [...named, ...asked]) {
    if (formula.variables.includes(name)) continue
    throw new GradcheckError(
      'bad-usage',
      `the formula has no variable "${name}" to derive by${suggestName(name, formula.variables)}`,
      formula.variables.length === 0 ? {} : { fix: `its variables are ${formula.variables.join(', ')}` },
    )
  }
  if (named.length > 0) {
    const missing = asked.find((name) => !named.includes(name))
    if (missing === undefined) return asked.length > 0 ? asked : named
    throw new GradcheckError('bad-usage', `there is no gradient for "${missing}"`, {
      fix: `give it, ${setting('gradient', `d/d${missing}=…`)}`,
    })
  }
  if (asked.length > 1 && typeof gradient === 'string') {
    throw new GradcheckError('bad-usage', `one gradient cannot be that of ${asked.join(' and ')}`, {
      fix: `give one for each: ${setting('gradient', `d/d${asked[0]}=…`)}`,
    })
  }
  if (asked.length > 0) return asked
  const candidates = variables.filter((name) => formula.variables.includes(name))
  if (candidates.length === 0) {
    throw new GradcheckError('bad-usage', `the formula ${formula.text} has no variable to derive by`)
  }
  return gradient === undefined ? candidates : [candidates[0]]
}
