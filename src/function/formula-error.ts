import { GradcheckError } from '../errors.js'

/** Characters of the formula to both sides of the place that an error shows. */
const SHOWN = 36

/**
 * An error about a place in a formula: the formula's part around it and a caret below it.
 * @param character where it is, from 0, in code units
 */
export function formulaError(
  formula: string,
  character: number,
  message: string,
  fix?: string,
): GradcheckError {
  const before = [...formula.slice(0, character)]
  const after = [...formula.slice(character)]
  const start = before.length > SHOWN ? `…${before.slice(-SHOWN).join('')}` : before.join('')
  const end = after.length > SHOWN ? `${after.slice(0, SHOWN).join('')}…` : after.join('')
  return new GradcheckError('bad-formula', `${message} (character ${before.length + 1})`, {
    fix,
    detail: [start + end, `${' '.repeat([...start].length)}^`],
  })
}

/** The same about a name: its first place in the formula, or no place if it is not written there. */
export function nameError(formula: string, name: string, message: string, fix?: string): GradcheckError {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const found = new RegExp(`(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])`, 'u').exec(formula)
  return found === null
    ? new GradcheckError('bad-formula', message, { fix })
    : formulaError(formula, found.index, message, fix)
}
