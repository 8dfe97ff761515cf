import { type Shape, ShapeMismatch } from '../program/shapes.js'
import { formatShape } from '../tensor.js'
import { type Block, type Change, expand } from './change.js'
import type { Definition, NoAttributes } from './definition.js'
import type { Application, CarryChange, Operand, Operation } from './operation.js'

/** A·B of (m, k) and (k, n), each sum over the shared axis in its order. */
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
    pullBackSquares: ({ operands: [A, B], result }, variances, operand) =>
      pullBackProduct({ operands: [squared(A), squared(B)], result }, variances, operand),
    errors: carryErrors,
    // each product and change, and the partial sums
    roundings: ({ operands: [A] }) => 3 + A.shape[1] / 2,
    prepare: prepareProduct,
    // rows of A and columns of B do not mix
    laneAxis: (_shapes, [ofA, ofB]) => {
      if (ofA === 0 && ofB === undefined) return 0
      return ofB === 1 && ofA === undefined ? 1 : undefined
    },
    work: ([A, B]) => A[0] * A[1] * B[1],
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

const squared = ({ shape, data }: Operand): Operand => ({ shape, data: data.map((value) => value * value) })

const absolute = ({ shape, data }: Operand): Operand => ({ shape, data: data.map(Math.abs) })

/** |A|·(errors of B + roundings of |B|, which grow as the root of the length of the sum) + (errors of A)·|B| */
function carryErrors({ operands: [A, B] }: Application, [ofA, ofB]: readonly Float64Array[]): Float64Array {
  const [m, k] = A.shape
  const n = B.shape[1]
  const [sizeA, sizeB] = [absolute(A), absolute(B)]
  const result = new Float64Array(m * n)
  const spread = sizeB.data.map((size, at) => ofB[at] + (2 + Math.sqrt(k) / 2) * size)
  multiplyInto(sizeA.data, spread, m, k, n, result)
  const other = new Float64Array(m * n)
  multiplyInto(ofA, sizeB.data, m, k, n, other)
  return result.map((error, at) => error + other[at])
}

/** Δ(AB) = ΔA·B + A·ΔB + ΔA·ΔB: a product with what both sides of a perturbation share wherever there is one. */
function prepareProduct({ operands: [A, B] }: Application): CarryChange {
  const turned = transposed(A.data, A.shape[0], A.shape[1])
  return ([ofA, ofB], block) => {
    if (ofB === undefined) return multiplyLeft(ofA!, A.shape, B, block.count)
    if (ofA === undefined) return multiplyRight(ofB, A, turned, B.shape, block.count)
    const wholeA = expand(A.shape, ofA, [0, 1], block.count)
    const wholeB = expand(B.shape, ofB, [0, 1], block.count)
    const left = multiplyLeft(wholeA, A.shape, B, block.count)
    const right = multiplyRight(wholeB, A, turned, B.shape, block.count)
    const both = multiplyChanges(wholeA, wholeB, A.shape, B.shape, block)
    return { ...left, data: left.data.map((value, k) => value + right.data[k] + both[k]) }
  }
}

/** ΔA·B */
function multiplyLeft(
  { box: [rows, shared], data, laneAxis }: Change,
  [m, k]: Shape,
  B: Operand,
  count: number,
): Change {
  const n = B.shape[1]
  const height = rows === undefined ? m : 1
  const product = new Float64Array(count * height * n)
  if (shared === undefined) multiplyInto(data, B.data, count * height, k, n, product)
  else {
    for (let at = 0; at < count * height; at++) {
      const [change, from] = [data[at], n * shared[Math.floor(at / height)]]
      for (let j = 0; j < n; j++) product[at * n + j] = change * B.data[from + j]
    }
  }
  return { box: [rows, undefined], data: product, laneAxis }
}

/** A·ΔB; `turned` is Aᵀ, row-major. */
function multiplyRight(
  { box: [shared, columns], data, laneAxis }: Change,
  A: Operand,
  turned: Float64Array,
  [, n]: Shape,
  count: number,
): Change {
  const [m, k] = A.shape
  const width = columns === undefined ? n : 1
  const product = new Float64Array(count * m * width)
  for (let p = 0; p < count && shared !== undefined; p++) {
    for (let i = 0; i < m; i++) {
      const a = turned[shared[p] * m + i]
      for (let j = 0; j < width; j++) product[(p * m + i) * width + j] = a * data[p * width + j]
    }
  }
  if (shared === undefined && width === 1) multiplyInto(data, turned, count, k, m, product)
  else if (shared === undefined) {
    for (let p = 0; p < count; p++) {
      const of = (array: Float64Array, size: number) => array.subarray(p * size, (p + 1) * size)
      multiplyInto(A.data, of(data, k * width), m, k, width, of(product, m * width))
    }
  }
  return { box: [undefined, columns], data: product, laneAxis }
}

/** h·ΔA·ΔB of whole changes. */
function multiplyChanges(
  ofA: Change,
  ofB: Change,
  [m, k]: Shape,
  [, n]: Shape,
  { count, steps }: Block,
): Float64Array {
  const result = new Float64Array(count * m * n)
  for (let p = 0; p < count; p++) {
    const product = result.subarray(p * m * n, (p + 1) * m * n)
    multiplyInto(
      ofA.data.subarray(p * m * k, (p + 1) * m * k),
      ofB.data.subarray(p * k * n, (p + 1) * k * n),
      m,
      k,
      n,
      product,
    )
    for (let e = 0; e < product.length; e++) product[e] *= steps[p]
  }
  return result
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
