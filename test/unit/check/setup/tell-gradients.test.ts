import { describe, expect, it } from 'vitest'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import { problemFromArrays } from '../../../../src/check/problem-from-arrays.js'
import { mergeArrays } from '../../../../src/files/merge-arrays.js'
import { type NamedTensors, tensor } from '../../../../src/tensor.js'
import { withChanged } from '../../../support/plant-errors.js'
import { makeRandomProblem, type RandomNetworkOptions } from '../../../support/random-network.js'

const OPTIONS: RandomNetworkOptions = {
  seed: 7,
  activations: ['tanh', 'sigmoid'],
  loss: 'mean-squared-error',
  widths: [3, 4, 2],
  samples: 5,
  targets: 'probabilities',
}
const { problem, gradients, cost } = makeRandomProblem(OPTIONS)
const data: NamedTensors = new Map([
  ['X', problem.inputs],
  ['Y', problem.targets],
])
const parameters = problem.parameters as NamedTensors
/** Gradients under the parameters' names. */
const alike = (all: NamedTensors): NamedTensors =>
  new Map([...all].map(([name, each]) => [name.slice(1), each]))
const wrong = withChanged(gradients, 'dW1', (value) => value + 1)

function check(files: [string, NamedTensors][]) {
  const merged = mergeArrays(files.map(([fileName, arrays]) => ({ fileName, arrays })))
  return checkGradients(problemFromArrays(merged, { activations: OPTIONS.activations, loss: OPTIONS.loss }))
}

describe('two files with the same names', () => {
  const withCost = new Map([...data, ['cost', tensor([cost], [])]]) as NamedTensors

  it('are told apart by their own names', async () => {
    const files: [string, NamedTensors][] = [
      ['data.npz', data],
      ['grads.npz', alike(gradients)],
      ['params.npz', parameters],
    ]
    expect((await check(files)).verdict).toBe('pass')
    files[1] = ['grads.npz', alike(wrong)]
    expect(await check(files)).toMatchObject({ verdict: 'fail', diagnosis: [{ tensors: ['W1'] }] })
  })

  it.each([false, true])(
    'are told apart by a right gradient, in any order (turned: %s)',
    async (isTurned) => {
      const both: [string, NamedTensors][] = [
        ['a.npz', parameters],
        ['b.npz', alike(gradients)],
      ]
      const report = await check([['data.npz', data], ...(isTurned ? both.toReversed() : both)])
      expect(report.verdict).toBe('pass')
      expect(report.tensors[0]).toMatchObject({ name: 'W1', gradient: 'gradients.W1' })
    },
  )

  it.each([false, true])('are told apart by the saved cost, in any order (turned: %s)', async (isTurned) => {
    const both: [string, NamedTensors][] = [
      ['a.npz', parameters],
      ['b.npz', alike(wrong)],
    ]
    const report = await check([['data.npz', withCost], ...(isTurned ? both.toReversed() : both)])
    expect(report).toMatchObject({ verdict: 'fail', diagnosis: [{ tensors: ['W1'] }] })
  })

  it('are refused where nothing tells them apart', async () => {
    const files: [string, NamedTensors][] = [
      ['data.npz', data],
      ['a.npz', parameters],
      ['b.npz', alike(wrong)],
    ]
    await expect(check(files)).rejects.toThrow(
      /two files hold .*, and nothing says which holds the gradients/,
    )
  })
})

describe('gradients in code', () => {
  it('may be called as their parameters are', async () => {
    expect((await checkGradients({ ...problem, gradients: alike(gradients) })).verdict).toBe('pass')
    const report = await checkGradients({ ...problem, gradients: alike(wrong) })
    expect(report.verdict).toBe('fail')
    expect(report.diagnosis[0].message).toContain('gradients.W1')
  })

  it('are no copies of the parameters', async () => {
    const copies = new Map(
      [...parameters].map(([name, each]) => [name, { ...each, data: each.data.slice() }]),
    )
    await expect(checkGradients({ ...problem, gradients: copies })).rejects.toThrow(
      /the gradient of W1, is missing/,
    )
  })
})
