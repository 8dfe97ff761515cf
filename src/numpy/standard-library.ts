import { NdArray } from './arrays.js'
import { BUILTINS, filledDictionary } from './builtins.js'
import { makeNamedTuple } from './classes.js'
import type { Body, Call } from './native-call.js'
import { copied } from './numpy-functions.js'
import { Refusal } from './refusal.js'
import {
  Native,
  PyCounter,
  PyDefaultDict,
  PyDeque,
  PyDict,
  PyInstance,
  PyIterator,
  PyList,
  PyNamedTuple,
  PySet,
  PyTuple,
  type Value,
} from './values.js'

/** Items that itertools makes at once, at most. */
const MOST_ITEMS = 1e6

/** Functions of Python's standard library, by module and name. */
export const STANDARD_LIBRARY: Readonly<Record<string, Body>> = {
  'collections.OrderedDict': (call) => BUILTINS.OrderedDict(call),
  'collections.defaultdict': (call) => {
    const [factory = null, ...rest] = call.given.plain
    const given = { plain: rest, named: call.given.named }
    const made = new PyDefaultDict(factory)
    const [first] = given.plain
    if (first !== undefined && !(first instanceof PyDict)) return call.refuse('a defaultdict of pairs')
    if (first instanceof PyDict) for (const { key, value } of first.entries.values()) made.set(key, value)
    for (const [key, value] of given.named) made.set(key, value)
    return made
  },
  'collections.Counter': (call) => {
    const made = new PyCounter()
    const [first] = call.given.plain
    if (first === undefined || first instanceof PyDict) return filledDictionary(call, made)
    for (const item of call.interpreter.iterate(first, call.place)) {
      const count = made.get(item) ?? 0n
      made.set(item, call.interpreter.binary('+', count, 1n, call.place))
    }
    return made
  },
  'collections.namedtuple': (call) => {
    const [type, given] = [call.required(0), call.required(1, 'field_names')]
    const defaults = call.get(99, 'defaults')
    const fields =
      typeof given === 'string'
        ? given.split(/[\s,]+/).filter((name) => name !== '')
        : call.interpreter.iterate(given, call.place).map(String)
    const usual = defaults === undefined ? [] : call.interpreter.iterate(defaults, call.place)
    return makeNamedTuple(String(type), fields, usual)
  },
  'collections.deque': (call) => {
    const [first] = call.given.plain
    const given = call.get(1, 'maxlen')
    const most = given === undefined || given === null ? undefined : call.integer(given)
    const items = first === undefined ? [] : [...call.interpreter.iterate(first, call.place)]
    return new PyDeque(most === undefined ? items : items.slice(Math.max(0, items.length - most)), most)
  },
  'functools.reduce': (call) => {
    const [f, , start] = call.given.plain
    const items = [...call.interpreter.iterate(call.required(1), call.place)]
    const first = start ?? items.shift()
    if (first === undefined)
      throw new Refusal('reduce() of empty iterable with no initial value', 'TypeError')
    return items.reduce(
      (made, item) => call.interpreter.call(f, { plain: [made, item], named: new Map() }, call.place),
      first,
    )
  },
  'functools.partial': (call) => {
    const [f, ...plain] = call.given.plain
    const { named } = call.given
    return new Native('partial', (more, place) =>
      call.interpreter.call(
        f,
        { plain: [...plain, ...more.plain], named: new Map([...named, ...more.named]) },
        place,
      ),
    )
  },
  'itertools.chain': (call) => new PyIterator(chained(call, call.given.plain)),
  'itertools.chain.from_iterable': (call) =>
    new PyIterator(chained(call, call.interpreter.iterate(call.required(0), call.place))),
  'itertools.product': (call) => {
    const lists = call.given.plain.map((value) => call.interpreter.iterate(value, call.place))
    const times = call.get(99, 'repeat')
    const all = Array.from({ length: times === undefined ? 1 : call.integer(times) }, () => lists).flat()
    if (all.reduce((count, { length }) => count * length, 1) > MOST_ITEMS)
      return call.refuse('as many products')
    const rows = all.reduce<Value[][]>(
      (made, list) => made.flatMap((row) => list.map((item) => [...row, item])),
      [[]],
    )
    return iteratorOf(rows.map((row) => new PyTuple(row)))
  },
  'itertools.zip_longest': (call) => {
    const usual = call.get(99, 'fillvalue') ?? null
    const lists = call.given.plain.map((value) => call.interpreter.iterate(value, call.place))
    const length = Math.max(0, ...lists.map((list) => list.length))
    return iteratorOf(
      Array.from({ length }, (_, k) => new PyTuple(lists.map((list) => (k < list.length ? list[k] : usual)))),
    )
  },
  'itertools.repeat': (call) => {
    const times = call.get(1, 'times')
    return new PyIterator(repeated(call.required(0), times === undefined ? undefined : call.integer(times)))
  },
  'itertools.count': (call) =>
    new PyIterator(counted(call, call.get(0, 'start') ?? 0n, call.get(1, 'step') ?? 1n)),
  'itertools.cycle': (call) => new PyIterator(cycled(call.interpreter.iterate(call.required(0), call.place))),
  'itertools.islice': (call) => {
    const bounds = call.given.plain
      .slice(1)
      .map((value) => (value === null ? undefined : call.integer(value)))
    const [start = 0, stop, step = 1] = bounds.length === 1 ? [0, bounds[0]] : bounds
    return new PyIterator(sliced(call.items(0), start, stop ?? Number.POSITIVE_INFINITY, step))
  },
  'itertools.accumulate': (call) => {
    const f = call.get(1, 'func')
    const start = call.get(99, 'initial')
    const items = [
      ...(start === undefined ? [] : [start]),
      ...call.interpreter.iterate(call.required(0), call.place),
    ]
    const made: Value[] = []
    for (const item of items) {
      const last = made[made.length - 1]
      if (made.length === 0) made.push(item)
      else if (f === undefined || f === null) made.push(call.interpreter.binary('+', last, item, call.place))
      else made.push(call.interpreter.call(f, { plain: [last, item], named: new Map() }, call.place))
    }
    return iteratorOf(made)
  },
  'itertools.combinations': (call) => chosen(call, (one, other) => other > one),
  'itertools.permutations': (call) => chosen(call, (one, other) => other !== one),
  'itertools.pairwise': (call) => {
    const items = call.interpreter.iterate(call.required(0), call.place)
    return iteratorOf(items.slice(1).map((item, k) => new PyTuple([items[k], item])))
  },
  'itertools.starmap': (call) =>
    iteratorOf(
      call.interpreter.iterate(call.required(1), call.place).map((item) => {
        const plain = call.interpreter.iterate(item, call.place)
        return call.interpreter.call(call.required(0), { plain, named: new Map() }, call.place)
      }),
    ),
  'itertools.takewhile': (call) => new PyIterator(taken(call)),
  'copy.copy': (call) => copyOf(call, call.required(0), false),
  'copy.deepcopy': (call) => copyOf(call, call.required(0), true),
  'operator.itemgetter': (call) => {
    const keys = call.given.plain
    return new Native('itemgetter', ({ plain: [of] }, place) => {
      const items = keys.map((key) => call.interpreter.index(of, key, place))
      return items.length === 1 ? items[0] : new PyTuple(items)
    })
  },
  'operator.attrgetter': (call) => {
    const name = call.required(0)
    if (call.given.plain.length > 1 || typeof name !== 'string' || name.includes('.')) {
      return call.refuse('several attributes at once')
    }
    return new Native('attrgetter', ({ plain: [of] }, place) => call.interpreter.member(of, name, place))
  },
  ...Object.fromEntries(
    Object.entries({
      add: '+',
      sub: '-',
      mul: '*',
      truediv: '/',
      floordiv: '//',
      mod: '%',
      pow: '**',
      matmul: '@',
    }).map(([name, operator]): [string, Body] => [
      `operator.${name}`,
      (call) => call.interpreter.binary(operator, call.required(0), call.required(1), call.place),
    ]),
  ),
  'operator.neg': (call) => call.interpreter.binary('*', call.required(0), -1n, call.place),
}

const iteratorOf = (items: readonly Value[]) => new PyIterator(items[Symbol.iterator]())

function* chained(call: Call, lists: readonly Value[]): Generator<Value> {
  for (const list of lists) {
    const items = call.interpreter.iterator(list, call.place)
    for (let next = items.next(); next.done !== true; next = items.next()) yield next.value
  }
}

function* repeated(value: Value, times: number | undefined): Generator<Value> {
  for (let k = 0; times === undefined || k < times; k++) yield value
}

function* counted(call: Call, start: Value, step: Value): Generator<Value> {
  for (let at = start; ; at = call.interpreter.binary('+', at, step, call.place)) yield at
}

function* cycled(items: readonly Value[]): Generator<Value> {
  while (items.length > 0) yield* items
}

function* sliced(items: Iterator<Value>, start: number, stop: number, step: number): Generator<Value> {
  for (let k = 0; k < stop; k++) {
    const next = items.next()
    if (next.done === true) return
    if (k >= start && (k - start) % step === 0) yield next.value
  }
}

function* taken(call: Call): Generator<Value> {
  const items = call.items(1)
  for (let next = items.next(); next.done !== true; next = items.next()) {
    const holds = call.interpreter.call(
      call.required(0),
      { plain: [next.value], named: new Map() },
      call.place,
    )
    if (!call.interpreter.truth(holds, call.place)) return
    yield next.value
  }
}

/** Choices of so many items, each in the order in which they stand. */
function chosen(call: Call, mayFollow: (one: number, other: number) => boolean): Value {
  const items = call.interpreter.iterate(call.required(0), call.place)
  const given = call.get(1, 'r')
  const count = given === undefined || given === null ? items.length : call.integer(given)
  const made: Value[] = []
  const go = (places: readonly number[]): void => {
    if (made.length > MOST_ITEMS) throw new Refusal('as many choices are not understood')
    if (places.length === count) {
      made.push(new PyTuple(places.map((k) => items[k])))
      return
    }
    for (let k = 0; k < items.length; k++) {
      if (places.every((place) => mayFollow(place, k))) go([...places, k])
    }
  }
  go([])
  return iteratorOf(made)
}

/** A copy, of what it holds as well where it goes deep. */
function copyOf(call: Call, value: Value, isDeep: boolean, known = new Map<Value, Value>()): Value {
  const seen = known.get(value)
  if (seen !== undefined) return seen
  const inner = (item: Value) => (isDeep ? copyOf(call, item, true, known) : item)
  const remember = <T extends Value>(made: T): T => {
    known.set(value, made)
    return made
  }
  if (value instanceof NdArray) return remember(copied(call, value))
  if (value instanceof PyNamedTuple) return new PyNamedTuple(value.items.map(inner), value.type, value.fields)
  if (value instanceof PyTuple) return isDeep ? new PyTuple(value.items.map(inner)) : value
  if (value instanceof PyList) {
    const made = remember(value instanceof PyDeque ? new PyDeque([], value.most) : new PyList([]))
    for (const item of value.items) made.items.push(inner(item))
    return made
  }
  if (value instanceof PyDict) {
    const made = remember(
      value instanceof PyDefaultDict
        ? new PyDefaultDict(value.factory)
        : new (value.constructor as typeof PyDict)(),
    )
    for (const entry of value.entries.values()) made.set(inner(entry.key), inner(entry.value))
    return made
  }
  if (value instanceof PySet) return new PySet([...value.entries.values()].map(inner), value.isFrozen)
  if (value instanceof PyIterator) throw new Refusal('a generator cannot be copied', 'TypeError')
  if (value instanceof PyInstance) {
    if ((value.of?.find('__copy__') ?? value.of?.find('__deepcopy__')) !== undefined) {
      throw new Refusal('an object that copies itself is not understood')
    }
    const made = remember(new PyInstance(value.of))
    for (const [name, item] of value.attributes) made.attributes.set(name, inner(item))
    return made
  }
  return value
}
