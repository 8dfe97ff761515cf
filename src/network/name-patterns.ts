import { GradcheckError } from '../errors.js'
import { requireType } from '../requirements.js'

/** Placeholder for the number of a layer. */
export const LAYER = '{l}'
/** Placeholder for the name of a parameter. */
export const NAME = '{name}'

/** The options that take a pattern. */
export type PatternOption = 'weights' | 'biases' | 'gradients'

const EXAMPLES: Readonly<Record<PatternOption, string>> = {
  weights: 'W{l}',
  biases: 'b{l}',
  gradients: 'd{name}',
}

/**
 * Accepts a pattern that has its placeholder, and has it once.
 * @throws GradcheckError `bad-usage`
 */
export function checkPattern(option: PatternOption, pattern: string | undefined, placeholder: string): void {
  requireType(`the ${option} pattern`, pattern, 'string')
  if (pattern === undefined || pattern.split(placeholder).length === 2) return
  const meaning = placeholder === LAYER ? "a layer's number" : "a parameter's name"
  throw new GradcheckError(
    'bad-usage',
    `the ${option} pattern "${pattern}" must contain ${placeholder} once`,
    {
      fix: `write ${placeholder} where ${meaning} stands, as in '${EXAMPLES[option]}'`,
    },
  )
}

/** What stands at a pattern's placeholder in a name that fits it: digits for `{l}`, anything for `{name}`. */
export function capture(name: string, pattern: string, placeholder: string): string | undefined {
  const [before, after] = pattern.split(placeholder)
  if (name.length <= before.length + after.length) return undefined
  if (!name.startsWith(before) || !name.endsWith(after)) return undefined
  const inner = name.slice(before.length, name.length - after.length)
  return placeholder === LAYER && !/^\d+$/.test(inner) ? undefined : inner
}

/** The name that a pattern gives with `value` in its placeholder's place. */
export function fill(pattern: string, placeholder: string, value: string | number): string {
  return pattern.split(placeholder).join(String(value))
}
