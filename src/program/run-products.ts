import { multiplyScattered } from '../network/scattered-product.js'
import { isArithmetic } from '../operations/contraction.js'
import type { Factor, ProductKernel } from '../operations/kernels.js'
import type { Run } from './run-kernels.js'

/** Multiply-adds of a product that is not worth being laid out. */
const FEW_PRODUCTS = 16
/** The same where each perturbation has both sides to itself. */
const FEW_OF_CHANGES = 2 ** 12

/**
 * Runs sums of products for every perturbation. The numbers of a change are laid out vector by vector, those that are 0
 * left out, and multiplied as one matrix with what the base point, or the other change, has on the other side.
 */
export function runProduct({ launch, step, read }: Run, kernel: ProductKernel, result: Float64Array): void {
  const { left, right, timesStep, onto } = kernel
  const { count } = launch.block
  if (onto === undefined) result.fill(0)
  const [L, R] = [left, right].map(({ from }) => (from instanceof Float64Array ? from : read(from)))
  const factor = timesStep ? step : 1
  const terms = left.terms.length
  const isOfChanges = [left, right].every(({ from }) => !(from instanceof Float64Array))
  const work = left.along.length * right.along.length * terms
  if (terms === 1 || work < (isOfChanges ? FEW_OF_CHANGES : FEW_PRODUCTS)) {
    multiplyPlainly(kernel, count, L, R, factor, result)
    return
  }
  const isLeft = !(left.from instanceof Float64Array)
  const columns = right.along.length
  const size = left.along.length * columns
  if (isLeft) {
    multiplyVectors(
      { moved: left, other: right, data: L, others: R, count, factor, result },
      size,
      columns,
      1,
    )
  } else {
    multiplyVectors(
      { moved: right, other: left, data: R, others: L, count, factor, result },
      size,
      1,
      columns,
    )
  }
}

/** Products of vectors of a change with those of the other side. */
interface VectorProduct {
  readonly moved: Factor
  readonly other: Factor
  readonly data: Float64Array
  readonly others: Float64Array
  readonly count: number
  readonly factor: number
  readonly result: Float64Array
}

/** Room that every product uses again. */
let matrix = new Float64Array(0)
let starts = new Int32Array(0)
let places = new Int32Array(0)

/**
 * @param size of what one batch makes
 * @param acrossMoved how far what a vector makes stands from what the next one does
 * @param across the same of the other side's vectors
 */
function multiplyVectors(
  { moved, other, data, others, count, factor, result }: VectorProduct,
  size: number,
  acrossMoved: number,
  across: number,
): void {
  const { along, terms } = moved
  const depth = terms.length
  const width = other.along.length
  const most = count * moved.batches.length * along.length
  if (places.length < most) {
    places = new Int32Array(most)
    starts = new Int32Array(most)
  }
  if (matrix.length < width * depth) matrix = new Float64Array(width * depth)
  for (const [start, pairs] of groupByStart(other, count)) {
    let rows = 0
    for (const pair of pairs) {
      const p = Math.floor(pair / moved.batches.length)
      const from = startOf(moved, p) + moved.batches[pair % moved.batches.length]
      for (let i = 0; i < along.length; i++) {
        const row = from + along[i]
        let t = 0
        while (t < depth && data[row + terms[t]] === 0) t++
        if (t === depth) continue
        starts[rows] = row
        places[rows++] = pair * size + i * acrossMoved
      }
    }
    if (rows === 0) continue
    for (let t = 0; t < depth; t++) {
      const from = start + other.terms[t]
      for (let j = 0; j < width; j++) matrix[t * width + j] = others[from + other.along[j]]
    }
    multiplyScattered({ data, starts, count: rows, terms }, matrix, width, {
      data: result,
      places,
      across,
      factor,
    })
  }
}

/** The batches of all perturbations, p·batches + b, by where the other side's numbers for them start. */
function groupByStart(other: Factor, count: number): Iterable<[number, readonly number[]]> {
  const groups = new Map<number, number[]>()
  for (let p = 0; p < count; p++) {
    for (let b = 0; b < other.batches.length; b++) {
      const start = startOf(other, p) + other.batches[b]
      const pairs = groups.get(start)
      if (pairs === undefined) groups.set(start, [p * other.batches.length + b])
      else pairs.push(p * other.batches.length + b)
    }
  }
  return groups
}

const startOf = ({ each, starts }: Factor, p: number) => each * p + (starts?.[p] ?? 0)

/** Products of few terms. */
function multiplyPlainly(
  { left, right }: ProductKernel,
  count: number,
  L: Float64Array,
  R: Float64Array,
  factor: number,
  result: Float64Array,
): void {
  const { along } = right
  const [batches, rows, columns, terms] = [left.batches, left.along, along, left.terms].map(
    ({ length }) => length,
  )
  const isDense = isArithmetic(along, 1)
  for (let p = 0; p < count; p++) {
    for (let b = 0; b < batches; b++) {
      const fromLeft = startOf(left, p) + left.batches[b]
      const fromRight = startOf(right, p) + right.batches[b]
      for (let i = 0; i < rows; i++) {
        const at = ((p * batches + b) * rows + i) * columns
        for (let t = 0; t < terms; t++) {
          const value = factor * L[fromLeft + left.along[i] + left.terms[t]]
          if (value === 0) continue
          const from = fromRight + right.terms[t]
          if (isDense) for (let j = 0; j < columns; j++) result[at + j] += value * R[from + j]
          else for (let j = 0; j < columns; j++) result[at + j] += value * R[from + along[j]]
        }
      }
    }
  }
}
