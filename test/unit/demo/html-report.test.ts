import { expect, it } from 'vitest'
import { escapeHtml, formatHtmlReport } from '../../../demo/src/results/html-report.js'
import { summarize } from '../../../demo/src/worker/summarize.js'
import { checkGradients } from '../../../src/check/check-gradients.js'
import { withChanged } from '../../support/plant-errors.js'
import { makeRandomProblem } from '../../support/random-network.js'
import { makeFailingReport } from '../../support/sample-reports.js'

const EMPTY = { histograms: [], scatters: [], largest: [] }
const DATE = new Date('2026-01-02T03:04:05Z')

it('shows the verdict, every tensor and the worst entries', async () => {
  const { problem, gradients } = makeRandomProblem({
    seed: 3,
    activations: ['tanh', 'linear'],
    loss: 'half-squared-error',
    widths: [3, 4, 2],
  })
  const wrong = withChanged(gradients, 'dW2', (value) => 3 * value)
  const report = await checkGradients({ ...problem, gradients: wrong }, { keepGradients: true })
  const html = formatHtmlReport(report, summarize(report.gradients!), 'a network', DATE)
  expect(html).toContain('The gradient is wrong')
  expect(html).toContain('2026-01-02 03:04 UTC')
  for (const name of ['dW1', 'db1', 'dW2', 'db2']) expect(html).toContain(`<td>${name}</td>`)
  expect(html).toMatch(/<td>dW2\[\d, \d\]<\/td><td>[^<]+<\/td><td>[^<]+<\/td><td>3\.0000<\/td>/)
  // the file needs nothing else
  expect(html).not.toMatch(/<script|<link|src=|href=|https?:/)
})

it('escapes whatever comes from a file', () => {
  const hostile = `</title><script>alert('1')</script>&"\u202e`
  const report = makeFailingReport({
    notices: [hostile],
    diagnosis: [{ kind: 'scaled', tensors: [hostile], message: hostile }],
    device: { evaluator: 'webgpu', adapter: hostile, software: true },
  })
  const html = formatHtmlReport(report, EMPTY, hostile, DATE)
  expect(html).not.toContain('<script')
  expect(html).not.toContain('\u202e')
  expect(html.match(/<\/title>/g)).toHaveLength(1)
  expect(escapeHtml(hostile)).toBe(
    '&#60;/title&#62;&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;&#38;&#34;\\u202e',
  )
})

it('lists the backward pass with the mark of each line in words', () => {
  const line = { file: 'model.py', function: 'backward' }
  const backward = {
    file: 'model.py',
    entry: 'backward',
    bound: [],
    lines: [
      { ...line, line: 3, text: 'dZ = A - Y', mark: 'right' as const },
      {
        ...line,
        line: 4,
        text: 'dW = np.dot(dZ,\n\tX.T) * 2 # <b>',
        mark: 'wrong' as const,
        reason: 'written as `dW = np.dot(dZ, X.T)`, every gradient is right',
        alternatives: [{ file: 'model.py', line: 3 }],
      },
    ],
    notices: ['<script>'],
  }
  const html = formatHtmlReport(makeFailingReport({ backward }), EMPTY, 'a network', DATE)
  expect(html).toContain('<h2>Backward pass model.py:backward</h2>')
  expect(html).toContain('<tr class="right"><td>3</td><td><code>dZ = A - Y</code></td><td></td></tr>')
  expect(html).toContain('<code>dW = np.dot(dZ,\n    X.T) * 2 # &#60;b&#62;</code>')
  expect(html).toContain('wrong: written as `dW = np.dot(dZ, X.T)`, every gradient is right; or line 3')
  expect(html).not.toContain('<script')
})
