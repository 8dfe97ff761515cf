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
    numbers(samples * units, part, 1).map((x, k) => x * (k % 3 === 0 || k % units < 9 ? ofOthers : ofUnits)),
    numbers(samples * inputs, 2 + part, ofInputs),
  ])
  const of = () =>
    new FactoredDeviations(
      [left, right].map(([u, a]) => ({
        ofUnits: { rows: samples, columns: units, data: u },
        ofInputs: { rows: samples, columns: inputs, data: a },
      })),
    )
  const expected = (offset: number) => {
    const [unit, input] = [Math.floor(offset / inputs), offset % inputs]
    const terms = [left, right].flatMap(([u, a]) =>
      Array.from({ length: samples }, (_, s) => u[s * units + unit] * a[s * inputs + input]),
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
  it('have the norm of all of them', () => {
    const whole = Math.hypot(...Array.from({ length: units * inputs }, (_, k) => expected(k)))
    expect(Math.abs(of().norm() - whole)).toBeLessThanOrEqual(1e-14 * whole)
  })
})

it('makes of an input what its factor is, whether one element is asked for, all of a block, or the norm', () => {
  const many = 9000
  const ofUnits = { rows: many, columns: units, data: numbers(many * units, 1, 1) }
  const data = numbers(many * inputs, 2, 1)
  const cubes = { rows: many, columns: inputs, data: data.map((a, k) => (1 + (k % inputs)) * a ** 3) }
  const computed = new FactoredDeviations([
    { ofUnits, ofInputs: { ...cubes, data }, factorOf: (a, j) => (1 + j) * a ** 3 },
  ])
  const given = new FactoredDeviations([{ ofUnits, ofInputs: cubes }])
  expect(computed.norm()).toBeCloseTo(given.norm(), 10)
  // by then the squares of a block are at hand, summed over some samples at a time
  const alone = Array.from({ length: inputs }, (_, k) => computed.at(k))
  for (let k = 0; k < 3 * inputs; k++) expect(computed.at(k)).toBeCloseTo(given.at(k), 10)
  for (let k = 0; k < inputs; k++) expect(computed.at(k)).toBeCloseTo(alone[k], 10)
})
