import { describe, expect, it } from 'vitest'
import { formatState, type NetworkState, parseState } from '../../../demo/src/network/state.js'
import { formatAddress, parseAddress } from '../../../demo/src/url-state.js'

/** What is read of the address that a state gives. */
function roundTrip(changes: Partial<NetworkState>): NetworkState {
  const state = { ...parseState(new Map()), ...changes }
  return parseState(parseAddress(formatAddress('network', formatState(state))).fields)
}

describe('the address', () => {
  it.each<[string, Partial<NetworkState>]>([
    ['an example', { example: 'image-tanh', device: 'software', step: 1e-7 }],
    [
      'a network',
      {
        source: 'random',
        widths: [3, 2, 9, 1],
        activations: ['gelu-tanh', 'leaky-relu(0.2)', 'sigmoid'],
        loss: 'binary-cross-entropy',
        l2: 0.25,
        samples: 17,
        seed: 4,
        bug: 'zero-row',
        bugLayer: 3,
      },
    ],
    [
      'files',
      {
        source: 'files',
        activations: ['relu', 'linear'],
        layout: 'pytorch',
        reduction: 'weighted-mean',
        ignoreIndex: -100,
        sampleWeights: 'w',
        weights: 'theta{l}',
        targets: 'labels & more = ?#',
        tolerance: 1e-4,
        sample: 100,
      },
    ],
  ])('holds %s', (_, changes) => {
    expect(roundTrip(changes)).toMatchObject(changes)
  })

  it('is short where nothing is set', () => {
    expect(formatAddress('network', formatState(parseState(new Map())))).toBe(
      '#network?example=three-layer-buggy',
    )
  })

  it('that makes no sense is read as far as it does', () => {
    const state = parseState(
      new Map(
        Object.entries({
          source: 'random',
          widths: '4-0-2',
          activations: 'relu,nonsense',
          loss: '<script>',
          samples: '-1',
          step: 'NaN',
          l2: '-1',
          bug: '__proto__',
          bugLayer: '99',
        }),
      ),
    )
    const initial = parseState(new Map([['source', 'random']]))
    expect(state).toEqual({ ...initial, bugLayer: initial.bugLayer })
  })

  it('of no view leads to the network view', () => {
    expect(parseAddress('#nothing?a=b').view).toBe('network')
    expect(parseAddress('').view).toBe('network')
    expect(parseAddress('#speed?samples=4').fields.get('samples')).toBe('4')
  })
})
