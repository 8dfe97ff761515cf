import type { CheckReport, Verdict } from 'webgpu-gradcheck'
import { escapeControls } from '../../../src/report/escape-controls.js'
import { formatCount, formatDifference } from '../../../src/report/format-numbers.js'
import { formatShape } from '../../../src/tensor.js'
import { element } from '../dom.js'

export const VERDICT_LABELS: Readonly<Record<Verdict, string>> = {
  pass: 'right',
  fail: 'wrong',
  inconclusive: 'cannot tell',
}

/** A verdict as a small badge: a word, so that colour only repeats it. */
function createBadge(verdict: Verdict): HTMLElement {
  return element('span', { class: `badge badge-${verdict}` }, VERDICT_LABELS[verdict])
}

/** A row a tensor; choosing one shows its charts. */
export function createTensorTable(
  report: CheckReport,
  onChoose: (tensor: number) => void,
): { element: HTMLElement; select(tensor: number): void } {
  const buttons: HTMLButtonElement[] = []
  const hasKinks = report.tensors.some(({ kinks }) => kinks > 0)
  const rows = report.tensors.map((tensor, t) => {
    const button = element(
      'button',
      { type: 'button', class: 'link-button', onclick: () => onChoose(t) },
      escapeControls(tensor.gradient),
    )
    buttons.push(button)
    return element(
      'tr',
      { onclick: (event: MouseEvent) => event.target === button || onChoose(t) },
      element('th', { scope: 'row' }, button),
      element('td', {}, createBadge(tensor.verdict)),
      element('td', {}, formatShape(tensor.shape)),
      element('td', { class: 'number' }, formatCount(tensor.checked)),
      element('td', { class: 'number' }, tensor.checked === 0 ? '–' : formatDifference(tensor.difference)),
      element('td', { class: 'number' }, formatCount(tensor.wrongEntries)),
      hasKinks && element('td', { class: 'number' }, formatCount(tensor.kinks)),
    )
  })
  const table = element(
    'table',
    {},
    element('caption', { class: 'visually-hidden' }, 'A row for each tensor of the gradient'),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        ...['Gradient', 'Verdict', 'Shape'].map((name) => element('th', { scope: 'col' }, name)),
        ...['Checked', 'Difference', 'Wrong', ...(hasKinks ? ['Kinks'] : [])].map((name) =>
          element('th', { scope: 'col', class: 'number' }, name),
        ),
      ),
    ),
    element('tbody', {}, ...rows),
  )
  return {
    element: element(
      'div',
      { class: 'table-scroll', tabindex: 0, role: 'region', 'aria-label': 'Table of tensors' },
      table,
    ),
    select(tensor) {
      for (const [t, row] of rows.entries()) {
        row.classList.toggle('is-chosen', t === tensor)
        buttons[t].setAttribute('aria-pressed', String(t === tensor))
      }
    },
  }
}
