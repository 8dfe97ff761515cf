import { packTerms, packVectors, panelBytes, panelsOf } from './panels.js'
import { FLOAT64_BYTES, growMemory, type Kernel, openKernel, TERM_BYTES, TILE } from './simd-kernel.js'

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
  /** The same for a matrix that stays as it is, and is used, until the next one is made ready by this. */
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
  const kernel = openKernel()
  return kernel === undefined ? PLAIN_PRODUCTS : createSimdProducts(kernel)
}

/** A matrix in the kernel's memory, in panels of 4 rows. */
interface Panels extends LeftOperand {
  readonly address: number
}

/** Memory that is written anew by every product. */
class Scratch {
  address = 0
  bytes = 0
}

function createSimdProducts(kernel: Kernel): Products {
  const [ofLeft, ofRight, ofResult, ofPlaces] = [new Scratch(), new Scratch(), new Scratch(), new Scratch()]
  let used = 0

  /** Memory that is not used yet. */
  function reserve(bytes: number): number {
    const address = used
    used = address + TERM_BYTES * Math.ceil(bytes / TERM_BYTES)
    growMemory(kernel, used)
    return address
  }

  function take(scratch: Scratch, bytes: number): number {
    if (scratch.bytes < bytes) {
      scratch.address = reserve(bytes)
      scratch.bytes = bytes
    }
    return scratch.address
  }

  const viewPanels = (address: number, count: number, depth: number) =>
    new Float64Array(kernel.memory.buffer, address, panelsOf(count) * depth * TILE)

  function store(matrix: Float64Array, rows: number, depth: number, address: number): Panels {
    packVectors(matrix, depth, 0, rows, viewPanels(address, rows, depth))
    return { rows, depth, address }
  }

  return {
    prepare: (matrix, rows, depth) => store(matrix, rows, depth, reserve(panelBytes(rows, depth))),
    prepareForNow: (matrix, rows, depth) => store(matrix, rows, depth, take(ofLeft, panelBytes(rows, depth))),
    multiply(A, B, columns, stride, C, terms = allTerms(A.depth)) {
      const { rows, depth, address } = A as Panels
      const { places, count } = terms
      if (count === 0 || columns === 0) {
        for (let r = 0; r < rows; r++) C.fill(0, r * stride, r * stride + columns)
        return
      }
      const [rowPanels, columnPanels] = [panelsOf(rows), panelsOf(columns)]
      const width = TILE * columnPanels
      const right = take(ofRight, panelBytes(columns, count))
      const result = take(ofResult, rowPanels * TILE * width * FLOAT64_BYTES)
      const offsets = take(ofPlaces, count * Uint32Array.BYTES_PER_ELEMENT)
      const { buffer } = kernel.memory
      const offsetsOfTerms = new Uint32Array(buffer, offsets, count)
      for (let t = 0; t < count; t++) offsetsOfTerms[t] = places[t] * TERM_BYTES
      packTerms(B, stride, count, 0, columns, viewPanels(right, columns, count), places)
      kernel.multiply(
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
    },
  }
}

/** A matrix as it was given. */
interface Plain extends LeftOperand {
  readonly matrix: Float64Array
}

const PLAIN_PRODUCTS: Products = {
  prepare: (matrix, rows, depth): Plain => ({ rows, depth, matrix: matrix.slice() }),
  prepareForNow: (matrix, rows, depth): Plain => ({ rows, depth, matrix }),
  multiply(A, B, columns, stride, C, { places, count } = allTerms(A.depth)) {
    const { rows, depth, matrix } = A as Plain
    for (let r = 0; r < rows; r++) {
      const row = C.subarray(r * stride, r * stride + columns).fill(0)
      for (let t = 0; t < count; t++) {
        const a = matrix[r * depth + places[t]]
        const from = places[t] * stride
        for (let c = 0; c < columns; c++) row[c] += a * B[from + c]
      }
    }
  },
}

function allTerms(depth: number): Terms {
  return { places: Uint32Array.from({ length: depth }, (_, t) => t), count: depth }
}
