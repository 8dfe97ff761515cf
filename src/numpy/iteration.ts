import { EXCEPTIONS, PythonError } from './exceptions.js'
import type { PyList, PyRange, PySet, Value } from './values.js'

/** A list's items, as they are when each is come to: the list may grow meanwhile. */
export function* itemsOf({ items }: PyList): Generator<Value> {
  for (let k = 0; k < items.length; k++) yield items[k]
}

export function* numbersOf(range: PyRange): Generator<Value> {
  for (let k = 0; k < range.length; k++) yield range.at(k)
}

export function* valuesOf(entries: Iterable<{ readonly value: Value }>): Generator<Value> {
  for (const { value } of entries) yield value
}

/** Whether an error is that exception of Python's. */
export const isRaised = (error: unknown, name: string): boolean =>
  error instanceof PythonError && error.exception.of?.order().includes(EXCEPTIONS.get(name)!) === true

/** Small whole numbers stand in a set in their order, if its table has a place for each. */
function isSorted(items: readonly Value[]): boolean {
  const places = items.length < 5 ? 8n : items.length < 19 ? 32n : items.length < 77 ? 128n : 512n
  return items.every((item) => typeof item === 'bigint' && item >= 0n && item < places)
}

export const isOrderKnown = ({ entries }: PySet): boolean =>
  entries.size < 2 || isSorted([...entries.values()])

/** A set's items, in Python's order where it is known. */
export function orderOf({ entries }: PySet): readonly Value[] {
  const items = [...entries.values()]
  return isSorted(items) ? items.toSorted((one, other) => Number(one) - Number(other)) : items
}
