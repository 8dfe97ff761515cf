import { formatCount, formatDifference } from '../../../src/report/format-numbers.js'
import { element, svgElement } from '../dom.js'
import type { ErrorHistogram } from '../worker/protocol.js'
import { CLASSES_PER_DECADE, LOWEST_POWER } from '../worker/summarize.js'
import { formatPower } from './powers.js'

const WIDTH = 420
const HEIGHT = 250
const LEFT = 44
const BOTTOM = 40
const TOP = 30

/** How many entries have which relative error, with the tolerance and the numerical side's own error marked. */
export function createHistogram(
  { counts, exact }: ErrorHistogram,
  tolerance: number,
  numericalError: number,
): HTMLElement {
  const most = Math.max(1, ...counts)
  const x = (power: number) => LEFT + ((power - LOWEST_POWER) / -LOWEST_POWER) * (WIDTH - LEFT - 10)
  // small counts must be seen beside large ones
  const y = (count: number) =>
    HEIGHT - BOTTOM - (Math.log1p(count) / Math.log1p(most)) * (HEIGHT - BOTTOM - TOP)
  const bars = counts.flatMap((count, k) => {
    if (count === 0) return []
    const from = LOWEST_POWER + k / CLASSES_PER_DECADE
    const isAbove = 10 ** from >= tolerance
    return [
      svgElement(
        'rect',
        {
          class: isAbove ? 'bar bar-above' : 'bar',
          x: x(from) + 0.5,
          y: y(count),
          width: x(from + 1 / CLASSES_PER_DECADE) - x(from) - 1,
          height: HEIGHT - BOTTOM - y(count),
        },
        svgElement(
          'title',
          {},
          `${formatCount(count)} entries with a relative error of ${formatDifference(10 ** from)} to ${formatDifference(10 ** (from + 1 / CLASSES_PER_DECADE))}`,
        ),
      ),
    ]
  })
  const ticks = [-16, -12, -8, -4, 0].map((power) =>
    svgElement(
      'text',
      { class: 'tick', x: x(power), y: HEIGHT - BOTTOM + 17, 'text-anchor': power === 0 ? 'end' : 'middle' },
      formatPower(power),
    ),
  )
  const counted = [...new Set([1, most])].map((count) =>
    svgElement(
      'text',
      { class: 'tick', x: LEFT - 6, y: y(count) + 4, 'text-anchor': 'end' },
      formatCount(count),
    ),
  )
  const mark = (value: number, name: string, label: string, row: number) => {
    if (!(value > 0)) return []
    const at = x(Math.max(LOWEST_POWER, Math.min(0, Math.log10(value))))
    const side = at > WIDTH * 0.6 ? 'end' : 'start'
    return [
      svgElement('line', { class: name, x1: at, x2: at, y1: TOP - 8 - 13 * row, y2: HEIGHT - BOTTOM }),
      svgElement(
        'text',
        { class: `${name}-label`, x: at + (side === 'end' ? -5 : 5), y: TOP - 13 * row, 'text-anchor': side },
        label,
      ),
    ]
  }
  const total = counts.reduce((sum, count) => sum + count, 0)
  const chart = svgElement(
    'svg',
    {
      class: 'histogram',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: 'img',
      'aria-label': `Relative errors of ${formatCount(total)} entries, tolerance ${formatDifference(tolerance)}, estimated numerical error ${formatDifference(numericalError)}`,
    },
    svgElement('line', { class: 'axis', x1: LEFT, x2: WIDTH - 10, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }),
    ...bars,
    ...mark(tolerance, 'mark-tolerance', 'tolerance', 1),
    ...mark(numericalError, 'mark-error', 'numerical error', 0),
    ...ticks,
    ...counted,
    svgElement(
      'text',
      { class: 'tick', x: (LEFT + WIDTH) / 2, y: HEIGHT - 5, 'text-anchor': 'middle' },
      'relative error of an entry',
    ),
  )
  const equal =
    exact === 0
      ? ''
      : ` Not drawn: ${formatCount(exact)} ${exact === 1 ? 'entry' : 'entries'} equal to the last digit.`
  return element(
    'div',
    {},
    chart,
    element('p', { class: 'hint' }, `Entries by relative error, on logarithmic axes.${equal}`),
  )
}
