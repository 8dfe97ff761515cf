import type { GradientEntries } from 'webgpu-gradcheck'

/** A rectangle of cells. */
export interface Window {
  readonly row: number
  readonly column: number
  readonly rows: number
  readonly columns: number
}

/** The worst entry of a block of cells, and how many cells the block has. */
export interface BlockEntry {
  readonly at: number
  readonly error: number
  readonly cells: number
}

/** A tensor's entries as a matrix of cells: vectors lie in one row. */
export class EntryGrid {
  readonly rows: number
  readonly columns: number
  readonly entries: GradientEntries
  readonly #isComplete: boolean

  constructor(entries: GradientEntries) {
    const size = entries.shape.reduce((product, length) => product * length, 1)
    const isVector = entries.shape.filter((length) => length !== 1).length <= 1
    this.entries = entries
    this.columns = isVector ? size : entries.shape[entries.shape.length - 1]
    this.rows = size / this.columns
    this.#isComplete = entries.offsets.length === size
  }

  get whole(): Window {
    return { row: 0, column: 0, rows: this.rows, columns: this.columns }
  }

  /** Where an element of the tensor stands among the checked entries; −1 where it was not checked. */
  find(offset: number): number {
    if (this.#isComplete) return offset
    const { offsets } = this.entries
    let [low, high] = [0, offsets.length - 1]
    while (low <= high) {
      const middle = (low + high) >> 1
      if (offsets[middle] === offset) return middle
      if (offsets[middle] < offset) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  /** The worst checked entry within some cells. */
  worstIn({ row, column, rows, columns }: Window): BlockEntry {
    let worst = -1
    let largest = -1
    const { analytical, numerical } = this.entries
    for (let i = row; i < row + rows; i++) {
      for (let j = column; j < column + columns; j++) {
        const at = this.find(i * this.columns + j)
        if (at < 0) continue
        // as `relativeError`, written out: this runs for every entry of a tensor
        const size = Math.abs(analytical[at]) + Math.abs(numerical[at])
        const error = size === 0 ? 0 : Math.abs(analytical[at] - numerical[at]) / size
        if (error <= largest) continue
        worst = at
        // not a number, where the arithmetic overflowed, is the worst there is
        largest = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error
      }
    }
    return { at: worst, error: largest, cells: rows * columns }
  }
}

/** Cuts `length` cells into at most `most` blocks of nearly equal length: the first cell of block k. */
export function blockStart(k: number, blocks: number, length: number): number {
  return Math.floor((k * length) / blocks)
}
