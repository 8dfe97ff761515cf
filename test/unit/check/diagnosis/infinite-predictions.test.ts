import { expect, it } from 'vitest'
import { checkGradients } from '../../../../src/check/check-gradients.js'
import { dense, sequential } from '../../../../src/network/network.js'
import { tensor } from '../../../../src/tensor.js'

it('a mistake that would give an infinite gradient explains none', async () => {
  // the unit is 0 for the second sample: a division by its slope gives infinity
  const report = await checkGradients({
    network: sequential([dense('relu'), dense('linear')], { loss: 'half-squared-error' }),
    parameters: { W1: tensor([1], [1, 1]), b1: tensor([0.5], [1, 1]), W2: tensor([3], [1, 1]) },
    // δ = 3·(3·1.5 − 1) = 10.5 of the first sample alone
    gradients: {
      dW1: tensor([10.5], [1, 1]),
      db1: tensor([1.01 * 10.5], [1, 1]),
      dW2: tensor([5.25], [1, 1]),
    },
    inputs: tensor([1, -1], [1, 2]),
    targets: tensor([1, 2], [1, 2]),
  })
  expect(report.verdict).toBe('fail')
  expect(report.tensors.map(({ verdict }) => verdict)).toEqual(['pass', 'fail', 'pass'])
  expect(report.diagnosis.map(({ message }) => message).join()).not.toMatch(/NaN|Infinity|divided/)
  for (const { residual } of report.diagnosis) expect(residual ?? 0).not.toBeNaN()
})
