import { element } from '../dom.js'

/**
 * A place for an SVG chart that is built for the width there is, so that its text keeps its size.
 * @param build makes the chart for a width in CSS pixels
 */
export function createResponsive(build: (width: number) => SVGSVGElement): HTMLElement {
  const box = element('div', { class: 'responsive-chart' })
  let built = 0
  new ResizeObserver(() => {
    const width = Math.round(box.clientWidth)
    if (width === 0 || width === built) return
    built = width
    box.replaceChildren(build(width))
  }).observe(box)
  return box
}
