import { formatDifference } from '../../../src/report/format-numbers.js'
import { element } from '../dom.js'
import type { ScatterPoints } from '../worker/protocol.js'
import { drawCanvas, readColour, type Surface } from './canvas.js'

const MARGIN = 34

/** Analytical against numerical values: a right gradient lies on the diagonal. */
export function createScatter({ numerical, analytical, isOutside: outsides }: ScatterPoints): HTMLElement {
  const points = Array.from(numerical, (x, k) => ({ x, y: analytical[k], isOutside: outsides[k] === 1 }))
  const largest = points.reduce((most, { x, y }) => Math.max(most, Math.abs(x), Math.abs(y)), 0) || 1
  const outside = points.filter((point) => point.isOutside).length
  // values of all sizes are visible: linear near 0, by powers of ten further out
  const bend = largest / 1000
  const reach = Math.asinh(largest / bend)
  const place = (value: number) => Math.asinh(value / bend) / reach
  const canvas = element('canvas', {
    class: 'scatter',
    role: 'img',
    'aria-label': `Analytical against numerical gradient, ${points.length} entries; ${
      outside === 0 ? 'all lie on the diagonal' : `${outside} lie off the diagonal by more than is allowed`
    }`,
  })

  function draw({ context, width, height }: Surface): void {
    const size = Math.min(width - MARGIN - 8, height - MARGIN - 8)
    const left = MARGIN
    const top = 8
    const toX = (value: number) => left + ((place(value) + 1) / 2) * size
    const toY = (value: number) => top + size - ((place(value) + 1) / 2) * size
    const ink = readColour('--ink-quiet')
    context.clearRect(0, 0, width, height)
    context.strokeStyle = readColour('--line')
    context.lineWidth = 1
    context.strokeRect(left, top, size, size)
    context.beginPath()
    context.moveTo(toX(0), top)
    context.lineTo(toX(0), top + size)
    context.moveTo(left, toY(0))
    context.lineTo(left + size, toY(0))
    context.stroke()
    context.setLineDash([5, 4])
    context.strokeStyle = ink
    context.beginPath()
    context.moveTo(left, top + size)
    context.lineTo(left + size, top)
    context.stroke()
    context.setLineDash([])
    drawLabels(context, ink)
    context.fillStyle = readColour('--accent')
    context.globalAlpha = points.length > 500 ? 0.5 : 0.85
    // many small squares are drawn faster than as many discs, and look the same
    const isMany = points.length > 500
    for (const { x, y, isOutside } of points) {
      if (isOutside) continue
      if (isMany) {
        context.fillRect(toX(x) - 1.5, toY(y) - 1.5, 3, 3)
        continue
      }
      context.beginPath()
      context.arc(toX(x), toY(y), 3.5, 0, 2 * Math.PI)
      context.fill()
    }
    context.globalAlpha = 1
    context.strokeStyle = readColour('--fail')
    context.lineWidth = 2
    // a cross, so that shape tells it apart as well as colour
    for (const { x, y, isOutside } of points) {
      if (!isOutside) continue
      const [px, py] = [toX(x), toY(y)]
      context.beginPath()
      context.moveTo(px - 4, py - 4)
      context.lineTo(px + 4, py + 4)
      context.moveTo(px - 4, py + 4)
      context.lineTo(px + 4, py - 4)
      context.stroke()
    }

    function drawLabels(target: CanvasRenderingContext2D, colour: string): void {
      target.fillStyle = colour
      target.font = '12px system-ui, sans-serif'
      target.textAlign = 'center'
      const label = formatDifference(largest)
      target.fillText('numerical', left + size / 2, top + size + 26)
      target.textAlign = 'left'
      target.fillText(`−${label}`, left, top + size + 26)
      target.textAlign = 'right'
      target.fillText(label, left + size, top + size + 26)
      target.save()
      target.translate(left - 10, top + size / 2)
      target.rotate(-Math.PI / 2)
      target.textAlign = 'center'
      target.fillText('analytical', 0, 0)
      target.restore()
    }
  }
  drawCanvas(canvas, (width) => Math.min(340, Math.max(220, width)), draw)
  return element(
    'div',
    {},
    canvas,
    element(
      'p',
      { class: 'chart-key' },
      element('span', { class: 'key-dot' }),
      'agrees ',
      element('span', { class: 'key-cross' }, '×'),
      'lies outside what is allowed',
    ),
  )
}
