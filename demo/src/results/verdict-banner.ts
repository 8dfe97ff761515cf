import type { CheckReport, Verdict } from 'webgpu-gradcheck'
import { escapeControls } from '../../../src/escape-controls.js'
import { formatDifference, formatSetting } from '../../../src/report/format-numbers.js'
import { formatPower } from '../charts/powers.js'
import { element, svgElement } from '../dom.js'
import { createMistakePage } from './mistake-page.js'
import { describeVerdict } from './verdict-words.js'

/** The verdict in large letters, its reasons, and where the difference lies on a scale. */
export function createBanner(report: CheckReport, published: number | undefined): HTMLElement {
  const { headline, explanation, reasons } = describeVerdict(report)
  const { verdict } = report
  return element(
    'section',
    { class: `panel banner banner-${verdict}`, 'aria-label': 'Verdict' },
    element(
      'div',
      { class: 'banner-head' },
      createIcon(verdict),
      element('div', {}, element('h2', { class: 'banner-title' }, headline), element('p', {}, explanation)),
    ),
    ...createFindings(report, reasons),
    createScale(report),
    published !== undefined && describePublished(published, report.difference),
  )
}

function createFindings(report: CheckReport, reasons: readonly string[]): HTMLElement[] {
  const told = new Set([...reasons, ...report.diagnosis.map(({ message }) => message)])
  return [
    ...createList(
      'What is wrong',
      report.diagnosis.map(({ kind, message }) => [escapeControls(message), createMistakePage(kind)]),
    ),
    ...createList(
      'Why',
      reasons.map((reason) => [escapeControls(reason)]),
    ),
    ...createList(
      'To know',
      report.notices.filter((notice) => !told.has(notice)).map((notice) => [escapeControls(notice)]),
    ),
  ]
}

function createList(
  title: string,
  items: readonly (readonly (string | HTMLElement | undefined)[])[],
): HTMLElement[] {
  if (items.length === 0) return []
  const list = items.map((item) => element('li', {}, ...item))
  return [element('h3', {}, title), element('ul', { class: 'findings' }, ...list)]
}

const ICONS: Readonly<Record<Verdict, string>> = {
  pass: 'M7 13.5 11.5 18 21 8.5',
  fail: 'M9 9 19 19 M19 9 9 19',
  inconclusive: 'M10.5 11a3.6 3.6 0 1 1 5.2 3.2c-1.2.6-1.7 1.2-1.7 2.4 M14 20.4v.2',
}

/** A tick, a cross or a question mark. */
export function createIcon(verdict: Verdict): SVGElement {
  return svgElement(
    'svg',
    { class: 'banner-icon', viewBox: '0 0 28 28', 'aria-hidden': 'true' },
    svgElement('circle', { cx: 14, cy: 14, r: 14 }),
    svgElement('path', { d: ICONS[verdict] }),
  )
}

const SCALE = { from: -12, to: 0 } as const

/**
 * The difference on a logarithmic scale, right on one side of the tolerance and wrong on the other: only where that is
 * the verdict, since single entries and their errors are judged too.
 */
function createScale({ verdict, difference, tolerance }: CheckReport): HTMLElement | undefined {
  const side = difference > tolerance ? 'fail' : 'pass'
  if (verdict !== side) return undefined
  const { from, to } = SCALE
  const share = (value: number) => {
    const power = value > 0 ? Math.log10(value) : from
    return 100 * Math.min(1, Math.max(0, (power - from) / (to - from)))
  }
  const place = <E extends HTMLElement>(target: E, value: number): E => {
    target.style.left = `${share(value)}%`
    return target
  }
  const right = element('div', { class: 'scale-right' })
  right.style.width = `${share(tolerance)}%`
  return element(
    'div',
    {
      class: 'scale',
      role: 'img',
      'aria-label': `The difference ${formatDifference(difference)} on a scale from ${formatPower(from)} to 1; the tolerance is ${formatSetting(tolerance)}`,
    },
    element(
      'div',
      { class: 'scale-bar' },
      right,
      place(element('div', { class: 'scale-tolerance' }), tolerance),
      place(element('div', { class: 'scale-mark' }), difference),
    ),
    element(
      'div',
      { class: 'scale-labels' },
      ...[from, -9, -6, -3, to].map((power) => place(element('span', {}, formatPower(power)), 10 ** power)),
    ),
  )
}

function describePublished(published: number, ours: number): HTMLElement {
  return element(
    'p',
    { class: 'published' },
    `The notebook prints ${formatDifference(published)}, from two whole losses in float64; here it is ${formatDifference(ours)}.`,
  )
}
