import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import type { NamedTensors } from '../../../../src/tensor.js'
import { withChanged } from '../../../support/plant-errors.js'
import { makeRandomProblem } from '../../../support/random-network.js'

const { problem, gradients } = makeRandomProblem({
  seed: 8,
  activations: ['tanh', 'linear'],
  loss: 'half-squared-error',
  widths: [6, 8, 3],
  samples: 5,
})

const diagnose = async (clipped: NamedTensors) =>
  (await checkGradients({ ...problem, gradients: clipped })).diagnosis

describe('a clipped gradient is named', () => {
  const sorted = gradients.get('dW1')!.data.map(Math.abs).sort()
  // a third of the entries are beyond it, on both sides
  const limit = Number(sorted[32].toPrecision(1))

  it('by value, with its limit', async () => {
    const clip = (value: number) => Math.min(limit, Math.max(-limit, value))
    expect(gradients.get('dW1')!.data.some((value) => value > limit)).toBe(true)
    expect(gradients.get('dW1')!.data.some((value) => value < -limit)).toBe(true)
    const [finding, ...others] = await diagnose(withChanged(gradients, 'dW1', clip))
    expect(finding).toMatchObject({ kind: 'clipped', tensors: ['W1'] })
    expect(finding.message).toContain(`no entry is larger than ${limit}`)
    expect(others).toEqual([])
  })

  it('by norm, with the norm', async () => {
    const norm = Math.hypot(...gradients.get('dW1')!.data)
    const brought = withChanged(gradients, 'dW1', (value) => value * (0.5 / norm))
    expect(norm).toBeGreaterThan(0.5)
    const [finding] = await diagnose(brought)
    expect(finding.message).toContain('norm 0.5')
  })

  it('and not where one entry alone is too small', async () => {
    const at = gradients.get('dW1')!.data.findIndex((value) => Math.abs(value) === sorted[47])
    const one = withChanged(gradients, 'dW1', (value, k) => (k === at ? value / 1.37 : value))
    expect((await diagnose(one)).map(({ kind }) => kind)).not.toContain('clipped')
  })
})
