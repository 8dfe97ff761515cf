/** A canvas that keeps the sharpness of the screen and is drawn anew when its width or the colours change. */
export interface DrawnCanvas {
  readonly canvas: HTMLCanvasElement
  /** Draws it again, in the next frame. */
  redraw(): void
}

/** Drawing surface in CSS pixels. */
export interface Surface {
  readonly context: CanvasRenderingContext2D
  readonly width: number
  readonly height: number
}

/** What must be drawn anew when the page's colours change. */
const drawn = new Set<{ deref(): (() => void) | undefined }>()

/** Draws every canvas of the page again. */
export function redrawCanvases(): void {
  for (const reference of drawn) {
    const redraw = reference.deref()
    if (redraw === undefined) drawn.delete(reference)
    else redraw()
  }
}

/**
 * Makes a canvas draw itself whenever its size changes.
 * @param heightOf the height for a width, in CSS pixels
 */
export function drawCanvas(
  canvas: HTMLCanvasElement,
  heightOf: (width: number) => number,
  draw: (surface: Surface) => void,
): DrawnCanvas {
  let frame = 0
  const paint = () => {
    frame = 0
    const width = canvas.clientWidth
    if (width === 0) return
    const height = Math.round(heightOf(width))
    const ratio = window.devicePixelRatio || 1
    canvas.style.height = `${height}px`
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
    const context = canvas.getContext('2d')!
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    draw({ context, width, height })
  }
  const redraw = () => {
    if (frame === 0) frame = requestAnimationFrame(paint)
  }
  let lastWidth = -1
  new ResizeObserver(() => {
    if (canvas.clientWidth === lastWidth) return
    lastWidth = canvas.clientWidth
    redraw()
  }).observe(canvas)
  drawn.add(new WeakRef(redraw))
  // the canvas holds what redraws it, so that both live equally long
  redraws.set(canvas, redraw)
  return { canvas, redraw }
}

const redraws = new WeakMap<HTMLCanvasElement, () => void>()

/** A colour of the page's style sheet, `--ink` and the like. */
export function readColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}
