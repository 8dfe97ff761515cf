import type { CheckReport } from 'webgpu-gradcheck'
import { escapeControls } from '../../../src/escape-controls.js'
import { formatDifference, formatRatio, formatValue } from '../../../src/report/format-numbers.js'
import { element } from '../dom.js'
import type { EntrySummary, GradientSummary } from '../worker/protocol.js'

/** The entries that disagree the most, with both values and their ratio. */
export function createEntryTable(report: CheckReport, summary: GradientSummary): HTMLElement {
  const rows = summary.largest.map((entry) => {
    const { gradient } = report.tensors[entry.tensor]
    return element(
      'tr',
      { class: entry.isOutside ? 'is-wrong' : '' },
      element('th', { scope: 'row' }, `${escapeControls(gradient)}[${entry.index.join(', ')}]`),
      element('td', { class: 'number' }, formatRatio(entry.analytical, entry.numerical)),
      element('td', { class: 'number' }, formatValue(entry.analytical)),
      element('td', { class: 'number' }, formatValue(entry.numerical)),
      element('td', { class: 'number' }, formatDifference(entry.relativeError)),
    )
  })
  const outside = summary.largest.filter(({ isOutside }) => isOutside)
  return element(
    'div',
    {},
    element(
      'div',
      { class: 'table-scroll', tabindex: 0, role: 'region', 'aria-label': 'Table of the worst entries' },
      element(
        'table',
        {},
        element('caption', { class: 'visually-hidden' }, 'The entries that disagree the most'),
        element(
          'thead',
          {},
          element(
            'tr',
            {},
            element('th', { scope: 'col' }, 'Entry'),
            ...['Ratio', 'Analytical', 'Numerical', 'Relative error'].map((name) =>
              element('th', { scope: 'col', class: 'number' }, name),
            ),
          ),
        ),
        element('tbody', {}, ...rows),
      ),
    ),
    element('p', { class: 'hint' }, describeEntries(outside)),
  )
}

function describeEntries(outside: readonly EntrySummary[]): string {
  if (outside.length === 0) {
    return 'All of them lie within what the errors of both sides explain: small values differ most, relatively.'
  }
  return outside.every(({ numerical }) => Number.isFinite(numerical))
    ? 'The ratio often names the bug: 2 is a factor too many, −1 a sign, 0 a missing row.'
    : 'Where the numerical value is not finite the arithmetic overflowed: nothing can be told there.'
}
