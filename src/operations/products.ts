import { broadcastShapes, listOffsets, type Shape, ShapeMismatch, stridesOf } from '../program/shapes.js'
import { formatShape } from '../tensor.js'
import { type Contraction, contraction, type Index } from './contraction.js'
import type { Definition, NoAttributes } from './definition.js'
import type { Application, Operation, OtherRule } from './operation.js'

/** Products of the matrices along the last two axes; the axes before are broadcast together, as NumPy does it. */
function matmul(name: string): Operation {
  return contraction(name, { indicesOf: matrixIndices, mistakes: listMistakes })
}

function matrixIndices(left: Shape, right: Shape): Contraction {
  if (left.length === 0 || right.length === 0) {
    throw new ShapeMismatch(`it multiplies matrices, not ${formatShape(left)} and ${formatShape(right)}`)
  }
  // a vector is a row on the left and a column on the right
  const [ofLeft, ofRight] = [Math.max(0, left.length - 2), Math.max(0, right.length - 2)]
  const [alongLeft, alongRight] = [left.length - 1, ofRight]
  const [k, shared] = [left[alongLeft], right[alongRight]]
  if (k !== shared) {
    throw new ShapeMismatch(
      `shapes ${formatShape(left)} and ${formatShape(right)} do not fit a product: ${k} is not ${shared}`,
    )
  }
  const shape = broadcastShapes([left.slice(0, ofLeft), right.slice(0, ofRight)])
  const stepOf = (own: Shape, count: number, axis: number) => {
    const at = axis - shape.length + count
    // one that is repeated moves along nothing
    return at < 0 || (own[at] === 1 && shape[axis] !== 1) ? undefined : { axis: at, step: 1 }
  }
  const batches = shape.map((length, axis): Index => {
    const [onLeft, onRight] = [stepOf(left, ofLeft, axis), stepOf(right, ofRight, axis)]
    return { length, ...(onLeft && { left: onLeft }), ...(onRight && { right: onRight }) }
  })
  return {
    batches,
    rows: left.length === 1 ? [] : [{ length: left[ofLeft], left: { axis: ofLeft, step: 1 } }],
    columns:
      right.length === 1 ? [] : [{ length: right[ofRight + 1], right: { axis: ofRight + 1, step: 1 } }],
    terms: [{ length: k, left: { axis: alongLeft, step: 1 }, right: { axis: alongRight, step: 1 } }],
  }
}

/** The other matrices without their transpose, where they are square. */
function* listMistakes(
  application: Application,
  operand: number,
  operation: Operation,
): Generator<OtherRule> {
  const other = application.operands[1 - operand]
  const [rows, columns] = other.shape.slice(-2)
  if (other.shape.length < 2 || rows !== columns || rows === 1) return
  const strides = stridesOf(other.shape)
  const turned = listOffsets(other.shape, [...strides.slice(0, -2), strides.at(-1)!, strides.at(-2)!])
  const data = Float64Array.from(turned, (k) => other.data[k])
  yield {
    kind: 'not-transposed',
    text: 'comes through the other matrix without its transpose',
    passBack: (cotangent) =>
      operation.pullBack(
        { ...application, operands: application.operands.with(1 - operand, { ...other, data }) },
        cotangent,
        operand,
      ),
  }
}

export const PRODUCTS = {
  /** Of arrays of shapes (…, m, k) and (…, k, n); the axes before are broadcast together. */
  matmul: {
    arity: 2,
    examples: [
      [
        [3, 4],
        [4, 2],
      ],
      [
        [2, 3, 4],
        [2, 4, 3],
      ],
      [
        [3, 4],
        [2, 4, 3],
      ],
      [[3], [2, 3, 2]],
      [[2, 3], [3]],
      [
        [2, 1, 3, 3],
        [2, 3, 2],
      ],
    ].map((shapes) => ({ shapes })),
    make: matmul,
  } satisfies Definition<NoAttributes, 2>,
}
