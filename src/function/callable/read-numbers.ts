import { describeValue } from '../../describe-value.js'
import { GradcheckError } from '../../errors.js'
import { type DType, elementCount, formatShape, type Tensor } from '../../tensor.js'

/** Numbers that somebody handed over, read. */
export interface NumbersRead {
  readonly values: Float64Array
  /** Undefined of a flat array, whose shape is what it is read for. */
  readonly shape: readonly number[] | undefined
  readonly dtype: DType
}

/** Whether a value is a tensor: an object with a shape and data. */
export function isTensor(value: unknown): value is Tensor {
  return isObject(value) && Array.isArray(value.shape) && 'data' in value
}

/** Whether a value is a plain or typed array, or something like one. */
export function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return isObject(value) && !isTensor(value) && typeof value.length === 'number'
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/**
 * Reads a tensor, a flat array or a number, every element of which must be a finite number.
 * @param what it is, as a sentence has it: "the point", "the gradient of W"
 * @throws GradcheckError `bad-value` or `bad-shape`
 */
export function readNumbers(given: unknown, what: string): NumbersRead {
  if (typeof given === 'number') {
    requireFinite([given], what)
    return { values: Float64Array.of(given), shape: [], dtype: 'float64' }
  }
  const data: unknown = isTensor(given) ? given.data : given
  if (!isArrayLike(data)) {
    throw new GradcheckError('bad-value', `${what} is ${describeGiven(given)}, not an array of numbers`, {
      fix: 'write an array such as [0.3, -0.8], a Float64Array, or tensor(values, shape)',
    })
  }
  requireFinite(data, what)
  const values = Float64Array.from(data as ArrayLike<number>)
  if (!isTensor(given)) return { values, shape: undefined, dtype: dtypeOf(data) }
  if (elementCount(given.shape) !== values.length) {
    throw new GradcheckError(
      'bad-shape',
      `${what} has ${values.length} numbers, which do not fill its shape ${formatShape(given.shape)}`,
      { fix: 'make it with tensor(values, shape)' },
    )
  }
  return { values, shape: [...given.shape], dtype: given.dtype ?? dtypeOf(data) }
}

function dtypeOf(data: unknown): DType {
  if (data instanceof Float32Array) return 'float32'
  // not every platform has half-precision arrays
  return Object.prototype.toString.call(data) === '[object Float16Array]' ? 'float16' : 'float64'
}

function requireFinite(data: ArrayLike<unknown>, what: string): void {
  if (data.length === 0)
    throw new GradcheckError('bad-shape', `${what} has no elements`, { fix: 'give it one number at least' })
  for (let k = 0; k < data.length; k++) {
    const element = data[k]
    if (typeof element === 'number' && Number.isFinite(element)) continue
    if (isArrayLike(element)) {
      throw new GradcheckError(
        'bad-shape',
        `element ${k} of ${what} is an array: a nested array has no place here`,
        {
          fix: 'flatten it to one array of numbers, or write tensor(array.flat(), [rows, columns])',
        },
      )
    }
    throw new GradcheckError('bad-value', `element ${k} of ${what} is ${describeGiven(element)}`, {
      fix: 'every element must be a finite number',
    })
  }
}

/** A value as a sentence has it: "a tensor of shape (2, 3)", "an array of 2 elements", or as any value. */
export function describeGiven(value: unknown): string {
  if (isTensor(value)) return `a tensor of shape ${formatShape(value.shape)}`
  if (!isArrayLike(value)) return describeValue(value)
  return `an array of ${value.length} element${value.length === 1 ? '' : 's'}`
}
