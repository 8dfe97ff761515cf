import type { Scheme } from 'webgpu-gradcheck'
import { formatSetting } from '../../../src/report/format-numbers.js'
import { svgElement } from '../dom.js'
import type { StepSample } from '../worker/protocol.js'
import { formatPower } from './powers.js'

const HEIGHT = 320
const LEFT = 50
const RIGHT = 14
const TOP = 12
const BOTTOM = 44
const LOWEST = -17
const HIGHEST = 1

/** The four ways of computing a derivative, in the order of the legend. */
export const WAYS = [
  { method: 'textbook', scheme: 'forward', label: 'textbook, forward' },
  { method: 'textbook', scheme: 'central', label: 'textbook, central' },
  { method: 'difference', scheme: 'forward', label: 'difference arithmetic, forward' },
  { method: 'difference', scheme: 'central', label: 'difference arithmetic, central' },
] as const satisfies readonly { method: 'textbook' | 'difference'; scheme: Scheme; label: string }[]

/** The error of the derivative against the step, both axes logarithmic; an error of 0 lies on the floor. */
export function drawStepErrors(
  samples: readonly StepSample[],
  reference: number,
  step: number,
  width: number,
): SVGSVGElement {
  const first = Math.log10(samples[0].h)
  const last = Math.log10(samples[samples.length - 1].h)
  const scale = Math.abs(reference) || 1
  const toX = (h: number) => LEFT + ((Math.log10(h) - first) / (last - first)) * (width - LEFT - RIGHT)
  const toY = (power: number) =>
    HEIGHT - BOTTOM - ((power - LOWEST) / (HIGHEST - LOWEST)) * (HEIGHT - BOTTOM - TOP)
  const heightOf = (value: number) => {
    const error = Math.abs(value - reference) / scale
    return toY(Math.min(HIGHEST, Math.max(LOWEST, error === 0 ? LOWEST : Math.log10(error))))
  }
  const paths = WAYS.map(({ method, scheme }) => {
    const points = samples
      .filter((sample) => Number.isFinite(sample[method][scheme]))
      .map((sample) => `${toX(sample.h).toFixed(1)},${heightOf(sample[method][scheme]).toFixed(1)}`)
    return svgElement('polyline', {
      class: `series series-${method} series-${scheme}`,
      points: points.join(' '),
    })
  })
  const powers = [-16, -12, -8, -4, 0]
  const rows = powers.flatMap((power) => [
    svgElement('line', { class: 'grid-line', x1: LEFT, x2: width - RIGHT, y1: toY(power), y2: toY(power) }),
    svgElement('text', { x: LEFT - 8, y: toY(power) + 4, 'text-anchor': 'end' }, formatPower(power)),
  ])
  const columns = [-14, -11, -8, -5, -2].map((power) =>
    svgElement(
      'text',
      { x: toX(10 ** power), y: HEIGHT - BOTTOM + 17, 'text-anchor': 'middle' },
      formatPower(power),
    ),
  )
  return svgElement(
    'svg',
    {
      viewBox: `0 0 ${width} ${HEIGHT}`,
      width,
      height: HEIGHT,
      role: 'img',
      'aria-label': `Relative error of the derivative against the step h, from 10⁻¹⁴ to 1, for both schemes and both methods; h is now ${formatSetting(Number(step.toPrecision(3)))}`,
    },
    ...rows,
    ...columns,
    svgElement('line', {
      class: 'step-mark',
      x1: toX(step),
      x2: toX(step),
      y1: TOP,
      y2: HEIGHT - BOTTOM,
    }),
    ...paths,
    svgElement('text', { x: (LEFT + width) / 2, y: HEIGHT - 6, 'text-anchor': 'middle' }, 'step h'),
  )
}
