import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import { dense, type NetworkOptions, sequential } from '../../../../src/network/network.js'
import { withChanged } from '../../../support/plant-errors.js'
import { makeRandomProblem } from '../../../support/random-network.js'

const ran = makeRandomProblem({
  seed: 31,
  activations: ['tanh', 'relu', 'sigmoid'],
  loss: 'mean-squared-error',
  widths: [4, 5, 3, 2],
  samples: 7,
  l2: 0.3,
  targets: 'probabilities',
})

/** A check of the right gradient of a network, another one being declared, without a saved cost. */
async function declareAs(
  change: { activations?: readonly string[] } & Partial<NetworkOptions>,
  gradients = ran.gradients,
) {
  const { activations = ran.plain.activations, ...options } = change
  const { loss, layout, l2 } = ran.plain
  const network = sequential(activations.map(dense), { loss, layout, l2, ...options })
  return await checkGradients({ ...ran.problem, network, gradients, cost: undefined })
}

describe('a gradient that is right for another network, without a saved cost,', () => {
  it.each([
    [{ activations: ['tanh', 'tanh', 'sigmoid'] }, 'declare `activations: tanh,relu,sigmoid`'],
    [{ activations: ['relu', 'tanh', 'sigmoid'] }, 'declare `activations: tanh,relu,sigmoid`'],
    [{ loss: 'half-squared-error' }, 'declare `loss: mean-squared-error`'],
    [{ loss: 'binary-cross-entropy' }, 'declare `loss: mean-squared-error`'],
  ])('stays wrong, and the network is named: %j', async (change, fix) => {
    const report = await declareAs(change)
    expect(report.verdict).toBe('fail')
    expect(report.setup).toMatchObject([{ kind: 'other-network', suspects: [{ fix, gradientAgrees: true }] }])
    expect(report.notices).toContain(report.setup[0].message)
    expect(report.setup[0].message).toContain(fix)
  })

  it('is not looked for where the gradient is right', async () => {
    expect((await declareAs({})).setup).toEqual([])
  })

  it('is not found where no network has that gradient', async () => {
    const gradients = withChanged(ran.gradients, 'dW2', (g) => 1.5 * g)
    const report = await declareAs({}, gradients)
    expect(report.verdict).toBe('fail')
    expect(report.setup).toEqual([])
  })
})
