import { GradcheckError } from '../../errors.js'
import { suggestName } from '../../suggest.js'
import { type DType, elementCount, formatShape, type Tensor } from '../../tensor.js'
import type { Gradient, Point } from './problem.js'
import { describeGiven, isArrayLike, isObject, isTensor, readNumbers } from './read-numbers.js'

/** One tensor of the point, and where its elements are among all of the point's. */
export interface PointTensor {
  readonly name: string
  /** What its gradient is called in the report. */
  readonly gradient: string
  readonly shape: readonly number[]
  readonly start: number
  readonly size: number
}

/** A gradient as one array of numbers, and what each tensor's is stored as. */
export interface GivenGradient {
  readonly values: Float64Array
  readonly dtypes: readonly DType[]
}

/** A point as one array of numbers. */
export interface BoundPoint {
  readonly tensors: readonly PointTensor[]
  readonly values: Float64Array
  /** Numbers in the form that the user's functions take, and the arrays in it that they could write into. */
  pack(values: Float64Array): { readonly given: unknown; readonly arrays: readonly Float64Array[] }
  /** Reads a gradient of this form. @throws GradcheckError `bad-value`, `bad-shape` or `missing-array` */
  readGradient(gradient: Gradient): GivenGradient
}

/** @throws GradcheckError `bad-value` or `bad-shape` for what is no point */
export function bindPoint(at: Point): BoundPoint {
  const given: unknown = at
  if (typeof given === 'number') {
    throw new GradcheckError('bad-value', `the point is the number ${given}, not an array`, {
      fix: `write at: [${given}]; the functions are given an array`,
    })
  }
  if (isTensor(given) || isArrayLike(given)) return bindSingle(given as Tensor | ArrayLike<number>)
  if (!isObject(given)) {
    throw new GradcheckError('bad-value', `the point is ${describeGiven(given)}`, {
      fix: 'write at: [0.3, -0.8], or tensors by name, at: { W: tensor(values, [2, 3]), b: [0, 0] }',
    })
  }
  return bindNamed(given)
}

function bindSingle(at: Tensor | ArrayLike<number>): BoundPoint {
  const { values, shape } = readNumbers(at, 'the point')
  const own = shape ?? [values.length]
  const only = { name: 'x', gradient: 'gradient', shape: own, start: 0, size: values.length }
  return {
    tensors: [only],
    values,
    pack(numbers) {
      const data = numbers.slice()
      return { given: shape === undefined ? data : toTensor(data, own), arrays: [data] }
    },
    readGradient(gradient) {
      const read = readPart(gradient, only, 'the gradient')
      return { values: read.values, dtypes: [read.dtype] }
    },
  }
}

function bindNamed(at: object): BoundPoint {
  const isMap = at instanceof Map
  const entries: [string, unknown][] = isMap ? [...at] : Object.entries(at)
  if (entries.length === 0) {
    throw new GradcheckError('bad-shape', 'the point has no tensors', {
      fix: 'name them: at: { W: tensor(values, [2, 3]), b: [0, 0] }',
    })
  }
  const tensors: PointTensor[] = []
  const parts: Float64Array[] = []
  let start = 0
  for (const [name, value] of entries) {
    const { values, shape } = readNumbers(value, `${name} of the point`)
    tensors.push({ name, gradient: `d${name}`, shape: shape ?? [values.length], start, size: values.length })
    parts.push(values)
    start += values.length
  }
  const values = new Float64Array(start)
  for (const [t, part] of parts.entries()) values.set(part, tensors[t].start)
  return {
    tensors,
    values,
    pack(numbers) {
      const arrays = tensors.map((tensor) => numbers.slice(tensor.start, tensor.start + tensor.size))
      const named = tensors.map(({ name, shape }, t): [string, Tensor] => [name, toTensor(arrays[t], shape)])
      return { given: isMap ? new Map(named) : Object.fromEntries(named), arrays }
    },
    readGradient: (gradient) => readNamedGradient(gradient, tensors, start),
  }
}

const toTensor = (data: Float64Array, shape: readonly number[]): Tensor => ({ shape, data, dtype: 'float64' })

function readNamedGradient(
  gradient: unknown,
  tensors: readonly PointTensor[],
  length: number,
): GivenGradient {
  const wanted = tensors.map(({ name }) => name).join(', ')
  if (!isObject(gradient) || isTensor(gradient) || isArrayLike(gradient)) {
    throw new GradcheckError(
      'bad-value',
      `the gradient function gave ${describeGiven(gradient)}, not arrays by name`,
      {
        fix: `return an object with ${wanted}`,
      },
    )
  }
  const given = new Map<string, unknown>(gradient instanceof Map ? gradient : Object.entries(gradient))
  const values = new Float64Array(length)
  const dtypes: DType[] = []
  for (const tensor of tensors) {
    const key = [tensor.name, tensor.gradient].find((name) => given.has(name))
    if (key === undefined) {
      throw new GradcheckError(
        'missing-array',
        `the gradient function gave nothing for ${tensor.name}${suggestName(tensor.name, given.keys())}`,
        { fix: `return an object with ${wanted}` },
      )
    }
    const part = readPart(given.get(key), tensor, `the gradient of ${tensor.name}`)
    values.set(part.values, tensor.start)
    dtypes.push(part.dtype)
  }
  return { values, dtypes }
}

/** The gradient of one tensor; a flat array may stand for any shape. */
function readPart(
  gradient: unknown,
  { shape, size }: PointTensor,
  what: string,
): { values: Float64Array; dtype: DType } {
  if (gradient === undefined || gradient === null || typeof gradient === 'function') {
    throw new GradcheckError('bad-value', `${what} is ${describeGiven(gradient)}`, {
      fix: 'return it from the gradient function',
    })
  }
  const read = readNumbers(gradient, what)
  const isScalar = shape.length === 0
  if (read.values.length !== size || (typeof gradient === 'number' && !isScalar)) {
    const found = typeof gradient === 'number' ? 'is a single number' : `has ${read.values.length} elements`
    throw new GradcheckError('bad-shape', `${what} ${found} and the point has ${size}`, {
      fix: `return ${size === 1 ? 'an array with one number' : `an array of ${size} numbers, one for each element`}`,
    })
  }
  if (read.shape !== undefined && typeof gradient !== 'number' && String(read.shape) !== String(shape)) {
    const isTransposed = read.shape.length === 2 && shape.length === 2 && elementCount(read.shape) === size
    const transposed = isTransposed && String([...read.shape].reverse()) === String(shape)
    throw new GradcheckError(
      'bad-shape',
      `${what} has the ${transposed ? 'transposed ' : ''}shape ${formatShape(read.shape)} and the point ${formatShape(shape)}`,
      { fix: transposed ? 'transpose it' : `give it the shape ${formatShape(shape)}` },
    )
  }
  return read
}
