import { type NdArray, nodeOf } from './arrays.js'
import type { Call } from './native-call.js'
import type { Value } from './values.js'

/** The nearest whole number, halves to even. */
function toNearest(x: number): number {
  const low = Math.floor(x)
  const rest = x - low
  const isUp = rest > 0.5 || (rest === 0.5 && low % 2 !== 0)
  // what is negative keeps its sign at 0
  return (isUp ? low + 1 : low) || x * 0
}

/** `np.round(array, digits)`: scaled, rounded and scaled back, as NumPy does it. */
export function roundedTo(call: Call, array: NdArray, digits: number): Value {
  if (array.kind !== 'f' && digits >= 0) return array
  if (array.kind !== 'f') return call.refuse('rounding of whole numbers to tens is not understood')
  const power = 10 ** Math.abs(digits)
  const scale = (x: number) => (digits >= 0 ? x * power : x / power)
  const numbers = array.numbers.map(scale)
  if (!array.isTraced) {
    const back = (x: number) => (digits >= 0 ? x / power : x * power)
    return call.constant(
      array.shape,
      numbers.map((x) => back(toNearest(x))),
      'f',
    )
  }
  if (numbers.some((x) => x - Math.floor(x) === 0.5)) {
    return call.refuse('a number in the middle between two is rounded', 'move the point a little')
  }
  const { b } = call.tracer
  const node = nodeOf(call.tracer, array)
  const rounded = (x: typeof node) => b.floor(b.add(x, 0.5))
  if (digits === 0) return call.wrap(rounded(node), 'f')
  if (digits > 0) return call.wrap(b.divide(rounded(b.multiply(node, power)), power), 'f')
  return call.wrap(b.multiply(rounded(b.divide(node, power)), power), 'f')
}

/** The whole number towards zero: `np.trunc`, `np.fix`. */
export function truncated(call: Call, array: NdArray): Value {
  if (array.kind !== 'f') return array
  if (!array.isTraced) return call.constant(array.shape, array.numbers.map(Math.trunc), 'f')
  const { b } = call.tracer
  const node = nodeOf(call.tracer, array)
  return call.wrap(b.multiply(b.sign(node), b.floor(b.abs(node))), 'f')
}
