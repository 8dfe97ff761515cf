import { describe, expect, it } from 'vitest'
import { multiplyInBlocks } from '../../../src/network/blocked-product.js'
import { multiply, multiplyByTransposed, multiplyTransposedBy } from '../../../src/network/matrix.js'

const numbers = (length: number, seed: number) =>
  Float64Array.from({ length }, (_, k) => Math.sin(1 + k * 12.9898 + seed * 78.233))

/** Element t of vector i of a side. */
const at = (data: Float64Array, count: number, depth: number, byVector: boolean) => (i: number, t: number) =>
  byVector ? data[i * depth + t] : data[t * count + i]

describe('multiplyInBlocks', () => {
  it.each([
    // more than a block on the left, on the right, and in depth; every remainder by 4
    [301, 70, 129],
    [9, 523, 130],
    [7, 21, 9000],
    [258, 259, 6],
  ])('gives every element of %i × %i the bits of one sum of %i terms in order', (left, right, depth) => {
    const [A, B] = [numbers(left * depth, 1), numbers(right * depth, 2)]
    for (const [leftByVector, rightByVector] of [
      [true, true],
      [true, false],
      [false, false],
    ]) {
      const product = multiplyInBlocks(
        { data: A, count: left, depth, byVector: leftByVector },
        { data: B, count: right, depth, byVector: rightByVector },
      )!
      const [a, b] = [at(A, left, depth, leftByVector), at(B, right, depth, rightByVector)]
      const expected = Float64Array.from({ length: left * right }, (_, k) => {
        const [i, j] = [Math.floor(k / right), k % right]
        let sum = 0
        for (let t = 0; t < depth; t++) sum += a(i, t) * b(j, t)
        return sum
      })
      expect(product.every((value, k) => Object.is(value, expected[k]))).toBe(true)
    }
  })
})

describe('products of matrices large enough for blocks', () => {
  it('leave out what is 0 times infinity as small ones do', () => {
    const [rows, depth, columns] = [40, 32, 33]
    const A = { rows, columns: depth, data: numbers(rows * depth, 3) }
    const B = numbers(depth * columns, 4)
    for (let r = 0; r < rows; r++) A.data[r * depth + 5] = 0
    B.fill(Number.POSITIVE_INFINITY, 5 * columns, 6 * columns)
    expect(multiply(A, B, columns).data.every(Number.isFinite)).toBe(true)
    const ofUnits = { rows, columns: depth, data: A.data }
    const inputs = { rows, columns, data: numbers(rows * columns, 5) }
    inputs.data[7 * columns + 2] = Number.POSITIVE_INFINITY
    ofUnits.data.fill(0, 7 * depth, 8 * depth)
    expect(multiplyTransposedBy(ofUnits, inputs).every(Number.isFinite)).toBe(true)
  })

  it('are infinite where a sum overflows', () => {
    const [rows, depth, columns] = [32, 32, 32]
    const A = { rows, columns: depth, data: new Float64Array(rows * depth).fill(1e200) }
    const product = multiplyByTransposed(A, new Float64Array(columns * depth).fill(1e200), columns)
    expect(product.data.every((value) => value === Number.POSITIVE_INFINITY)).toBe(true)
  })
})
