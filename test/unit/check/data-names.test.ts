import { describe, expect, it } from 'vitest'
import { findData } from '../../../src/check/data-names.js'
import { tensor } from '../../../src/tensor.js'
import { expectFailure } from '../../support/expect-failure.js'

const arrays = (names: string) => new Map(names.split(' ').map((name, k) => [name, tensor([k], [1])]))
const find = (names: string, which: 'inputs' | 'targets', named?: string) =>
  findData(arrays(names), which, named).name

describe('the data', () => {
  it.each([
    ['X Y', 'X', 'Y'],
    ['X y', 'X', 'y'],
    ['x y', 'x', 'y'],
    ['X_train Y_train X_test Y_test', 'X_train', 'Y_train'],
    ['x_train y_train', 'x_train', 'y_train'],
    ['train_x train_y', 'train_x', 'train_y'],
    ['inputs targets', 'inputs', 'targets'],
    ['features labels', 'features', 'labels'],
    ['data.X data.Y', 'data.X', 'data.Y'],
    ['X_batch y_batch', 'X_batch', 'y_batch'],
    ['A0 Y A1 dX', 'A0', 'Y'],
    ['X_train X y y_train', 'X', 'y'],
    ['X Y x y', 'X', 'Y'],
  ])('of %s are %s and %s', (names, inputs, targets) => {
    expect([find(names, 'inputs'), find(names, 'targets')]).toEqual([inputs, targets])
  })

  it('that may be two arrays are refused, naming both', () => {
    const error = expectFailure(
      () => find('X_train X_batch', 'inputs'),
      'bad-usage',
      /^X_train and X_batch may both/,
    )
    expect(error.fix).toBe('say which they are by `inputs: X_train`')
    expectFailure(
      () => find('labels targets', 'targets'),
      'bad-usage',
      /labels and targets may both be the targets/,
    )
  })

  it('that are not there come with what may be meant', () => {
    const error = expectFailure(
      () => find('X_test W1', 'inputs'),
      'missing-array',
      /did you mean "X_test"\? \(arrays:/,
    )
    expect(error.fix).toMatch(/^say how it is called by `inputs: X_test`/)
    expectFailure(
      () => find('W1', 'targets'),
      'missing-array',
      /^there is no array Y or y for the targets \(arrays: W1\)/,
    )
    // what is named is taken as it is
    expectFailure(() => find('X_train', 'inputs', 'X'), 'missing-array', /^there is no array X for/)
    expect(find('X Z', 'inputs', 'Z')).toBe('Z')
  })
})
