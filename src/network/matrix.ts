import { multiplyInBlocks } from './blocked-product.js'

/**
 * A matrix with one row for each sample: element (s, i) at `data[s * columns + i]`. Inside this package every
 * activation, pre-activation and change is held so, whatever the user's layout.
 */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly data: Float64Array
}

export function createMatrix(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float64Array(rows * columns) }
}

/** The same shape with every element replaced by what `f` makes of it and its place. */
export function mapMatrix(matrix: Matrix, f: (value: number, k: number) => number): Matrix {
  return { ...matrix, data: matrix.data.map(f) }
}

/** The elements of one sample. */
export const rowOf = ({ columns, data }: Matrix, row: number) =>
  data.subarray(row * columns, (row + 1) * columns)

/**
 * The transpose of a row-major matrix of `rows` × `columns`, row-major again.
 * @param result where it is written
 */
export function transpose(
  data: Float64Array,
  rows: number,
  columns: number,
  result: Float64Array = new Float64Array(data.length),
): Float64Array {
  // by tiles, so that what is read and what is written stays in the cache
  for (let fromRow = 0; fromRow < rows; fromRow += TRANSPOSE_TILE) {
    const toRow = Math.min(rows, fromRow + TRANSPOSE_TILE)
    for (let fromColumn = 0; fromColumn < columns; fromColumn += TRANSPOSE_TILE) {
      const toColumn = Math.min(columns, fromColumn + TRANSPOSE_TILE)
      for (let column = fromColumn; column < toColumn; column++) {
        for (let row = fromRow; row < toRow; row++) {
          result[column * rows + row] = data[row * columns + column]
        }
      }
    }
  }
  return result
}

const TRANSPOSE_TILE = 32

/** The elements of a matrix of samples × units as units × samples. */
export const byUnit = ({ rows, columns, data }: Matrix) => transpose(data, rows, columns)

/**
 * Aᵀ·B, row-major, each sum over the shared axis in its order.
 * @param A depth × rows
 * @param B depth × columns
 */
export function multiplyTransposedBy(A: Matrix, B: Matrix): Float64Array {
  const [depth, rows, columns] = [A.rows, A.columns, B.columns]
  const product = multiplyInBlocks(
    { data: A.data, count: rows, depth, byVector: false },
    { data: B.data, count: columns, depth, byVector: false },
  )
  if (product !== undefined) return product
  const result = new Float64Array(rows * columns)
  for (let t = 0; t < depth; t++) {
    for (let r = 0; r < rows; r++) {
      const a = A.data[t * rows + r]
      if (a === 0) continue
      for (let c = 0; c < columns; c++) result[r * columns + c] += a * B.data[t * columns + c]
    }
  }
  return result
}

/**
 * A·Bᵀ, each element one sum over the shared axis in its order; 4 × 4 sums run side by side in registers.
 * @param A rows × depth
 * @param B columns × depth, row-major
 */
export function multiplyByTransposed(A: Matrix, B: Float64Array, columns: number): Matrix {
  const { rows, columns: depth, data } = A
  const product = multiplyInBlocks(
    { data, count: rows, depth, byVector: true },
    { data: B, count: columns, depth, byVector: true },
  )
  if (product !== undefined) return { rows, columns, data: product }
  const result = createMatrix(rows, columns)
  const [wholeRows, wholeColumns] = [rows - (rows % 4), columns - (columns % 4)]
  for (let c = 0; c < wholeColumns; c += 4) {
    const [b0, b1, b2, b3] = [c * depth, (c + 1) * depth, (c + 2) * depth, (c + 3) * depth]
    for (let r = 0; r < wholeRows; r += 4) {
      const [a0, a1, a2, a3] = [r * depth, (r + 1) * depth, (r + 2) * depth, (r + 3) * depth]
      let [s00, s01, s02, s03] = [0, 0, 0, 0]
      let [s10, s11, s12, s13] = [0, 0, 0, 0]
      let [s20, s21, s22, s23] = [0, 0, 0, 0]
      let [s30, s31, s32, s33] = [0, 0, 0, 0]
      for (let t = 0; t < depth; t++) {
        const x0 = data[a0 + t]
        const x1 = data[a1 + t]
        const x2 = data[a2 + t]
        const x3 = data[a3 + t]
        const y0 = B[b0 + t]
        const y1 = B[b1 + t]
        const y2 = B[b2 + t]
        const y3 = B[b3 + t]
        s00 += x0 * y0
        s01 += x0 * y1
        s02 += x0 * y2
        s03 += x0 * y3
        s10 += x1 * y0
        s11 += x1 * y1
        s12 += x1 * y2
        s13 += x1 * y3
        s20 += x2 * y0
        s21 += x2 * y1
        s22 += x2 * y2
        s23 += x2 * y3
        s30 += x3 * y0
        s31 += x3 * y1
        s32 += x3 * y2
        s33 += x3 * y3
      }
      const sums = [
        [s00, s01, s02, s03],
        [s10, s11, s12, s13],
        [s20, s21, s22, s23],
        [s30, s31, s32, s33],
      ]
      for (const [k, row] of sums.entries()) result.data.set(row, (r + k) * columns + c)
    }
  }
  // what is left over: a vector and four others side by side where there are four
  for (let r = wholeRows; r < rows; r++) {
    let c = 0
    for (; c < wholeColumns; c += 4)
      result.data.set(dotFour(data, r * depth, B, c * depth, depth), r * columns + c)
    for (; c < columns; c++) result.data[r * columns + c] = dot(data, r * depth, B, c * depth, depth)
  }
  for (let c = wholeColumns; c < columns; c++) {
    for (let r = 0; r < wholeRows; r += 4) {
      const sums = dotFour(B, c * depth, data, r * depth, depth)
      for (const [k, sum] of sums.entries()) result.data[(r + k) * columns + c] = sum
    }
  }
  return result
}

/** The product of a vector with each of four that follow each other. */
function dotFour(
  a: Float64Array,
  at: number,
  b: Float64Array,
  from: number,
  depth: number,
): [number, number, number, number] {
  const [b1, b2, b3] = [from + depth, from + 2 * depth, from + 3 * depth]
  let [s0, s1, s2, s3] = [0, 0, 0, 0]
  for (let t = 0; t < depth; t++) {
    const x = a[at + t]
    s0 += x * b[from + t]
    s1 += x * b[b1 + t]
    s2 += x * b[b2 + t]
    s3 += x * b[b3 + t]
  }
  return [s0, s1, s2, s3]
}

function dot(a: Float64Array, at: number, b: Float64Array, from: number, depth: number): number {
  let sum = 0
  for (let t = 0; t < depth; t++) sum += a[at + t] * b[from + t]
  return sum
}

/**
 * A·B for rows of A that may be sparse: 4 rows at a time share what is read of B.
 * @param A rows × depth
 * @param B depth × columns, row-major
 */
export function multiply(A: Matrix, B: Float64Array, columns: number): Matrix {
  const { rows, columns: depth, data } = A
  const product = multiplyInBlocks(
    { data, count: rows, depth, byVector: true },
    { data: B, count: columns, depth, byVector: false },
  )
  if (product !== undefined) return { rows, columns, data: product }
  const result = createMatrix(rows, columns)
  const C = result.data
  for (let r = 0; r < rows; r += 4) {
    const count = Math.min(4, rows - r)
    const [c0, c1, c2, c3] = [r * columns, (r + 1) * columns, (r + 2) * columns, (r + 3) * columns]
    for (let t = 0; t < depth; t++) {
      const a0 = data[r * depth + t]
      const a1 = count > 1 ? data[(r + 1) * depth + t] : 0
      const a2 = count > 2 ? data[(r + 2) * depth + t] : 0
      const a3 = count > 3 ? data[(r + 3) * depth + t] : 0
      if (a0 === 0 && a1 === 0 && a2 === 0 && a3 === 0) continue
      const from = t * columns
      if (count === 4) {
        for (let c = 0; c < columns; c++) {
          const b = B[from + c]
          C[c0 + c] += a0 * b
          C[c1 + c] += a1 * b
          C[c2 + c] += a2 * b
          C[c3 + c] += a3 * b
        }
        continue
      }
      for (let c = 0; c < columns; c++) {
        const b = B[from + c]
        C[c0 + c] += a0 * b
        if (count > 1) C[c1 + c] += a1 * b
        if (count > 2) C[c2 + c] += a2 * b
      }
    }
  }
  return result
}
