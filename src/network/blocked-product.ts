import { packTerms, packVectors, panelsOf } from './panels.js'
import { FLOAT64_BYTES, growMemory, type Kernel, openKernel, TERM_BYTES, TILE } from './simd-kernel.js'

/** One side of a product: `count` vectors of `depth` elements each. */
export interface Side {
  readonly data: Float64Array
  readonly count: number
  readonly depth: number
  /** Whether element t of vector i is at `data[i * depth + t]`, or at `data[t * count + i]`. */
  readonly byVector: boolean
}

/** Elements of a side that are made ready at once: what the processor's second cache holds. */
const BLOCK_ELEMENTS = 2 ** 15
/** Vectors of a side that are made ready at once: so few that their products stay in the cache, and enough of each line read. */
const BLOCK_VECTORS = { least: 16, most: 256 }
/** Multiply-adds from which on making the sides ready is the smaller part. */
const LEAST_WORK = 2 ** 14

/** The kernel, with memory as large as the largest product so far needed; null where there is none. */
let opened: Kernel | null | undefined

/**
 * The products of every vector on the left with every one on the right, left × right, each sum in the order of its
 * terms: by vectors of two float64 in WebAssembly, block by block, so that its memory stays small however large the
 * sides are.
 * @returns undefined where WebAssembly is not to be had, the sides are so small that nothing is gained, or a result is
 * not a number, where a plain loop may leave out terms that are 0 times infinity
 */
export function multiplyInBlocks(left: Side, right: Side): Float64Array | undefined {
  const { depth } = left
  if (Math.min(left.count, right.count) < TILE || left.count * right.count * depth < LEAST_WORK)
    return undefined
  if (opened === undefined) opened = openKernel() ?? null
  const kernel = opened
  if (kernel === null) return undefined
  const [rows, columns] = [sizeOfBlock(left), sizeOfBlock(right)]
  // places, left, right and result, one behind the other
  const atLeft = TERM_BYTES * Math.ceil(depth / (TERM_BYTES / 4))
  const atRight = atLeft + rows * depth * FLOAT64_BYTES
  const atResult = atRight + columns * depth * FLOAT64_BYTES
  growMemory(kernel, atResult + rows * columns * FLOAT64_BYTES)
  const { buffer } = kernel.memory
  const places = new Uint32Array(buffer, 0, depth)
  for (let t = 0; t < depth; t++) places[t] = t * TERM_BYTES
  const panelsOfLeft = new Float64Array(buffer, atLeft, rows * depth)
  const panelsOfRight = new Float64Array(buffer, atRight, columns * depth)
  const result = new Float64Array(left.count * right.count)
  for (let row = 0; row < left.count; row += rows) {
    const height = Math.min(rows, left.count - row)
    fillPanels(left, row, height, panelsOfLeft)
    for (let column = 0; column < right.count; column += columns) {
      const width = Math.min(columns, right.count - column)
      fillPanels(right, column, width, panelsOfRight)
      const stride = TILE * panelsOf(width)
      kernel.multiply(
        atLeft,
        depth * TERM_BYTES,
        atRight,
        atResult,
        stride * FLOAT64_BYTES,
        panelsOf(height),
        stride / TILE,
        0,
        depth,
      )
      const sums = new Float64Array(buffer, atResult, height * stride)
      for (let r = 0; r < height; r++) {
        const from = r * stride
        result.set(sums.subarray(from, from + width), (row + r) * right.count + column)
      }
    }
  }
  for (let k = 0; k < result.length; k++) if (Number.isNaN(result[k])) return undefined
  return result
}

function sizeOfBlock({ count, depth }: Side): number {
  const { least, most } = BLOCK_VECTORS
  const fitting = Math.min(most, Math.max(least, Math.floor(BLOCK_ELEMENTS / depth)), count)
  return TILE * panelsOf(fitting)
}

/** Writes some vectors of a side in panels. */
function fillPanels(side: Side, from: number, size: number, panels: Float64Array): void {
  const { data, count, depth, byVector } = side
  if (byVector) packVectors(data, depth, from, size, panels)
  else packTerms(data, count, depth, from, size, panels)
}
