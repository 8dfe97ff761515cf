import { describeValue } from './describe-value.js'
import { GradcheckError } from './errors.js'
import { suggestName } from './suggest.js'

/** True for what has properties by name: no list, no function, not null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}

/**
 * @param what names the value in the message: "the options"
 * @throws GradcheckError `bad-usage`
 */
export function requireRecord(what: string, value: unknown, fix: string): void {
  if (isRecord(value) && typeof value.then !== 'function') return
  throw new GradcheckError('bad-usage', `${what} must be an object, not ${describeValue(value)}`, { fix })
}

/** @throws GradcheckError `bad-usage` for a value that is there and of another type */
export function requireType(
  what: string,
  value: unknown,
  type: 'string' | 'boolean' | 'function',
  fix?: string,
): void {
  if (value === undefined || typeof value === type) return
  const options = fix === undefined ? {} : { fix }
  throw new GradcheckError('bad-usage', `${what} must be a ${type}, not ${describeValue(value)}`, options)
}

/**
 * @param what the names are of: "layout"
 * @throws GradcheckError `unknown-name` with the nearest of the names
 */
export function requireOneOf(what: string, value: unknown, names: readonly string[]): void {
  requireName(what, value, names)
  if (names.includes(value)) return
  throw unknownName(what, value, suggestName(value, names), names)
}

/** @throws GradcheckError `unknown-name` for what is no text at all */
export function requireName(what: string, value: unknown, names: readonly string[]): asserts value is string {
  if (typeof value !== 'string') throw unknownName(what, value, '', names)
}

function unknownName(
  what: string,
  value: unknown,
  suggestion: string,
  names: readonly string[],
): GradcheckError {
  return new GradcheckError('unknown-name', `unknown ${what} ${describeValue(value)}${suggestion}`, {
    fix: `use one of ${names.join(', ')}`,
  })
}
