import { type MultiplyPanels, openKernel } from './simd-kernel.js'

/** One side of a product: `count` vectors of `depth` elements each. */
export interface Side {
  readonly data: Float64Array
  readonly count: number
  readonly depth: number
  /** Whether element t of vector i is at `data[i * depth + t]`, or at `data[t * count + i]`. */
  readonly byVector: boolean
}

const FLOAT64_BYTES = 8
const PANEL = 4
const TERM_BYTES = PANEL * FLOAT64_BYTES
const PAGE_BYTES = 2 ** 16
/** Elements of a side that are made ready at once: what the processor's second cache holds. */
const BLOCK_ELEMENTS = 2 ** 15
/** Vectors of a side that are made ready at once: so few that their products stay in the cache, and enough of each line read. */
const BLOCK_VECTORS = { least: 16, most: 256 }
/** Multiply-adds from which on making the sides ready is the smaller part. */
const LEAST_WORK = 2 ** 14

/** The kernel, and memory as large as the largest product so far needed. */
interface Kernel {
  readonly memory: WebAssembly.Memory
  readonly multiply: MultiplyPanels
}

let opened: Kernel | undefined
let isClosed = typeof WebAssembly === 'undefined'

/**
 * The products of every vector on the left with every one on the right, left × right, each sum in the order of its
 * terms: by vectors of two float64 in WebAssembly, block by block, so that its memory stays small however large the
 * sides are.
 * @returns undefined where WebAssembly is not to be had, the sides are so small that nothing is gained, or a result is
 * not a number, where a plain loop may leave out terms that are 0 times infinity
 */
export function multiplyInBlocks(left: Side, right: Side): Float64Array | undefined {
  const { depth } = left
  if (Math.min(left.count, right.count) < PANEL || left.count * right.count * depth < LEAST_WORK)
    return undefined
  const kernel = openOnce()
  if (kernel === undefined) return undefined
  const [rows, columns] = [sizeOfBlock(left), sizeOfBlock(right)]
  // places, left, right and result, one behind the other
  const atLeft = TERM_BYTES * Math.ceil(depth / (TERM_BYTES / 4))
  const atRight = atLeft + rows * depth * FLOAT64_BYTES
  const atResult = atRight + columns * depth * FLOAT64_BYTES
  const missing = atResult + rows * columns * FLOAT64_BYTES - kernel.memory.buffer.byteLength
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE_BYTES))
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
      const stride = PANEL * Math.ceil(width / PANEL)
      kernel.multiply(
        atLeft,
        depth * TERM_BYTES,
        atRight,
        atResult,
        stride * FLOAT64_BYTES,
        Math.ceil(height / PANEL),
        stride / PANEL,
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
  return PANEL * Math.ceil(fitting / PANEL)
}

/** Writes some vectors of a side in panels of 4, each depth × 4. What is beyond them in the last panel does not matter. */
function fillPanels(
  { data, count, depth, byVector }: Side,
  from: number,
  size: number,
  panels: Float64Array,
): void {
  if (!byVector) {
    for (let t = 0; t < depth; t++) {
      let read = t * count + from
      let at = PANEL * t
      let i = 0
      for (; i + PANEL <= size; i += PANEL, read += PANEL, at += PANEL * depth) {
        panels[at] = data[read]
        panels[at + 1] = data[read + 1]
        panels[at + 2] = data[read + 2]
        panels[at + 3] = data[read + 3]
      }
      for (; i < size; i++, read++, at++) panels[at] = data[read]
    }
    return
  }
  for (let i = 0; i < size; i += PANEL) {
    const first = (from + i) * depth
    const last = first + Math.min(PANEL, size - i) * depth - depth
    const [second, third] = [Math.min(first + depth, last), Math.min(first + 2 * depth, last)]
    for (let t = 0, at = i * depth; t < depth; t++, at += PANEL) {
      panels[at] = data[first + t]
      panels[at + 1] = data[second + t]
      panels[at + 2] = data[third + t]
      panels[at + 3] = data[last + t]
    }
  }
}

function openOnce(): Kernel | undefined {
  if (opened !== undefined || isClosed) return opened
  const memory = new WebAssembly.Memory({ initial: 1 })
  const multiply = openKernel(memory)
  if (multiply === undefined) isClosed = true
  else opened = { memory, multiply }
  return opened
}
