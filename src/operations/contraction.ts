import { multiply, multiplyByTransposed, multiplyTransposedBy, transpose } from '../network/matrix.js'
import { multiplyScattered, type ScatteredVectors } from '../network/scattered-product.js'
import { listOffsets, type Shape, stridesOf } from '../program/shapes.js'
import { elementCount } from '../tensor.js'
import { type Form, widen } from './change.js'
import type { Factor, Kernel, ProductKernel, Read } from './kernels.js'
import type { Application, Attributes, Operand, Operation, OtherRule, PlanChange } from './operation.js'

/** An index that sums of products run over, and how far one more of it moves along an axis of each operand. */
export interface Index {
  readonly length: number
  readonly left?: AxisStep
  readonly right?: AxisStep
}

interface AxisStep {
  readonly axis: number
  readonly step: number
}

/**
 * Sums of products of two operands' elements: Σ over the terms, for each batch, row and column. Rows are of the left
 * operand alone and columns of the right one. The result's axes are those of batches, rows and columns, in this order.
 */
export interface Contraction {
  readonly batches: readonly Index[]
  readonly rows: readonly Index[]
  readonly columns: readonly Index[]
  readonly terms: readonly Index[]
}

type Side = 'left' | 'right'

/** Where an operand's elements stand for each batch, each row or column, and each term. */
interface Places {
  readonly batches: Int32Array
  readonly along: Int32Array
  readonly terms: Int32Array
}

interface Tables {
  readonly left: Places
  readonly right: Places
  /** Whether each batch is a product of matrices that lie row by row. */
  readonly isPlain: boolean
}

/** What is known of a contraction beside its indices. */
export interface ContractionRules {
  readonly attributes?: Attributes
  /** @throws ShapeMismatch where the operands do not fit */
  indicesOf(left: Shape, right: Shape): Contraction
  mistakes?(application: Application, operand: number, operation: Operation): Iterable<OtherRule>
}

/** An operation that is linear in each of two operands, of sums of products of their elements. */
export function contraction(
  name: string,
  { attributes = {}, indicesOf, mistakes }: ContractionRules,
): Operation {
  let known: { shapes: readonly [Shape, Shape]; tables: Tables } | undefined
  const tablesOf = ([left, right]: readonly { readonly shape: Shape }[]): Tables => {
    if (known?.shapes[0] !== left.shape || known.shapes[1] !== right.shape) {
      const indices = indicesOf(left.shape, right.shape)
      known = { shapes: [left.shape, right.shape], tables: listTables(indices, left.shape, right.shape) }
    }
    return known.tables
  }
  const pullBack = (
    { operands }: Pick<Application, 'operands'>,
    cotangent: Float64Array,
    operand: number,
  ) => {
    const tables = tablesOf(operands)
    const size = operands[operand].data.length
    return operand === 0
      ? pullLeft(tables, cotangent, operands[1].data, size)
      : pullRight(tables, cotangent, operands[0].data, size)
  }
  const operation: Operation = {
    name,
    attributes,
    shape: ([left, right]) => {
      const { batches, rows, columns } = indicesOf(left, right)
      return [...batches, ...rows, ...columns].map(({ length }) => length)
    },
    evaluate(operands, result) {
      sumProducts(tablesOf(operands), operands[0].data, operands[1].data, result)
    },
    pullBack,
    pullBackSquares: ({ operands }, variances, operand) =>
      pullBack({ operands: operands.map(squared) }, variances, operand),
    ...(mistakes === undefined
      ? {}
      : { mistakes: (application, operand) => mistakes(application, operand, operation) }),
    /** |A|·(errors of B + roundings of |B|, which grow as the root of the length of the sum) + (errors of A)·|B| */
    errors({ operands: [left, right], result }, [ofLeft, ofRight]) {
      const tables = tablesOf([left, right])
      const roundings = 2 + Math.sqrt(tables.left.terms.length) / 2
      const errors = new Float64Array(result.data.length)
      const spread = right.data.map((value, k) => ofRight[k] + roundings * Math.abs(value))
      sumProducts(tables, left.data.map(Math.abs), spread, errors)
      if (ofLeft.every((error) => error === 0)) return errors
      const others = new Float64Array(errors.length)
      sumProducts(tables, ofLeft, right.data.map(Math.abs), others)
      return errors.map((error, k) => error + others[k])
    },
    roundings: ({ operands }) => ofSum(tablesOf(operands).left.terms.length),
    prepare: (application) => prepare(indicesOf, application),
    laneAxis: ([left, right], axes) => {
      const { batches, rows, columns } = indicesOf(left, right)
      const sides = (['left', 'right'] as const).filter((_, operand) => axes[operand] !== undefined)
      const at = [...batches, ...rows, ...columns].findIndex((index) =>
        sides.every((side) => {
          const operand = side === 'left' ? 0 : 1
          return index[side]?.axis === axes[operand] && keepsIndex(index, side, [left, right][operand])
        }),
      )
      // an index of both operands' along which one changes alone, as a whole, keeps its lanes too
      return at === -1 ? undefined : at
    },
    work([left, right]) {
      const { batches, rows, columns, terms } = indicesOf(left, right)
      return countOf(batches) * countOf(rows) * countOf(columns) * countOf(terms)
    },
    isLinearIn: () => true,
  }
  return operation
}

const countOf = (indices: readonly Index[]) => indices.reduce((product, { length }) => product * length, 1)

const squared = ({ shape, data }: Operand): Operand => ({ shape, data: data.map((value) => value * value) })

/** Whether an element of an operand is read by one value of an index alone. */
const keepsIndex = (index: Index, side: Side, shape: Shape) => {
  const at = index[side]
  return at !== undefined && at.step === 1 && shape[at.axis] === index.length
}

function listTables(indices: Contraction, left: Shape, right: Shape): Tables {
  const tables = { left: placesOf(indices, 'left', left), right: placesOf(indices, 'right', right) }
  const [columns, terms] = [tables.right.along.length, tables.left.terms.length]
  const isPlain =
    isArithmetic(tables.left.along, terms) &&
    isArithmetic(tables.left.terms, 1) &&
    isArithmetic(tables.right.along, 1) &&
    isArithmetic(tables.right.terms, columns)
  return { ...tables, isPlain }
}

/** @param cut indices that have one value: that which a perturbation moves */
function placesOf(
  { batches, rows, columns, terms }: Contraction,
  side: Side,
  shape: Shape,
  cut: ReadonlySet<Index> = new Set(),
): Places {
  const strides = stridesOf(shape)
  const list = (indices: readonly Index[]) =>
    listOffsets(
      indices.map((index) => (cut.has(index) ? 1 : index.length)),
      indices.map((index) => (index[side] === undefined ? 0 : strides[index[side].axis] * index[side].step)),
    )
  return { batches: list(batches), along: list(side === 'left' ? rows : columns), terms: list(terms) }
}

/** Whether offsets are 0, `stride`, 2·`stride` … */
export const isArithmetic = (offsets: Int32Array, stride: number) =>
  offsets.every((offset, k) => offset === k * stride)

/** Products are added in chains of so many on a device, and the chains are. */
const CHAIN = 16

/** Roundings of a sum of products: each product and change, and the partial sums. */
const ofSum = (terms: number) => 3 + (Math.min(CHAIN, terms) + terms / CHAIN) / 2

/** Sums of fewer products than this are not worth a call. */
const FEW_PRODUCTS = 64

/** Adds the sums of products to what is there. */
function sumProducts(
  { left, right, isPlain }: Tables,
  L: Float64Array,
  R: Float64Array,
  sums: Float64Array,
): void {
  const [rows, columns, terms] = [left.along.length, right.along.length, left.terms.length]
  const size = rows * columns
  if (isPlain && size * terms >= FEW_PRODUCTS) {
    for (const [b, fromLeft] of left.batches.entries()) {
      const fromRight = right.batches[b]
      const matrix = { rows, columns: terms, data: L.subarray(fromLeft, fromLeft + rows * terms) }
      const other = R.subarray(fromRight, fromRight + terms * columns)
      // a column is its own transpose: sums in registers
      const product =
        columns === 1 ? multiplyByTransposed(matrix, other, 1) : multiply(matrix, other, columns)
      sums.set(product.data, b * size)
    }
    return
  }
  for (const batches of groupBatches(left)) {
    const first = batches[0]
    const vectors = placesIn(right, batches)
    const places = Int32Array.from(vectors, (_, v) => batches[Math.floor(v / columns)] * size + (v % columns))
    multiplyScattered(
      { data: R, starts: vectors, count: vectors.length, terms: right.terms },
      gather(L, left.terms, placesIn(left, [first])),
      rows,
      { data: sums, places, across: columns, factor: 1 },
    )
  }
}

/** G·Bᵀ of each batch, summed where it is the left operand's own. */
function pullLeft(
  { left, right, isPlain }: Tables,
  G: Float64Array,
  R: Float64Array,
  size: number,
): Float64Array {
  const [rows, columns, terms] = [left.along.length, right.along.length, left.terms.length]
  const pulled = new Float64Array(size)
  if (isPlain && rows * columns * terms >= FEW_PRODUCTS) {
    for (const [b, fromLeft] of left.batches.entries()) {
      const [fromRight, from] = [right.batches[b], b * rows * columns]
      const own = { rows, columns, data: G.subarray(from, from + rows * columns) }
      const turned = transpose(R.subarray(fromRight, fromRight + terms * columns), terms, columns)
      addTo(pulled.subarray(fromLeft, fromLeft + rows * terms), multiply(own, turned, terms).data)
    }
    return pulled
  }
  const starts = Int32Array.from({ length: rows }, (_, i) => i * columns)
  for (const batches of groupBatches(left)) {
    const summed = placesIn(right, batches)
    const ofResult = Int32Array.from(
      summed,
      (_, v) => batches[Math.floor(v / columns)] * rows * columns + (v % columns),
    )
    const sums = multiplyGathered(
      { data: G, starts, count: rows, terms: ofResult },
      gather(R, summed, right.terms),
      terms,
    )
    addAt(pulled, placesIn(left, [batches[0]]), left.terms, sums)
  }
  return pulled
}

/** Aᵀ·G of each batch, summed where it is the right operand's own. */
function pullRight(
  { left, right, isPlain }: Tables,
  G: Float64Array,
  L: Float64Array,
  size: number,
): Float64Array {
  const [rows, columns, terms] = [left.along.length, right.along.length, left.terms.length]
  const pulled = new Float64Array(size)
  if (isPlain && rows * columns * terms >= FEW_PRODUCTS) {
    for (const [b, fromLeft] of left.batches.entries()) {
      const [fromRight, from] = [right.batches[b], b * rows * columns]
      const product = multiplyTransposedBy(
        { rows, columns: terms, data: L.subarray(fromLeft, fromLeft + rows * terms) },
        { rows, columns, data: G.subarray(from, from + rows * columns) },
      )
      addTo(pulled.subarray(fromRight, fromRight + terms * columns), product)
    }
    return pulled
  }
  const ofResult = Int32Array.from({ length: rows }, (_, i) => i * columns)
  for (const batches of groupBatches(left)) {
    const vectors = placesIn(right, batches)
    const starts = Int32Array.from(
      vectors,
      (_, v) => batches[Math.floor(v / columns)] * rows * columns + (v % columns),
    )
    const sums = multiplyGathered(
      { data: G, starts, count: vectors.length, terms: ofResult },
      gather(L, placesIn(left, [batches[0]]), left.terms),
      terms,
    )
    addAt(pulled, vectors, right.terms, sums)
  }
  return pulled
}

/** The batches that have the same numbers on the left. */
function groupBatches({ batches }: Places): Iterable<readonly number[]> {
  const groups = new Map<number, number[]>()
  for (const [b, offset] of batches.entries()) {
    const group = groups.get(offset)
    if (group === undefined) groups.set(offset, [b])
    else group.push(b)
  }
  return groups.values()
}

/** Where the rows, or columns, of some batches start. */
function placesIn({ batches, along }: Places, chosen: readonly number[]): Int32Array {
  const starts = new Int32Array(chosen.length * along.length)
  let at = 0
  for (const b of chosen) for (const offset of along) starts[at++] = batches[b] + offset
  return starts
}

/** The numbers at rows[r] + columns[c], row by row. */
function gather(data: Float64Array, rows: Int32Array, columns: Int32Array): Float64Array {
  const gathered = new Float64Array(rows.length * columns.length)
  let at = 0
  for (const row of rows) for (const column of columns) gathered[at++] = data[row + column]
  return gathered
}

function multiplyGathered(vectors: ScatteredVectors, matrix: Float64Array, width: number): Float64Array {
  const { count } = vectors
  const data = new Float64Array(count * width)
  const places = Int32Array.from({ length: count }, (_, r) => r * width)
  multiplyScattered(vectors, matrix, width, { data, places, across: 1, factor: 1 })
  return data
}

/** Adds terms, row by row, at rows[r] + columns[c]. */
function addAt(sums: Float64Array, rows: Int32Array, columns: Int32Array, terms: Float64Array): void {
  let at = 0
  for (const row of rows) for (const column of columns) sums[row + column] += terms[at++]
}

function addTo(sums: Float64Array, terms: Float64Array): void {
  for (let k = 0; k < sums.length; k++) sums[k] += terms[k]
}

/** Δ(AB) = ΔA·B + A·ΔB + ΔA·ΔB: a product with what both sides of a perturbation share wherever there is one. */
function prepare(indicesOf: ContractionRules['indicesOf'], { operands }: Application): PlanChange {
  const [left, right] = operands
  const indices = indicesOf(left.shape, right.shape)
  const { batches, rows, columns, terms } = indices
  const all = [...batches, ...rows, ...columns, ...terms]
  const results = all.slice(0, all.length - terms.length)
  return (given, { count }) => {
    const kernels: Kernel[] = []
    const kept = [...all].filter((index) => isKept(index, given, operands, batches))
    const moving = given.map((form, operand) => {
      if (form === undefined) return undefined
      const { shape } = operands[operand]
      const side = operand === 0 ? 'left' : 'right'
      const lost = shape.flatMap((_, axis) =>
        kept.some((index) => index[side]?.axis === axis) ? [] : [axis],
      )
      const { form: wide, kernel } = widen(shape, form, lost, count)
      if (kernel === undefined) return { form: wide, read: { operand } as Read }
      kernels.push({ ...kernel, from: { operand } } as Kernel)
      return { form: wide, read: { kernel: kernels.length - 1 } as Read }
    })
    /** What a perturbation moves of an index; undefined where it moves all of them. */
    const movedOf = (index: Index) => {
      if (!kept.includes(index)) return undefined
      const [ofLeft, ofRight] = moving.map((one, operand) => {
        const side = operand === 0 ? 'left' : 'right'
        return index[side] && one?.form.box[index[side].axis]
      })
      return ofLeft ?? ofRight
    }
    const cut = new Set(all.filter((index) => movedOf(index) !== undefined))
    const still = (side: Side): Factor => {
      const { shape, data } = operands[side === 'left' ? 0 : 1]
      const strides = stridesOf(shape)
      const starts = new Int32Array(count)
      for (const index of cut) {
        if (index[side] === undefined) continue
        const moved = movedOf(index)!
        for (let p = 0; p < count; p++) starts[p] += moved[p] * strides[index[side].axis] * index[side].step
      }
      const isStart = starts.some((start) => start !== 0)
      return {
        from: data,
        each: 0,
        starts: isStart ? starts : undefined,
        ...placesOf(indices, side, shape, cut),
      }
    }
    const change = (side: Side): Factor => {
      const operand = side === 'left' ? 0 : 1
      const { form, read } = moving[operand]!
      const extents = operands[operand].shape.map((length, axis) =>
        form.box[axis] === undefined ? length : 1,
      )
      return {
        from: read,
        each: elementCount(extents),
        starts: undefined,
        ...placesOf(indices, side, extents, cut),
      }
    }
    const product = (ofLeft: Factor, ofRight: Factor, onto?: number): ProductKernel => ({
      kind: 'product',
      left: ofLeft,
      right: ofRight,
      timesStep: false,
      onto,
    })
    const first = kernels.length
    if (moving[1] === undefined) kernels.push(product(change('left'), still('right')))
    else if (moving[0] === undefined) kernels.push(product(still('left'), change('right')))
    else {
      kernels.push(product(change('left'), still('right')))
      kernels.push(product(still('left'), change('right'), first))
      kernels.push({ ...product(change('left'), change('right'), first + 1), timesStep: true })
    }
    const lanes = moving.flatMap((one, operand) => {
      const side = operand === 0 ? ('left' as const) : ('right' as const)
      if (one?.form.laneAxis === undefined) return []
      return [results.findIndex((index) => index[side]?.axis === one.form.laneAxis)]
    })
    const form: Form = { box: results.map(movedOf), laneAxis: lanes[0] }
    return { form, kernels }
  }
}

/**
 * Whether what perturbations move of an index can be kept: by one operand that changes alone, or by both where it is the
 * same batch.
 */
function isKept(
  index: Index,
  forms: readonly (Form | undefined)[],
  operands: readonly Operand[],
  batches: readonly Index[],
): boolean {
  const sides = (['left', 'right'] as const).filter((_, operand) => forms[operand] !== undefined)
  if (!sides.every((side) => keepsIndex(index, side, operands[side === 'left' ? 0 : 1].shape))) return false
  if (sides.length === 1) return true
  const [ofLeft, ofRight] = [forms[0]!.box[index.left!.axis], forms[1]!.box[index.right!.axis]]
  const isSame = ofLeft === ofRight || ofLeft?.every((moved, p) => moved === ofRight?.[p]) === true
  return batches.includes(index) && isSame
}
