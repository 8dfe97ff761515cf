import type { Tracer } from './arrays.js'
import { addEntries, sortItems } from './builtins.js'
import type { Interpreter } from './interpreter.js'
import { Call } from './native-call.js'
import { Refusal } from './refusal.js'
import { STRING_METHODS } from './string-methods.js'
import {
  Native,
  type Place,
  PyCounter,
  PyDefaultDict,
  PyDeque,
  PyDict,
  PyDictView,
  PyIterator,
  PyList,
  PyNamedTuple,
  PyOrderedDict,
  PySet,
  PyTuple,
  type Value,
} from './values.js'

/** What a method does with what it is given. */
type Method<T> = (of: T, call: Call) => Value

/** A method of a list, a dictionary, a set or a text; undefined for a name that is none. */
export function methodOf(
  interpreter: Interpreter,
  tracer: Tracer,
  object: Value,
  name: string,
  place: Place,
): Value | undefined {
  if (object instanceof PyNamedTuple) {
    const at = object.fields.indexOf(name)
    if (at >= 0) return object.items[at]
    if (name === '_fields') return new PyTuple(object.fields)
  }
  const find = <T>(methods: Readonly<Record<string, Method<T>>>, of: T): Native | undefined => {
    if (!Object.hasOwn(methods, name)) return undefined
    return new Native(name, (given) => {
      const call = new Call(interpreter, tracer, given, place)
      const value = methods[name](of, call)
      return TAKES_NAMES.has(name) ? value : (call.unread() ?? value)
    })
  }
  if (typeof object === 'string') return find(STRING_METHODS, object)
  if (typeof object === 'number') return find(FLOAT_METHODS, object)
  if (typeof object === 'bigint') return find(INTEGER_METHODS, object)
  if (object instanceof PyDeque) return find(DEQUE_METHODS, object) ?? find(LIST_METHODS, object)
  if (object instanceof PyList) return find(LIST_METHODS, object)
  if (object instanceof PyNamedTuple) return find(NAMED_TUPLE_METHODS, object) ?? find(TUPLE_METHODS, object)
  if (object instanceof PyTuple) return find(TUPLE_METHODS, object)
  if (object instanceof PyCounter) return find(COUNTER_METHODS, object) ?? find(DICTIONARY_METHODS, object)
  if (object instanceof PyDict) return find(DICTIONARY_METHODS, object)
  if (object instanceof PySet) {
    return (object.isFrozen ? undefined : find(SET_CHANGES, object)) ?? find(SET_METHODS, object)
  }
  return undefined
}

/** Methods whose arguments may have any name. */
const TAKES_NAMES = new Set(['format', 'update', '_replace'])

/** Where an item stands among others. */
function placeOf(items: readonly Value[], call: Call): number {
  if (call.given.plain.length > 1) throw new Refusal('a search in a part of a list is not understood')
  const item = call.required(0)
  return items.findIndex((other) => isSame(other, item, call))
}

const isSame = (one: Value, other: Value, call: Call): boolean =>
  one === other || call.interpreter.truth(call.interpreter.compare('==', one, other, call.place), call.place)

function found(items: readonly Value[], call: Call): number {
  const at = placeOf(items, call)
  if (at < 0) throw new Refusal('this is not among the items', 'ValueError')
  return at
}

const TUPLE_METHODS: Readonly<Record<string, Method<PyTuple | PyList>>> = {
  index: ({ items }, call) => BigInt(found(items, call)),
  count: ({ items }, call) => BigInt(items.filter((item) => isSame(item, call.required(0), call)).length),
}

const NAMED_TUPLE_METHODS: Readonly<Record<string, Method<PyNamedTuple>>> = {
  _asdict: ({ fields, items }) => {
    const made = new PyDict()
    for (const [k, field] of fields.entries()) made.set(field, items[k])
    return made
  },
  _replace: ({ fields, items, type }, { given: { named } }) => {
    if ([...named.keys()].some((name) => !fields.includes(name)))
      throw new Refusal('there is no such field', 'ValueError')
    return new PyNamedTuple(
      items.map((item, k) => (named.has(fields[k]) ? (named.get(fields[k]) ?? null) : item)),
      type,
      fields,
    )
  },
}

const LIST_METHODS: Readonly<Record<string, Method<PyList>>> = {
  ...TUPLE_METHODS,
  append: (list, call) => {
    list.items.push(call.required(0))
    return null
  },
  extend: (list, call) => {
    list.items.push(...call.interpreter.iterate(call.required(0), call.place))
    return null
  },
  insert: ({ items }, call) => {
    items.splice(call.integer(call.required(0)), 0, call.required(1))
    return null
  },
  pop: ({ items }, call) => {
    const given = call.get(0)
    const at = given === undefined ? -1 : call.integer(given)
    if (at >= items.length || at < -items.length) throw new Refusal('pop index out of range', 'IndexError')
    return items.splice(at < 0 ? at + items.length : at, 1)[0]
  },
  remove: ({ items }, call) => {
    items.splice(found(items, call), 1)
    return null
  },
  clear: ({ items }) => {
    items.splice(0)
    return null
  },
  sort: ({ items }, call) => {
    items.splice(0, items.length, ...sortItems(call, items))
    return null
  },
  reverse: ({ items }) => {
    items.reverse()
    return null
  },
  copy: (list) =>
    list instanceof PyDeque ? new PyDeque([...list.items], list.most) : new PyList([...list.items]),
}

/** Items that are too many fall out at the other end. */
function trim(deque: PyDeque, isFromLeft: boolean): null {
  const { items, most } = deque
  while (most !== undefined && items.length > most)
    if (isFromLeft) items.pop()
    else items.shift()
  return null
}

const DEQUE_METHODS: Readonly<Record<string, Method<PyDeque>>> = {
  append: (deque, call) => {
    deque.items.push(call.required(0))
    return trim(deque, false)
  },
  appendleft: (deque, call) => {
    deque.items.unshift(call.required(0))
    return trim(deque, true)
  },
  extend: (deque, call) => {
    deque.items.push(...call.interpreter.iterate(call.required(0), call.place))
    return trim(deque, false)
  },
  extendleft: (deque, call) => {
    deque.items.unshift(...call.interpreter.iterate(call.required(0), call.place).toReversed())
    return trim(deque, true)
  },
  popleft: ({ items }) => {
    const item = items.shift()
    if (item === undefined) throw new Refusal('pop from an empty deque', 'IndexError')
    return item
  },
  rotate: ({ items }, call) => {
    const by = call.integer(call.get(0) ?? 1n)
    if (items.length > 0) {
      const at = ((-by % items.length) + items.length) % items.length
      items.push(...items.splice(0, at))
    }
    return null
  },
}

/** What a key is without: nothing, which None is not. */
const valueAt = (of: PyDict, key: Value, usual: () => Value): Value => {
  const known = of.get(key)
  return known === undefined ? usual() : known
}

const noKey = (): never => {
  throw new Refusal('there is no such key', 'KeyError')
}

const DICTIONARY_METHODS: Readonly<Record<string, Method<PyDict>>> = {
  keys: (of) => new PyDictView(of, 'keys'),
  values: (of) => new PyDictView(of, 'values'),
  items: (of) => new PyDictView(of, 'items'),
  get: (of, call) => valueAt(of, call.required(0), () => call.get(1) ?? null),
  copy: (of) => {
    const made =
      of instanceof PyDefaultDict ? new PyDefaultDict(of.factory) : new (of.constructor as typeof PyDict)()
    for (const { key, value } of of.entries.values()) made.set(key, value)
    return made
  },
  update: (of, call) => {
    if (of instanceof PyCounter) throw new Refusal('what is added to a counter is not understood')
    addEntries(call, of, call.get(0))
    for (const [key, value] of call.given.named) of.set(key, value)
    return null
  },
  setdefault: (of, call) =>
    valueAt(of, call.required(0), () => {
      const usual = call.get(1) ?? null
      of.set(call.required(0), usual)
      return usual
    }),
  pop: (of, call) => {
    const usual = call.get(1)
    const value = valueAt(of, call.required(0), () => (usual === undefined ? noKey() : usual))
    of.remove(call.required(0))
    return value
  },
  popitem: (of, call) => {
    const isFirst = of instanceof PyOrderedDict && call.get(0, 'last') === false
    const entries = [...of.entries.values()]
    const entry = entries[isFirst ? 0 : entries.length - 1] ?? noKey()
    of.remove(entry.key)
    return new PyTuple([entry.key, entry.value])
  },
  clear: (of) => {
    of.entries.clear()
    return null
  },
  move_to_end: (of, call) => {
    const key = call.required(0)
    const value = valueAt(of, key, noKey)
    if (!(of instanceof PyOrderedDict) || call.given.named.size > 0)
      throw new Refusal('move_to_end is not understood here')
    of.remove(key)
    of.set(key, value)
    return null
  },
}

const COUNTER_METHODS: Readonly<Record<string, Method<PyCounter>>> = {
  most_common: (of, call) => {
    const entries = [...of.entries.values()]
    entries.sort((one, other) => call.interpreter.compareOrder(other.value, one.value, call.place))
    const given = call.get(0)
    const count = given === undefined || given === null ? entries.length : call.integer(given)
    return new PyList(entries.slice(0, Math.max(0, count)).map(({ key, value }) => new PyTuple([key, value])))
  },
  elements: (of, call) =>
    new PyIterator(
      [...of.entries.values()]
        .flatMap(({ key, value }) => new Array<Value>(Math.max(0, call.integer(value))).fill(key))
        [Symbol.iterator](),
    ),
}

const others = (call: Call): readonly (readonly Value[])[] =>
  call.given.plain.map((value) => call.interpreter.iterateInAnyOrder(value, call.place))

const SET_CHANGES: Readonly<Record<string, Method<PySet>>> = {
  add: (set, call) => {
    set.add(call.required(0))
    return null
  },
  discard: (set, call) => {
    set.remove(call.required(0))
    return null
  },
  remove: (set, call) => {
    if (!set.has(call.required(0))) noKey()
    set.remove(call.required(0))
    return null
  },
  pop: (set) => {
    const [item, ...rest] = [...set.entries.values()]
    if (item === undefined) noKey()
    if (rest.length > 0)
      throw new Refusal('which item a set gives up is not known', undefined, 'sort the set first')
    set.remove(item)
    return item
  },
  clear: (set) => {
    set.entries.clear()
    return null
  },
  update: (set, call) => {
    for (const items of others(call)) for (const item of items) set.add(item)
    return null
  },
}

const SET_METHODS: Readonly<Record<string, Method<PySet>>> = {
  copy: (set) => new PySet(set.entries.values(), set.isFrozen),
  union: (set, call) => new PySet([...set.entries.values(), ...others(call).flat()], set.isFrozen),
  intersection: (set, call) => {
    const sets = others(call).map((items) => new PySet(items))
    return new PySet(
      [...set.entries.values()].filter((item) => sets.every((other) => other.has(item))),
      set.isFrozen,
    )
  },
  difference: (set, call) => {
    const sets = others(call).map((items) => new PySet(items))
    return new PySet(
      [...set.entries.values()].filter((item) => !sets.some((other) => other.has(item))),
      set.isFrozen,
    )
  },
  symmetric_difference: (set, call) =>
    call.interpreter.binary(
      '^',
      set,
      new PySet(call.interpreter.iterateInAnyOrder(call.required(0), call.place)),
      call.place,
    ),
  issubset: (set, call) => {
    const [other] = others(call).map((items) => new PySet(items))
    return [...set.entries.values()].every((item) => other.has(item))
  },
  issuperset: (set, call) => others(call)[0].every((item) => set.has(item)),
  isdisjoint: (set, call) => !others(call)[0].some((item) => set.has(item)),
}

const FLOAT_METHODS: Readonly<Record<string, Method<number>>> = {
  is_integer: (value) => Number.isInteger(value),
}

const INTEGER_METHODS: Readonly<Record<string, Method<bigint>>> = {
  bit_length: (value) => BigInt(value === 0n ? 0 : (value < 0n ? -value : value).toString(2).length),
}
