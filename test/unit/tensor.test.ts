import { describe, expect, it } from 'vitest'
import {
  type DType,
  elementCount,
  formatShape,
  tensor,
  unitRoundoff,
  unravelIndex,
} from '../../src/tensor.js'
import { expectFailure } from '../support/expect-failure.js'

describe('tensor', () => {
  it('holds numbers of any array as float64', () => {
    const made = tensor([1, 2, 3, 4, 5, 6], [2, 3])
    expect(made).toEqual({ shape: [2, 3], data: Float64Array.of(1, 2, 3, 4, 5, 6), dtype: 'float64' })
    expect(tensor(Int8Array.of(-1, 1), [2]).data).toEqual(Float64Array.of(-1, 1))
  })

  it('refuses lengths that are no counts although their product fits', () => {
    for (const shape of [[-2, -2], [0.5, 8], [Number.NaN]]) {
      expectFailure(() => tensor([1, 2, 3, 4], shape), 'bad-shape', /do not fill shape/)
    }
  })

  it('remembers that numbers came from a Float32Array, or what it is told they were stored as', () => {
    expect(tensor(Float32Array.of(0.1), [1])).toEqual({
      shape: [1],
      data: Float64Array.of(Math.fround(0.1)),
      dtype: 'float32',
    })
    expect(tensor([0.5], [1], 'float16').dtype).toBe('float16')
    expect(tensor(Float32Array.of(0.5), [1], 'bfloat16').dtype).toBe('bfloat16')
  })

  it('does not follow later changes of the shape it was given', () => {
    const shape = [2, 1]
    const made = tensor([1, 2], shape)
    shape[0] = 7
    expect(made.shape).toEqual([2, 1])
  })

  it('takes scalars and empty arrays', () => {
    expect(tensor([3], []).shape).toEqual([])
    expect(tensor([], [0, 4]).data.length).toBe(0)
  })

  it.each([
    [[1, 2, 3], [2, 2], '3 numbers do not fill shape (2, 2)'],
    [[1, 2, 3], [], '3 numbers do not fill shape ()'],
    [[], [1], '0 numbers do not fill shape (1,)'],
    [[1], [0], '1 number does not fill shape (0,)'],
    [[1, 2], [1], '2 numbers do not fill shape (1,)'],
  ])('refuses %j with shape %j', (data, shape, message) => {
    expectFailure(() => tensor(data, shape), 'bad-shape', message)
  })
})

describe('formatShape', () => {
  it('writes shapes as NumPy prints them', () => {
    expect([[], [3], [5, 4], [1, 2, 3], [0, 2]].map(formatShape)).toEqual([
      '()',
      '(3,)',
      '(5, 4)',
      '(1, 2, 3)',
      '(0, 2)',
    ])
  })
})

describe('unravelIndex', () => {
  it('numbers the elements of nested loops in their order', () => {
    const shape = [2, 3, 4]
    const indices: number[][] = []
    for (let i = 0; i < 2; i++)
      for (let j = 0; j < 3; j++) for (let k = 0; k < 4; k++) indices.push([i, j, k])
    expect(indices.map((_, offset) => unravelIndex(offset, shape))).toEqual(indices)
  })

  it('gives a vector one index and a scalar none', () => {
    expect(unravelIndex(4, [7])).toEqual([4])
    expect(unravelIndex(0, [])).toEqual([])
    expect(unravelIndex(3, [1, 5])).toEqual([0, 3])
    expect(unravelIndex(3, [5, 1])).toEqual([3, 0])
  })

  it('keeps its digits beyond 32 bits', () => {
    expect(unravelIndex(5 * 2 ** 33 + 3, [8, 2 ** 33])).toEqual([5, 3])
  })
})

it('elementCount multiplies the lengths, and a scalar has one element', () => {
  expect([[], [7], [2, 3, 4], [5, 0]].map(elementCount)).toEqual([1, 7, 24, 0])
})

it.each<[DType, number]>([
  ['float64', 53],
  ['float32', 24],
  ['float16', 11],
  ['bfloat16', 8],
  ['int64', 53],
  ['bool', 53],
])('%s has %i significant bits', (dtype, bits) => {
  expect(unitRoundoff(dtype)).toBe(2 ** -bits)
})
