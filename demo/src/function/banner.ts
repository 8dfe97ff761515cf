import { escapeControls } from '../../../src/escape-controls.js'
import { formatDifference, formatSetting, formatValue } from '../../../src/report/format-numbers.js'
import { element } from '../dom.js'
import { createIcon } from '../results/verdict-banner.js'
import type { FunctionResult } from '../worker/protocol.js'

/** The verdict on a formula's derivative, in words. */
export function createFunctionBanner({ report, variable, at }: FunctionResult): {
  readonly element: HTMLElement
  readonly headline: string
} {
  const [derivative] = report.derivatives
  const [worst] = derivative.worst
  const where = `at ${variable} = ${formatSetting(at)}`
  const headline = {
    pass: 'The derivative is right',
    fail: 'The derivative is wrong',
    inconclusive: 'Cannot tell',
  }[report.verdict]
  const compared =
    worst === undefined
      ? ''
      : `${escapeControls(derivative.gradient)} gives ${formatValue(worst.analytical)} ${where}; numerically it is ${formatValue(worst.numerical)}. The difference is ${formatDifference(report.difference)}; a right derivative stays below ${formatSetting(report.tolerance)}.`
  const source = derivative.source === 'mathjs' ? ' The derivative was derived for you, by symbols.' : ''
  const special = report.special.map(
    ({ kind, expression, where: place }) =>
      `${escapeControls(expression)}: ${kind}, ${escapeControls(place)}`,
  )
  const notes = [...report.notices.map(escapeControls), ...special]
  return {
    headline,
    element: element(
      'section',
      { class: `panel banner ready banner-${report.verdict}`, 'aria-label': 'Verdict' },
      element(
        'div',
        { class: 'banner-head' },
        createIcon(report.verdict),
        element(
          'div',
          {},
          element('h2', { class: 'banner-title' }, headline),
          element('p', {}, compared + source),
        ),
      ),
      notes.length > 0 &&
        element('ul', { class: 'findings' }, ...notes.map((note) => element('li', {}, note))),
    ),
  }
}
