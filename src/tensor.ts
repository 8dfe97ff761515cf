import { describeValue } from './describe-value.js'
import { GradcheckError } from './errors.js'
import { isRecord } from './requirements.js'
import { suggestName } from './suggest.js'

const DTYPES = [
  ...(['float64', 'float32', 'float16', 'bfloat16'] as const),
  ...(['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'bool'] as const),
]

/** How the numbers were stored where the tensor came from; it bounds the precision they can have. */
export type DType = (typeof DTYPES)[number]

/** A named array's value: numbers in row-major (C) order, held in float64 whatever they were stored in. */
export interface Tensor {
  /** Length of each dimension; `[]` is a scalar. */
  readonly shape: readonly number[]
  /** The elements, the last index running fastest; as many as the product of `shape`. */
  readonly data: Float64Array
  /** What the elements were stored as before they became float64. */
  readonly dtype: DType
}

/** Tensors by name, in the order they were given. A `Map`, so that no name (`__proto__`) is special. */
export type NamedTensors = Map<string, Tensor>

/** Unit roundoffs: half of the distance from 1 to the next number. */
export const FLOAT32_ROUNDOFF = 2 ** -24
export const FLOAT64_ROUNDOFF = 2 ** -53

/** Unit roundoff (half the spacing at 1) of a number stored as `dtype`; integers are exact in float64. */
export function unitRoundoff(dtype: DType): number {
  switch (dtype) {
    case 'float32':
      return FLOAT32_ROUNDOFF
    case 'float16':
      return 2 ** -11
    case 'bfloat16':
      return 2 ** -8
    default:
      return FLOAT64_ROUNDOFF
  }
}

/** Number of elements in a tensor of this shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}

/**
 * Makes a tensor from numbers in row-major order.
 * @param dtype what the numbers were computed in; `float32` of a Float32Array, otherwise `float64`, where left out
 * @throws GradcheckError `bad-shape` for a shape that is none, or whose product is not the number of elements;
 * `bad-value` for an element that is no number; `unknown-name` for the dtype
 */
export function tensor(data: ArrayLike<number>, shape: readonly number[], dtype?: DType): Tensor {
  return makeTensor('the tensor', data, shape, dtype)
}

/**
 * Reads what somebody gave as a tensor.
 * @param name what messages call it
 * @throws GradcheckError as `tensor` does, and `missing-array` or `bad-value` for what is no tensor
 */
export function requireTensor(name: string, value: unknown): Tensor {
  if (isTensor(value)) return value
  if (value === undefined || value === null) {
    throw new GradcheckError('missing-array', `${name} is ${value}`, { fix: MAKE_TENSORS })
  }
  if (!isRecord(value) || !('shape' in value && 'data' in value)) {
    throw new GradcheckError('bad-value', `${name} is ${describeValue(value)}, not a tensor`, {
      fix: explainTensors(name, value),
    })
  }
  return makeTensor(name, value.data, value.shape, value.dtype)
}

/** True for what `tensor` could have made. */
export function isTensor(value: unknown): value is Tensor {
  if (!isRecord(value) || !(value.data instanceof Float64Array) || !Array.isArray(value.shape)) return false
  const { shape, data, dtype } = value
  return areLengths(shape) && elementCount(shape) === data.length && DTYPES.some((known) => known === dtype)
}

const areLengths = (shape: readonly unknown[]) =>
  shape.every((length) => Number.isSafeInteger(length) && Number(length) >= 0)

const MAKE_TENSORS =
  'make tensors with tensor(data, shape): the numbers row by row, and the length of each dimension'

function explainTensors(name: string, value: unknown): string {
  const shape: number[] = []
  for (let row = value; Array.isArray(row); row = row[0]) shape.push(row.length)
  if (shape.length < 2) return MAKE_TENSORS
  return `write tensor(${name}.flat(${shape.length > 2 ? 'Infinity' : ''}), [${shape.join(', ')}])`
}

function makeTensor(name: string, data: unknown, shape: unknown, dtype: unknown): Tensor {
  if (!Array.isArray(shape)) {
    throw new GradcheckError(
      'bad-shape',
      `the shape of ${name} is ${describeValue(shape)}, not a list of lengths`,
      {
        fix: 'give the length of each dimension, as in tensor([1, 2, 3], [1, 3])',
      },
    )
  }
  const numbers = requireList(name, data)
  if (!areLengths(shape) || elementCount(shape) !== numbers.length) {
    const [count, verb] = [
      `${numbers.length} number${numbers.length === 1 ? '' : 's'}`,
      numbers.length === 1 ? 'does' : 'do',
    ]
    throw new GradcheckError(
      'bad-shape',
      `${name}: ${count} ${verb} not fill shape ${formatShape(shape.map((length) => (typeof length === 'number' ? length : describeValue(length))))}`,
      {
        fix: "give as many numbers as the product of the shape's lengths",
      },
    )
  }
  if (dtype !== undefined && !DTYPES.some((known) => known === dtype)) {
    throw new GradcheckError(
      'unknown-name',
      `${name} has the unknown dtype ${describeValue(dtype)}${typeof dtype === 'string' ? suggestName(dtype, DTYPES) : ''}`,
      {
        fix: `use one of ${DTYPES.join(', ')}`,
      },
    )
  }
  const stored = (dtype as DType | undefined) ?? (data instanceof Float32Array ? 'float32' : 'float64')
  const values = data instanceof Float64Array ? data : Float64Array.from(requireNumbers(name, numbers))
  return { shape: [...shape], data: values, dtype: stored }
}

/** A list by its length; its elements may be anything. */
function requireList(name: string, data: unknown): ArrayLike<unknown> {
  if (typeof data === 'object' && data !== null && 'length' in data) {
    if (Number.isSafeInteger(data.length) && Number(data.length) >= 0) return data as ArrayLike<unknown>
  }
  throw new GradcheckError(
    'bad-value',
    `the data of ${name} is ${describeValue(data)}, not a list of numbers`,
    {
      fix: MAKE_TENSORS,
    },
  )
}

function requireNumbers(name: string, list: ArrayLike<unknown>): ArrayLike<number> {
  for (let k = 0; k < list.length; k++) {
    const element = list[k]
    if (typeof element === 'number') continue
    throw new GradcheckError(
      'bad-value',
      `element ${k} of ${name} is ${describeValue(element)}, not a number`,
      {
        fix: Array.isArray(element) ? 'flatten nested arrays: tensor(values.flat(), shape)' : 'give numbers',
      },
    )
  }
  return list as ArrayLike<number>
}

/** A shape as NumPy prints it: `(5, 4)`, `(3,)`, `()`. */
export function formatShape(shape: readonly (number | string)[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
}

/** The multi-index of the element at `offset` of a row-major array of this shape. */
export function unravelIndex(offset: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length)
  let rest = offset
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]
    rest = Math.floor(rest / shape[axis])
  }
  return index
}

/** Where the first NaN or infinity among numbers is; -1 where there is none. */
export function findNonFinite(data: ArrayLike<number>): number {
  for (let k = 0; k < data.length; k++) if (!Number.isFinite(data[k])) return k
  return -1
}
