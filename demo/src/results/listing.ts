import type { BackwardReport, LineReport } from 'webgpu-gradcheck'
import { escapeControls } from '../../../src/escape-controls.js'
import { element } from '../dom.js'

/** The backward pass with a mark at each line, and why it has it. */
export function createListing({ lines, notices }: BackwardReport): HTMLElement {
  return element(
    'div',
    {},
    ...notices.map((notice) => element('p', {}, escapeControls(notice))),
    element(
      'div',
      { class: 'table-scroll', tabindex: 0, role: 'group', 'aria-label': 'Lines of the backward pass' },
      element('table', { class: 'listing' }, element('tbody', {}, ...lines.map(createRow))),
    ),
  )
}

function createRow({ line, text, mark, reason, alternatives = [] }: LineReport): HTMLElement {
  const others = alternatives.map((other) => `line ${other.line}`).join(' or ')
  const why = [reason, others === '' ? undefined : `or ${others}`].filter((part) => part !== undefined)
  return element(
    'tr',
    { class: `line-${mark.replace(' ', '-')}` },
    element('td', { class: 'number' }, String(line)),
    element(
      'td',
      {},
      element('code', {}, text.replaceAll('\t', '    ').split('\n').map(escapeControls).join('\n')),
    ),
    element(
      'td',
      {},
      mark === 'right' ? '' : escapeControls(`${mark}${why.length === 0 ? '' : `: ${why.join('; ')}`}`),
    ),
  )
}
