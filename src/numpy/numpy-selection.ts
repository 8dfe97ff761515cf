import { normalizeAxis } from '../program/shapes.js'
import { elementCount } from '../tensor.js'
import type { NdArray } from './arrays.js'
import { type Body, type Call, INFINITE } from './native-call.js'
import { broadcastTo, reshape } from './numpy-functions.js'
import { Refusal } from './refusal.js'
import { PyTuple, plainNumber, type Value } from './values.js'

/** An array whose order, or whose different values, decide what comes out. */
function fixedArray(call: Call, position: number, what: string): NdArray {
  const array = call.array(position, 'a', 'ar')
  if (!array.isTraced) return array
  throw new Refusal(
    `${what} of what depends on the parameters is not understood`,
    undefined,
    'take it of the data; for the greatest or least write max or min',
  )
}

/** A mask, or numbers that are looked at for being 0, as they are at the given point. */
function lookedAt(call: Call, position: number): NdArray {
  const array = call.array(position, 'a')
  if (array.isTraced) {
    call.interpreter.notice('a mask that depends on the parameters is taken as it is at the given point')
  }
  return array
}

/** Where an array is not 0: places in its row-major order. */
const placesOf = (array: NdArray): number[] =>
  Array.from(array.numbers).flatMap((value, k) => (value === 0 ? [] : [k]))

function coordinatesOf(array: NdArray): number[][] {
  const places = placesOf(array)
  return array.shape.map((length, axis) => {
    const stride = elementCount(array.shape.slice(axis + 1))
    return places.map((place) => Math.floor(place / stride) % length)
  })
}

/** Places along an axis in ascending order of what stands there, for each row. */
function ordered(
  call: Call,
  needsPlaces: boolean,
): { readonly array: NdArray; readonly order: Int32Array; readonly axis: number } {
  const given = fixedArray(call, 0, 'the order')
  const kind = call.get(2, 'kind')
  const at = call.get(1, 'axis')
  const array = at === null ? reshape(call, given, [-1]) : given
  if (array.shape.length === 0) throw new Refusal('a number has no order')
  const axis =
    at === null || at === undefined
      ? array.shape.length - 1
      : normalizeAxis(call.integer(at), array.shape.length)
  const length = array.shape[axis]
  const inner = elementCount(array.shape.slice(axis + 1))
  const { numbers } = array
  const order = new Int32Array(array.size)
  const isStable = kind === 'stable' || kind === 'mergesort' || call.flag('stable')
  for (let start = 0; start < array.size; start++) {
    if (Math.floor(start / inner) % length !== 0) continue
    const at = (k: number) => numbers[start + k * inner]
    const places = Array.from({ length }, (_, k) => k).sort((one, other) => at(one) - at(other))
    for (const [k, place] of places.entries()) {
      order[start + k * inner] = place
      if (needsPlaces && !isStable && k > 0 && at(place) === at(places[k - 1])) {
        throw new Refusal('the order of equal numbers is not known', undefined, "write kind='stable'")
      }
    }
  }
  return { array, order, axis }
}

function sorted(call: Call): NdArray {
  const { array, order, axis } = ordered(call, false)
  const inner = elementCount(array.shape.slice(axis + 1))
  const length = array.shape[axis]
  const { numbers } = array
  const data = Array.from(order, (place, k) => {
    const along = Math.floor(k / inner) % length
    return numbers[k + (place - along) * inner]
  })
  return call.constant(array.shape, data, array.kind)
}

function unique(call: Call): Value {
  const array = fixedArray(call, 0, 'which values differ')
  const values = [...new Set(Array.from(array.numbers, (value) => value + 0))].sort(
    (one, other) => one - other,
  )
  const made: Value[] = [call.constant([values.length], values, array.kind)]
  const numbers = Array.from(array.numbers)
  if (call.flag('return_index')) {
    made.push(
      call.constant(
        [values.length],
        values.map((value) => numbers.indexOf(value)),
        'i',
      ),
    )
  }
  if (call.flag('return_inverse')) {
    const places = new Map(values.map((value, k) => [value, k]))
    made.push(
      call.constant(
        array.shape,
        numbers.map((value) => places.get(value + 0) ?? 0),
        'i',
      ),
    )
  }
  if (call.flag('return_counts')) {
    made.push(
      call.constant(
        [values.length],
        values.map((value) => numbers.filter((other) => other === value).length),
        'i',
      ),
    )
  }
  return made.length === 1 ? made[0] : new PyTuple(made)
}

function median(call: Call): Value {
  const given = fixedArray(call, 0, 'the median')
  const at = call.get(1, 'axis')
  const array = at === undefined || at === null ? reshape(call, given, [-1]) : given
  const axis = at === undefined || at === null ? 0 : normalizeAxis(call.integer(at), array.shape.length)
  const { numbers } = sorted(call.with([array, BigInt(axis)]))
  const length = array.shape[axis]
  const inner = elementCount(array.shape.slice(axis + 1))
  const shape = array.shape.toSpliced(axis, 1)
  const data = Array.from({ length: elementCount(shape) }, (_, k) => {
    const start = Math.floor(k / inner) * length * inner + (k % inner)
    const value = (place: number) => numbers[start + place * inner]
    const middle = Math.floor(length / 2)
    return length % 2 === 1 ? value(middle) : (value(middle - 1) + value(middle)) / 2
  })
  return call.constant(shape, data, 'f')
}

/** A truth value for each number, as they are at the given point. */
const told =
  (holds: (value: number) => boolean): Body =>
  (call) => {
    const array = call.array(0, 'x')
    return call.constant(
      array.shape,
      array.numbers.map((value) => (holds(value) ? 1 : 0)),
      'b',
    )
  }

function isClose(call: Call): Value {
  const [x, y] = [lookedAt(call, 0), lookedAt(call, 1)]
  const part = (position: number, name: string, usual: number) =>
    plainNumber(call.get(position, name) ?? usual) ?? usual
  const [relative, absolute] = [part(2, 'rtol', 1e-5), part(3, 'atol', 1e-8)]
  const { shape } = call.interpreter.arrays('+', x, y, call.place)
  const [a, b] = [x, y].map((array) => broadcastTo(array, shape).numbers)
  return call.constant(
    shape,
    a.map((value, k) => (Math.abs(value - b[k]) <= absolute + relative * Math.abs(b[k]) ? 1 : 0)),
    'b',
  )
}

/** Functions of NumPy that put in order, choose, count and find. */
export const SELECTION: Readonly<Record<string, Body>> = {
  sort: sorted,
  argsort: (call) => {
    const { array, order } = ordered(call, true)
    return call.constant(array.shape, order, 'i')
  },
  unique,
  median,
  nonzero: (call) => {
    const array = lookedAt(call, 0)
    if (array.shape.length === 0) return call.refuse('where a number is not 0')
    return new PyTuple(coordinatesOf(array).map((places) => call.constant([places.length], places, 'i')))
  },
  flatnonzero: (call) => {
    const places = placesOf(lookedAt(call, 0))
    return call.constant([places.length], places, 'i')
  },
  argwhere: (call) => {
    const array = lookedAt(call, 0)
    const coordinates = coordinatesOf(array)
    const count = placesOf(array).length
    return call.constant(
      [count, array.shape.length],
      Array.from({ length: count }, (_, k) => coordinates.map((places) => places[k])).flat(),
      'i',
    )
  },
  isnan: told(Number.isNaN),
  isinf: told((value) => Math.abs(value) >= INFINITE),
  isfinite: told((value) => Math.abs(value) < INFINITE),
  isclose: isClose,
  isin: (call) => {
    const [array, among] = [fixedArray(call, 0, 'which values are'), fixedArray(call, 1, 'which values are')]
    const known = new Set(among.numbers)
    return call.constant(
      array.shape,
      array.numbers.map((value) => (known.has(value) ? 1 : 0)),
      'b',
    )
  },
  searchsorted: (call) => {
    const [among, values] = [fixedArray(call, 0, 'the order'), fixedArray(call, 1, 'the place')]
    const isRight = (call.get(2, 'side') ?? 'left') === 'right'
    const found = values.numbers.map(
      (value) => among.numbers.filter((other) => other < value || (isRight && other === value)).length,
    )
    return call.constant(values.shape, found, 'i')
  },
  bincount: (call) => {
    const array = fixedArray(call, 0, 'the counts')
    const least = call.get(2, 'minlength')
    if (call.get(1, 'weights') !== undefined) return call.refuse('counts with weights', 'write np.add.at')
    if (array.numbers.some((value) => !(Number.isInteger(value) && value >= 0)))
      return call.refuse('counts of what is no whole number')
    const length = Math.max(
      least === undefined ? 0 : call.integer(least),
      ...array.numbers.map((value) => value + 1),
    )
    const counts = new Float64Array(call.fitting([length])[0])
    for (const value of array.numbers) counts[value]++
    return call.constant([length], counts, 'i')
  },
}
