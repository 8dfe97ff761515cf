import {
  broadcastShapes,
  broadcastStrides,
  listOffsets,
  type Shape,
  ShapeMismatch,
  stridesOf,
} from '../program/shapes.js'
import type { Application, Attributes, Operand, Operation } from './operation.js'
import type { ScalarRule } from './scalar-rule.js'

/** A scalar rule applied to every element of operands that are broadcast together. */
export interface Elementwise extends Operation {
  readonly rule: ScalarRule
}

export function isElementwise(operation: Operation): operation is Elementwise {
  return 'rule' in operation
}

/** Lifts a scalar rule to tensors. */
export function elementwise(name: string, rule: ScalarRule, attributes: Attributes = {}): Elementwise {
  return {
    name,
    attributes,
    rule,
    shape(operands) {
      if (operands.length !== rule.arity)
        throw new ShapeMismatch(`${name} takes ${rule.arity} operands, not ${operands.length}`)
      return broadcastShapes(operands)
    },
    evaluate(operands, result) {
      forEachElement(operands, result.length, (k, a, b, c) => {
        result[k] = rule.value(a, b, c)
      })
    },
    pullBack: (application, cotangent, operand) => pullBack(rule, application, cotangent, operand),
    isLinearIn: (operand) => rule.linearIn?.includes(operand) ?? false,
  }
}

/** Calls `visit` with the operands' elements behind each element of the result, in its row-major order. */
export function forEachElement(
  operands: readonly Operand[],
  size: number,
  visit: (k: number, a: number, b: number, c: number) => void,
): void {
  const [a, b = a, c = a] = operands.map(({ data }) => data)
  const [ofA, ofB = ofA, ofC = ofA] = readOrders(operands)
  for (let k = 0; k < size; k++) {
    visit(
      k,
      a[ofA === undefined ? k : ofA[k]],
      b[ofB === undefined ? k : ofB[k]],
      c[ofC === undefined ? k : ofC[k]],
    )
  }
}

/** For each operand the offset behind each element of what all are broadcast to; undefined where it is the same. */
export function readOrders(operands: readonly { readonly shape: Shape }[]): (Int32Array | undefined)[] {
  const shape = broadcastShapes(operands.map((operand) => operand.shape))
  const strides = stridesOf(shape)
  return operands.map((operand) => {
    const own = broadcastStrides(operand.shape, shape)
    const isSame = shape.every((length, axis) => length === 1 || own[axis] === strides[axis])
    return isSame ? undefined : listOffsets(shape, own)
  })
}

/** The base point's constants of every element, `rule.constants` each. */
export function constantsOf(rule: ScalarRule, { operands, result }: Application): Float64Array {
  const constants = new Float64Array(rule.constants * result.data.length)
  if (rule.constants === 0) return constants
  forEachElement(operands, result.data.length, (k, a, b, c) => {
    rule.fill!(constants, rule.constants * k, a, b, c, result.data[k])
  })
  return constants
}

function pullBack(
  rule: ScalarRule,
  application: Application,
  cotangent: Float64Array,
  operand: number,
): Float64Array {
  const { operands, result } = application
  const pulled = new Float64Array(operands[operand].data.length)
  const order = readOrders(operands)[operand]
  const constants = constantsOf(rule, application)
  const unit = [0, 1, 2].map((k) => (k === operand ? 1 : 0))
  for (let k = 0; k < result.data.length; k++) {
    if (cotangent[k] === 0) continue
    const slope = rule.change(constants, rule.constants * k, unit[0], unit[1], unit[2], 0)
    pulled[order === undefined ? k : order[k]] += slope * cotangent[k]
  }
  return pulled
}
