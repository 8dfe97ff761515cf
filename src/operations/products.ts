import { ShapeMismatch } from '../program/shapes.js'
import { formatShape } from '../tensor.js'
import type { Definition, NoAttributes } from './definition.js'
import type { Application, Operation } from './operation.js'

/**
 * A·B of (m, k) and (k, n), each sum over the shared axis in its order.
 */
function matmul(name: string): Operation {
  return {
    name,
    attributes: {},
    shape([A, B]) {
      if (A.length !== 2 || B.length !== 2) {
        throw new ShapeMismatch(`${name} multiplies matrices, not ${formatShape(A)} and ${formatShape(B)}`)
      }
      if (A[1] !== B[0]) {
        throw new ShapeMismatch(
          `shapes ${formatShape(A)} and ${formatShape(B)} do not fit a product: ${A[1]} is not ${B[0]}`,
        )
      }
      return [A[0], B[1]]
    },
    evaluate([A, B], result) {
      multiplyInto(A.data, B.data, A.shape[0], A.shape[1], B.shape[1], result)
    },
    pullBack: pullBackProduct,
    isLinearIn: () => true,
  }
}

function pullBackProduct(
  { operands: [A, B] }: Application,
  cotangent: Float64Array,
  operand: number,
): Float64Array {
  const [m, k] = A.shape
  const n = B.shape[1]
  // dA = G·Bᵀ, dB = Aᵀ·G
  if (operand === 0) {
    const pulled = new Float64Array(m * k)
    multiplyInto(cotangent, transposed(B.data, k, n), m, n, k, pulled)
    return pulled
  }
  const pulled = new Float64Array(k * n)
  multiplyInto(transposed(A.data, m, k), cotangent, k, m, n, pulled)
  return pulled
}

/** Row-major again, columns × rows. */
function transposed(data: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(data.length)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) result[j * rows + i] = data[i * columns + j]
  return result
}

/** C = A·B, m × k by k × n, row by row; rows of A may be sparse. */
function multiplyInto(
  A: Float64Array,
  B: Float64Array,
  m: number,
  k: number,
  n: number,
  C: Float64Array,
): void {
  C.fill(0)
  for (let i = 0; i < m; i++) {
    for (let t = 0; t < k; t++) {
      const a = A[i * k + t]
      if (a === 0) continue
      for (let j = 0; j < n; j++) C[i * n + j] += a * B[t * n + j]
    }
  }
}

export const PRODUCTS = {
  /** Of an array of shape (m, k) with one of shape (k, n). */
  matmul: { arity: 2, make: matmul } satisfies Definition<NoAttributes, 2>,
}
