import { elementCount } from '../tensor.js'
import { boxShape } from './change.js'
import type { Definition, Example } from './definition.js'
import type { Operation } from './operation.js'
import {
  alongAxes,
  forEachMember,
  inWindows,
  passRowLane,
  type ReductionAttributes,
  type RowLayout,
  type WindowAttributes,
  widenRows,
} from './rows.js'

/** factor·Σ over the members of each row. */
function linearReduction(
  name: string,
  layout: RowLayout,
  factorOf: (count: number) => number,
  /** Rows that overlap must be whole; of others what a change moves is enough. */
  overlap: boolean,
): Operation {
  const factorFor = (shape: readonly number[]) => factorOf(layout.rows(shape).inner.length)
  const spread = (shape: readonly number[], sums: Float64Array, factor: number) => {
    const pulled = new Float64Array(elementCount(shape))
    forEachMember(layout.rows(shape), (row, offset) => {
      pulled[offset] += factor * sums[row]
    })
    return pulled
  }
  return {
    name,
    attributes: layout.attributes,
    shape: ([operand]) => layout.shape(operand),
    evaluate([operand], result) {
      result.fill(0)
      forEachMember(layout.rows(operand.shape), (row, offset) => {
        result[row] += operand.data[offset]
      })
      const factor = factorFor(operand.shape)
      if (factor !== 1) for (let k = 0; k < result.length; k++) result[k] *= factor
    },
    pullBack: ({ operands: [{ shape }] }, cotangent) => spread(shape, cotangent, factorFor(shape)),
    pullBackSquares: ({ operands: [{ shape }] }, variances) =>
      spread(shape, variances, factorFor(shape) ** 2),
    errors({ operands: [operand], result }, [errors]) {
      const sums = new Float64Array(result.data.length)
      const rows = layout.rows(operand.shape)
      const count = rows.inner.length
      const factor = factorOf(count)
      forEachMember(rows, (row, offset) => {
        sums[row] += factor * (errors[offset] + (1 + Math.sqrt(count) / 2) * Math.abs(operand.data[offset]))
      })
      return sums
    },
    // lanes of 32 and a tree
    roundings: ({ operands: [{ shape }] }) => 4 + layout.rows(shape).inner.length / 64,
    prepare({ operands: [{ shape }] }) {
      const factor = factorFor(shape)
      return ([form], { count }) => {
        if (overlap) {
          const { read, extents, kernels, box, laneAxis } = widenRows(layout, shape, form!, count)
          const sum = {
            kind: 'sum',
            from: read,
            before: elementCount(extents),
            rows: layout.rows(extents),
            factor,
          } as const
          return { form: { box, laneAxis }, kernels: [...kernels, sum] }
        }
        const extents = boxShape(shape, form!.box)
        const axes = layout.axes(shape)
        const laneAxis = form!.laneAxis === undefined ? undefined : axes.indexOf(form!.laneAxis)
        return {
          form: { box: axes.map((axis) => (axis === undefined ? undefined : form!.box[axis])), laneAxis },
          kernels: [
            {
              kind: 'sum',
              from: { operand: 0 },
              before: elementCount(extents),
              rows: layout.rows(extents),
              factor,
            },
          ],
        }
      }
    },
    laneAxis: ([shape], [lane]) => passRowLane(layout, shape, lane),
    work: ([operand]) => Math.max(1, elementCount(operand)),
    isLinearIn: () => true,
  }
}

export const REDUCTION_AXES = {
  axes: { rule: 'a list of whole numbers' },
  keepDims: { rule: 'true or false' },
} as const

export const REDUCTION_EXAMPLES: readonly Example<ReductionAttributes>[] = [
  undefined,
  { axes: [1] },
  { axes: [0, -1], keepDims: true },
].map((attributes) => ({ shapes: [[2, 3, 4]], ...(attributes === undefined ? {} : { attributes }) }))

export const WINDOWS = {
  kernel: { rule: 'a list of whole numbers', isRequired: true },
  stride: { rule: 'a list of whole numbers' },
  dilation: { rule: 'a list of whole numbers' },
} as const

export const WINDOW_EXAMPLES: readonly Example<WindowAttributes>[] = [
  { attributes: { kernel: [2, 2] }, shapes: [[2, 4, 5]] },
  { attributes: { kernel: [3], stride: [1], dilation: [2] }, shapes: [[2, 2, 6]] },
]

export const REDUCTIONS = {
  /** Σ over some axes. */
  sum: {
    arity: 1,
    attributes: REDUCTION_AXES,
    examples: REDUCTION_EXAMPLES,
    make: (name, attributes) => linearReduction(name, alongAxes(attributes), () => 1, false),
  } satisfies Definition<ReductionAttributes, 1>,
  /** Σ over some axes by the number of elements that it is over. */
  mean: {
    arity: 1,
    attributes: REDUCTION_AXES,
    examples: REDUCTION_EXAMPLES,
    make: (name, attributes) => linearReduction(name, alongAxes(attributes), (count) => 1 / count, false),
  } satisfies Definition<ReductionAttributes, 1>,
  /** The mean of each window along the last axes. */
  averagePool: {
    arity: 1,
    attributes: WINDOWS,
    examples: WINDOW_EXAMPLES,
    make: (name, attributes) => linearReduction(name, inWindows(attributes), (count) => 1 / count, true),
  } satisfies Definition<WindowAttributes, 1>,
}
