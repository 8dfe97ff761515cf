import { ShapeMismatch } from '../program/shapes.js'
import { elementCount } from '../tensor.js'
import type { Definition } from './definition.js'
import type { Operand, Operation, OtherRule } from './operation.js'
import { alongAxes, forEachMember, passRowLane, widenRows } from './rows.js'

/** What rows are standardized along, and what keeps the divisor from 0. */
export interface StandardizeAttributes {
  /** @default the last one */
  readonly axes?: readonly number[]
  /** Added to the variance, or to the mean of squares. @default 0 */
  readonly epsilon?: number
}

/** Multiply-adds for each element, roughly. */
const WORK = 12

/** What standardizing needs of its rows, at the given point. */
interface StandardizedRows {
  /** ŷ, row by row. */
  readonly values: Float64Array
  /** Where each of them stands in the operand. */
  readonly offsets: Int32Array
  readonly length: number
  /** r = 1/√(variance + ε) of each row. */
  readonly scales: Float64Array
  /** The mean of ŷ² of each row. */
  readonly squares: Float64Array
  /** The mean of |x| of each row. */
  readonly sizes: Float64Array
}

/**
 * ŷ = (x − mean)·r with r = 1/√(variance + ε) along some axes, or x·r with r = 1/√(mean of x² + ε) where nothing is
 * centred. The change is taken relative to ŷ and r, in two passes: what lies along ŷ is known from the mean of ŷ′², so that
 * it loses no digits where the rest is small.
 */
function standardization(
  name: string,
  { axes = [-1], epsilon = 0 }: StandardizeAttributes,
  isCentred: boolean,
): Operation {
  const layout = alongAxes({ axes })
  const standardize = ({ shape, data }: Operand): StandardizedRows => {
    const rows = layout.rows(shape)
    const length = rows.inner.length
    const values = new Float64Array(data.length)
    const offsets = new Int32Array(data.length)
    const count = rows.outer.length
    const [scales, squares, sizes] = [0, 1, 2].map(() => new Float64Array(count))
    forEachMember(rows, (row, offset, q) => {
      offsets[row * length + q] = offset
      values[row * length + q] = data[offset]
      sizes[row] += Math.abs(data[offset]) / length
    })
    for (let row = 0; row < count; row++) {
      const own = values.subarray(row * length, (row + 1) * length)
      const mean = isCentred ? meanOf(own, (x) => x) : 0
      for (let q = 0; q < length; q++) own[q] -= mean
      // once more, for what rounding left
      const rest = isCentred ? meanOf(own, (x) => x) : 0
      for (let q = 0; q < length; q++) own[q] -= rest
      const square = meanOf(own, (x) => x * x)
      scales[row] = 1 / Math.sqrt(square + epsilon)
      squares[row] = square / (square + epsilon)
      for (let q = 0; q < length; q++) own[q] *= scales[row]
    }
    return { values, offsets, length, scales, squares, sizes }
  }
  /** Rows made of those of ŷ and of another array, written back to where they stand. */
  const mapRows = (
    operand: Operand,
    other: Float64Array,
    f: (y: Float64Array, own: Float64Array, scale: number, row: number) => Float64Array,
  ) => {
    const base = standardize(operand)
    const { values, offsets, length, scales } = base
    const result = new Float64Array(values.length)
    for (const [row, scale] of scales.entries()) {
      const places = offsets.subarray(row * length, (row + 1) * length)
      const own = Float64Array.from(places, (offset) => other[offset])
      const made = f(values.subarray(row * length, (row + 1) * length), own, scale, row)
      for (let q = 0; q < length; q++) result[places[q]] = made[q]
    }
    return result
  }
  return {
    name,
    attributes: { axes, epsilon },
    shape: ([operand]) => {
      layout.shape(operand)
      if (elementCount(operand) === 0) throw new ShapeMismatch('there is nothing to standardize')
      if (!(epsilon >= 0)) throw new ShapeMismatch(`an epsilon of ${epsilon} is below 0`)
      return operand
    },
    evaluate([operand], result) {
      const { values, offsets } = standardize(operand)
      for (let k = 0; k < values.length; k++) result[offsets[k]] = values[k]
    },
    pullBack: ({ operands: [operand] }, cotangent) =>
      mapRows(operand, cotangent, (y, own, scale) => {
        const mean = isCentred ? meanOf(own, (g) => g) : 0
        const along = meanOf(own, (g, q) => g * y[q])
        return own.map((g, q) => scale * (g - mean - y[q] * along))
      }),
    pullBackSquares: ({ operands: [operand] }, variances) =>
      mapRows(operand, variances, (y, own, scale) => {
        const n = own.length
        const centre = isCentred ? 1 : 0
        const [v0, v1, v2] = [0, 1, 2].map((power) => meanOf(own, (v, q) => v * y[q] ** power) * n)
        return own.map((v, q) => {
          // Σ_i (δ_iq − (1 + ŷ_i·ŷ_q)/n)²·v_i, the term of q itself as a square
          const alone = 1 - (centre + y[q] * y[q]) / n
          const all = (centre * v0 + 2 * centre * y[q] * v1 + y[q] * y[q] * v2) / n / n
          const ofItself = ((centre + y[q] * y[q]) / n) ** 2 * v
          return scale * scale * Math.max(0, alone * alone * v + all - ofItself)
        })
      }),
    pullBackTerms: ({ operands: [operand] }, cotangent) =>
      mapRows(operand, cotangent, (y, own, scale) => {
        const mean = isCentred ? meanOf(own, Math.abs) : 0
        const along = meanOf(own, (g, q) => Math.abs(g * y[q]))
        return own.map((g, q) => scale * (Math.abs(g) + mean + Math.abs(y[q]) * along))
      }),
    *mistakes({ operands: [operand] }): Generator<OtherRule> {
      const variant = (text: string, meanMoves: boolean, scaleMoves: boolean): OtherRule => ({
        kind: 'operation-derivative-wrong',
        text,
        passBack: (cotangent) =>
          mapRows(operand, cotangent, (y, own, scale) => {
            const mean = meanMoves ? meanOf(own, (g) => g) : 0
            const along = scaleMoves ? meanOf(own, (g, q) => g * y[q]) : 0
            return own.map((g, q) => scale * (g - mean - y[q] * along))
          }),
      })
      if (!isCentred) {
        yield variant('takes the mean of squares for a constant', false, false)
        return
      }
      yield variant('takes the variance for a constant', true, false)
      yield variant('takes the mean for a constant', false, true)
      yield variant('takes mean and variance for constants', false, false)
    },
    errors: ({ operands: [operand] }, [errors]) => {
      const { sizes } = standardize(operand)
      return mapRows(operand, errors, (y, own, scale, row) => {
        const roundings = 3 + Math.sqrt(own.length) / 2
        const mean = isCentred ? meanOf(own, (error) => error) + 2 * roundings * sizes[row] : 0
        const along = meanOf(own, (error, q) => (error + mean) * Math.abs(y[q]))
        return own.map(
          (error, q) => scale * (error + mean + Math.abs(y[q]) * along) + 2 * roundings * Math.abs(y[q]),
        )
      })
    },
    roundings: ({ operands: [{ shape }] }) => 8 + layout.rows(shape).inner.length / 64,
    prepare({ operands: [operand] }) {
      const { values, length, scales, squares } = standardize(operand)
      const constants = new Float64Array(scales.length * (length + 3))
      for (const [row, scale] of scales.entries()) {
        const at = row * (length + 3)
        constants.set(values.subarray(row * length, (row + 1) * length), at)
        constants.set([scale, epsilon * scale * scale, squares[row]], at + length)
      }
      return ([form], { count }) => {
        const whole = widenRows(layout, operand.shape, form!, count)
        const kernel = {
          kind: 'standardize',
          from: whole.read,
          before: elementCount(whole.extents),
          rows: layout.rows(whole.extents),
          isCentred,
          constants,
          place: whole.place,
        } as const
        return { form: whole.form, kernels: [...whole.kernels, kernel] }
      }
    },
    laneAxis: ([shape], [lane]) => (passRowLane(layout, shape, lane) === undefined ? undefined : lane),
    work: ([shape]) => WORK * elementCount(shape),
    isLinearIn: () => false,
  }
}

function meanOf(values: Float64Array, f: (value: number, q: number) => number): number {
  let sum = 0
  for (let q = 0; q < values.length; q++) sum += f(values[q], q)
  return sum / values.length
}

const ATTRIBUTES = { axes: { rule: 'a list of whole numbers' }, epsilon: { rule: 'a number' } } as const

const EXAMPLES = [
  { attributes: { epsilon: 1e-5 }, shapes: [[3, 4]] },
  { attributes: { axes: [0, 2], epsilon: 0.5 }, shapes: [[2, 3, 2]] },
  { shapes: [[2, 5]] },
]

export const STANDARDIZATIONS = {
  /** (x − mean)/√(variance + epsilon) along some axes, the last one where none are given. */
  standardize: {
    arity: 1,
    attributes: ATTRIBUTES,
    examples: EXAMPLES,
    make: (name, attributes) => standardization(name, attributes, true),
  } satisfies Definition<StandardizeAttributes, 1>,
  /** x/√(mean of x² + epsilon) along some axes, the last one where none are given. */
  rmsNorm: {
    arity: 1,
    attributes: ATTRIBUTES,
    examples: EXAMPLES,
    make: (name, attributes) => standardization(name, attributes, false),
  } satisfies Definition<StandardizeAttributes, 1>,
}
