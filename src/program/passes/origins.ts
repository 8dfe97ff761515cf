import { elementCount, formatShape } from '../../tensor.js'
import type { Shape } from '../shapes.js'

/** Where the elements of an array come from: elements of values that do more than move them, or 0. */
export interface Origin {
  readonly shape: Shape
  /** Ids of the values that it has elements of, each once. */
  readonly roots: readonly number[]
  /** For each element which root it is of, by its place in `roots`; undefined where there is one. */
  readonly which: Int32Array | undefined
  /** For each element its offset in the root, −1 for a 0; undefined where it is all of one root, in its order. */
  readonly at: Int32Array | undefined
}

/** Origins, each kept once: those that are the same are the same object. */
export class Origins {
  readonly #known = new Map<string, Origin[]>()
  /** Elements of each root. */
  readonly #sizes = new Map<number, number>()
  readonly #constants = new Map<number, Float64Array>()

  /**
   * All of a value.
   * @param data of a constant
   */
  whole(root: number, shape: Shape, data?: Float64Array): Origin {
    this.#sizes.set(root, elementCount(shape))
    if (data !== undefined) this.#constants.set(root, data)
    return this.#keep({ shape, roots: [root], which: undefined, at: undefined })
  }

  /**
   * Elements of other arrays.
   * @param from what is picked from, one behind the other
   * @param indices for each element which it is of theirs; below 0 for a 0
   */
  pick(shape: Shape, from: readonly Origin[], indices: Int32Array): Origin {
    const starts = [0]
    for (const origin of from) starts.push(starts[starts.length - 1] + elementCount(origin.shape))
    const numbers = new Map<number, number>()
    const size = indices.length
    const which = new Int32Array(size)
    const at = new Int32Array(size)
    let k = 0
    for (let e = 0; e < size; e++) {
      const index = indices[e]
      at[e] = -1
      if (index < 0) continue
      // neighbours mostly come from the same one
      if (index < starts[k] || index >= starts[k + 1]) k = findStart(starts, index)
      const origin = from[k]
      const own = index - starts[k]
      at[e] = origin.at === undefined ? own : origin.at[own]
      if (at[e] < 0) continue
      const root = origin.roots[origin.which === undefined ? 0 : origin.which[own]]
      if (this.#constants.get(root)?.[at[e]] === 0) {
        at[e] = -1
        continue
      }
      let number = numbers.get(root)
      if (number === undefined) {
        number = numbers.size
        numbers.set(root, number)
      }
      which[e] = number
    }
    const roots = [...numbers.keys()]
    const isWhole =
      roots.length === 1 && this.#sizes.get(roots[0]) === size && at.every((own, e) => own === e)
    return this.#keep({
      shape,
      roots,
      which: roots.length > 1 ? which : undefined,
      at: isWhole ? undefined : at,
    })
  }

  /** The same elements in another shape. */
  reshape(origin: Origin, shape: Shape): Origin {
    return formatShape(origin.shape) === formatShape(shape) ? origin : this.#keep({ ...origin, shape })
  }

  #keep(origin: Origin): Origin {
    const key = `${formatShape(origin.shape)} ${origin.roots.join()} ${hash(origin.which)} ${hash(origin.at)}`
    const alike = this.#known.get(key)
    const found = alike?.find((other) => isSame(other.which, origin.which) && isSame(other.at, origin.at))
    if (found !== undefined) return found
    if (alike === undefined) this.#known.set(key, [origin])
    else alike.push(origin)
    return origin
  }
}

/** Which of some beginnings, ascending, is the last at or before an index. */
function findStart(starts: readonly number[], index: number): number {
  let [low, high] = [0, starts.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (starts[middle] <= index) low = middle
    else high = middle
  }
  return low
}

function hash(numbers: Int32Array | undefined): number {
  if (numbers === undefined) return -1
  let sum = numbers.length
  for (const number of numbers) sum = (Math.imul(sum, 31) + number) | 0
  return sum
}

function isSame(one: Int32Array | undefined, other: Int32Array | undefined): boolean {
  return one === other || (one?.length === other?.length && one?.every((n, k) => n === other![k]) === true)
}
