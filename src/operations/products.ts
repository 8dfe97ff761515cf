import { multiply, multiplyTransposedBy, transpose } from '../network/matrix.js'
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
        throw new ShapeMismatch(`it multiplies matrices, not ${formatShape(A)} and ${formatShape(B)}`)
      }
      if (A[1] !== B[0]) {
        throw new ShapeMismatch(
          `shapes ${formatShape(A)} and ${formatShape(B)} do not fit a product: ${A[1]} is not ${B[0]}`,
        )
      }
      return [A[0], B[1]]
    },
    evaluate([A, B], result) {
      result.set(times(A.data, B.data, A.shape[0], A.shape[1], B.shape[1]))
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
  if (operand === 0) return times(cotangent, transpose(B.data, k, n), m, n, k)
  return multiplyTransposedBy({ rows: m, columns: k, data: A.data }, { rows: m, columns: n, data: cotangent })
}

const squared = ({ shape, data }: Operand): Operand => ({ shape, data: data.map((value) => value * value) })

const absolute = ({ shape, data }: Operand): Operand => ({ shape, data: data.map(Math.abs) })

/** |A|·(errors of B + roundings of |B|, which grow as the root of the length of the sum) + (errors of A)·|B| */
function carryErrors({ operands: [A, B] }: Application, [ofA, ofB]: readonly Float64Array[]): Float64Array {
  const [m, k] = A.shape
  const n = B.shape[1]
  const [sizeA, sizeB] = [absolute(A), absolute(B)]
  const spread = sizeB.data.map((size, at) => ofB[at] + (2 + Math.sqrt(k) / 2) * size)
  const other = times(ofA, sizeB.data, m, k, n)
  return times(sizeA.data, spread, m, k, n).map((error, at) => error + other[at])
}

/** Δ(AB) = ΔA·B + A·ΔB + ΔA·ΔB: a product with what both sides of a perturbation share wherever there is one. */
function prepareProduct({ operands: [A, B] }: Application): CarryChange {
  const turned = transpose(A.data, A.shape[0], A.shape[1])
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
  const box = [rows, undefined]
  if (shared === undefined) return { box, data: times(data, B.data, count * height, k, n), laneAxis }
  const product = new Float64Array(count * height * n)
  for (let at = 0; at < count * height; at++) {
    const [change, from] = [data[at], n * shared[Math.floor(at / height)]]
    for (let j = 0; j < n; j++) product[at * n + j] = change * B.data[from + j]
  }
  return { box, data: product, laneAxis }
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
  const box = [undefined, columns]
  if (shared === undefined && width === 1) return { box, data: times(data, turned, count, k, m), laneAxis }
  const product = new Float64Array(count * m * width)
  for (let p = 0; p < count; p++) {
    if (shared === undefined) {
      product.set(times(A.data, partOf(data, p, k * width), m, k, width), p * m * width)
      continue
    }
    for (let i = 0; i < m; i++) {
      const a = turned[shared[p] * m + i]
      for (let j = 0; j < width; j++) product[(p * m + i) * width + j] = a * data[p * width + j]
    }
  }
  return { box, data: product, laneAxis }
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
    const product = times(partOf(ofA.data, p, m * k), partOf(ofB.data, p, k * n), m, k, n)
    result.set(
      product.map((value) => steps[p] * value),
      p * m * n,
    )
  }
  return result
}

/** The numbers of one perturbation, of `size` each. */
const partOf = (data: Float64Array, p: number, size: number) => data.subarray(p * size, (p + 1) * size)

/** A·B, m × k by k × n. */
const times = (A: Float64Array, B: Float64Array, m: number, k: number, n: number) =>
  multiply({ rows: m, columns: k, data: A }, B, n).data

export const PRODUCTS = {
  /** Of an array of shape (m, k) with one of shape (k, n). */
  matmul: { arity: 2, make: matmul } satisfies Definition<NoAttributes, 2>,
}
