import { describe, expect, it } from 'vitest'
import { multiplyScattered } from '../../../src/network/scattered-product.js'

const numbers = (length: number, seed: number) =>
  Float64Array.from({ length }, (_, k) => Math.sin(1 + k * 12.9898 + seed * 78.233))

describe('multiplyScattered', () => {
  it.each([
    // plain loops; one block; every remainder by 4; more than a block of vectors, of columns, of both
    [3, 5, 7],
    [1, 9, 40],
    [40, 33, 18],
    [301, 6, 129],
    [7, 523, 130],
    [270, 261, 5],
  ])('adds to every element of %i × %i one sum of %i terms in order', (count, width, depth) => {
    const terms = Int32Array.from({ length: depth }, (_, t) => (t * 5) % (2 * depth + 1))
    const starts = Int32Array.from({ length: count }, (_, r) => (r * 7) % 50)
    const data = numbers(60 + 2 * depth, 1)
    const matrix = numbers(depth * width, 2)
    for (const across of [1, count]) {
      for (const order of [terms, Int32Array.from(terms.keys())]) {
        const result = numbers(count * width, 3)
        const places = Int32Array.from({ length: count }, (_, r) => (across === 1 ? r * width : r))
        const expected = result.slice()
        for (let r = 0; r < count; r++) {
          for (let j = 0; j < width; j++) {
            let sum = 0
            for (let t = 0; t < depth; t++) sum += data[starts[r] + order[t]] * matrix[t * width + j]
            expected[places[r] + j * across] += 0.5 * sum
          }
        }
        multiplyScattered({ data, starts, count, terms: order }, matrix, width, {
          data: result,
          places,
          across,
          factor: 0.5,
        })
        expect(result.every((value, k) => Object.is(value, expected[k]))).toBe(true)
      }
    }
  })

  it.each([3, 60])('leaves out terms that are 0 times infinity: %i vectors', (count) => {
    const [depth, width] = [12, 16]
    const data = numbers(count * depth, 1)
    for (let r = 0; r < count; r++) data[r * depth + 4] = 0
    const matrix = numbers(depth * width, 2).fill(Number.POSITIVE_INFINITY, 4 * width, 5 * width)
    const result = new Float64Array(count * width)
    multiplyScattered(
      {
        data,
        starts: Int32Array.from({ length: count }, (_, r) => r * depth),
        count,
        terms: Int32Array.from({ length: depth }, (_, t) => t),
      },
      matrix,
      width,
      { data: result, places: Int32Array.from({ length: count }, (_, r) => r * width), across: 1, factor: 1 },
    )
    expect(result.every(Number.isFinite)).toBe(true)
  })
})
