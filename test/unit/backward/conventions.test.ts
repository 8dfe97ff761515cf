import { describe, expect, it } from 'vitest'
import { findKinks, reversePassByConvention } from '../../../src/backward/conventions.js'
import { KINK_CONVENTIONS } from '../../../src/operations/scalar-rule.js'
import { buildProgram } from '../../../src/program/builder.js'
import { bindProgram } from '../../../src/program/evaluate.js'
import { boundValueErrors } from '../../../src/rounding/value-errors.js'
import { tensor } from '../../../src/tensor.js'

const X = tensor([0, 0, 1, -2], [2, 2])
const bindAtKinks = (below: number) => {
  const arrays = new Map([
    ['X', X],
    ['W', tensor([3, 5, 7, 11], [2, 2])],
  ])
  const program = buildProgram(
    (b, { X: inputs, W }) => b.sum(b.leakyRelu(b.matmul(inputs, W), { slope: below })),
    new Map([...arrays].map(([name, { shape }]) => [name, shape])),
  )
  return bindProgram(program, arrays)
}

describe('elements on their kinks', () => {
  it('are found, and only they', () => {
    const bound = bindAtKinks(0)
    const [found, ...others] = findKinks(bound, boundValueErrors(bound))
    expect(others).toEqual([])
    expect([...found.elements]).toEqual([0, 1])
  })

  it('pass back the slope of the left side, of the right side or their mean', () => {
    const bound = bindAtKinks(0.2)
    const errors = boundValueErrors(bound)
    const kinks = findKinks(bound, errors)
    // the second sample is at 3 − 14 and 5 − 22: below; of the first, X's gradient is the slope times ΣW
    const gradients = KINK_CONVENTIONS.map((convention) => [
      ...reversePassByConvention(bound, [0, 1], kinks, errors, () => convention)[0]!,
    ])
    const second = [0.2 * 8, 0.2 * 18]
    for (const [k, slope] of [0.2, 1, 0.6].entries()) {
      for (const [j, value] of [8 * slope, 18 * slope, ...second].entries()) {
        expect(gradients[k][j]).toBeCloseTo(value, 14)
      }
    }
  })

  it('of a maximum is either operand', () => {
    const arrays = new Map([
      ['a', tensor([1, 2], [2])],
      ['b', tensor([1, 5], [2])],
    ])
    const program = buildProgram(
      (b, { a, b: other }) => b.sum(b.maximum(a, other)),
      new Map([...arrays].map(([name, { shape }]) => [name, shape])),
    )
    const bound = bindProgram(program, arrays)
    const errors = boundValueErrors(bound)
    const kinks = findKinks(bound, errors)
    const pass = (convention: 'left' | 'right' | 'mean') =>
      reversePassByConvention(bound, [0, 1], kinks, errors, () => convention)
        .slice(0, 2)
        .map((slopes) => [...slopes!])
    expect(pass('left')).toEqual([
      [0, 0],
      [1, 1],
    ])
    expect(pass('right')).toEqual([
      [1, 0],
      [0, 1],
    ])
    expect(pass('mean')).toEqual([
      [0.5, 0],
      [0.5, 1],
    ])
  })
})
