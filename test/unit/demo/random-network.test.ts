import { describe, expect, it } from 'vitest'
import { BUGS, type BugKind } from '../../../demo/src/problem/bugs.js'
import { createRandomNetwork, type RandomNetwork } from '../../../demo/src/problem/random-network.js'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { ACTIVATION_NAMES, type ActivationName } from '../../../src/network/activations.js'
import { LAYOUT_NAMES } from '../../../src/network/layout.js'
import { LOSS_NAMES, type LossName } from '../../../src/network/losses.js'
import { expectFailure } from '../../support/expect-failure.js'

const network = (changes: Partial<RandomNetwork> = {}): RandomNetwork => ({
  widths: [5, 4, 4, 3],
  activations: ['tanh', 'softplus', 'linear'],
  loss: 'softmax-cross-entropy',
  layout: 'columns',
  l2: 0.3,
  samples: 6,
  seed: 7,
  bug: { kind: 'none', layer: 1 },
  ...changes,
})

const lastOf = (loss: LossName): ActivationName =>
  loss === 'binary-cross-entropy' ? 'sigmoid' : loss === 'softmax-cross-entropy' ? 'linear' : 'tanh'

describe('the backpropagation of the page', () => {
  it.each(LOSS_NAMES.flatMap((loss) => LAYOUT_NAMES.map((layout) => [loss, layout] as const)))(
    'is right with %s and the layout %s',
    async (loss, layout) => {
      const problem = createRandomNetwork(
        network({ loss, layout, activations: ['tanh', 'sigmoid', lastOf(loss)] }),
      )
      const report = await checkGradients(problem)
      expect(report.verdict).toBe('pass')
      expect(report.parameters.total).toBe(5 * 4 + 4 + 4 * 4 + 4 + 4 * 3 + 3)
    },
  )

  it.each(ACTIVATION_NAMES)('is right with %s', async (activation) => {
    const problem = createRandomNetwork(network({ activations: [activation, activation, 'linear'] }))
    expect((await checkGradients(problem)).verdict).toBe('pass')
  })

  it.each(
    BUGS.filter(({ kind }) => kind !== 'none').flatMap(({ kind, inLayer }) =>
      (kind === 'transposed'
        ? [2]
        : kind === 'no-activation-derivative'
          ? [1, 2]
          : inLayer
            ? [1, 2, 3]
            : [1]
      ).map((layer) => [kind, layer] as const),
    ),
  )('is wrong with the planted bug %s in layer %i', async (kind: BugKind, layer) => {
    const report = await checkGradients(createRandomNetwork(network({ bug: { kind, layer } })))
    expect(report.verdict).toBe('fail')
    // a bug in a layer shows there or before it, never behind it
    const wrong = report.tensors.flatMap(({ name, verdict }) =>
      verdict === 'fail' ? [Number(name.slice(1))] : [],
    )
    expect(wrong.length).toBeGreaterThan(0)
    if (BUGS.find((bug) => bug.kind === kind)?.inLayer) {
      for (const at of wrong) expect(at).toBeLessThanOrEqual(layer)
    }
  })
})

it('the same settings make the same problem, another seed another one', () => {
  const data = (changes: Partial<RandomNetwork>) => [...createRandomNetwork(network(changes)).inputs.data]
  expect(data({})).toEqual(data({}))
  expect(data({ seed: 8 })).not.toEqual(data({}))
})

it('a transposed gradient that would change the shape is refused', () => {
  const bug = { kind: 'transposed', layer: 1 } as const
  expectFailure(() => createRandomNetwork(network({ bug })), 'bad-network', /W1 is 4 × 5/)
})

it('more parameters than a page can hold are refused', () => {
  expectFailure(
    () => createRandomNetwork(network({ widths: [9000, 9000, 4, 3] })),
    'bad-network',
    /too many for a page/,
  )
})
