import { describe, expect, it } from 'vitest'
import { FactoredDeviations } from '../../../src/network/factored-deviations.js'

const [samples, units, inputs] = [6, 70, 40]
const numbers = (length: number, seed: number, scale: number) =>
  Float64Array.from({ length }, (_, k) => (k % 5 === 0 ? 0 : scale * Math.sin(1 + k * 12.9898 + seed)))

describe.each([
  ['ordinary numbers', 1, 1],
  ['squares that underflow on one side and overflow on the other', 1e-180, 1e170],
  ['squares of products that underflow', 1e-120, 1e-120],
  ['some units that are next to nothing', 1, 1, 1e-290],
])('FactoredDeviations of %s', (_, ofUnits, ofInputs, ofOthers = ofUnits) => {
  const [left, right] = [0, 1].map((part) => [
    numbers(units * samples, part, 1).map((x, k) => x * (k % 3 === 0 || k < 50 ? ofOthers : ofUnits)),
    numbers(inputs * samples, 2 + part, ofInputs),
  ])
  const of = () => new FactoredDeviations(samples, [left[0], right[0]], [left[1], right[1]])
  const expected = (offset: number) => {
    const [unit, input] = [Math.floor(offset / inputs), offset % inputs]
    const terms = [left, right].flatMap(([u, a]) =>
      Array.from({ length: samples }, (_, s) => u[unit * samples + s] * a[input * samples + s]),
    )
    return Math.hypot(...terms)
  }

  it('are the roots of the sums of squares, whether all are asked for in order or some alone', () => {
    const deviations = of()
    const all = Array.from({ length: 2 * units * inputs }, (_, k) => k % (units * inputs))
    for (const offset of [5, 2799, 1300, ...all, 3, 2000]) {
      const error = Math.abs(deviations.at(offset) - expected(offset))
      expect(error).toBeLessThanOrEqual(1e-14 * expected(offset))
    }
  })
})
