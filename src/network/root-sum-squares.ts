import { createMatrix, type Matrix, multiply, multiplyByTransposed, rowOf } from './matrix.js'

/** Between these a sum of squares has kept its digits. */
const [LEAST, LARGEST] = [2 ** -900, 2 ** 900]

/** Elements whose squares are held at once, and rows that share what a product makes ready of the weights. */
const [ELEMENTS_AT_ONCE, LEAST_ROWS] = [2 ** 18, 32]

/** Whether a sum of squares has neither under- nor overflowed. */
export const keepsDigits = (squares: number) => squares >= LEAST && squares <= LARGEST

/** √(a² + b² + c²), however small or large they are. */
export function rootSumSquares(a: number, b: number, c = 0): number {
  const sum = a * a + b * b + c * c
  if (keepsDigits(sum)) return Math.sqrt(sum)
  const scale = powerOfTwo(Math.max(Math.abs(a), Math.abs(b), Math.abs(c)))
  if (scale === 0) return 0
  return scale * Math.sqrt((a / scale) ** 2 + (b / scale) ** 2 + (c / scale) ** 2)
}

/** The same of any number of them, as they come. */
export class RootSum {
  #scale = 0
  #squares = 0

  add(value: number): void {
    const size = Math.abs(value)
    if (size === 0) return
    if (size > this.#scale) {
      const scale = powerOfTwo(size) || size
      this.#squares *= (this.#scale / scale) ** 2
      this.#scale = scale
    }
    this.#squares += (size / this.#scale) ** 2
  }

  get value(): number {
    return this.#scale * Math.sqrt(this.#squares)
  }
}

/** √Σ x² over the elements of one list or more, however small or large they are. */
export function normOf(...lists: readonly Float64Array[]): number {
  let squares = 0
  for (const values of lists) for (let k = 0; k < values.length; k++) squares += values[k] * values[k]
  if (keepsDigits(squares)) return Math.sqrt(squares)
  const sum = new RootSum()
  for (const values of lists) for (const value of values) sum.add(value)
  return sum.value
}

/** Bound on the norm of δᵀ·A, or of the sums of δ's columns without A, at the cost of the norms of their rows. */
export function boundProductNorm(delta: Matrix, input?: Matrix): number {
  let sum = 0
  for (let s = 0; s < delta.rows; s++) {
    sum += normOf(rowOf(delta, s)) * (input === undefined ? 1 : normOf(rowOf(input, s)))
  }
  return sum
}

/** √Σ x² over the samples of every column, however small or large they are. */
export function normsOfColumns({ rows, columns, data }: Matrix): Float64Array {
  const norms = new Float64Array(columns)
  for (let row = 0, k = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, k++) norms[column] += data[k] * data[k]
  }
  return norms.map((squares, column) => {
    if (keepsDigits(squares)) return Math.sqrt(squares)
    const sum = new RootSum()
    for (let row = 0; row < rows; row++) sum.add(data[row * columns + column])
    return sum.value
  })
}

/**
 * How deviations of independent errors pass through a fixed matrix W: √(D²·W²), element by element squared. Squares
 * are held relative to the largest of their row, and what has all the same lost digits is summed once more.
 */
export class SquaredMatrix {
  readonly #W: Float64Array
  readonly #inputs: number
  readonly #scale: number
  /** (W / scale)² */
  readonly #squares: Float64Array

  /** @param W outputs × inputs */
  constructor(W: Float64Array, inputs: number) {
    this.#W = W
    this.#inputs = inputs
    this.#scale = powerOfTwo(largestOf(W)) || 1
    this.#squares = W.map((w) => (w / this.#scale) ** 2)
  }

  /** Of deviations by input, samples × inputs, those by output. */
  forward(deviations: Matrix): Matrix {
    const outputs = this.#W.length / this.#inputs
    return bySomeRows(deviations, outputs, (some) => {
      const { squares, scales } = squareRows(some)
      const product = multiplyByTransposed(squares, this.#squares, outputs)
      return this.#takeRoots(product, scales, (s, i, add) => {
        for (let j = 0; j < this.#inputs; j++) {
          add(some.data[s * this.#inputs + j], this.#W[i * this.#inputs + j])
        }
      })
    })
  }

  /** Of deviations by output, samples × outputs, those by input. */
  backward(deviations: Matrix): Matrix {
    const outputs = this.#W.length / this.#inputs
    return bySomeRows(deviations, this.#inputs, (some) => {
      const { squares, scales } = squareRows(some)
      const product = multiply(squares, this.#squares, this.#inputs)
      return this.#takeRoots(product, scales, (s, j, add) => {
        for (let i = 0; i < outputs; i++) add(some.data[s * outputs + i], this.#W[i * this.#inputs + j])
      })
    })
  }

  #takeRoots(
    product: Matrix,
    scales: Float64Array,
    addTerms: (row: number, column: number, add: (deviation: number, weight: number) => void) => void,
  ): Matrix {
    const { columns, data } = product
    for (let k = 0; k < data.length; k++) {
      const row = Math.floor(k / columns)
      if (data[k] >= LEAST || scales[row] === 0) {
        data[k] = Math.sqrt(data[k]) * scales[row] * this.#scale
        continue
      }
      const sum = new RootSum()
      addTerms(row, k % columns, (deviation, weight) => sum.add(deviation * weight))
      data[k] = sum.value
    }
    return product
  }
}

/** What `carry` makes of some rows at a time, so that what it holds beside them stays small. */
function bySomeRows(matrix: Matrix, columns: number, carry: (rows: Matrix) => Matrix): Matrix {
  const atOnce = Math.max(LEAST_ROWS, Math.ceil(ELEMENTS_AT_ONCE / (matrix.columns + columns)))
  if (matrix.rows <= atOnce) return carry(matrix)
  const result = createMatrix(matrix.rows, columns)
  for (let row = 0; row < matrix.rows; row += atOnce) {
    const rows = Math.min(atOnce, matrix.rows - row)
    const data = matrix.data.subarray(row * matrix.columns, (row + rows) * matrix.columns)
    result.data.set(carry({ rows, columns: matrix.columns, data }).data, row * columns)
  }
  return result
}

/** Squares of each row over the square of the row's scale, a power of two near its largest element. */
function squareRows({ rows, columns, data }: Matrix): { squares: Matrix; scales: Float64Array } {
  const scales = new Float64Array(rows)
  const squares = new Float64Array(data.length)
  for (let row = 0; row < rows; row++) {
    const scale = powerOfTwo(largestOf(data.subarray(row * columns, (row + 1) * columns)))
    scales[row] = scale
    if (scale === 0) continue
    for (let k = row * columns; k < (row + 1) * columns; k++) squares[k] = (data[k] / scale) ** 2
  }
  return { squares: { rows, columns, data: squares }, scales }
}

function largestOf(values: Float64Array): number {
  let largest = 0
  for (const value of values) if (Math.abs(value) > largest) largest = Math.abs(value)
  return largest
}

const EXPONENT = new DataView(new ArrayBuffer(8))

/** The largest power of two that is not above a number; 0 of 0 and of a subnormal one. */
export function powerOfTwo(size: number): number {
  EXPONENT.setFloat64(0, size)
  EXPONENT.setUint32(0, EXPONENT.getUint32(0) & 0x7ff00000)
  EXPONENT.setUint32(4, 0)
  return EXPONENT.getFloat64(0)
}
