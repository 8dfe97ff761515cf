import { multiply, multiplyTransposedBy, transpose } from '../network/matrix.js'
import { ShapeMismatch } from '../program/shapes.js'
import { formatShape } from '../tensor.js'
import { type Form, widen } from './change.js'
import type { Definition, NoAttributes } from './definition.js'
import type { Kernel, ProductKernel, Read } from './kernels.js'
import type { Application, Operand, Operation, OtherRule, PlanChange } from './operation.js'

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
    mistakes: listMistakes,
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

/** The other matrix without its transpose, where it is square. */
function* listMistakes(application: Application, operand: number): Generator<OtherRule> {
  const other = application.operands[1 - operand]
  const [rows, columns] = other.shape
  if (rows !== columns || rows === 1) return
  const turned: Operand = { ...other, data: transpose(other.data, rows, columns) }
  yield {
    kind: 'not-transposed',
    text: 'comes through the other matrix without its transpose',
    passBack: (cotangent) =>
      pullBackProduct(
        { ...application, operands: application.operands.with(1 - operand, turned) },
        cotangent,
        operand,
      ),
  }
}

const squared = ({ shape, data }: Operand): Operand => ({ shape, data: data.map((value) => value * value) })

const absolute = ({ shape, data }: Operand): Operand => ({ shape, data: data.map(Math.abs) })

/** |A|·(errors of B + roundings of |B|, which grow as the root of the length of the sum) + (errors of A)·|B| */
function carryErrors({ operands: [A, B] }: Application, [ofA, ofB]: readonly Float64Array[]): Float64Array {
  const [m, k] = A.shape
  const n = B.shape[1]
  const [sizeA, sizeB] = [absolute(A), absolute(B)]
  const spread = sizeB.data.map((size, at) => ofB[at] + (2 + Math.sqrt(k) / 2) * size)
  if (ofA.every((error) => error === 0)) return times(sizeA.data, spread, m, k, n)
  const other = times(ofA, sizeB.data, m, k, n)
  return times(sizeA.data, spread, m, k, n).map((error, at) => error + other[at])
}

/** Δ(AB) = ΔA·B + A·ΔB + ΔA·ΔB: a product with what both sides of a perturbation share wherever there is one. */
function prepareProduct({ operands: [A, B] }: Application): PlanChange {
  return ([ofA, ofB], { count }) => {
    if (ofA === undefined || ofB === undefined) {
      const form = ofB === undefined ? formOfLeft(ofA!) : formOfRight(ofB)
      const kernel = ofB === undefined ? multiplyLeft(ofA!, A, B) : multiplyRight(ofB, A, B)
      return { form, kernels: [kernel] }
    }
    const wide = [A, B].map(({ shape }, operand) => widen(shape, operand === 0 ? ofA : ofB, [0, 1], count))
    const kernels: Kernel[] = []
    const reads = wide.map(({ kernel }, operand): Read => {
      if (kernel === undefined) return { operand }
      kernels.push({ ...kernel, from: { operand } } as Kernel)
      return { kernel: kernels.length - 1 }
    })
    const first = kernels.length
    const left = multiplyLeft(wide[0].form, A, B, reads[0])
    const right = multiplyRight(wide[1].form, A, B, reads[1])
    kernels.push(left, { ...right, onto: first })
    kernels.push({ ...left, right: right.right, timesStep: true, onto: first + 1 })
    return { form: formOfLeft(wide[0].form), kernels }
  }
}

const formOfLeft = ({ box: [rows], laneAxis }: Form): Form => ({ box: [rows, undefined], laneAxis })
const formOfRight = ({ box: [, columns], laneAxis }: Form): Form => ({ box: [undefined, columns], laneAxis })

/** ΔA·B */
function multiplyLeft(
  { box: [rows, shared] }: Form,
  { shape: [m, k] }: Operand,
  B: Operand,
  from: Read = { operand: 0 },
): ProductKernel {
  const n = B.shape[1]
  const [height, terms] = [rows === undefined ? m : 1, shared === undefined ? k : 1]
  return {
    kind: 'product',
    left: { from, each: height * terms, starts: undefined, along: terms, term: 1 },
    right: { from: B.data, each: 0, starts: shared?.map((index) => index * n), along: 1, term: n },
    rows: height,
    columns: n,
    terms,
    timesStep: false,
    onto: undefined,
  }
}

/** A·ΔB */
function multiplyRight(
  { box: [shared, columns] }: Form,
  A: Operand,
  { shape: [k, n] }: Operand,
  from: Read = { operand: 1 },
): ProductKernel {
  const [width, terms] = [columns === undefined ? n : 1, shared === undefined ? k : 1]
  return {
    kind: 'product',
    left: { from: A.data, each: 0, starts: shared?.slice(), along: k, term: 1 },
    right: { from, each: terms * width, starts: undefined, along: 1, term: width },
    rows: A.shape[0],
    columns: width,
    terms,
    timesStep: false,
    onto: undefined,
  }
}

/** A·B, m × k by k × n. */
const times = (A: Float64Array, B: Float64Array, m: number, k: number, n: number) =>
  multiply({ rows: m, columns: k, data: A }, B, n).data

export const PRODUCTS = {
  /** Of an array of shape (m, k) with one of shape (k, n). */
  matmul: {
    arity: 2,
    examples: [
      {
        shapes: [
          [3, 4],
          [4, 2],
        ],
      },
    ],
    make: matmul,
  } satisfies Definition<NoAttributes, 2>,
}
