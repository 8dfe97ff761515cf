import { expect, it } from 'vitest'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { reportToJson } from '../../../src/report/json.js'
import { withChanged } from '../../support/plant-errors.js'
import { makeRandomProblem } from '../../support/random-network.js'

const rows = makeRandomProblem({
  seed: 5,
  activations: ['tanh', 'linear'],
  loss: 'softmax-cross-entropy',
  widths: [4, 3, 2],
  layout: 'rows',
})

it('a report keeps both gradients in the user’s layout when asked to', async () => {
  const report = await checkGradients(rows.problem, { keepGradients: true })
  expect(report.gradients?.map(({ name }) => name)).toEqual(['W1', 'b1', 'W2', 'b2'])
  for (const { gradient, shape, offsets, analytical, numerical } of report.gradients!) {
    const saved = rows.gradients.get(gradient)!
    expect(shape).toEqual(saved.shape)
    expect([...offsets]).toEqual([...saved.data.keys()])
    expect([...analytical]).toEqual([...saved.data])
    for (const [k, value] of numerical.entries()) expect(value).toBeCloseTo(saved.data[k], 9)
  }
})

it('only what is wrong lies further apart than allowed', async () => {
  const gradients = withChanged(rows.gradients, 'dW1', (value, offset) =>
    offset === 7 ? value + 0.01 : value,
  )
  const report = await checkGradients({ ...rows.problem, gradients }, { keepGradients: true })
  const outside = report.gradients!.flatMap(({ name, offsets, analytical, numerical, allowed }) =>
    [...offsets].flatMap((offset, k) =>
      Math.abs(analytical[k] - numerical[k]) > allowed[k] ? [`${name} ${offset}`] : [],
    ),
  )
  expect(outside).toEqual(['W1 7'])
})

it('a sampled check keeps the entries it perturbed, in ascending order', async () => {
  const report = await checkGradients(rows.problem, { keepGradients: true, sample: 9, seed: 3 })
  const [W1] = report.gradients!
  expect(W1.offsets.length).toBe(report.tensors[0].checked)
  expect([...W1.offsets]).toEqual([...W1.offsets].sort((a, b) => a - b))
  const saved = rows.gradients.get('dW1')!
  expect([...W1.analytical]).toEqual([...W1.offsets].map((offset) => saved.data[offset]))
})

it('leaves the gradients out otherwise, and out of the JSON report always', async () => {
  expect(await checkGradients(rows.problem)).not.toHaveProperty('gradients')
  expect(reportToJson(await checkGradients(rows.problem, { keepGradients: true }))).not.toHaveProperty(
    'gradients',
  )
})
