import { describe, expect, it } from 'vitest'
import { LOSS_NAMES } from '../../src/network/losses.js'
import { suggestName } from '../../src/suggest.js'

describe('the suggestion for a misspelt name', () => {
  it.each([
    ['reul', ['relu', 'tanh'], 'relu'],
    ['tan', ['relu', 'tanh'], 'tanh'],
    ['x', ['X', 'Y'], 'X'],
    ['BCE', LOSS_NAMES, 'binary-cross-entropy'],
    ['mse', LOSS_NAMES, 'mean-squared-error'],
    ['mean_squared_error', LOSS_NAMES, 'mean-squared-error'],
  ])('%s is the nearest, or the one it abbreviates', (name, candidates, expected) => {
    expect(suggestName(name, candidates)).toBe(`; did you mean "${expected}"?`)
  })

  it.each([
    ['foo', ['log', 'cos']],
    ['y', ['x']],
    ['', ['x']],
    ['alb', ['a-lot-better', 'a-little-bit']],
  ])('%j has none that is near, or the only one', (name, candidates) => {
    expect(suggestName(name, candidates)).toBe('')
  })
})
