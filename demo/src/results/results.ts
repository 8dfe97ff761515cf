import type { CheckReport } from 'webgpu-gradcheck'
import { escapeControls } from '../../../src/escape-controls.js'
import { createHeatMap } from '../charts/heat-map.js'
import { createHistogram } from '../charts/histogram.js'
import { createScatter } from '../charts/scatter.js'
import { createSelect } from '../controls.js'
import { element, nextId, replaceContent } from '../dom.js'
import type { GradientSummary } from '../worker/protocol.js'
import { createDownloads } from './downloads.js'
import { createEntryTable } from './entry-table.js'
import { createFacts } from './facts.js'
import { createListing } from './listing.js'
import { createTensorTable } from './tensor-table.js'
import { createBanner } from './verdict-banner.js'
import { describeVerdict } from './verdict-words.js'

export interface ResultsContext {
  /** What was checked, for the downloads. */
  readonly title: string
  /** The difference that a notebook prints for this network. */
  readonly published?: number
}

/** What a check found: the verdict in words, and everything behind it. */
export interface Results {
  readonly verdict: HTMLElement
  readonly details: readonly HTMLElement[]
  readonly headline: string
}

/** Shows what a check found. */
export function createResults(
  report: CheckReport,
  summary: GradientSummary,
  context: ResultsContext,
): Results {
  const gradients = report.gradients ?? []
  const charts = element('div', { class: 'chart-grid' })
  const failing = report.tensors.findIndex(({ verdict }) => verdict === 'fail')
  const table = createTensorTable(report, (t) => show(t))

  function show(t: number): void {
    table.select(t)
    replaceContent(charts, ...createCharts(t))
  }

  function createCharts(t: number): HTMLElement[] {
    const { gradient } = gradients[t]
    const select = createSelect(
      gradients.map(({ gradient: name }, k) => ({ value: String(k), label: escapeControls(name) })),
      String(t),
      (value) => {
        show(Number(value))
        charts.querySelector<HTMLSelectElement>('#chart-tensor')?.focus()
      },
      { id: 'chart-tensor', 'aria-label': 'Tensor to show' },
    )
    return [
      createCard('Where it disagrees', 'card-wide', select, createHeatMap(gradients[t])),
      createCard(
        `${escapeControls(gradient)} against the numerical gradient`,
        '',
        undefined,
        createScatter(summary.scatters[t]),
      ),
      createCard(
        `Relative errors in ${escapeControls(gradient)}`,
        '',
        undefined,
        createHistogram(summary.histograms[t + 1], report.tolerance, report.numericalError),
      ),
    ]
  }

  if (gradients.length > 0 && report.parameters.checked > 0) show(Math.max(0, failing))
  return {
    verdict: createBanner(report, context.published),
    details: [
      ...(report.backward === undefined
        ? []
        : [
            createCard(
              `Backward pass ${escapeControls(`${report.backward.file}:${report.backward.entry}`)}`,
              'card-table',
              undefined,
              createListing(report.backward),
            ),
          ]),
      createCard('Tensors', 'card-table', undefined, table.element),
      charts,
      ...(summary.largest.length === 0
        ? []
        : [createCard('Worst entries', 'card-table', undefined, createEntryTable(report, summary))]),
      createFacts(report),
      createDownloads(report, summary, context.title),
    ],
    headline: describeVerdict(report).headline,
  }
}

function createCard(
  title: string,
  name: string,
  control: HTMLElement | undefined,
  content: HTMLElement,
): HTMLElement {
  const heading = element('h2', { id: nextId('card') }, title)
  return element(
    'section',
    { class: `panel ${name}`, 'aria-labelledby': heading.id },
    element('div', { class: 'card-head' }, heading, control),
    content,
  )
}
