import { describe, expect, it } from 'vitest'
import { describeUnread, type UnreadArrays } from '../../../../src/check/setup/unread-arrays.js'
import { tensor } from '../../../../src/tensor.js'

const three = tensor([3, 2, 1], [3])

function describeArrays(names: string, more: Partial<UnreadArrays> = {}) {
  const arrays = new Map(names.split(' ').map((name) => [name, three]))
  return describeUnread({ arrays, gradients: new Set(), unreadable: [], lacksCost: false, ...more })
}

describe('arrays that nothing was done with', () => {
  it.each([
    ['gamma1 beta1 dgamma1 dbeta1', ['dgamma1', 'dbeta1']],
    ['dgamma1 dbeta1', ['dgamma1', 'dbeta1']],
    ['bn.weight grad.bn.weight', ['grad.bn.weight']],
    ['params.gamma2 grads.dgamma2', ['grads.dgamma2']],
    ['scale scale_grad', ['scale_grad']],
  ])('%s are gradients of parameters that the network lacks', (names, gradients) => {
    expect(describeArrays(names).notChecked).toMatchObject([{ kind: 'not-checked', gradients }])
    expect(describeArrays(names).notUsed).toEqual([])
  })

  it.each(['D1 mask', 'dropout1 data depth', 'H1 dH1 X dX', 'gate ate', 'x_mean x_std'])(
    '%s are no such gradients, and are told of together',
    (names) => {
      const isGate = names === 'gate ate'
      const { notChecked, notUsed } = describeArrays(names)
      // g marks a gradient where the rest is an array: told twice over rather than not at all
      expect(notChecked.length).toBe(isGate ? 1 : 0)
      if (!isGate) expect(notUsed).toMatchObject([{ kind: 'not-used', arrays: names.split(' ') }])
    },
  )

  it('need no word where they are values between layers', () => {
    expect(describeArrays('A1 dA1 Z2 dZ2 Z_3')).toEqual({ notChecked: [], notUsed: [] })
  })

  it('are gradients for certain where they were given as gradients', () => {
    const { notChecked } = describeArrays('W9', { gradients: new Set(['W9']) })
    expect(notChecked[0].message).toBe(
      'W9 was not checked: the network declared has no parameters of these names',
    )
  })

  it('name a cost that is a history where no other cost was saved', () => {
    for (const name of ['cost', 'J', 'losses', 'loss_history', 'costs']) {
      expect(describeArrays(name, { lacksCost: true }).notUsed[0].message).toMatch(
        /was not used: it is a history of 3 numbers/,
      )
      expect(describeArrays(name).notUsed[0].message).toBe(`${name} was not used`)
    }
  })

  it('may be some that could not be read', () => {
    expect(describeArrays('D1', { unreadable: ['names'] }).notUsed[0].message).toBe(
      'D1 and names were not used',
    )
  })
})
