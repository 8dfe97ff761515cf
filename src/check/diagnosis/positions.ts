import { userOffset } from '../../network/bind.js'
import type { ParameterTensor } from '../../network/model.js'

/** Where the elements of a tensor stand in the user's own array, as a matrix; a vector is one column. */
export interface Positions {
  readonly rows: number
  readonly columns: number
  /** True for a bias, or a matrix with one row or column. */
  readonly isVector: boolean
  /** Row and column of the element at `offset` of the model's array. */
  locate(offset: number): { row: number; column: number }
  /** The model's offset of an element. */
  offsetOf(row: number, column: number): number
}

export function positionsOf(parameter: ParameterTensor): Positions {
  const isFlat = parameter.role === 'biases' || parameter.shape.length < 2
  // of more than two axes the last is the columns, the others together the rows
  const columns = isFlat ? 1 : parameter.shape[parameter.shape.length - 1]
  const rows = columns === 0 ? 0 : parameter.size / columns
  return {
    rows,
    columns,
    isVector: rows === 1 || columns === 1,
    locate(offset) {
      const at = userOffset(parameter, offset)
      return { row: Math.floor(at / columns), column: at % columns }
    },
    offsetOf: (row, column) => (parameter.transposed ? column * rows + row : row * columns + column),
  }
}
