import { describe, expect, it } from 'vitest'
import {
  type CaseResult,
  examplesToJson,
  formatExamples,
  isAsExpected,
} from '../../../src/cli/format-examples.js'
import { PUBLISHED_CASES } from '../../../src/cli/published-cases.js'
import { makeFailingReport, makeReport } from '../../support/sample-reports.js'

const CPU = { evaluator: 'cpu', adapter: 'a processor', software: false } as const
const GPU = { evaluator: 'webgpu', adapter: 'NVIDIA H100', software: false } as const

const results: CaseResult[] = PUBLISHED_CASES.map((published) => {
  const make = published.expected === 'fail' ? makeFailingReport : makeReport
  const reports = [make({ device: CPU }), make(), make({ device: GPU })]
  return { published, textbook: 1.2e-7, reports }
})
const missing = [{ choice: 'gpu', reason: "Vulkan's loader is not installed" }]

describe('formatExamples', () => {
  const text = formatExamples(results, missing, { width: 80 })

  it('has a column for each figure and each device', () => {
    expect(text.split('\n')[0]).toMatch(/case +published +textbook +cpu +software +NVIDIA H100 +verdict/)
    expect(text).toMatch(/three-layer +1\.19e-7 +1\.20e-7 +2\.60e-8 +2\.60e-8 +2\.60e-8 +pass/)
    expect(text).toMatch(/three-layer, buggy +0\.285 .* fail, as it should/)
    expect(text).toMatch(/2-3-1, rows +2\.75e-10/)
    expect(text).toMatch(/12288-5-5-1, tanh +3\.02e-9/)
  })

  it('names the failing tensors, the missing device, and what differs from the notebooks', () => {
    expect(text).toContain('b1 and W2 fail')
    expect(text).toContain("--device gpu: Vulkan's loader is not installed")
    expect(text.replaceAll('\n', ' ')).toContain('the image is synthetic')
  })

  it('says which case got another verdict than it should', () => {
    const wrong = results.map((result, k) =>
      k === 0 ? { ...result, reports: [makeFailingReport()] } : result,
    )
    expect(isAsExpected(wrong[0])).toBe(false)
    const text = formatExamples(wrong, [])
    expect(text).toContain('UNEXPECTED: fail on software')
    expect(text).toContain('not the verdict it should be: three-layer')
  })

  it('goes through JSON', () => {
    const json = JSON.parse(JSON.stringify(examplesToJson(results, missing)))
    expect(json).toMatchObject({ schema: 1, asExpected: true, missing })
    expect(json.cases[1]).toMatchObject({
      file: 'three-layer-buggy.npz',
      forward: 'three_layer_buggy_notebook.py:forward_propagation_n',
      published: 0.285,
      expected: 'fail',
      textbook: { step: 1e-7, difference: 1.2e-7 },
    })
    expect(json.cases[1].devices[0]).toMatchObject({
      evaluator: 'cpu',
      verdict: 'fail',
      failing: ['b1', 'W2'],
    })
  })
})
