import { describe, expect, it } from 'vitest'
import { describeChecked, describeTensor, describeVerdict } from '../../../demo/src/results/verdict-words.js'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { formatDifference } from '../../../src/report/format-numbers.js'
import { tensor } from '../../../src/tensor.js'
import { makeRandomProblem } from '../../support/random-network.js'
import { makeFailingReport, makeFailingTensor, makeReport, makeTensor } from '../../support/sample-reports.js'

const random = makeRandomProblem({
  seed: 4,
  activations: ['tanh', 'linear'],
  loss: 'half-squared-error',
  widths: [3, 4, 2],
})

describe('the verdict of a check', () => {
  it('that cannot tell because of the saved cost names the cost, and not the numerical side', async () => {
    const report = await checkGradients({ ...random.problem, cost: 2.5 * random.cost })
    const { headline, explanation, reasons } = describeVerdict(report)
    expect(headline).toBe('Cannot tell')
    expect(reasons).toHaveLength(1)
    expect(reasons[0]).toMatch(/the saved cost is .* \(2\.5 times ours\)/)
    expect([explanation, ...reasons].join()).not.toMatch(/numerical (side|gradient's own error)|too poor/)
  })

  it('that cannot tell because both gradients are zero says so', async () => {
    const { problem } = makeRandomProblem({
      seed: 1,
      activations: ['relu', 'linear'],
      loss: 'half-squared-error',
      widths: [2, 3, 1],
    })
    const parameters = new Map(
      [...(problem.parameters as Map<string, ReturnType<typeof tensor>>)].map(([name, { shape, data }]) => [
        name,
        tensor(new Float64Array(data.length), shape),
      ]),
    )
    const gradients = new Map([...parameters].map(([name, value]) => [`d${name}`, value]))
    const { shape, data } = problem.targets
    const targets = tensor(new Float64Array(data.length), shape)
    const report = await checkGradients({ ...problem, parameters, gradients, targets })
    expect(describeVerdict(report)).toMatchObject({
      headline: 'Cannot tell',
      reasons: [expect.stringContaining('zero')],
    })
  })

  it('gives every reason that the report has', () => {
    const reasons = ['one thing', 'another']
    expect(describeVerdict(makeReport({ verdict: 'inconclusive', reasons })).reasons).toEqual(reasons)
    expect(describeVerdict(makeReport({ reasons: [] })).reasons).toEqual([])
  })

  it('that was stopped says how far it came, and claims no more', () => {
    const stopped = makeReport({
      verdict: 'inconclusive',
      interrupted: true,
      parameters: { total: 47, checked: 12 },
    })
    expect(describeVerdict(stopped)).toMatchObject({
      headline: 'Stopped before the end',
      explanation: expect.stringMatching(/^12 of 47 parameters were compared, and no wrong entry/),
    })
    const open = { ...stopped, tensors: [makeTensor({ verdict: 'inconclusive' })] }
    expect(describeVerdict(open).explanation).toContain('no entry is surely wrong')
    const nothing = { ...stopped, parameters: { total: 47, checked: 0 } }
    expect(describeVerdict(nothing).explanation).toBe('Nothing has been compared yet.')
  })

  it('of a sample is no verdict on the rest', () => {
    const sampled = makeReport({ parameters: { total: 47, checked: 12 } })
    expect(describeVerdict(sampled).headline).toBe('The gradient is right where it was checked')
  })

  it('that is wrong in one entry among many does not say that a right one stays below the tolerance', () => {
    const one = makeFailingReport({ difference: 3e-9 })
    const { explanation } = describeVerdict(one)
    expect(explanation).toContain(`only ${formatDifference(3e-9)}`)
    expect(explanation).not.toContain('a right gradient stays below')
    expect(describeVerdict(makeFailingReport()).explanation).toContain('a right gradient stays below')
  })
})

describe('a tensor', () => {
  const stopped = makeReport({ verdict: 'inconclusive', interrupted: true })

  it.each([
    ['not looked at is not checked', makeTensor({ checked: 0 }), 'not checked', 'none'],
    ['looked at in part is right so far', makeTensor({ checked: 7 }), 'right so far', 'none'],
    ['looked at is right', makeTensor(), 'right', 'pass'],
    ['wrong is wrong however much was looked at', makeFailingTensor('W2'), 'wrong', 'fail'],
    ['that is open cannot be told', makeTensor({ verdict: 'inconclusive' }), 'cannot tell', 'inconclusive'],
  ])('of a check that was stopped, %s', (_, tensorReport, label, kind) => {
    expect(describeTensor(tensorReport, stopped)).toEqual({ label, kind })
  })

  it('of a sample is right, and the table says of how many', () => {
    const sampled = makeTensor({ checked: 7, shape: [50, 40] })
    expect(describeTensor(sampled, makeReport()).label).toBe('right')
    expect(describeChecked(sampled)).toBe('7 of 2,000')
    expect(describeChecked(makeTensor({ shape: [50, 40] }))).toBe('2,000')
  })
})
