const SLICE_MILLISECONDS = 40

/**
 * Lets a long loop on the main thread breathe: `pause()` is cheap and, once a slice of time is over, gives other
 * work (a progress bar, Ctrl-C, a page's input) its turn.
 */
export class WorkSlices {
  #sliceEnd = performance.now() + SLICE_MILLISECONDS

  /** True when it is time to call `pause`. */
  get isOver(): boolean {
    return performance.now() >= this.#sliceEnd
  }

  async pause(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0))
    this.#sliceEnd = performance.now() + SLICE_MILLISECONDS
  }
}
