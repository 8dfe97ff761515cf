import { element } from '../dom.js'

/** A chart that is built for the width there is, so that its text keeps its size. */
export interface ResponsiveChart {
  readonly element: HTMLElement
  /** Builds it anew, for the same width. */
  rebuild(): void
}

/** @param build makes the chart for a width in CSS pixels */
export function createResponsive(build: (width: number) => SVGSVGElement): ResponsiveChart {
  const box = element('div', { class: 'responsive-chart' })
  let built = 0
  const rebuild = () => {
    if (built > 0) box.replaceChildren(build(built))
  }
  new ResizeObserver(() => {
    const width = Math.round(box.clientWidth)
    if (width === 0 || width === built) return
    built = width
    rebuild()
  }).observe(box)
  return { element: box, rebuild }
}
