import { describe, expect, it } from 'vitest'
import { parseValues, readGradients } from '../../../src/cli/function-options.js'
import { expectFailure } from '../../support/expect-failure.js'

describe('--at', () => {
  it('gives values, negative ones and ranges, in order', () => {
    const values = parseValues('theta=4, x=-2.5e-1,y=-3:3:4')
    expect(Object.entries(values)).toEqual([
      ['theta', 4],
      ['x', -0.25],
      ['y', [-3, -1, 1, 3]],
    ])
    expect(parseValues('b=2', { a: 1 })).toEqual({ a: 1, b: 2 })
  })

  it('has ranges that begin and end exactly where they say, and meet 0 in the middle', () => {
    const { x } = parseValues('x=-0.3:0.3:7') as { x: number[] }
    expect([x[0], x[3], x[6]]).toEqual([-0.3, 0, 0.3])
  })

  it.each([
    ['x', /NAME=VALUE, not "x"/],
    ['x=', /the value ""/],
    ['x=two', /"two", which is no number/],
    ['x=1,x=2', /x twice/],
    ['1x=2', /NAME=VALUE/],
    ['x=1:2', /is no range/],
    ['x=1:2:3:4', /is no range/],
    ['x=1:2:1', /a whole number from 2/],
    ['x=1:2:2.5', /a whole number from 2/],
    ['x=1:2:1e9', /to 100000/],
  ])('%s is refused', (text, message) => {
    expectFailure(() => parseValues(text), 'bad-usage', message)
  })
})

describe('--gradient', () => {
  it('is one formula, or one for each variable', () => {
    expect(readGradients([])).toBeUndefined()
    expect(readGradients(['2 * x'])).toBe('2 * x')
    expect(readGradients(['d/dx = 2*x', 'd/dtheta=x'])).toEqual({ x: '2*x', theta: 'x' })
    expect(readGradients(['d / d'])).toBe('d / d')
  })

  it('says by which variable where there are several', () => {
    expectFailure(() => readGradients(['x', 'd/dy=1']), 'bad-usage', /"x" does not say by which variable/)
    expectFailure(() => readGradients(['d/dx=1', 'd/dx=2']), 'bad-usage', /d\/dx twice/)
  })
})
