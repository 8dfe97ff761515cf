import { type MultiplyPanels, openKernel } from './simd-kernel.js'

/** A matrix that is multiplied with many others. */
export interface LeftOperand {
  readonly rows: number
  readonly depth: number
}

/** Some of the terms of a sum: the first `count` of `places`, ascending. */
export interface Terms {
  readonly places: Uint32Array
  readonly count: number
}

/** Products of matrices in float64, each sum in the order of its terms. What they hold is freed with them. */
export interface Products {
  /** Makes a matrix ready, rows × depth, row-major. Whatever becomes of the array then does not matter. */
  prepare(matrix: Float64Array, rows: number, depth: number): LeftOperand
  /** The same for a matrix that is used until the next one is made ready by this. */
  prepareForNow(matrix: Float64Array, rows: number, depth: number): LeftOperand
  /**
   * C = A·B, or the sum over some terms alone.
   * @param B depth × `stride`, of which the first `columns` count
   * @param C rows × `stride`, of which the first `columns` are written
   */
  multiply(
    A: LeftOperand,
    B: Float64Array,
    columns: number,
    stride: number,
    C: Float64Array,
    terms?: Terms,
  ): void
}

/** Products by vectors of two float64 where WebAssembly is to be had, else in plain JavaScript: the same bits. */
export function openProducts(): Products {
  if (typeof WebAssembly === 'undefined') return new PlainProducts()
  const memory = new WebAssembly.Memory({ initial: 1 })
  const kernel = openKernel(memory)
  return kernel === undefined ? new PlainProducts() : new SimdProducts(memory, kernel)
}

const FLOAT64_BYTES = 8
const TILE = 4
const TERM_BYTES = TILE * FLOAT64_BYTES
const PAGE_BYTES = 2 ** 16

const panelsOf = (count: number) => Math.ceil(count / TILE)

/** A matrix in the kernel's memory, in panels of 4 rows. */
interface Panels extends LeftOperand {
  readonly address: number
}

/** Memory that is written anew by every product. */
class Scratch {
  address = 0
  bytes = 0
}

class SimdProducts implements Products {
  readonly #memory: WebAssembly.Memory
  readonly #kernel: MultiplyPanels
  #used = 0
  readonly #left = new Scratch()
  readonly #right = new Scratch()
  readonly #result = new Scratch()
  readonly #places = new Scratch()

  constructor(memory: WebAssembly.Memory, kernel: MultiplyPanels) {
    this.#memory = memory
    this.#kernel = kernel
  }

  prepare(matrix: Float64Array, rows: number, depth: number): LeftOperand {
    return this.#store(matrix, rows, depth, this.#reserve(panelsOf(rows) * depth * TERM_BYTES))
  }

  prepareForNow(matrix: Float64Array, rows: number, depth: number): LeftOperand {
    return this.#store(matrix, rows, depth, this.#take(this.#left, panelsOf(rows) * depth * TERM_BYTES))
  }

  #store(matrix: Float64Array, rows: number, depth: number, address: number): Panels {
    const panels = new Float64Array(this.#memory.buffer, address, panelsOf(rows) * depth * TILE)
    for (let r = 0; r < rows; r++) {
      let at = (r - (r % TILE)) * depth + (r % TILE)
      for (let t = r * depth; t < (r + 1) * depth; t++, at += TILE) panels[at] = matrix[t]
    }
    return { rows, depth, address }
  }

  multiply(
    A: LeftOperand,
    B: Float64Array,
    columns: number,
    stride: number,
    C: Float64Array,
    terms: Terms = allTerms(A.depth),
  ): void {
    const { rows, depth, address } = A as Panels
    const { places, count } = terms
    if (count === 0 || columns === 0) {
      for (let r = 0; r < rows; r++) C.fill(0, r * stride, r * stride + columns)
      return
    }
    const [rowPanels, columnPanels] = [panelsOf(rows), panelsOf(columns)]
    const width = TILE * columnPanels
    const right = this.#take(this.#right, columnPanels * count * TERM_BYTES)
    const result = this.#take(this.#result, rowPanels * TILE * width * FLOAT64_BYTES)
    const offsets = this.#take(this.#places, count * Uint32Array.BYTES_PER_ELEMENT)
    const { buffer } = this.#memory
    const offsetsOfTerms = new Uint32Array(buffer, offsets, count)
    for (let t = 0; t < count; t++) offsetsOfTerms[t] = places[t] * TERM_BYTES
    const panels = new Float64Array(buffer, right, columnPanels * count * TILE)
    for (let t = 0; t < count; t++) {
      const from = places[t] * stride
      let at = TILE * t
      let c = 0
      for (; c + TILE <= columns; c += TILE, at += TILE * count) {
        panels[at] = B[from + c]
        panels[at + 1] = B[from + c + 1]
        panels[at + 2] = B[from + c + 2]
        panels[at + 3] = B[from + c + 3]
      }
      for (let k = 0; c < columns; k++, c++) panels[at + k] = B[from + c]
    }
    this.#kernel(
      address,
      depth * TERM_BYTES,
      right,
      result,
      width * FLOAT64_BYTES,
      rowPanels,
      columnPanels,
      offsets,
      count,
    )
    const sums = new Float64Array(buffer, result, rows * width)
    if (width === stride) C.set(sums)
    else {
      for (let r = 0; r < rows; r++) C.set(sums.subarray(r * width, r * width + columns), r * stride)
    }
  }

  #take(scratch: Scratch, bytes: number): number {
    if (scratch.bytes < bytes) {
      scratch.address = this.#reserve(bytes)
      scratch.bytes = bytes
    }
    return scratch.address
  }

  /** Memory that is not used yet; what views there were of the rest are to be made anew. */
  #reserve(bytes: number): number {
    const address = this.#used
    this.#used = address + TERM_BYTES * Math.ceil(bytes / TERM_BYTES)
    const missing = this.#used - this.#memory.buffer.byteLength
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES))
    return address
  }
}

/** A matrix as it was given. */
interface Plain extends LeftOperand {
  readonly matrix: Float64Array
}

class PlainProducts implements Products {
  prepare(matrix: Float64Array, rows: number, depth: number): LeftOperand {
    return this.prepareForNow(matrix.slice(), rows, depth)
  }

  prepareForNow(matrix: Float64Array, rows: number, depth: number): Plain {
    return { rows, depth, matrix }
  }

  multiply(
    A: LeftOperand,
    B: Float64Array,
    columns: number,
    stride: number,
    C: Float64Array,
    { places, count }: Terms = allTerms(A.depth),
  ): void {
    const { rows, depth, matrix } = A as Plain
    for (let r = 0; r < rows; r++) {
      const row = C.subarray(r * stride, r * stride + columns).fill(0)
      for (let t = 0; t < count; t++) {
        const a = matrix[r * depth + places[t]]
        const from = places[t] * stride
        for (let c = 0; c < columns; c++) row[c] += a * B[from + c]
      }
    }
  }
}

function allTerms(depth: number): Terms {
  return { places: Uint32Array.from({ length: depth }, (_, t) => t), count: depth }
}
