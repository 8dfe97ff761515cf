import { describe, expect, it } from 'vitest'
import { checkFunction } from '../../../src/function/check-function.js'
import { howMany } from '../../support/how-many.js'
import { OPAQUE_KINDS, sampleOpaqueFunctions } from '../../support/opaque-functions.js'

const COUNT = howMany(100, 300)
/** An entry of less than this share of the largest may be wrong by a hundredth unseen: float64's own rounding. */
const LEAST_SHARE = 1e-12

/** The share of a kind's wrong gradients that must fail at least; the noise of the others leaves them inconclusive. */
const LEAST_FAILING: Readonly<Record<string, number>> = {
  float64: 0.98,
  'float32 throughout': 0.8,
  'float32 results': 0.88,
  'float16 results': 0,
  'results rounded to 1e-6': 0.58,
}

describe(`${COUNT} functions in code, random in size, scale and composition`, () => {
  it.each(OPAQUE_KINDS)('$name: no right gradient fails, none wrong by 1 % passes', async (kind) => {
    const { name, inside, result, gradient } = kind
    const verdicts = { right: new Map<string, number>(), wrong: new Map<string, number>() }
    const unsound: string[] = []
    for (const [n, { at, ...opaque }] of sampleOpaqueFunctions(COUNT).entries()) {
      const right = opaque.gradient(at, inside)
      const largest = Math.max(...right.map(Math.abs))
      // in odd ones every entry is wrong, in even ones a single one
      const telling = [...right.keys()].filter((k) => Math.abs(right[k]) > LEAST_SHARE * largest)
      const chosen = telling[n % telling.length]
      const wrong = right.map((value, k) => (n % 2 === 1 || k === chosen ? 1.01 * value : value))
      for (const [which, values] of [
        ['right', right],
        ['wrong', wrong],
      ] as const) {
        const { verdict } = await checkFunction({
          function: (x: Float64Array) => result(opaque.value(x, inside)),
          gradient: () => gradient(values),
          at,
        })
        verdicts[which].set(verdict, (verdicts[which].get(verdict) ?? 0) + 1)
        if (verdict === (which === 'right' ? 'fail' : 'pass')) unsound.push(`${which} ${n}`)
      }
    }
    expect(unsound).toEqual([])
    expect(verdicts.wrong.get('fail') ?? 0).toBeGreaterThanOrEqual(LEAST_FAILING[name] * COUNT)
  })
})
