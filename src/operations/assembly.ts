import { type Shape, ShapeMismatch } from '../program/shapes.js'
import { elementCount, formatShape } from '../tensor.js'
import { widen } from './change.js'
import type { Definition } from './definition.js'
import type { Kernel, Read } from './kernels.js'
import type { Operation } from './operation.js'

/** Where the elements of several arrays go. */
export interface AssembleAttributes {
  /** Of the result. */
  readonly shape: readonly number[]
  /** For each element of each operand, one operand behind the other, its place in the result; below 0 for none. */
  readonly places: readonly number[]
}

/** Elements of several arrays at their places in one, 0 where there is none: what is concatenated, and what is stored. */
function assemble(name: string, { shape, places }: AssembleAttributes): Operation {
  const all = Int32Array.from(places)
  const partsOf = (operands: readonly { readonly shape: Shape }[]) => {
    let from = 0
    return operands.map((operand) => {
      const size = elementCount(operand.shape)
      from += size
      return all.subarray(from - size, from)
    })
  }
  const partOf = (operands: readonly { readonly shape: Shape }[], operand: number) =>
    partsOf(operands)[operand]
  const pull = (operands: readonly { readonly shape: Shape }[], given: Float64Array, operand: number) =>
    Float64Array.from(partOf(operands, operand), (place) => (place < 0 ? 0 : given[place]))
  const put = (
    operands: readonly { readonly shape: Shape }[],
    arrays: readonly Float64Array[],
    result: Float64Array,
  ) => {
    for (const [operand, part] of partsOf(operands).entries()) {
      for (let k = 0; k < part.length; k++) if (part[k] >= 0) result[part[k]] = arrays[operand][k]
    }
    return result
  }
  return {
    name,
    attributes: { shape, places },
    shape(operands) {
      const size = elementCount(shape)
      const count = operands.reduce((sum, operand) => sum + elementCount(operand), 0)
      if (count !== places.length) {
        throw new ShapeMismatch(`there are ${places.length} places for ${count} elements`)
      }
      const taken = new Uint8Array(size)
      for (const place of places) {
        if (place >= size) throw new ShapeMismatch(`place ${place} is none of ${formatShape(shape)}`)
        if (place >= 0 && taken[place]++ > 0) throw new ShapeMismatch(`two elements go to place ${place}`)
      }
      return shape
    },
    evaluate(operands, result) {
      put(
        operands,
        operands.map(({ data }) => data),
        result.fill(0),
      )
    },
    pullBack: ({ operands }, cotangent, operand) => pull(operands, cotangent, operand),
    pullBackSquares: ({ operands }, variances, operand) => pull(operands, variances, operand),
    errors: ({ operands, result }, errors) => put(operands, errors, new Float64Array(result.data.length)),
    roundings: () => 0,
    prepare({ operands }) {
      const parts = partsOf(operands)
      const size = elementCount(shape)
      return (given, { count }) => {
        const kernels: Kernel[] = []
        let onto: number | undefined
        for (const [operand, form] of given.entries()) {
          if (form === undefined) continue
          const { shape: own } = operands[operand]
          const { kernel } = widen(
            own,
            form,
            own.map((_, axis) => axis),
            count,
          )
          let from: Read = { operand }
          if (kernel !== undefined) {
            kernels.push({ ...kernel, from } as Kernel)
            from = { kernel: kernels.length - 1 }
          }
          kernels.push({
            kind: 'spread',
            from,
            starts: new Int32Array(count),
            inner: parts[operand],
            size,
            onto,
          })
          onto = kernels.length - 1
        }
        return { form: { box: shape.map(() => undefined), laneAxis: undefined }, kernels }
      }
    },
    laneAxis: () => undefined,
    work: (operands) => operands.reduce((sum, operand) => sum + elementCount(operand), 1),
    isLinearIn: () => true,
    moves() {
      const from = new Int32Array(elementCount(shape)).fill(-1)
      for (let k = 0; k < all.length; k++) if (all[k] >= 0) from[all[k]] = k
      return from
    },
  }
}

export const ASSEMBLIES = {
  /** Elements of several arrays at their places in one of `shape`. */
  assemble: {
    arity: 'many',
    attributes: {
      shape: { rule: 'a list of whole numbers', isRequired: true },
      places: { rule: 'a list of whole numbers', isRequired: true },
    },
    examples: [
      { attributes: { shape: [2, 3], places: [0, 4, -1, 5, 1] }, shapes: [[3], [2, 1]] },
      { attributes: { shape: [4], places: [3, 1, 0, 2] }, shapes: [[2, 2]] },
    ],
    make: assemble,
  } satisfies Definition<AssembleAttributes, 'many'>,
}
