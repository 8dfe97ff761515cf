import type { Builder, Node } from '../program/builder.js'
import { listOffsets, type Shape, stridesOf } from '../program/shapes.js'
import { elementCount, formatShape } from '../tensor.js'
import type { SourceFile } from './source-file.js'

/** What an array holds: floats, whole numbers or truth values. */
export type Kind = 'f' | 'i' | 'b'

/** Values of a program while it is traced. */
export interface Tracer {
  readonly b: Builder
  /** A value's numbers at the given point. */
  numbersOf(node: Node): Float64Array
  /** Whether a value is one of the program still: what was tried may have been taken back. */
  holds(node: Node): boolean
  /** Whether it depends on a parameter. */
  isTraced(node: Node): boolean
  /** Whether the user's code calls it something. */
  isNamed(node: Node): boolean
  /** Says where what is made from here on is written. */
  locate(place: { readonly file: SourceFile; readonly at: number }): void
}

/** Numbers that arrays share: what is stored into one is seen by all that look at it. */
export class Storage {
  /** The elements in a shape of their own, before anything was stored. */
  #shaped: Node
  /** Those along one axis, once they have been asked for. */
  #flat: { readonly of: Node; readonly node: Node } | undefined
  #isTraced: boolean
  readonly #numbers: Float64Array
  readonly #tracer: Tracer
  /** For each element what was stored since the node was made: which of `stored`, and where in it; −1 for nothing. */
  #from: Int32Array | undefined
  #at: Int32Array | undefined
  #stored: Node[] = []
  /** How often something was stored. */
  version = 0

  constructor(tracer: Tracer, node: Node) {
    this.#tracer = tracer
    this.#shaped = node
    this.#isTraced = tracer.isTraced(node)
    this.#numbers = tracer.numbersOf(node).slice()
  }

  get size(): number {
    return this.#numbers.length
  }

  get numbers(): Float64Array {
    return this.#numbers
  }

  get isTraced(): boolean {
    return this.#isTraced
  }

  /** The elements as they now are, in whatever shape. */
  get shaped(): Node {
    if (!this.#tracer.holds(this.#shaped) || !this.#stored.every((node) => this.#tracer.holds(node))) {
      this.#shaped = this.#tracer.b.constant({
        shape: [this.size],
        data: this.#numbers.slice(),
        dtype: 'float64',
      })
      this.#from = undefined
      this.#at = undefined
      this.#stored = []
    }
    if (this.#from === undefined || this.#at === undefined) return this.#shaped
    const { b } = this.#tracer
    const [from, at] = [this.#from, this.#at]
    const nodes = [this.#shaped, ...this.#stored]
    const places = nodes.map(({ shape }) => new Array<number>(elementCount(shape)).fill(-1))
    for (let k = 0; k < from.length; k++) places[from[k] + 1][from[k] === -1 ? k : at[k]] = k
    const used = places.flatMap((own, k) => (own.some((place) => place >= 0) ? [k] : []))
    const isWhole = used.length === 1 && places[used[0]].every((place, k) => place === k)
    this.#shaped = isWhole
      ? nodes[used[0]]
      : b.assemble(
          used.map((k) => nodes[k]),
          { shape: [this.size], places: used.flatMap((k) => places[k]) },
        )
    this.#from = undefined
    this.#at = undefined
    this.#stored = []
    return this.#shaped
  }

  /** The same along one axis. */
  get flat(): Node {
    const { shaped } = this
    if (shaped.shape.length === 1) return shaped
    if (this.#flat?.of !== shaped || !this.#tracer.holds(this.#flat.node)) {
      this.#flat = { of: shaped, node: this.#tracer.b.reshape(shaped, { shape: [this.size] }) }
    }
    return this.#flat.node
  }

  /**
   * Stores numbers.
   * @param positions of more than one for a position the last counts
   * @param value a number for each position, in their order
   */
  write(positions: Int32Array, value: Node): void {
    this.version++
    this.#from ??= new Int32Array(this.size).fill(-1)
    this.#at ??= new Int32Array(this.size)
    const number = this.#stored.push(value) - 1
    const numbers = this.#tracer.numbersOf(value)
    for (let k = 0; k < positions.length; k++) {
      this.#from[positions[k]] = number
      this.#at[positions[k]] = k
      this.#numbers[positions[k]] = numbers[k]
    }
    this.#isTraced ||= this.#tracer.isTraced(value)
  }
}

/** A NumPy array: a look at a storage. */
export class NdArray {
  /** The value of the program that it last was, and of which version of the storage. */
  made: { readonly version: number; readonly node: Node } | undefined

  constructor(
    readonly storage: Storage,
    readonly shape: Shape,
    /** Where each element stands in the storage; undefined where it is all of it, in its order. */
    readonly positions: Int32Array | undefined,
    readonly kind: Kind,
  ) {}

  get size(): number {
    return elementCount(this.shape)
  }

  /** Whether NumPy has an array here and not a number, which it makes of whatever has no axes. */
  get isArray(): boolean {
    return this.shape.length > 0 || ARRAYS.has(this)
  }

  get isTraced(): boolean {
    return this.storage.isTraced
  }

  /** The numbers at the given point, row-major. */
  get numbers(): Float64Array {
    const { numbers } = this.storage
    return this.positions === undefined ? numbers : Float64Array.from(this.positions, (k) => numbers[k])
  }

  place(k: number): number {
    return this.positions === undefined ? k : this.positions[k]
  }
}

/** Arrays without axes that are arrays all the same. */
const ARRAYS = new WeakSet<NdArray>()

/** An array as `np.array` makes it, also of a number. */
export function markArray(array: NdArray): NdArray {
  ARRAYS.add(array)
  return array
}

/** What a function made that was guessed by its name: code may take its argument from it as well. */
export class GuessedArray extends NdArray {
  constructor(
    made: NdArray,
    readonly argument: NdArray,
  ) {
    super(made.storage, made.shape, made.positions, made.kind)
  }
}

/** An array of its own of what a value of the program holds. */
export const arrayOf = (tracer: Tracer, node: Node, kind: Kind): NdArray =>
  new NdArray(new Storage(tracer, node), node.shape, undefined, kind)

/** An array's elements as a value of the program, of the array's shape. */
export function nodeOf(tracer: Tracer, array: NdArray): Node {
  const { version } = array.storage
  if (array.made?.version !== version || !tracer.holds(array.made.node))
    array.made = { version, node: makeNode(tracer, array) }
  return array.made.node
}

function makeNode({ b }: Tracer, { storage, positions, shape }: NdArray): Node {
  if (positions === undefined) {
    const { shaped } = storage
    return formatShape(shaped.shape) === formatShape(shape) ? shaped : b.reshape(shaped, { shape })
  }
  const picked = pick(b, storage.flat, positions)
  return shape.length === 1 ? picked : b.reshape(picked, { shape })
}

/** Elements by their positions: a run of them is a slice. */
function pick(b: Builder, flat: Node, positions: Int32Array): Node {
  if (positions.length === flat.shape[0] && positions.every((position, k) => position === k)) return flat
  return b.take(flat, { axis: 0, indices: Array.from(positions) })
}

/** The same elements under another shape. */
export const reshaped = (array: NdArray, shape: Shape): NdArray =>
  new NdArray(array.storage, shape, array.positions, array.kind)

/** An array looked at along its axes in another way. */
export function viewed(array: NdArray, shape: Shape, offsets: Int32Array): NdArray {
  const positions =
    array.positions === undefined ? offsets : Int32Array.from(offsets, (k) => array.positions![k])
  return new NdArray(array.storage, shape, positions, array.kind)
}

/** The axes in another order. */
export function transposed(array: NdArray, axes: readonly number[]): NdArray {
  const strides = stridesOf(array.shape)
  const shape = axes.map((axis) => array.shape[axis])
  return viewed(
    array,
    shape,
    listOffsets(
      shape,
      axes.map((axis) => strides[axis]),
    ),
  )
}
