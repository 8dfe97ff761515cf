import type { CheckReport, Verdict } from 'webgpu-gradcheck'
import { listNames } from '../../../src/list-names.js'
import { escapeControls } from '../../../src/report/escape-controls.js'
import {
  formatCount,
  formatDifference,
  formatQuantity,
  formatSetting,
} from '../../../src/report/format-numbers.js'
import { formatPower } from '../charts/powers.js'
import { element, svgElement } from '../dom.js'
import { createMistakePage } from './mistake-page.js'

/** The verdict as people say it. */
export interface VerdictWords {
  readonly headline: string
  readonly explanation: string
}

/** Puts a report's verdict into words. */
export function describeVerdict(report: CheckReport): VerdictWords {
  const { checked, total } = report.parameters
  const scope =
    checked === total
      ? `All ${formatQuantity(total, 'parameter')}`
      : `${formatCount(checked)} of ${formatQuantity(total, 'parameter')}`
  const difference = formatDifference(report.difference)
  if (report.interrupted && report.verdict !== 'fail') {
    return {
      headline: 'Stopped before the end',
      explanation:
        checked === 0
          ? 'Nothing has been compared yet.'
          : `${scope} were compared and no wrong entry was found so far (difference ${difference}).`,
    }
  }
  switch (report.verdict) {
    case 'pass':
      return {
        headline: checked === total ? 'The gradient is right' : 'The gradient is right where it was checked',
        explanation: `${scope} agree with the numerical gradient: the difference is ${difference}, and up to ${formatSetting(report.tolerance)} would be rounding.`,
      }
    case 'fail': {
      const names = report.tensors.flatMap(({ verdict, gradient }) =>
        verdict === 'fail' ? [escapeControls(gradient)] : [],
      )
      const wrong = report.tensors.reduce((sum, tensor) => sum + tensor.wrongEntries, 0)
      const where = names.length === 0 ? 'It' : listNames(names)
      const [verb, own] = names.length < 2 ? ['disagrees', 'its'] : ['disagree', 'their']
      return {
        headline: 'The gradient is wrong',
        explanation: `${where} ${verb} with ${own} numerical value in ${formatQuantity(wrong, 'entry').replace('entrys', 'entries')}. The difference is ${difference}; a right gradient stays below ${formatSetting(report.tolerance)}.`,
      }
    }
    case 'inconclusive':
      return {
        headline: 'Cannot tell',
        explanation: `The numerical side is too poor here to judge: difference ${difference}, its own error about ${formatDifference(report.numericalError)}.`,
      }
  }
}

/** The verdict in large letters, its reasons, and where the difference lies on a scale. */
export function createBanner(report: CheckReport, published: number | undefined): HTMLElement {
  const { headline, explanation } = describeVerdict(report)
  const kind = report.interrupted && report.verdict !== 'fail' ? 'inconclusive' : report.verdict
  return element(
    'section',
    { class: `panel banner banner-${kind}`, 'aria-label': 'Verdict' },
    element(
      'div',
      { class: 'banner-head' },
      createIcon(kind),
      element('div', {}, element('h2', { class: 'banner-title' }, headline), element('p', {}, explanation)),
    ),
    ...createFindings(report),
    createScale(report),
    published !== undefined && describePublished(published, report.difference),
  )
}

function createFindings(report: CheckReport): HTMLElement[] {
  const found = report.diagnosis.map(({ kind, message }) =>
    element('li', {}, escapeControls(message), createMistakePage(kind)),
  )
  const notices = report.notices.map((notice) => element('li', {}, escapeControls(notice)))
  return [
    ...(found.length === 0
      ? []
      : [element('h3', {}, 'What is wrong'), element('ul', { class: 'findings' }, ...found)]),
    ...(notices.length === 0
      ? []
      : [element('h3', {}, 'To know'), element('ul', { class: 'findings' }, ...notices)]),
  ]
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

/** The difference on a logarithmic scale, right on one side of the tolerance and wrong on the other. */
function createScale({ difference, tolerance, parameters }: CheckReport): HTMLElement | undefined {
  if (parameters.checked === 0) return undefined
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
