import { afterEach, describe, expect, it, vi } from 'vitest'
import { openProducts } from '../../../src/network/products.js'
import { Draws } from '../../support/random-network.js'

afterEach(() => {
  vi.unstubAllGlobals()
})

/** C = A·B over some terms, one sum after the other. */
function multiplyPlainly(
  A: Float64Array,
  [rows, depth]: readonly [number, number],
  B: Float64Array,
  [columns, stride]: readonly [number, number],
  places: readonly number[],
): number[][] {
  return Array.from({ length: rows }, (_, r) =>
    Array.from({ length: columns }, (_, c) => {
      let sum = 0
      for (const t of places) sum += A[r * depth + t] * B[t * stride + c]
      return sum
    }),
  )
}

const SHAPES = [1, 3, 4, 5, 8, 11].flatMap((rows) =>
  [1, 2, 7].flatMap((depth) =>
    [
      [1, 1],
      [3, 8],
      [4, 4],
      [6, 7],
      [13, 16],
    ].map(([columns, stride]) => ({ rows, depth, columns, stride })),
  ),
)

describe.each([
  ['vectors', () => {}],
  ['plain JavaScript where there is no WebAssembly', () => vi.stubGlobal('WebAssembly', undefined)],
  [
    "plain JavaScript where a page's policy forbids it",
    () =>
      vi.stubGlobal('WebAssembly', {
        Memory: WebAssembly.Memory,
        Module: WebAssembly.Module,
        Instance: class {
          constructor() {
            throw new Error('refused')
          }
        },
      }),
  ],
])('products by %s', (_name, arrange) => {
  it.each(SHAPES)('are to the last bit those of a plain loop: %j', ({ rows, depth, columns, stride }) => {
    arrange()
    const draws = new Draws(rows + 7 * depth + 31 * columns)
    const [A, B] = [rows * depth, depth * stride].map((length) => Float64Array.from(draws.normals(length, 1)))
    const products = openProducts()
    const left = products.prepare(A, rows, depth)
    // others come and go, and memory grows
    products.prepareForNow(new Float64Array(2e4), 2, 1e4)
    const rowsOf = (C: Float64Array) =>
      Array.from({ length: rows }, (_, r) => [...C.subarray(r * stride, r * stride + columns)])
    const C = new Float64Array(rows * stride).fill(Number.NaN)
    products.multiply(left, B, columns, stride, C)
    const all = Array.from({ length: depth }, (_, t) => t)
    expect(rowsOf(C)).toEqual(multiplyPlainly(A, [rows, depth], B, [columns, stride], all))
    for (const places of [[], all.filter((t) => t % 2 === 0), all.slice(-1)]) {
      const terms = { places: Uint32Array.of(...places, 99), count: places.length }
      products.multiply(left, B, columns, stride, C, terms)
      expect(rowsOf(C)).toEqual(multiplyPlainly(A, [rows, depth], B, [columns, stride], places))
    }
    const now = products.prepareForNow(A, rows, depth)
    products.multiply(now, B, columns, stride, C)
    expect(rowsOf(C)).toEqual(multiplyPlainly(A, [rows, depth], B, [columns, stride], all))
  })
})
