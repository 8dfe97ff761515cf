import { GradcheckError } from '../../errors.js'
import { formatShape } from '../../tensor.js'
import type { BoundPoint, GivenGradient } from './bind-point.js'
import type { CallableProblem } from './problem.js'
import { describeGiven, isArrayLike, isTensor, type NumbersRead } from './read-numbers.js'

/** Says which tensors of the point a function has written into. */
function findWritten(
  { tensors }: BoundPoint,
  values: Float64Array,
  arrays: readonly Float64Array[],
): string[] {
  return tensors
    .filter(({ start }, t) => arrays[t].some((value, k) => !Object.is(value, values[start + k])))
    .map(({ name }) => name)
}

/** One call of the user's function: what it gave, and the tensors of the point that it changed. */
export async function callFunction(
  problem: CallableProblem,
  point: BoundPoint,
  values: Float64Array,
): Promise<{ output: unknown; written: readonly string[] }> {
  const { given, arrays } = point.pack(values)
  const output: unknown = await problem.function(given as never)
  return { output, written: findWritten(point, values, arrays) }
}

/**
 * The user's gradient at the point.
 * @throws GradcheckError for one that does not fit the point, or a function that moves its parameters
 */
export async function callGradient(
  problem: CallableProblem,
  point: BoundPoint,
  upstream: NumbersRead | undefined,
): Promise<GivenGradient> {
  const { given, arrays } = point.pack(point.values)
  const weights =
    upstream === undefined
      ? undefined
      : { shape: upstream.shape ?? [upstream.values.length], data: upstream.values.slice(), dtype: 'float64' }
  const gradient = point.readGradient(await problem.gradient(given as never, weights as never))
  const written = findWritten(point, point.values, arrays)
  if (written.length > 0) {
    const names = point.tensors.length === 1 ? 'the point' : written.join(', ')
    throw new GradcheckError(
      'bad-value',
      `the gradient function changes ${names}: its values differ after the call`,
      {
        fix: 'compute the gradient without moving the parameters: leave the update out, and work on copies',
      },
    )
  }
  return gradient
}

/** @throws GradcheckError `bad-value` for a value that is no number, without an upstream gradient */
export function readScalar(output: unknown): number {
  if (typeof output === 'number') return output
  const isMany = isTensor(output) || isArrayLike(output)
  throw new GradcheckError('bad-value', `the function gave ${describeGiven(output)}, not a number`, {
    fix: isMany
      ? 'return a single number, such as the sum of the elements, or pass the upstream gradient of the output as `upstream`'
      : 'return a number from it',
  })
}

/** Σ upstream · output. @throws GradcheckError `bad-shape` where they do not fit */
export function contract(output: unknown, { values, shape }: NumbersRead): number {
  const isNumber = typeof output === 'number'
  const data = isTensor(output) ? output.data : output
  if (!isNumber && !isArrayLike(data)) {
    throw new GradcheckError('bad-value', `the function gave ${describeGiven(output)}, not an array`, {
      fix: 'return an array or a tensor, or leave the upstream gradient out',
    })
  }
  const numbers = isNumber ? [output] : (data as ArrayLike<number>)
  const isShaped = isTensor(output) && shape !== undefined
  if (numbers.length !== values.length || (isShaped && String(output.shape) !== String(shape))) {
    const own = isTensor(output) ? `the shape ${formatShape(output.shape)}` : `${numbers.length} elements`
    const wanted = isShaped ? `the shape ${formatShape(shape)}` : `${values.length}`
    throw new GradcheckError(
      'bad-shape',
      `the function's output has ${own} and the upstream gradient ${wanted}`,
      {
        fix: 'pass an upstream gradient of the shape of the output',
      },
    )
  }
  let sum = 0
  for (let k = 0; k < values.length; k++) {
    if (typeof numbers[k] !== 'number') {
      throw new GradcheckError(
        'bad-value',
        `element ${k} of the function's output is ${describeGiven(numbers[k])}`,
        {
          fix: 'return a flat array of numbers, or a tensor',
        },
      )
    }
    sum += values[k] * numbers[k]
  }
  return sum
}
