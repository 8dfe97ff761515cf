import { describe, expect, it } from 'vitest'
import { listNames } from '../../../src/list-names.js'
import {
  formatDifference,
  formatQuantity,
  formatRatio,
  formatSeconds,
  formatSetting,
  formatValue,
} from '../../../src/report/format-numbers.js'

describe('numbers in reports', () => {
  it.each([
    [2.6012e-8, '2.60e-8'],
    [0.2850931567, '0.285'],
    [0, '0'],
    [1, '1.00'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
  ])('a difference of %d is %s', (value, text) => expect(formatDifference(value)).toBe(text))

  it.each([
    [2.407833389834357, '2.407833'],
    [-0.000012345678, '-1.234568e-5'],
    [12345678.9, '1.234568e+7'],
    [0, '0'],
  ])('a value of %d is %s', (value, text) => expect(formatValue(value)).toBe(text))

  it.each([
    [2, 1, '2.0000'],
    [-1, 1, '-1.0000'],
    [0, 1, '0'],
    [1, 0, '-'],
    [0, 0, '-'],
    [1e9, 1, '1.00e+9'],
  ])('the ratio of %d to %d is %s', (g, n, text) => expect(formatRatio(g, n)).toBe(text))

  it.each([
    [1e-5, '1e-5'],
    [2.5e-6, '2.5e-6'],
    [10 * 1e-6, '1e-5'],
    [0.01, '0.01'],
    [1e-7, '1e-7'],
  ])('a setting of %d is %s', (value, text) => expect(formatSetting(value)).toBe(text))

  it.each([
    [0.0123, '12 ms'],
    [1.234, '1.23 s'],
    [45.2, '45 s'],
    [200, '3 min 20 s'],
  ])('%d seconds are %s', (seconds, text) => expect(formatSeconds(seconds)).toBe(text))

  it('counts have their noun and thousands', () => {
    expect(formatQuantity(1, 'parameter')).toBe('1 parameter')
    expect(formatQuantity(61481, 'parameter')).toBe('61,481 parameters')
  })

  it('names are listed as in a sentence', () => {
    expect(listNames(['W2'])).toBe('W2')
    expect(listNames(['W2', 'b1'])).toBe('W2 and b1')
    expect(listNames(['W1', 'W2', 'W3', 'W4', 'W5'])).toBe('W1, W2, W3 and 2 more')
  })
})
