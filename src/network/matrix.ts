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

/** The transpose of a row-major matrix of `rows` × `columns`, row-major again. */
export function transpose(data: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = data[row * columns + column]
  }
  return result
}
