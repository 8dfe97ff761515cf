import { escapeControls } from '../../../src/escape-controls.js'
import { formatCount, formatDifference, formatSeconds } from '../../../src/report/format-numbers.js'
import { element, nextId } from '../dom.js'
import type { BenchResult } from '../worker/protocol.js'

/** The measured rows: bars of parameters a second, and the table behind them. */
export function createSpeedResults(title: string, rows: readonly BenchResult[]): HTMLElement[] {
  const fastest = Math.max(...rows.map(({ speed }) => speed.parametersPerSecond))
  const heading = element('h2', { id: nextId('speed') }, `Parameters a second: ${title}`)
  const bars = rows.map(({ adapter, evaluator, speed }) => {
    const bar = element('div', { class: `speed-bar speed-${evaluator}` })
    bar.style.width = `${Math.max(0.5, (100 * speed.parametersPerSecond) / fastest)}%`
    return element(
      'li',
      {},
      element('span', { class: 'speed-name' }, escapeControls(adapter)),
      element(
        'div',
        { class: 'speed-line' },
        element('div', { class: 'speed-track' }, bar),
        element('strong', {}, formatCount(speed.parametersPerSecond)),
      ),
    )
  })
  const ratio = rows.length < 2 ? undefined : describeRatio(rows)
  return [
    element(
      'section',
      { class: 'panel', 'aria-labelledby': heading.id },
      element('div', { class: 'card-head' }, heading),
      element('ul', { class: 'speed-list' }, ...bars),
      ratio !== undefined && element('p', {}, ratio),
    ),
    element(
      'section',
      { class: 'panel', 'aria-label': 'Figures' },
      element(
        'div',
        { class: 'table-scroll', tabindex: 0, role: 'region', 'aria-label': 'Figures' },
        createTable(rows),
      ),
      element(
        'p',
        { class: 'hint' },
        'A time with ~ is scaled from the part of the parameters that was measured. Multiply-adds are those of difference arithmetic as it is defined; an evaluator may need fewer.',
      ),
    ),
  ]
}

function describeRatio(rows: readonly BenchResult[]): string {
  const [first, second] = [...rows].sort((a, b) => b.speed.parametersPerSecond - a.speed.parametersPerSecond)
  const ratio = first.speed.parametersPerSecond / second.speed.parametersPerSecond
  return `${ratio.toPrecision(2)} times as many on ${escapeControls(first.adapter)} as on ${escapeControls(second.adapter)}.`
}

function createTable(rows: readonly BenchResult[]): HTMLTableElement {
  return element(
    'table',
    {},
    element('caption', { class: 'visually-hidden' }, 'What was measured'),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        element('th', { scope: 'col' }, 'Device'),
        ...['All parameters', 'Measured', 'Multiply-adds a second', 'Difference'].map((name) =>
          element('th', { scope: 'col', class: 'number' }, name),
        ),
      ),
    ),
    element(
      'tbody',
      {},
      ...rows.map(({ adapter, speed }) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, escapeControls(adapter)),
          element('td', { class: 'number' }, `${speed.scaled ? '~' : ''}${formatSeconds(speed.seconds)}`),
          element(
            'td',
            { class: 'number' },
            `${formatCount(speed.measured)} of ${formatCount(speed.parameters)}`,
          ),
          element('td', { class: 'number' }, speed.multiplyAddsPerSecond.toExponential(1)),
          element('td', { class: 'number' }, formatDifference(speed.difference)),
        ),
      ),
    ),
  )
}
