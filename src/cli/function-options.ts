import { GradcheckError } from '../errors.js'
import type { VariableValues } from '../function/points.js'
import type { DEVICE_CHOICES, SCHEMES } from './options.js'

/** What `gradcheck function` was asked to do. */
export interface FunctionCommandSettings {
  readonly at?: VariableValues
  readonly gradient?: readonly string[]
  readonly wrt?: string
  readonly device: (typeof DEVICE_CHOICES)[number]
  readonly scheme: (typeof SCHEMES)[number]
  readonly step?: number
  readonly steps?: boolean
  readonly tolerance?: number
  readonly json?: boolean
  readonly output?: string
}

const MOST_VALUES = 100_000

/**
 * The values of `theta=4,x=2`, each a number or a range `from:to:count`; options given before are added to.
 * @throws GradcheckError `bad-usage`
 */
export function parseValues(text: string, before: VariableValues = {}): VariableValues {
  const values = new Map(Object.entries(before))
  for (const part of text.split(',')) {
    const equals = part.indexOf('=')
    const name = part.slice(0, Math.max(0, equals)).trim()
    if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) {
      throw new GradcheckError('bad-usage', `--at must be NAME=VALUE, not "${part.trim()}"`, {
        fix: 'write --at theta=4,x=2, or --at x=-3:3:1000 for 1000 values from −3 to 3',
      })
    }
    if (values.has(name)) throw new GradcheckError('bad-usage', `--at gives ${name} twice`)
    values.set(name, parseRange(name, part.slice(equals + 1)))
  }
  return Object.fromEntries(values)
}

function parseRange(name: string, text: string): number | number[] {
  const [first, last, count, ...rest] = text.split(':').map((piece) => readNumber(name, piece))
  if (last === undefined) return first
  if (count === undefined || rest.length > 0) {
    throw new GradcheckError('bad-usage', `--at ${name}=${text} is no range`, {
      fix: `write ${name}=from:to:count, such as ${name}=-3:3:1000`,
    })
  }
  if (!Number.isInteger(count) || count < 2 || count > MOST_VALUES) {
    throw new GradcheckError(
      'bad-usage',
      `--at ${name}=${text}: the count must be a whole number from 2 to ${MOST_VALUES}, not ${count}`,
    )
  }
  return Array.from({ length: count }, (_, k) => (first * (count - 1 - k) + last * k) / (count - 1))
}

function readNumber(name: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!Number.isFinite(value)) {
    throw new GradcheckError('bad-usage', `--at gives ${name} the value "${text.trim()}", which is no number`)
  }
  return value
}

/**
 * The gradients of the `--gradient` options: `x` alone, or `d/dtheta=x` for each variable.
 * @throws GradcheckError `bad-usage`
 */
export function readGradients(texts: readonly string[]): string | Record<string, string> | undefined {
  if (texts.length === 0) return undefined
  const named = texts.map((text) => /^\s*d\s*\/\s*d\s*([\p{L}_][\p{L}\p{N}_]*)\s*=(?!=)(.*)$/su.exec(text))
  if (texts.length === 1 && named[0] === null) return texts[0]
  const gradients = new Map<string, string>()
  for (const [k, match] of named.entries()) {
    if (match === null) {
      throw new GradcheckError('bad-usage', `--gradient "${texts[k]}" does not say by which variable`, {
        fix: `write --gradient "d/dx=${texts[k]}"`,
      })
    }
    const [, variable, formula] = match
    if (gradients.has(variable))
      throw new GradcheckError('bad-usage', `--gradient gives d/d${variable} twice`)
    gradients.set(variable, formula.trim())
  }
  return Object.fromEntries(gradients)
}
