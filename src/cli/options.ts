import { GPU_PRECISIONS, type GpuPrecision, STEP_LIMITS } from '../differentiate/evaluator.js'
import type { PerturbChoice } from '../differentiate/plan.js'
import { GradcheckError } from '../errors.js'
import { ACTIVATION_NAMES, findActivation } from '../network/activations.js'
import { suggestChoice } from './option-words.js'
import { proposeNumber } from './propose-number.js'

/** Extensions of the files that hold arrays. */
export const ARRAY_FILE_EXTENSIONS: readonly string[] = ['.npz', '.npy', '.safetensors']

export const DEVICE_CHOICES = ['auto', 'gpu', 'software', 'cpu'] as const
export const METHODS = ['difference', 'textbook'] as const
export const SCHEMES = ['central', 'forward'] as const
export const REPORT_FORMATS = ['text', 'json'] as const

/** What `gradcheck check` was asked to do; an option that was not given is undefined, or has its default. */
export interface CheckSettings {
  readonly activations?: string[]
  readonly loss?: string
  readonly reduction?: string
  readonly ignoreIndex?: number
  readonly layout?: string
  readonly l2?: number
  readonly inputs?: string
  readonly targets?: string
  readonly sampleWeights?: string
  readonly weights?: string
  readonly biases?: string
  readonly gradients?: string
  readonly device: (typeof DEVICE_CHOICES)[number]
  readonly method: (typeof METHODS)[number]
  readonly step?: number
  readonly scheme: (typeof SCHEMES)[number]
  readonly perturb: PerturbChoice
  readonly memory?: number
  readonly steps?: boolean
  /** Nothing is checked: how the arrays were read is printed. */
  readonly trace?: boolean
  /** The user's own forward pass: a file, and in it a function. */
  readonly forward?: string
  /** The user's own backward pass, which makes the gradients: FILE:NAME. */
  readonly backward?: string
  /** The same as one line. */
  readonly expression?: string
  readonly with?: string[]
  readonly bind?: string[]
  readonly set?: string[]
  readonly init?: string
  readonly parameters?: string
  readonly upstream?: string
  readonly savedOutput?: string
  readonly precision: GpuPrecision
  readonly sample?: number
  readonly seed?: number
  readonly fast?: boolean
  readonly tolerance?: number
  readonly report?: (typeof REPORT_FORMATS)[number]
  readonly json?: boolean
  readonly output?: string
}

/**
 * A parser for an option that takes one of several words.
 * @throws GradcheckError `bad-usage`, with the nearest word, from the parser.
 */
export function parseChoice<T extends string>(option: string, choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((choice) => choice === text)
    if (found === undefined) {
      throw new GradcheckError(
        'bad-usage',
        `${option} cannot be "${text}"${suggestChoice(option, text, choices)}`,
        {
          fix: `use one of ${choices.join(', ')}`,
        },
      )
    }
    return found
  }
}

/** A parser for an option that names one of a table's entries; `find` throws for an unknown name. */
export function parseName(find: (name: string) => unknown): (text: string) => string {
  return (text) => {
    find(text)
    return text
  }
}

/** What numbers an option takes. */
export interface NumberRange {
  /** In words, for the message: `a number above 0`. */
  readonly words: string
  readonly contains: (value: number) => boolean
  /** Only whole numbers: `1,000` is a thousand, and not 1 with three decimal places. */
  readonly isWhole?: true
}

export const POSITIVE: NumberRange = { words: 'a number above 0', contains: (value) => value > 0 }
/** A difference is 1 at most: a tolerance of 1 would let any gradient pass. */
export const BELOW_ONE: NumberRange = {
  words: 'a number above 0 and below 1',
  contains: (value) => value > 0 && value < 1,
}
/** The square of a step has to be a normal number, and 2⁻³⁰ of it next to none. */
export const STEP_RANGE: NumberRange = {
  words: `a number from ${STEP_LIMITS.least} to ${STEP_LIMITS.largest}`,
  contains: (value) => value >= STEP_LIMITS.least && value <= STEP_LIMITS.largest,
}
export const NOT_NEGATIVE: NumberRange = { words: 'a number from 0', contains: (value) => value >= 0 }
export const WHOLE_FROM_ONE: NumberRange = {
  words: 'a whole number from 1',
  contains: (value) => Number.isSafeInteger(value) && value >= 1,
  isWhole: true,
}
export const WHOLE: NumberRange = {
  words: 'a whole number',
  contains: Number.isSafeInteger,
  isWhole: true,
}
export const WHOLE_FROM_ZERO: NumberRange = {
  words: 'a whole number from 0',
  contains: (value) => Number.isSafeInteger(value) && value >= 0,
  isWhole: true,
}

/**
 * A parser for an option that takes a finite number.
 * @throws GradcheckError `bad-usage` from the parser.
 */
export function parseNumber(option: string, range: NumberRange): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (!Number.isFinite(value) || !range.contains(value)) {
      throw new GradcheckError(
        'bad-usage',
        `${option} must be ${range.words}, not "${text}"`,
        explainNumber(option, text, range),
      )
    }
    return value
  }
}

/** The same number as it has to be written, where it is one that the option takes. */
function explainNumber(option: string, text: string, range: NumberRange): { fix?: string } {
  if (Number.isFinite(Number(text)) && text.trim() !== '') return {}
  const hasThousands = range.isWhole && /^[1-9]\d{0,2}(,\d{3})+$/.test(text.trim())
  const proposed = hasThousands ? text.trim().replaceAll(',', '') : proposeNumber(text)
  return proposed === undefined || !range.contains(Number(proposed))
    ? {}
    : { fix: `write ${option} ${proposed}` }
}

const isActivation = (name: string) => ACTIVATION_NAMES.some((known) => known === name)
/** How lists are written elsewhere; a name may have a hyphen itself. */
const SEPARATIONS: readonly RegExp[] = [/[\s,;|+>[\]'"()/]+/, /[\s,;|+>[\]'"()/-]+/]

/** The activations of `relu,relu,sigmoid`, one a layer. */
export function parseActivations(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.includes('')) {
    throw new GradcheckError('bad-usage', `--activations has an empty name in "${text}"`, {
      fix: 'name one activation a layer, separated by commas',
    })
  }
  if (names.some((name) => !isActivation(name))) {
    const apart = SEPARATIONS.map((separator) => text.split(separator).filter((name) => name !== ''))
    const meant = apart.find((words) => words.length > 1 && words.every(isActivation))
    if (meant !== undefined) {
      throw new GradcheckError('bad-usage', `--activations takes names with commas between, not "${text}"`, {
        fix: `write --activations ${meant.join()}`,
      })
    }
  }
  for (const name of names) findActivation(name)
  return names
}

/** The precision of an adapter's arithmetic. */
export const parsePrecision = parseChoice('--precision', GPU_PRECISIONS)
