import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { GradcheckError } from '../../errors.js'
import { elementCount } from '../../tensor.js'
import type { Upstream } from './problem.js'
import { isArrayLike, isObject, isTensor, type NumbersRead, readNumbers } from './read-numbers.js'

/** Random upstream gradients that may be asked for. */
const MOST_RANDOM = 1000

/** The shape of what a function gave. */
export function shapeOf(output: unknown): readonly number[] {
  if (isTensor(output)) return output.shape
  return isArrayLike(output) ? [output.length] : []
}

/**
 * The upstream gradients that a check is made with: the user's, or random ones, uniform between −1 and 1.
 * @param shape of the function's output
 * @throws GradcheckError `bad-value`, `bad-shape` or `bad-usage`
 */
export function listUpstreams(upstream: Upstream, shape: readonly number[]): NumbersRead[] {
  if (!isObject(upstream) || isTensor(upstream) || isArrayLike(upstream)) {
    return [readNumbers(upstream, 'the upstream gradient')]
  }
  const { random, seed = 0 } = upstream
  if (!(Number.isSafeInteger(random) && random >= 1 && random <= MOST_RANDOM)) {
    throw new GradcheckError(
      'bad-usage',
      `upstream.random must be an integer from 1 to ${MOST_RANDOM}, not ${random}`,
      {
        fix: 'write upstream: { random: 3 }, or pass the upstream gradient itself',
      },
    )
  }
  if (!(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new GradcheckError('bad-usage', `upstream.seed must be an integer ≥ 0, not ${seed}`)
  }
  const generator = xoroshiro128plus(seed)
  return Array.from({ length: random }, (): NumbersRead => {
    const values = Float64Array.from({ length: elementCount(shape) }, () => 2 * uniformFloat64(generator) - 1)
    return { values, shape, dtype: 'float64' }
  })
}
