import type { Scheme } from 'webgpu-gradcheck'
import { formatSetting } from '../../../src/report/format-numbers.js'
import { svgElement } from '../dom.js'
import type { FunctionResult, StepSample } from '../worker/protocol.js'

const HEIGHT = 360
const MARGIN = 14
const BOTTOM = 26

/** The function's curve, the tangent that the analytical derivative claims, and the secant of a step. */
export function drawCurve(
  { curve, at, value, variable, report }: FunctionResult,
  sample: StepSample,
  scheme: Scheme,
  width: number,
): SVGSVGElement {
  const { x, y } = curve
  const [left, right] = [x[0], x[x.length - 1]]
  const [low, high] = findRange(y, value)
  const toX = (at: number) => MARGIN + ((at - left) / (right - left)) * (width - 2 * MARGIN)
  const toY = (at: number) => HEIGHT - BOTTOM - ((at - low) / (high - low)) * (HEIGHT - BOTTOM - MARGIN)
  const line = (name: string, slope: number, through: readonly [number, number]) => {
    if (!Number.isFinite(slope)) return undefined
    const yAt = (at: number) => through[1] + slope * (at - through[0])
    return svgElement('line', {
      class: name,
      x1: toX(left),
      y1: clip(toY(yAt(left))),
      x2: toX(right),
      y2: clip(toY(yAt(right))),
    })
  }
  const from = scheme === 'central' ? ([at - sample.h, sample.below] as const) : ([at, value] as const)
  const to = [at + sample.h, sample.above] as const
  const slope = sample.textbook[scheme]
  const analytical = report.derivatives[0]?.worst[0]?.analytical
  const dot = (name: string, [px, py]: readonly [number, number]) =>
    svgElement('circle', { class: name, cx: toX(px), cy: clip(toY(py)), r: 5 })
  const label = `The curve of ${report.formula} around ${variable} = ${formatSetting(at)}, with the secant for h = ${formatSetting(Number(sample.h.toPrecision(3)))}`
  return svgElement(
    'svg',
    { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: 'img', 'aria-label': label },
    svgElement('line', {
      class: 'axis',
      x1: MARGIN,
      x2: width - MARGIN,
      y1: HEIGHT - BOTTOM,
      y2: HEIGHT - BOTTOM,
    }),
    svgElement('line', { class: 'grid-line', x1: toX(at), x2: toX(at), y1: MARGIN, y2: HEIGHT - BOTTOM }),
    ...[
      [left, 'start'],
      [at, 'middle'],
      [right, 'end'],
    ].map(([place, anchor]) =>
      svgElement(
        'text',
        { x: toX(Number(place)), y: HEIGHT - 8, 'text-anchor': String(anchor) },
        place === at
          ? `${variable} = ${formatSetting(at)}`
          : formatSetting(Number(Number(place).toPrecision(3))),
      ),
    ),
    // an SVG within one shows nothing outside itself
    svgElement(
      'svg',
      { width, height: HEIGHT - BOTTOM },
      svgElement('path', { class: 'curve', d: describePath(x, y, toX, toY) }),
      analytical === undefined ? undefined : line('tangent', analytical, [at, value]),
      line('secant', slope, from),
      dot('secant-dot', from),
      dot('secant-dot', to),
      dot('point-dot', [at, value]),
    ),
  )
}

/** Far outside is far enough: browsers lose precision with large coordinates. */
const clip = (place: number) => Math.min(20_000, Math.max(-20_000, place))

/** The values between which the curve is drawn: all of them, unless few are far larger than the rest. */
function findRange(y: Float64Array, value: number): [number, number] {
  const finite = [...y].filter(Number.isFinite).sort((a, b) => a - b)
  if (finite.length === 0) return [value - 1, value + 1]
  const at = (share: number) => finite[Math.round(share * (finite.length - 1))]
  const spread = at(0.9) - at(0.1)
  const low = Math.min(value, Math.max(finite[0], at(0.1) - 2 * spread))
  const high = Math.max(value, Math.min(finite[finite.length - 1], at(0.9) + 2 * spread))
  const room = 0.08 * (high - low) || 1
  return [low - room, high + room]
}

/** The curve, broken where the function has no value. */
function describePath(
  x: Float64Array,
  y: Float64Array,
  toX: (at: number) => number,
  toY: (at: number) => number,
): string {
  let isDown = false
  let path = ''
  for (let k = 0; k < x.length; k++) {
    if (!Number.isFinite(y[k])) {
      isDown = false
      continue
    }
    path += `${isDown ? 'L' : 'M'}${toX(x[k]).toFixed(1)} ${clip(toY(y[k])).toFixed(1)}`
    isDown = true
  }
  return path
}
