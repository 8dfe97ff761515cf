import type { CheckReport } from 'webgpu-gradcheck'
import { escapeControls } from '../../../src/escape-controls.js'
import { formatCount, formatDifference } from '../../../src/report/format-numbers.js'
import { formatShape } from '../../../src/tensor.js'
import { element } from '../dom.js'
import { describeChecked, describeTensor, type TensorWords } from './verdict-words.js'

/** A verdict as a small badge: a word, so that colour only repeats it. */
function createBadge({ label, kind }: TensorWords): HTMLElement {
  return element('span', { class: `badge badge-${kind}` }, label)
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
      element('td', {}, createBadge(describeTensor(tensor, report))),
      element('td', { class: 'number' }, tensor.checked === 0 ? '–' : formatDifference(tensor.difference)),
      element('td', { class: 'number' }, formatCount(tensor.wrongEntries)),
      element('td', { class: 'number' }, describeChecked(tensor)),
      hasKinks && element('td', { class: 'number' }, formatCount(tensor.kinks)),
      element('td', {}, formatShape(tensor.shape)),
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
        ...['Gradient', 'Verdict'].map((name) => element('th', { scope: 'col' }, name)),
        // what a narrow screen shows without scrolling comes first
        ...['Difference', 'Wrong', 'Checked', ...(hasKinks ? ['Kinks'] : [])].map((name) =>
          element('th', { scope: 'col', class: 'number' }, name),
        ),
        element('th', { scope: 'col' }, 'Shape'),
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
