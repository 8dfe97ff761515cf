import { describe, expect, it } from 'vitest'
import { formatJson, reportToJson } from '../../../src/report/json.js'
import { makeFailingReport, makeFailingTensor, makeReport, makeTensor } from '../../support/sample-reports.js'

describe('reportToJson', () => {
  it('has the fields of the contract', () => {
    const json = JSON.parse(formatJson(reportToJson(makeFailingReport())))
    expect(json).toMatchObject({
      schema: 1,
      verdict: 'fail',
      difference: 0.2850931567,
      tolerance: 1e-7,
      numericalError: 3.4e-8,
      cost: 2.407833389834357,
      parameters: { total: 47, checked: 47 },
      method: 'difference',
      scheme: 'central',
      step: 1e-5,
      precision: 'single',
      device: { evaluator: 'webgpu', adapter: 'SwiftShader Device', software: true },
      crossValidation: { checked: 20, difference: 1.2e-9 },
      timing: { seconds: 0.1234, perturbations: 94 },
      notices: [],
      interrupted: false,
    })
    expect(json.diagnosis).toEqual([
      { kind: 'scaled', tensors: ['W2'], factor: 2, residual: 1e-9, message: 'dW2 is 2 times too large' },
    ])
    expect(json.tensors[1]).toMatchObject({
      name: 'b1',
      gradient: 'db1',
      shape: [5, 4],
      checked: 20,
      difference: 1 / 3,
      verdict: 'fail',
      kinks: 0,
    })
    expect(json.tensors[1].worst[1]).toEqual({
      index: [1, 2],
      analytical: 0.1234567901,
      numerical: 0.06172839505,
      relativeError: 1 / 3,
    })
  })

  it('writes numbers that are not finite as strings', () => {
    const worst = [{ index: [0, 0], analytical: -Infinity, numerical: NaN, relativeError: NaN }]
    const report = makeReport({
      difference: NaN,
      numericalError: Infinity,
      cost: -Infinity,
      tensors: [makeTensor({ difference: NaN, worst })],
      diagnosis: [{ kind: 'scaled', tensors: [], factor: Infinity, residual: NaN, message: '' }],
      crossValidation: { checked: 1, difference: NaN },
    })
    expect(JSON.parse(formatJson(reportToJson(report)))).toMatchObject({
      difference: 'NaN',
      numericalError: 'Infinity',
      cost: '-Infinity',
      tensors: [
        {
          difference: 'NaN',
          worst: [{ analytical: '-Infinity', numerical: 'NaN', relativeError: 'NaN' }],
        },
      ],
      diagnosis: [{ factor: 'Infinity', residual: 'NaN' }],
      crossValidation: { difference: 'NaN' },
    })
  })

  it('has all that a finding says', () => {
    const finding = {
      kind: 'elements',
      tensors: ['W1'],
      factor: 2,
      residual: 1e-16,
      explained: 1,
      layer: 2,
      entries: [[1, 2]],
      alternatives: ['rows'],
      message: 'entry [1, 2] of dW1 is wrong',
      link: 'docs/mistakes/elements.md',
    }
    const json = JSON.parse(formatJson(reportToJson(makeReport({ diagnosis: [finding] }))))
    expect(json.diagnosis).toEqual([finding])
  })

  it('leaves out a factor that a finding has not', () => {
    const diagnosis = [{ kind: 'transposed', tensors: ['W1'], message: 'dW1 is transposed' }]
    expect(reportToJson(makeReport({ diagnosis }))).toMatchObject({ diagnosis })
  })
})

describe('formatJson', () => {
  it('writes lists of numbers on one line and loses nothing', () => {
    const value = {
      shape: [5, 4],
      figures: [1e-7, -2.5, 3],
      empty: [],
      nested: [{ index: [0] }],
      text: '[\n 1\n ]',
    }
    const text = formatJson(value)
    expect(text).toContain('"shape": [5, 4]')
    expect(JSON.parse(text)).toEqual(value)
  })

  it('holds no control character, and reads back equal', () => {
    const name = 'W1\x1b[2J\u009b31m\u202e\x7f"\\\n'
    const text = formatJson(reportToJson(makeReport({ tensors: [makeFailingTensor(name)] })))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: looking for control characters is the purpose
    expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
    expect(JSON.parse(text).tensors[0].name).toBe(name)
  })
})
