const MOST_CHARACTERS = 40

/** What a value is, for a message to somebody who gave it in place of another: `"relu"`, `null`, `an array of 3`. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > MOST_CHARACTERS ? `${value.slice(0, MOST_CHARACTERS)}…` : value)
  }
  if (typeof value === 'bigint') return `the BigInt ${value}`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value))
    return value.some(Array.isArray) ? 'a nested array' : `an array of ${value.length}`
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name
  if (name === 'Promise') return 'a promise: await it'
  return typeof name === 'string' && name !== 'Object' && name !== '' ? `a ${name}` : 'an object'
}
