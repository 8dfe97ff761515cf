import { FLOAT64_BYTES, growMemory, type Kernel, openKernel, TERM_BYTES, TILE } from './simd-kernel.js'

/** Vectors whose elements lie anywhere: element t of vector r at `data[starts[r] + terms[t]]`. */
export interface ScatteredVectors {
  readonly data: Float64Array
  readonly starts: Int32Array
  /** How many of them. */
  readonly count: number
  readonly terms: Int32Array
}

/** Where the products of vector r and column j go: to `places[r] + j·across`, multiplied and added to what is there. */
export interface ScatteredResult {
  readonly data: Float64Array
  readonly places: Int32Array
  readonly across: number
  readonly factor: number
}

/** Elements that are multiplied at once: what the processor's second cache holds. */
const BLOCK_ELEMENTS = 2 ** 15
/** Vectors, or columns, of a block. */
const BLOCK_VECTORS = { least: 16, most: 256 }
/** Multiply-adds from which on laying numbers out for the kernel pays. */
const LEAST_WORK = 2 ** 11

let opened: { readonly kernel: Kernel; numbers: Float64Array; places: Int32Array } | null | undefined

/** The kernel with so many bytes of memory; undefined where there is none. */
function openWith(bytes: number) {
  if (opened === undefined) {
    const kernel = openKernel()
    opened = kernel === undefined ? null : { kernel, numbers: new Float64Array(0), places: new Int32Array(0) }
  }
  if (opened === null) return undefined
  growMemory(opened.kernel, bytes)
  const { buffer } = opened.kernel.memory
  if (opened.numbers.buffer !== buffer) {
    opened.numbers = new Float64Array(buffer)
    opened.places = new Int32Array(buffer)
  }
  return opened
}

const roundUp = (count: number) => TILE * Math.ceil(count / TILE)
const blockOf = (depth: number, count: number) =>
  roundUp(
    Math.min(count, BLOCK_VECTORS.most, Math.max(BLOCK_VECTORS.least, Math.floor(BLOCK_ELEMENTS / depth))),
  )

/**
 * Adds the products of vectors with the columns of a matrix, each sum in the order of its terms, to numbers that lie
 * anywhere: in WebAssembly where that pays and is to be had, with the same bits.
 * @param matrix depth × width, row-major; it may be larger
 */
export function multiplyScattered(
  vectors: ScatteredVectors,
  matrix: Float64Array,
  width: number,
  result: ScatteredResult,
): void {
  const depth = vectors.terms.length
  if (width >= TILE && vectors.count * width * depth >= LEAST_WORK) {
    if (multiplyByKernel(vectors, matrix, width, result)) return
  }
  multiplyPlainly(vectors, matrix, width, result)
}

/** @returns false where there is no kernel, or a sum is not a number: then terms of 0 are to be left out */
function multiplyByKernel(
  { data, starts, count, terms }: ScatteredVectors,
  matrix: Float64Array,
  width: number,
  result: ScatteredResult,
): boolean {
  const depth = terms.length
  const [height, columns] = [blockOf(depth, count), blockOf(depth, width)]
  const stride = roundUp(width)
  // places of terms, the matrix, a block of vectors and its products, one behind the other; in numbers
  const atMatrix = TILE * Math.ceil(depth / TILE)
  const atVectors = atMatrix + stride * depth
  const atProducts = atVectors + height * depth
  const memory = openWith((atProducts + height * stride) * FLOAT64_BYTES)
  if (memory === undefined) return false
  const { kernel, numbers, places } = memory
  for (let t = 0; t < depth; t++) places[t] = t * TERM_BYTES
  for (let t = 0; t < depth; t++) {
    for (let j = 0, at = atMatrix + TILE * t; j < width; j += TILE, at += TILE * depth) {
      const from = t * width + j
      numbers[at] = matrix[from]
      numbers[at + 1] = matrix[from + 1]
      numbers[at + 2] = matrix[from + 2]
      numbers[at + 3] = matrix[from + 3]
    }
  }
  const isDense = terms[depth - 1] === depth - 1 && terms.every((term, t) => term === t)
  for (let first = 0; first < count; first += height) {
    const rows = Math.min(height, count - first)
    for (let r = 0; r < rows; r += TILE) {
      // of the last ones some stand there twice
      const last = first + rows - 1
      const a = starts[first + r]
      const b = starts[Math.min(first + r + 1, last)]
      const c = starts[Math.min(first + r + 2, last)]
      const d = starts[Math.min(first + r + 3, last)]
      for (let t = 0, at = atVectors + r * depth; t < depth; t++, at += TILE) {
        const term = isDense ? t : terms[t]
        numbers[at] = data[a + term]
        numbers[at + 1] = data[b + term]
        numbers[at + 2] = data[c + term]
        numbers[at + 3] = data[d + term]
      }
    }
    for (let column = 0; column < width; column += columns) {
      kernel.multiply(
        atVectors * FLOAT64_BYTES,
        depth * TERM_BYTES,
        (atMatrix + column * depth) * FLOAT64_BYTES,
        (atProducts + column) * FLOAT64_BYTES,
        stride * FLOAT64_BYTES,
        Math.ceil(rows / TILE),
        Math.ceil(Math.min(columns, width - column) / TILE),
        0,
        depth,
      )
    }
    if (!writeProducts(numbers, atProducts, stride, first, rows, width, result)) return false
  }
  return true
}

/** @returns false where one is not a number, and nothing of the block is written */
function writeProducts(
  numbers: Float64Array,
  from: number,
  stride: number,
  first: number,
  rows: number,
  width: number,
  { data, places, across, factor }: ScatteredResult,
): boolean {
  let probe = 0
  for (let r = 0; r < rows; r++) {
    for (let k = from + r * stride, end = k + width; k < end; k++) probe += 0 * numbers[k]
  }
  if (probe !== 0) return false
  for (let r = 0; r < rows; r++) {
    const row = from + r * stride
    const to = places[first + r]
    if (across === 1) for (let j = 0; j < width; j++) data[to + j] += factor * numbers[row + j]
    else for (let j = 0; j < width; j++) data[to + j * across] += factor * numbers[row + j]
  }
  return true
}

/** The sums of one vector. */
let row = new Float64Array(0)

function multiplyPlainly(
  { data, starts, count, terms }: ScatteredVectors,
  matrix: Float64Array,
  width: number,
  { data: sums, places, across, factor }: ScatteredResult,
): void {
  if (row.length < width) row = new Float64Array(width)
  for (let r = 0; r < count; r++) {
    row.fill(0, 0, width)
    for (let t = 0; t < terms.length; t++) {
      const value = data[starts[r] + terms[t]]
      if (value === 0) continue
      const from = t * width
      for (let j = 0; j < width; j++) row[j] += value * matrix[from + j]
    }
    const to = places[r]
    for (let j = 0; j < width; j++) sums[to + j * across] += factor * row[j]
  }
}
