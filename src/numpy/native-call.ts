import type { Node } from '../program/builder.js'
import { ShapeMismatch } from '../program/shapes.js'
import { elementCount, formatShape, type Tensor } from '../tensor.js'
import { arrayOf, type Kind, NdArray, nodeOf, type Tracer } from './arrays.js'
import type { Interpreter } from './interpreter.js'
import { Refusal } from './refusal.js'
import { type Given, type Place, PyList, PyRange, PyTuple, Unknown, type Value } from './values.js'

/** Stands for infinity, which no value of a program may be. */
export const INFINITE = 1e300

/** Elements of an array that code makes from nothing. */
const MOST_ELEMENTS = 2e7

/** A call of a function that is known here. */
export class Call {
  /** Names of arguments that were looked at. */
  readonly read = new Set<string>()

  constructor(
    readonly interpreter: Interpreter,
    readonly tracer: Tracer,
    readonly given: Given,
    readonly place: Place,
  ) {}

  /** An argument by its position, or by one of its names. */
  get(position: number, ...names: string[]): Value | undefined {
    for (const name of names) this.read.add(name)
    for (const name of names) if (this.given.named.has(name)) return this.given.named.get(name)
    return this.given.plain[position]
  }

  /** An argument that must be there. */
  required(position: number, ...names: string[]): Value {
    const value = this.get(position, ...names)
    if (value === undefined) throw new Refusal(`argument ${position + 1} is missing`, 'TypeError')
    return value
  }

  /** The items of an argument, each found when it is asked for. */
  items(position: number): Iterator<Value> {
    return this.interpreter.iterator(this.required(position), this.place)
  }

  /** The same call with other arguments. */
  with(plain: readonly Value[]): Call {
    return new Call(this.interpreter, this.tracer, { plain, named: this.given.named }, this.place)
  }

  array(position: number, ...names: string[]): NdArray {
    const value = this.get(position, ...names)
    if (value === undefined) throw new ShapeMismatch(`argument ${position + 1} is missing`)
    return this.interpreter.toArray(value, this.place)
  }

  node(position: number, ...names: string[]): Node {
    return nodeOf(this.tracer, this.array(position, ...names))
  }

  integer(value: Value): number {
    return this.interpreter.integer(value, this.place)
  }

  /** A whole number, or a list of them; undefined where nothing is said. */
  integers(value: Value | undefined): number[] | undefined {
    if (value === undefined || value === null) return undefined
    const isList =
      value instanceof PyTuple ||
      value instanceof PyList ||
      value instanceof PyRange ||
      (value instanceof NdArray && value.shape.length === 1)
    if (isList) return this.interpreter.iterate(value, this.place).map((item) => this.integer(item))
    return [this.integer(value)]
  }

  flag(...names: string[]): boolean {
    const value = this.get(99, ...names)
    return value !== undefined && this.interpreter.truth(value, this.place)
  }

  wrap(node: Node, kind: Kind): NdArray {
    return arrayOf(this.tracer, node, kind)
  }

  /** Refuses an array that is larger than what is followed. */
  fitting(shape: readonly number[]): readonly number[] {
    const negative = shape.find((length) => length < 0)
    if (negative !== undefined) throw new ShapeMismatch(`${negative} is no length`)
    if (elementCount(shape) <= MOST_ELEMENTS) return shape
    throw new ShapeMismatch(`an array of shape ${formatShape(shape)} is too large`)
  }

  constant(shape: readonly number[], data: ArrayLike<number>, kind: Kind): NdArray {
    const numbers: Tensor = { shape: [...shape], data: Float64Array.from(data), dtype: 'float64' }
    return this.wrap(this.tracer.b.constant(numbers), kind)
  }

  /** An argument that is named and was not looked at is not understood. */
  unread(): Unknown | undefined {
    const other = [...this.given.named.keys()].find(
      (key) => !this.read.has(key) && !HARMLESS_ARGUMENTS.has(key),
    )
    return other === undefined ? undefined : this.refuse(`the argument ${other} is not understood here`)
  }

  /** What is not understood. */
  refuse(what: string, fix?: string): Unknown {
    return new Unknown(what, this.place, fix ?? 'docs/forward.md lists what is')
  }
}

export type Body = (call: Call) => Value

/** Arguments that change no number. */
export const HARMLESS_ARGUMENTS = new Set([
  'dtype',
  'copy',
  'casting',
  'optimize',
  'device',
  'requires_grad',
  'subok',
  'inplace',
])
