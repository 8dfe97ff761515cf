import { NdArray } from './arrays.js'
import type { ClassDefinition, Expression, FunctionDefinition, Parameter, Statement } from './ast.js'
import { Refusal } from './refusal.js'
import type { SourceFile } from './source-file.js'

/** Steps after which code is taken to have no end, and items beyond which nothing grows. */
export const MOST_STEPS = 2e6

/** Python's whole numbers are bigints here, so that 1 and 1.0 are told apart. */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | NdArray
  | PyTuple
  | PyList
  | PyDict
  | PySet
  | PySlice
  | PyRange
  | PyDictView
  | PyIterator
  | PyFunction
  | PyClass
  | PyInstance
  | PySuper
  | PyModule
  | Native
  | Ellipsis
  | Unknown

export class PyTuple {
  constructor(readonly items: readonly Value[]) {}
}

export class PyList {
  constructor(readonly items: Value[]) {}
}

/** A tuple whose items have names: what `collections.namedtuple` makes. */
export class PyNamedTuple extends PyTuple {
  constructor(
    items: readonly Value[],
    readonly type: string,
    readonly fields: readonly string[],
  ) {
    super(items)
  }
}

/** A list that grows at both ends: what `collections.deque` makes. */
export class PyDeque extends PyList {
  constructor(
    items: Value[],
    /** Items beyond this fall out at the other end. */
    readonly most: number | undefined,
  ) {
    super(items)
  }
}

/** `range(…)` */
export class PyRange {
  constructor(
    readonly start: number,
    readonly stop: number,
    readonly step: number,
  ) {}

  get length(): number {
    return Math.max(0, Math.ceil((this.stop - this.start) / this.step))
  }

  at(k: number): bigint {
    return BigInt(this.start + k * this.step)
  }
}

/** What is gone through once: a generator, or what zip, map and their like make. */
export class PyIterator {
  constructor(readonly source: Iterator<Value>) {}
}

/** Entries by the text of their keys, which are told apart by kind: 1 and '1' are two. */
export class PyDict {
  readonly entries = new Map<string, { readonly key: Value; value: Value }>()

  get(key: Value): Value | undefined {
    return this.entries.get(keyOf(key))?.value
  }

  set(key: Value, value: Value): void {
    const text = keyOf(key)
    const known = this.entries.get(text)
    if (known === undefined) this.entries.set(text, { key, value })
    else known.value = value
  }

  has(key: Value): boolean {
    return this.entries.has(keyOf(key))
  }

  remove(key: Value): void {
    this.entries.delete(keyOf(key))
  }

  /** A dictionary of its own with the entries of both, those of the other first in rank. */
  merged(other: PyDict): PyDict {
    const made = new PyDict()
    for (const { key, value } of [...this.entries.values(), ...other.entries.values()]) made.set(key, value)
    return made
  }
}

/** A dictionary that makes what it lacks: what `collections.defaultdict` makes. */
export class PyDefaultDict extends PyDict {
  constructor(readonly factory: Value) {
    super()
  }
}

/** A dictionary whose order counts: what `collections.OrderedDict` makes. */
export class PyOrderedDict extends PyDict {}

/** A dictionary of counts: what `collections.Counter` makes. */
export class PyCounter extends PyDict {}

/** A dictionary's keys, values or both, as they are when they are looked at. */
export class PyDictView {
  constructor(
    readonly of: PyDict,
    readonly what: 'keys' | 'values' | 'items',
  ) {}

  get items(): Value[] {
    const entries = [...this.of.entries.values()]
    if (this.what === 'items') return entries.map(({ key, value }) => new PyTuple([key, value]))
    return entries.map((entry) => (this.what === 'keys' ? entry.key : entry.value))
  }
}

export class PySet {
  readonly entries = new Map<string, Value>()

  constructor(
    items: Iterable<Value>,
    readonly isFrozen = false,
  ) {
    for (const item of items) this.add(item)
  }

  add(item: Value): void {
    const text = keyOf(item)
    if (!this.entries.has(text)) this.entries.set(text, item)
  }

  has(item: Value): boolean {
    return this.entries.has(keyOf(item))
  }

  remove(item: Value): void {
    this.entries.delete(keyOf(item))
  }
}

export class PySlice {
  constructor(
    readonly start: Value,
    readonly stop: Value,
    readonly step: Value,
  ) {}
}

export class Ellipsis {}

/** Names of one level: of a call, of a file. */
export interface Scope {
  readonly names: Map<string, Value>
  readonly outer: Scope | undefined
  readonly file: SourceFile
  /** Names that are those of the file. */
  readonly globals: Set<string>
  /** Of a comprehension: what is named within an expression is named around it. */
  readonly isInner?: boolean
  /** Names that are those of a function around this one. */
  nonlocals?: Set<string>
  /** The class whose method is called, for super(). */
  readonly owner: PyClass | undefined
  readonly self: Value | undefined
}

export class PyFunction {
  constructor(
    readonly name: string,
    readonly parameters: readonly Parameter[],
    readonly body: readonly Statement[] | Expression,
    readonly scope: Scope,
    readonly at: number,
    readonly self: Value | undefined,
    readonly owner: PyClass | undefined,
    /** What arguments are where they are not given: evaluated once. */
    readonly defaults: Map<string, Value> = new Map(),
  ) {}

  bind(self: Value): PyFunction {
    const { name, parameters, body, scope, at, owner, defaults } = this
    return new PyFunction(name, parameters, body, scope, at, self, owner, defaults)
  }
}

/** An instance as classes before one of its own see it. */
export class PySuper {
  constructor(
    readonly self: Value,
    readonly after: PyClass,
  ) {}
}

export class PyClass {
  readonly members = new Map<string, Value>()
  /** Functions that are called without an instance, and those that are read as attributes. */
  readonly statics = new Set<string>()
  readonly properties = new Set<string>()
  /** Functions that get the class, and those that are called where a property is set. */
  readonly classMethods = new Set<string>()
  readonly setters = new Map<string, PyFunction>()
  /** Of a data class: what an instance is made of, in its order. */
  dataFields: readonly DataField[] | undefined
  /** Whether it is made of classes that are not at hand. */
  isOpen = false
  /** What of its body is not understood. */
  broken: Unknown | undefined

  constructor(
    readonly definition: ClassDefinition,
    readonly bases: readonly PyClass[],
    readonly scope: Scope,
  ) {}

  /** The class and those that it is made of, in the order in which they are asked (C3 linearization). */
  order(): readonly PyClass[] {
    const lists = [...this.bases.map((base) => [...base.order()]), [...this.bases]]
    const order: PyClass[] = [this]
    while (lists.some((list) => list.length > 0)) {
      const heads = lists.flatMap(([head]) => (head === undefined ? [] : [head]))
      const next = heads.find((head) => lists.every((list) => list.indexOf(head) < 1)) ?? heads[0]
      order.push(next)
      for (const list of lists) if (list[0] === next) list.shift()
    }
    return order
  }

  /** The member of that name, of the class or of one that it is made of. */
  find(name: string): { readonly owner: PyClass; readonly value: Value } | undefined {
    for (const owner of this.order()) {
      const value = owner.members.get(name)
      if (value !== undefined) return { owner, value }
    }
    return undefined
  }
}

/** A field of a data class. */
export interface DataField {
  readonly name: string
  readonly usual: Value | undefined
  /** What makes the default, where it is to be made anew. */
  readonly factory: Value | undefined
}

export class PyInstance {
  /**
   * @param of undefined of an object that takes anything, such as a context
   * @param attributes those of another instance, where this one stands for it
   */
  constructor(
    readonly of: PyClass | undefined,
    readonly attributes: Map<string, Value> = new Map(),
  ) {}
}

/** What is imported: names that are known, or the file behind them. */
export class PyModule {
  constructor(
    readonly name: string,
    readonly file: SourceFile | undefined,
  ) {}
}

/** Where something is called, or read. */
export interface Place {
  readonly file: SourceFile
  readonly at: number
}

/** Arguments of a call, as they are given. */
export interface Given {
  readonly plain: readonly Value[]
  readonly named: ReadonlyMap<string, Value>
}

/** A function that is known here. */
export class Native {
  constructor(
    readonly name: string,
    readonly call: (given: Given, place: Place) => Value,
  ) {}
}

/** What is known here and indexed, such as `np.c_`. */
export class NativeIndexer extends Native {
  constructor(
    name: string,
    readonly at: (index: Value, place: Place) => Value,
  ) {
    super(name, (_, place) => new Unknown(`np.${name} is indexed, not called`, place, undefined))
  }
}

/** What is not understood, random or missing: it matters only where the loss needs it. */
export class Unknown {
  constructor(
    readonly message: string,
    readonly place: Place,
    readonly fix: string | undefined,
    /** Drawn at random, or of a module that changes no number. */
    readonly kind?: 'random' | 'ignored',
  ) {}
}

/** What is written as a definition. */
export type Definition = FunctionDefinition | ClassDefinition

/**
 * A dictionary's key as text.
 * @throws Refusal for what is no key in Python, or whose hash is the code's own
 */
export function keyOf(key: Value): string {
  if (typeof key === 'string') return `s${key}`
  if (typeof key === 'bigint') return `n${key}`
  if (typeof key === 'number') return `n${Number.isInteger(key) ? BigInt(key) : key}`
  if (typeof key === 'boolean') return `n${key ? 1 : 0}`
  if (key instanceof PyTuple) return `t(${key.items.map((item) => JSON.stringify(keyOf(item))).join()})`
  if (key === null) return 'None'
  // a number that was read from an array
  if (key instanceof NdArray && key.shape.length === 0) return keyOf(key.numbers[0])
  if (key instanceof PyInstance && (key.of?.find('__eq__') ?? key.of?.find('__hash__')) !== undefined) {
    throw new Refusal('a key that decides itself what it is equal to is not understood')
  }
  if (key instanceof PySet && key.isFrozen)
    return `f(${[...key.entries.keys()]
      .sort()
      .map((one) => JSON.stringify(one))
      .join()})`
  if (
    key instanceof NdArray ||
    key instanceof PyList ||
    key instanceof PyDict ||
    key instanceof PySet ||
    key instanceof PySlice
  ) {
    throw new Refusal('this can be no key, nor in a set: what it holds may change', 'TypeError')
  }
  let id = IDS.get(key as object)
  if (id === undefined) {
    id = ++count
    IDS.set(key as object, id)
  }
  return `o${id}`
}

const IDS = new WeakMap<object, number>()
let count = 0

/** What a method of the user's returns where it has no answer. */
export const NOT_IMPLEMENTED = new Native('NotImplemented', (_, place) => {
  return new Unknown('NotImplemented cannot be called', place, undefined)
})

/** What Python calls a value's type. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'float'
  if (typeof value === 'string') return 'str'
  if (value instanceof PyInstance) return value.of?.definition.name ?? 'object'
  const found = TYPE_NAMES.find(([type]) => value instanceof type)
  return found?.[1] ?? 'object'
}

const TYPE_NAMES: readonly [new (...given: never[]) => object, string][] = [
  [NdArray, 'numpy.ndarray'],
  [PyTuple, 'tuple'],
  [PyDeque, 'deque'],
  [PyList, 'list'],
  [PyDefaultDict, 'defaultdict'],
  [PyCounter, 'Counter'],
  [PyOrderedDict, 'OrderedDict'],
  [PyDict, 'dict'],
  [PySet, 'set'],
  [PySlice, 'slice'],
  [PyRange, 'range'],
  [PyDictView, 'dict_view'],
  [PyIterator, 'generator'],
  [PyFunction, 'function'],
  [PyClass, 'type'],
]

/** A number that does not depend on the parameters; undefined for anything else. */
export function plainNumber(value: Value): number | undefined {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof NdArray && value.size === 1 && !value.isTraced) return value.numbers[0]
  return undefined
}
