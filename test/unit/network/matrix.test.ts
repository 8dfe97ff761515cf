import { describe, expect, it } from 'vitest'
import { multiply, multiplyByTransposed, transpose } from '../../../src/network/matrix.js'

const numbers = (length: number, seed: number) =>
  Float64Array.from({ length }, (_, k) => Math.sin(1 + k * 12.9898 + seed * 78.233))

describe('multiplyByTransposed', () => {
  it('gives every element the bits of one sum in order, for every remainder by 4', () => {
    for (const rows of [1, 4, 5, 8, 11]) {
      for (const columns of [1, 3, 4, 9]) {
        for (const depth of [1, 6, 33]) {
          const [A, B] = [numbers(rows * depth, 1), numbers(columns * depth, 2)]
          const product = multiplyByTransposed({ rows, columns: depth, data: A }, B, columns)
          expect([product.rows, product.columns]).toEqual([rows, columns])
          for (let r = 0; r < rows; r++) {
            for (let c = 0; c < columns; c++) {
              let sum = 0
              for (let t = 0; t < depth; t++) sum += A[r * depth + t] * B[c * depth + t]
              expect(product.data[r * columns + c]).toBe(sum)
            }
          }
        }
      }
    }
  })
})

describe('multiply', () => {
  it('gives every element the bits of one sum in order, for every remainder by 4, and where rows are sparse', () => {
    for (const rows of [1, 2, 3, 4, 5, 11]) {
      for (const [depth, columns] of [
        [1, 1],
        [6, 5],
        [33, 3],
      ]) {
        const A = numbers(rows * depth, 3).map((value, k) => (k % depth === 2 || k % 3 === 0 ? 0 : value))
        const B = numbers(depth * columns, 4)
        const product = multiply({ rows, columns: depth, data: A }, B, columns)
        expect([product.rows, product.columns]).toEqual([rows, columns])
        for (let k = 0; k < rows * columns; k++) {
          const [r, c] = [Math.floor(k / columns), k % columns]
          let sum = 0
          for (let t = 0; t < depth; t++) sum += A[r * depth + t] * B[t * columns + c]
          expect(product.data[k]).toBe(sum)
        }
      }
    }
  })
})

describe('transpose', () => {
  it('turns rows into columns', () => {
    expect(transpose(Float64Array.of(1, 2, 3, 4, 5, 6), 2, 3)).toEqual(Float64Array.of(1, 4, 2, 5, 3, 6))
  })
})
