import { GradcheckError } from './errors.js'

/** How the numbers were stored where the tensor came from; it bounds the precision they can have. */
export type DType =
  | 'float64'
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'

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

/** Unit roundoff (half the spacing at 1) of a number stored as `dtype`; integers are exact in float64. */
export function unitRoundoff(dtype: DType): number {
  switch (dtype) {
    case 'float32':
      return 2 ** -24
    case 'float16':
      return 2 ** -11
    case 'bfloat16':
      return 2 ** -8
    default:
      return 2 ** -53
  }
}

/** Number of elements in a tensor of this shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}

/**
 * Makes a tensor from numbers in row-major order.
 * @throws GradcheckError `bad-shape` when the number of elements is not the product of the shape.
 */
export function tensor(data: ArrayLike<number>, shape: readonly number[], dtype?: DType): Tensor {
  if (
    !shape.every((length) => Number.isSafeInteger(length) && length >= 0) ||
    elementCount(shape) !== data.length
  ) {
    throw new GradcheckError('bad-shape', `${data.length} numbers do not fill shape ${formatShape(shape)}`)
  }
  const stored = dtype ?? (data instanceof Float32Array ? 'float32' : 'float64')
  const values = data instanceof Float64Array ? data : Float64Array.from(data)
  return { shape: [...shape], data: values, dtype: stored }
}

/** A shape as NumPy prints it: `(5, 4)`, `(3,)`, `()`. */
export function formatShape(shape: readonly number[]): string {
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
