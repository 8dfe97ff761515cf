import { type CheckReport, reportToJson } from 'webgpu-gradcheck'
import { formatJson } from '../../../src/report/json.js'
import { element } from '../dom.js'
import type { GradientSummary } from '../worker/protocol.js'
import { formatHtmlReport } from './html-report.js'

/** Buttons that save the report. */
export function createDownloads(report: CheckReport, summary: GradientSummary, title: string): HTMLElement {
  const button = (label: string, name: string, type: string, write: () => string) =>
    element(
      'button',
      { type: 'button', class: 'quiet-button', onclick: () => save(name, type, write()) },
      label,
    )
  return element(
    'div',
    { class: 'downloads' },
    button('Save the report as JSON', 'gradient-check.json', 'application/json', () =>
      formatJson(reportToJson(report)),
    ),
    button('Save the report as HTML', 'gradient-check.html', 'text/html', () =>
      formatHtmlReport(report, summary, title, new Date()),
    ),
  )
}

function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  element('a', { href: url, download: name }).click()
  // the download has its own reference once it has begun
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
