import { describeValue } from '../describe-value.js'

/** What an attribute of an operation may be. */
export type AttributeRule =
  | 'a number'
  | 'a whole number'
  | 'a whole number ≥ 1'
  | 'true or false'
  | 'a list of whole numbers'
  | 'a whole number, or a list of them'
  | 'a list of numbers'
  | 'a value, a number or a tensor'
  | 'mean, sum or none'

/** Each attribute of an operation, by its name. */
export type AttributeRules = Readonly<
  Record<string, { readonly rule: AttributeRule; readonly isRequired?: true }>
>

const TESTS: Readonly<Record<AttributeRule, (value: unknown) => boolean>> = {
  'a number': Number.isFinite,
  'a whole number': Number.isSafeInteger,
  'a whole number ≥ 1': (value) => Number.isSafeInteger(value) && Number(value) >= 1,
  'true or false': (value) => typeof value === 'boolean',
  'a whole number, or a list of them': (value) =>
    Number.isSafeInteger(value) || (Array.isArray(value) && value.every(Number.isSafeInteger)),
  // what it is the builder tells
  'a value, a number or a tensor': (value) =>
    typeof value === 'number' || (typeof value === 'object' && value !== null),
  'a list of numbers': (value) => Array.isArray(value) && value.every(Number.isFinite),
  'mean, sum or none': (value) => value === 'mean' || value === 'sum' || value === 'none',
  'a list of whole numbers': (value) => Array.isArray(value) && value.every(Number.isSafeInteger),
}

/** What is wrong with the attributes that an operation was given, as a sentence goes on; undefined where nothing is. */
export function findAttributeMistake(
  rules: AttributeRules,
  given: Readonly<Record<string, unknown>>,
): string | undefined {
  const names = Object.keys(rules)
  const unknown = Object.keys(given).find((name) => !names.includes(name))
  if (unknown !== undefined) {
    const known = names.length === 0 ? 'it takes none' : `it takes ${names.join(' and ')}`
    return `there is no attribute ${unknown}: ${known}`
  }
  for (const [name, { rule, isRequired }] of Object.entries(rules)) {
    const value = given[name]
    if (value === undefined) {
      if (isRequired) return `needs { ${name} }: ${rule}`
    } else if (!TESTS[rule](value)) {
      return `${name} must be ${rule}, not ${describeValue(value)}`
    }
  }
  return undefined
}
