import { describe, expect, it } from 'vitest'
import { FactoredDeviations } from '../../../src/network/factored-deviations.js'
import { transpose } from '../../../src/network/matrix.js'
import { normOf, rootSumSquares, SquaredMatrix } from '../../../src/network/root-sum-squares.js'
import { Draws } from '../../support/random-network.js'

/** Squares of numbers of these sizes underflow or overflow. */
const SIZES = [1, 2 ** -568, 2 ** -900, 2 ** 600, 2 ** 1000]

describe('a root of a sum of squares', () => {
  it.each(SIZES)('of numbers of the size %d is that of ordinary ones', (size) => {
    expect(rootSumSquares(3 * size, 4 * size)).toBe(5 * size)
    expect(rootSumSquares(2 * size, -3 * size, 6 * size)).toBe(7 * size)
    expect(normOf(Float64Array.of(2 * size, 0, -3 * size, 6 * size))).toBe(7 * size)
  })

  it('is 0 of nothing but zeros', () => {
    expect(rootSumSquares(0, 0, 0)).toBe(0)
    expect(normOf(new Float64Array(3))).toBe(0)
  })
})

describe('deviations through a matrix', () => {
  const draws = new Draws(3)
  const [samples, inputs, outputs] = [5, 6, 7]
  const W = Float64Array.from(draws.normals(inputs * outputs, 1))
  const D = Float64Array.from(draws.normals(samples * inputs, 1), Math.abs)
  const expected = (s: number, i: number) => {
    let sum = 0
    for (let j = 0; j < inputs; j++) sum += (D[s * inputs + j] * W[i * inputs + j]) ** 2
    return Math.sqrt(sum)
  }

  it.each(SIZES)('of the size %d are roots of sums of squared products, both ways', (size) => {
    for (const by of [1, 2 ** -500, 2 ** 20]) {
      if (size * by > 2 ** 1010 || size * by < 2 ** -1000) continue
      const weights = W.map((w) => w * by)
      const forward = new SquaredMatrix(weights, inputs).forward({
        rows: samples,
        columns: inputs,
        data: D.map((d) => d * size),
      })
      const transposed = Float64Array.from(
        weights,
        (_, k) => weights[(k % outputs) * inputs + Math.floor(k / outputs)],
      )
      const backward = new SquaredMatrix(transposed, outputs).backward({
        rows: samples,
        columns: inputs,
        data: D.map((d) => d * size),
      })
      for (let k = 0; k < samples * outputs; k++) {
        const right = expected(Math.floor(k / outputs), k % outputs) * size * by
        expect(forward.data[k] / right).toBeCloseTo(1, 12)
        expect(backward.data[k] / right).toBeCloseTo(1, 12)
      }
    }
  })

  it('that are tiny beside others of their sample keep their digits', () => {
    const tiny = 2 ** -700
    const { data } = new SquaredMatrix(Float64Array.of(1, 0, 0, 1), 2).forward({
      rows: 1,
      columns: 2,
      data: Float64Array.of(1, tiny),
    })
    expect([...data]).toEqual([1, tiny])
  })
})

describe('deviations of weights', () => {
  const [outputs, inputs, samples] = [3, 4, 5]
  const bySample = (data: Float64Array) => ({
    rows: samples,
    columns: data.length / samples,
    data: transpose(data, data.length / samples, samples),
  })
  const part = (rows: number, seed: number) =>
    Float64Array.from({ length: rows * samples }, (_, k) => 1 + Math.sin(seed + k * k))
  it.each([1, 2 ** -300, 2 ** 300])('are products of factors, of the size %d', (size) => {
    const units = [part(outputs, 1), part(outputs, 2)].map((values) => values.map((v) => v * size))
    const fed = [part(inputs, 3), part(inputs, 4)].map((values) => values.map((v) => v * size))
    const deviations = new FactoredDeviations(
      units.map((ofUnits, p) => ({ ofUnits: bySample(ofUnits), ofInputs: bySample(fed[p]) })),
    )
    let total = 0
    for (let i = 0; i < outputs; i++) {
      for (let j = 0; j < inputs; j++) {
        let sum = 0
        for (const p of [0, 1]) {
          for (let s = 0; s < samples; s++) {
            sum += ((units[p][i * samples + s] / size) * (fed[p][j * samples + s] / size)) ** 2
          }
        }
        expect(deviations.at(i * inputs + j) / size / size).toBeCloseTo(Math.sqrt(sum), 12)
        total += sum
      }
    }
    expect(deviations.norm() / size / size).toBeCloseTo(Math.sqrt(total), 10)
  })
})
