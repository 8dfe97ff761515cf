import { listOffsets, type Shape, ShapeMismatch, stridesOf } from '../program/shapes.js'
import { elementCount, FLOAT64_ROUNDOFF, formatShape } from '../tensor.js'
import type { Definition } from './definition.js'
import type { PickKernel } from './kernels.js'
import { BESIDE, type Kinks } from './kinks.js'
import type { Application, Operation, OtherRule } from './operation.js'
import { REDUCTION_AXES, REDUCTION_EXAMPLES, WINDOWS } from './reductions.js'
import {
  alongAxes,
  inWindows,
  lanesOf,
  passRowLane,
  perAxis,
  type ReductionAttributes,
  type RowLayout,
  type WindowAttributes,
  widenRows,
} from './rows.js'

/** Which elements of an operand are compared: `width` for each row, below 0 for none. */
interface Members {
  readonly members: Int32Array
  readonly width: number
}

type Sign = 1 | -1

/**
 * The greatest (or least) member of each row. It changes by its winner: w = argmax(h·s − g), by s_w − g_w/h, where g is how
 * far each was from winning, from float64.
 */
function extreme(
  name: string,
  layout: RowLayout,
  sign: Sign,
  makeMembers: (extents: Shape) => Members = (extents) => listMembers(layout, extents),
): Operation {
  const membersOf = rememberLast(makeMembers)
  const winnersOf = ({ operands: [operand] }: Application) => {
    const { members, width } = membersOf(operand.shape)
    return Int32Array.from({ length: members.length / width }, (_, row) =>
      findWinner(operand.data, members.subarray(row * width, (row + 1) * width), sign),
    )
  }
  const pullBack = (application: Application, cotangent: Float64Array) => {
    const pulled = new Float64Array(application.operands[0].data.length)
    for (const [row, winner] of winnersOf(application).entries()) pulled[winner] += cotangent[row]
    return pulled
  }
  return {
    name,
    attributes: layout.attributes,
    shape: ([operand]) => {
      const shape = layout.shape(operand)
      if (elementCount(operand) === 0) throw new ShapeMismatch('there is nothing to choose from')
      const { members, width } = membersOf(operand)
      for (let row = 0; row < members.length; row += width) {
        if (members.subarray(row, row + width).every((at) => at < 0)) {
          throw new ShapeMismatch('a window lies in the padding alone: there is nothing to choose from')
        }
      }
      return shape
    },
    evaluate([operand], result) {
      const { members, width } = membersOf(operand.shape)
      for (let row = 0; row < result.length; row++) {
        result[row] =
          operand.data[findWinner(operand.data, members.subarray(row * width, (row + 1) * width), sign)]
      }
    },
    pullBack,
    pullBackSquares: pullBack,
    mistakes: (application) => listMistakes(application, membersOf(application.operands[0].shape)),
    // as far as the errors of any that is compared
    errors({ operands: [operand], result }, [errors]) {
      const { members, width } = membersOf(operand.shape)
      return result.data.map((_, row) =>
        members
          .subarray(row * width, (row + 1) * width)
          .reduce((most, at) => (at < 0 ? most : Math.max(most, errors[at])), 0),
      )
    },
    roundings: () => 0,
    kinks: createKinks(membersOf, sign),
    prepare({ operands: [operand], result }) {
      const { members, width } = membersOf(operand.shape)
      const gaps = Float64Array.from(members, (at, k) =>
        at < 0 ? 0 : sign * (result.data[Math.floor(k / width)] - operand.data[at]),
      )
      return ([form], { count }) => {
        const { read, extents, kernels, place, box, laneAxis } = widenRows(
          layout,
          operand.shape,
          form!,
          count,
        )
        const kernel: PickKernel = {
          kind: 'pick',
          from: read,
          before: elementCount(extents),
          ...membersOf(extents),
          sign,
          gaps,
          place,
          lanes: lanesOf(result.shape, box, laneAxis),
        }
        return { form: { box, laneAxis }, kernels: [...kernels, kernel] }
      }
    },
    laneAxis: ([shape], [lane]) => passRowLane(layout, shape, lane),
    work: ([shape]) => {
      const { members } = membersOf(shape)
      return Math.max(1, members.length)
    },
    isLinearIn: () => false,
  }
}

/** Remembers what was made last, for the shape it was made of. */
function rememberLast(make: (extents: Shape) => Members): (extents: Shape) => Members {
  let last: { readonly key: string; readonly made: Members } | undefined
  return (extents) => {
    const key = formatShape(extents)
    if (last?.key !== key) last = { key, made: make(extents) }
    return last.made
  }
}

function listMembers(layout: RowLayout, extents: Shape): Members {
  const { outer, inner } = layout.rows(extents)
  const members = new Int32Array(outer.length * inner.length)
  for (let row = 0; row < outer.length; row++) {
    for (let q = 0; q < inner.length; q++) members[row * inner.length + q] = outer[row] + inner[q]
  }
  return { members, width: inner.length }
}

/** The first of the greatest, or of the least. */
function findWinner(data: Float64Array, members: Int32Array, sign: Sign): number {
  let winner = -1
  for (const at of members) {
    if (at >= 0 && (winner < 0 || sign * (data[at] - data[winner]) > 0)) winner = at
  }
  return winner
}

/** Passed back to every member of a row, or to the first whatever it is. */
function* listMistakes(
  { operands: [operand] }: Application,
  { members, width }: Members,
): Generator<OtherRule> {
  const passTo = (cotangent: Float64Array, shareOf: (member: number, row: Int32Array) => number) => {
    const pulled = new Float64Array(operand.data.length)
    for (const [row, passed] of cotangent.entries()) {
      const own = members.subarray(row * width, (row + 1) * width)
      for (const [q, at] of own.entries()) if (at >= 0) pulled[at] += shareOf(q, own) * passed
    }
    return pulled
  }
  yield {
    kind: 'operation-derivative-wrong',
    text: 'goes to everything that was compared, not to what was chosen alone',
    passBack: (cotangent) => passTo(cotangent, () => 1),
  }
  yield {
    kind: 'operation-derivative-wrong',
    text: 'is shared out among everything that was compared, as of a mean',
    passBack: (cotangent) => passTo(cotangent, (_, own) => 1 / own.filter((at) => at >= 0).length),
  }
  yield {
    kind: 'operation-derivative-wrong',
    text: 'goes to the first that was compared, not to what was chosen',
    passBack: (cotangent) => passTo(cotangent, (q, own) => (own.findIndex((at) => at >= 0) === q ? 1 : 0)),
  }
}

/** Ties: code passes back to the first, to the last, or to all of them an equal share. */
function createKinks(membersOf: (extents: Shape) => Members, sign: Sign): Kinks {
  const tiedIn = ({ operands: [operand] }: Application, errors: Float64Array, row: number) => {
    const { members, width } = membersOf(operand.shape)
    const own = members.subarray(row * width, (row + 1) * width)
    const winner = findWinner(operand.data, own, sign)
    const reach = (at: number) => FLOAT64_ROUNDOFF * (errors[at] + errors[winner]) + BESIDE
    return own.filter((at) => at >= 0 && sign * (operand.data[winner] - operand.data[at]) <= reach(at))
  }
  return {
    find: (application, [errors]) =>
      Int32Array.from(application.result.data.keys()).filter(
        (row) => tiedIn(application, errors, row).length > 1,
      ),
    reads: ({ operands: [operand] }, _operand, row) => {
      const { members, width } = membersOf(operand.shape)
      return members.subarray(row * width, (row + 1) * width).filter((at) => at >= 0)
    },
    slopes: (application, [errors], _operand, row) => {
      const tied = tiedIn(application, errors, row)
      const { members, width } = membersOf(application.operands[0].shape)
      const own = members.subarray(row * width, (row + 1) * width)
      const usual = findWinner(application.operands[0].data, own, sign)
      return Array.from(tied, (at, k) => ({
        at,
        left: k === 0 ? 1 : 0,
        right: k === tied.length - 1 ? 1 : 0,
        mean: 1 / tied.length,
        usual: at === usual ? 1 : 0,
      }))
    },
  }
}

/** Windows that may reach over the ends of the axes, where nothing is compared. */
export interface MaxPoolAttributes extends WindowAttributes {
  /** How far. @default 0 */
  readonly padding?: readonly number[]
}

function maxPool(name: string, { padding, ...windows }: MaxPoolAttributes): Operation {
  const layout = inWindows(windows)
  if (padding === undefined) return extreme(name, layout, 1)
  const count = windows.kernel.length
  const by = perAxis('padding', padding, count, 0)
  const padded = (shape: Shape) =>
    shape.map((length, axis) => length + 2 * (by[axis - shape.length + count] ?? 0))
  const around: RowLayout = {
    ...layout,
    attributes: { ...layout.attributes, padding },
    shape: (operand) => {
      const most = windows.kernel.findIndex((length, k) => 2 * by[k] > length)
      if (most !== -1) {
        throw new ShapeMismatch(
          `a padding of ${by[most]} is more than half of a window of ${windows.kernel[most]}`,
        )
      }
      return layout.shape(padded(operand))
    },
  }
  return extreme(name, around, 1, (extents) => {
    const wide = padded(extents)
    const places = new Int32Array(elementCount(wide)).fill(-1)
    const offsets = listOffsets(extents, stridesOf(wide))
    const first = wide.reduce(
      (sum, _, axis) => sum + (by[axis - wide.length + count] ?? 0) * stridesOf(wide)[axis],
      0,
    )
    for (const [k, offset] of offsets.entries()) places[first + offset] = k
    const { members, width } = listMembers(layout, wide)
    return { members: members.map((at) => places[at]), width }
  })
}

export const EXTREMES = {
  /** The greatest element along some axes. */
  max: {
    arity: 1,
    attributes: REDUCTION_AXES,
    examples: REDUCTION_EXAMPLES,
    make: (name, attributes) => extreme(name, alongAxes(attributes), 1),
  } satisfies Definition<ReductionAttributes, 1>,
  /** The least element along some axes. */
  min: {
    arity: 1,
    attributes: REDUCTION_AXES,
    examples: REDUCTION_EXAMPLES,
    make: (name, attributes) => extreme(name, alongAxes(attributes), -1),
  } satisfies Definition<ReductionAttributes, 1>,
  /** The greatest element of each window along the last axes. */
  maxPool: {
    arity: 1,
    attributes: { ...WINDOWS, padding: { rule: 'a list of whole numbers' } },
    examples: [
      { attributes: { kernel: [2, 2] }, shapes: [[2, 4, 5]] },
      { attributes: { kernel: [3, 2], stride: [2, 1], padding: [1, 1] }, shapes: [[2, 5, 3]] },
    ],
    make: maxPool,
  } satisfies Definition<MaxPoolAttributes, 1>,
}
