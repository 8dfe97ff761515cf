import { blockStart, type EntryGrid, type Window } from './grid.js'
import { colourAt, shareOfError } from './ramp.js'

/** Time in a frame for painting cells. */
const PAINT_MILLISECONDS = 20

/** How many blocks a view is cut into. */
export interface Blocks {
  readonly down: number
  readonly across: number
}

/**
 * Paints the cells of a view, a pixel a block. A large tensor is painted over several frames; what is painted is
 * kept until the view changes, so that moving a cursor over it costs little.
 */
export class CellPainter {
  readonly #grid: EntryGrid
  #painted: { view: Window; pixels: ImageData; image: OffscreenCanvas; rows: number } | undefined

  constructor(grid: EntryGrid) {
    this.#grid = grid
  }

  /** The image as far as it is painted, and whether that is all of it. */
  paint(view: Window, { down, across }: Blocks): { image: OffscreenCanvas; isComplete: boolean } {
    if (this.#painted?.view !== view || this.#painted.pixels.width !== across) {
      this.#painted = {
        view,
        pixels: new ImageData(across, down),
        image: new OffscreenCanvas(across, down),
        rows: 0,
      }
    }
    const painted = this.#painted
    if (painted.rows < down) {
      const end = performance.now() + PAINT_MILLISECONDS
      while (painted.rows < down && performance.now() < end) {
        this.#paintRow(view, painted.pixels, painted.rows++)
      }
      painted.image.getContext('2d')!.putImageData(painted.pixels, 0, 0)
    }
    return { image: painted.image, isComplete: painted.rows === down }
  }

  #paintRow(view: Window, pixels: ImageData, k: number): void {
    const { width: across, height: down } = pixels
    const row = view.row + blockStart(k, down, view.rows)
    const rows = Math.max(1, view.row + blockStart(k + 1, down, view.rows) - row)
    for (let l = 0; l < across; l++) {
      const column = view.column + blockStart(l, across, view.columns)
      const columns = Math.max(1, view.column + blockStart(l + 1, across, view.columns) - column)
      const { at, error } = this.#grid.worstIn({ row, column, rows, columns })
      if (at < 0) continue
      const [red, green, blue] = colourAt(shareOfError(error))
      pixels.data.set([red, green, blue, 255], 4 * (k * across + l))
    }
  }
}
