import { describe, expect, it } from 'vitest'
import { findDistinct } from '../../../src/differentiate/cpu/distinct-inputs.js'
import { multiplyVector } from '../../../src/differentiate/cpu/multiply-vector.js'

/** Small integers, so that every order of summation gives the same numbers. */
const integers = (length: number, seed: number) =>
  Float64Array.from({ length }, (_, k) => ((k * 7919 + seed * 104729) % 19) - 9)

describe('multiplyVector', () => {
  it('is the product with a vector, zeros and all', () => {
    const [rows, depth] = [5, 6]
    const W = integers(rows * depth, 3)
    const v = Float64Array.of(0, 2, 0, -3, 1, 0)
    const out = new Float64Array(rows)
    multiplyVector(W, rows, depth, v, out)
    for (let r = 0; r < rows; r++) expect(out[r]).toBe(2 * W[r * 6 + 1] - 3 * W[r * 6 + 3] + W[r * 6 + 4])
  })
})

describe('findDistinct', () => {
  it('names each value once, and the place of every element', () => {
    const { values, placeOf } = findDistinct(Float64Array.of(0.5, 0, 0.5, -0, 2, 0))
    expect(placeOf.length).toBe(6)
    expect(Array.from(placeOf, (place) => values[place] + 0)).toEqual([0.5, 0, 0.5, 0, 2, 0])
    expect(new Set(values).size).toBe(values.length)
  })
})
