import { formatCount, formatDifference } from '../../../src/report/format-numbers.js'
import { element, svgElement } from '../dom.js'
import type { ErrorHistogram } from '../worker/protocol.js'
import { CLASSES_PER_DECADE, LOWEST_POWER } from '../worker/summarize.js'
import { formatPower } from './powers.js'
import { createResponsive } from './responsive.js'

const HEIGHT = 280
const LEFT = 46
const RIGHT = 12
const BOTTOM = 44
const TOP = 46
/** What a mark's label takes. */
const LABEL_ROOM = 105

/** How many entries have which relative error, with the tolerance and the numerical side's own error marked. */
export function createHistogram(
  histogram: ErrorHistogram,
  tolerance: number,
  numericalError: number,
): HTMLElement {
  const { exact } = histogram
  const equal =
    exact === 0
      ? ''
      : ` Not drawn: ${formatCount(exact)} ${exact === 1 ? 'entry' : 'entries'} equal to the last digit.`
  return element(
    'div',
    {},
    createResponsive((width) => drawHistogram(histogram, tolerance, numericalError, width)).element,
    element('p', { class: 'hint' }, `Entries by relative error, on logarithmic axes.${equal}`),
  )
}

function drawHistogram(
  { counts, outside }: ErrorHistogram,
  tolerance: number,
  numericalError: number,
  width: number,
): SVGSVGElement {
  const most = Math.max(1, ...counts)
  const x = (power: number) => LEFT + ((power - LOWEST_POWER) / -LOWEST_POWER) * (width - LEFT - RIGHT)
  // small counts must be seen beside large ones
  const heightOf = (count: number) => (Math.log1p(count) / Math.log1p(most)) * (HEIGHT - BOTTOM - TOP)
  const base = HEIGHT - BOTTOM
  const bars = counts.flatMap((count, k) => {
    if (count === 0) return []
    const from = LOWEST_POWER + k / CLASSES_PER_DECADE
    const to = from + 1 / CLASSES_PER_DECADE
    const range = `${formatDifference(10 ** from)} to ${formatDifference(10 ** to)}`
    const bar = (name: string, height: number, text: string) =>
      svgElement(
        'rect',
        { class: name, x: x(from) + 0.5, y: base - height, width: x(to) - x(from) - 1, height },
        svgElement('title', {}, text),
      )
    const entries = `${formatCount(count)} ${count === 1 ? 'entry' : 'entries'} with a relative error of ${range}`
    const wrong = (heightOf(count) * outside[k]) / count
    return [
      bar('bar', heightOf(count), entries),
      ...(wrong === 0
        ? []
        : [bar('bar-outside', wrong, `${entries}; ${formatCount(outside[k])} outside what is allowed`)]),
    ]
  })
  const ticks = [-16, -12, -8, -4, 0].map((power) =>
    svgElement(
      'text',
      { x: x(power), y: base + 18, 'text-anchor': power === 0 ? 'end' : 'middle' },
      formatPower(power),
    ),
  )
  const counted = [...new Set([1, most])].map((count) =>
    svgElement(
      'text',
      { x: LEFT - 6, y: base - heightOf(count) + 4, 'text-anchor': 'end' },
      formatCount(count),
    ),
  )
  const placeOf = (value: number) => x(Math.max(LOWEST_POWER, Math.min(0, Math.log10(value))))
  const mark = (value: number, other: number, name: string, label: string, y: number) => {
    if (!(value > 0)) return []
    const at = placeOf(value)
    // away from the other mark, where there is room
    const isLeft = value < other ? at - LEFT > LABEL_ROOM : width - at < LABEL_ROOM
    const side = isLeft ? 'end' : 'start'
    return [
      svgElement('line', { class: name, x1: at, x2: at, y1: y - 10, y2: base }),
      svgElement(
        'text',
        { class: `${name}-label`, x: at + (side === 'end' ? -6 : 6), y, 'text-anchor': side },
        label,
      ),
    ]
  }
  const total = counts.reduce((sum, count) => sum + count, 0)
  return svgElement(
    'svg',
    {
      viewBox: `0 0 ${width} ${HEIGHT}`,
      width,
      height: HEIGHT,
      role: 'img',
      'aria-label': `Relative errors of ${formatCount(total)} entries, tolerance ${formatDifference(tolerance)}, estimated numerical error ${formatDifference(numericalError)}`,
    },
    svgElement('line', { class: 'axis', x1: LEFT, x2: width - RIGHT, y1: base, y2: base }),
    ...bars,
    ...mark(tolerance, numericalError, 'mark-tolerance', 'tolerance', 14),
    ...mark(numericalError, tolerance, 'mark-error', 'numerical error', 32),
    ...ticks,
    ...counted,
    svgElement(
      'text',
      { x: (LEFT + width) / 2, y: HEIGHT - 6, 'text-anchor': 'middle' },
      'relative error of an entry',
    ),
  )
}
