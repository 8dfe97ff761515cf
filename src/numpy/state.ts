import { arrayOf, GuessedArray, NdArray, nodeOf, Storage, type Tracer } from './arrays.js'
import {
  PyDict,
  PyFunction,
  PyInstance,
  PyList,
  PySet,
  PySuper,
  PyTuple,
  type Scope,
  type Value,
} from './values.js'

/**
 * Copies values with all that can be reached from them, so that what is done to the copies is not seen by the originals. What
 * was one stays one: arrays that look at the same numbers, two names of one list.
 */
export class StateCopy {
  readonly #tracer: Tracer
  readonly #copies = new Map<object, unknown>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  of(value: Value): Value {
    if (value === null || typeof value !== 'object') return value
    const known = this.#copies.get(value)
    if (known !== undefined) return known as Value
    if (value instanceof NdArray) return this.#keep(value, this.#array(value))
    if (value instanceof PyTuple) {
      const items: Value[] = []
      const made = this.#keep(value, new PyTuple(items))
      for (const item of value.items) items.push(this.of(item))
      return made
    }
    if (value instanceof PyList) {
      const made = this.#keep(value, new PyList([]))
      for (const item of value.items) made.items.push(this.of(item))
      return made
    }
    if (value instanceof PyDict) {
      const made = this.#keep(value, new PyDict())
      for (const [text, entry] of value.entries)
        made.entries.set(text, { key: entry.key, value: this.of(entry.value) })
      return made
    }
    if (value instanceof PySet) return this.#keep(value, new PySet(value.entries.values()))
    if (value instanceof PyInstance) {
      const made = this.#keep(value, new PyInstance(value.of))
      for (const [name, attribute] of value.attributes) made.attributes.set(name, this.of(attribute))
      return made
    }
    if (value instanceof PySuper) return this.#keep(value, new PySuper(this.of(value.self), value.after))
    if (value instanceof PyFunction) return this.#function(value)
    return value
  }

  /** Names and what they stand for. */
  names(names: ReadonlyMap<string, Value>): Map<string, Value> {
    return new Map([...names].map(([name, value]) => [name, this.of(value)]))
  }

  #keep<T extends Value>(original: Value, copy: T): T {
    this.#copies.set(original as object, copy)
    return copy
  }

  #array(array: NdArray): NdArray {
    const { storage, shape, positions, kind } = array
    let own = this.#copies.get(storage) as Storage | undefined
    if (own === undefined) {
      own = new Storage(this.#tracer, storage.shaped)
      this.#copies.set(storage, own)
    }
    const copy = new NdArray(own, shape, positions, kind)
    return array instanceof GuessedArray ? new GuessedArray(copy, this.#array(array.argument)) : copy
  }

  /** A function within another keeps what it sees of it. */
  #function(value: PyFunction): PyFunction {
    const self = value.self === undefined ? undefined : this.of(value.self)
    const { name, parameters, body, at, owner, defaults } = value
    const scope = value.scope.outer === undefined ? value.scope : this.scope(value.scope)
    if (self === value.self && scope === value.scope) return value
    const own = value.scope.outer === undefined ? defaults : this.names(defaults)
    return this.#keep(value, new PyFunction(name, parameters, body, scope, at, self, owner, own))
  }

  /** The names of a call, and of those around it; those of a file stay. */
  scope(scope: Scope): Scope {
    if (scope.outer === undefined) return scope
    const known = this.#copies.get(scope)
    if (known !== undefined) return known as Scope
    const made = { ...scope, names: new Map<string, Value>(), outer: this.scope(scope.outer) }
    this.#copies.set(scope, made)
    for (const [name, value] of scope.names) made.names.set(name, this.of(value))
    return made
  }
}

/** Makes every value of the program that arrays have pending, so that copies of them find it made. */
export function settleArrays(tracer: Tracer, values: Iterable<Value>): void {
  const seen = new Set<object>()
  const visit = (value: Value): void => {
    if (value === null || typeof value !== 'object' || seen.has(value)) return
    seen.add(value)
    if (value instanceof NdArray) void nodeOf(tracer, arrayOf(tracer, value.storage.shaped, value.kind))
    else if (value instanceof PyTuple || value instanceof PyList) value.items.forEach(visit)
    else if (value instanceof PyDict) for (const entry of value.entries.values()) visit(entry.value)
    else if (value instanceof PySet) for (const item of value.entries.values()) visit(item)
    else if (value instanceof PyInstance) for (const attribute of value.attributes.values()) visit(attribute)
    else if (value instanceof PySuper) visit(value.self)
    else if (value instanceof PyFunction) {
      if (value.self !== undefined) visit(value.self)
      for (let at: Scope | undefined = value.scope; at !== undefined; at = at.outer) {
        if (seen.has(at)) break
        seen.add(at)
        for (const name of at.names.values()) visit(name)
      }
    }
  }
  for (const value of values) visit(value)
}
