import { describe, expect, it } from 'vitest'
import { findDistinct } from '../../../src/differentiate/cpu/distinct-inputs.js'

describe('findDistinct', () => {
  it('names each value once, and the place of every element', () => {
    const { values, placeOf } = findDistinct(Float64Array.of(0.5, 0, 0.5, -0, 2, 0))
    expect(placeOf.length).toBe(6)
    expect(Array.from(placeOf, (place) => values[place] + 0)).toEqual([0.5, 0, 0.5, 0, 2, 0])
    expect(new Set(values).size).toBe(values.length)
  })
})
