import { broadcastShapes, broadcastStrides, listOffsets, type Shape, stridesOf } from '../program/shapes.js'
import { elementCount } from '../tensor.js'
import { type Box, boxShape, type Change, expand, placeBox } from './change.js'
import type { Application, Attributes, CarryChange, Operand, Operation } from './operation.js'
import type { ScalarRule } from './scalar-rule.js'

/** What a scalar rule costs beside a multiply-add. */
const ELEMENT_WORK = 8

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
    shape: broadcastShapes,
    evaluate(operands, result) {
      forEachElement(operands, result.length, (k, a, b, c) => {
        result[k] = rule.value(a, b, c)
      })
    },
    pullBack: (application, cotangent, operand) =>
      pullBack(rule, application, cotangent, operand, (slope) => slope),
    pullBackSquares: (application, variances, operand) =>
      pullBack(rule, application, variances, operand, (slope) => slope * slope),
    pullBackTerms: (application, cotangent, operand) => pullBackTerms(rule, application, cotangent, operand),
    errors: (application, operandErrors) => carryErrors(rule, application, operandErrors),
    roundings: () => rule.roundings,
    prepare: (application) => prepare(rule, application),
    laneAxis: alignLanes,
    work: (operands) => ELEMENT_WORK * elementCount(broadcastShapes(operands)),
    isLinearIn: (operand) => rule.linearIn.includes(operand),
  }
}

/** Calls `visit` with the operands' elements behind each element of the result, in its row-major order. */
function forEachElement(
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
    rule.fill(constants, rule.constants * k, a, b, c, result.data[k])
  })
  return constants
}

function pullBack(
  rule: ScalarRule,
  application: Application,
  cotangent: Float64Array,
  operand: number,
  factorOf: (slope: number) => number,
): Float64Array {
  const { operands, result } = application
  const pulled = new Float64Array(operands[operand].data.length)
  const order = readOrders(operands)[operand]
  const constants = constantsOf(rule, application)
  const unit = [0, 1, 2].map((k) => (k === operand ? 1 : 0))
  for (let k = 0; k < result.data.length; k++) {
    if (cotangent[k] === 0) continue
    const slope = rule.change(constants, rule.constants * k, unit[0], unit[1], unit[2], 0)
    pulled[order === undefined ? k : order[k]] += factorOf(slope) * cotangent[k]
  }
  return pulled
}

/** The axis of what operands are broadcast to on which the lanes of all of them lie, repeated by none. */
function alignLanes(operands: readonly Shape[], axes: readonly (number | undefined)[]): number | undefined {
  const shape = broadcastShapes(operands)
  let found: number | undefined
  for (const [operand, axis] of axes.entries()) {
    if (axis === undefined) continue
    const aligned = axis + shape.length - operands[operand].length
    if (operands[operand][axis] !== shape[aligned] || (found !== undefined && found !== aligned))
      return undefined
    found = aligned
  }
  return found
}

function prepare(rule: ScalarRule, application: Application): CarryChange {
  const { operands, result } = application
  const { shape } = result
  const constants = constantsOf(rule, application)
  const strides = stridesOf(shape)
  return (given, block) => {
    const changes = given.map((change, k) => change && align(operands[k].shape, change, shape))
    const { box, aligned } = unite(shape, changes, block.count)
    const place = placeBox(shape, box, strides, block.count)
    const size = place.inner.length
    const lengths = boxShape(shape, box)
    // where each operand's change stands for each element of the box; one that does not change reads a 0
    const [a, b, c] = [0, 1, 2].map((k) => readChange(operands[k]?.shape, aligned[k], lengths, shape))
    const data = new Float64Array(block.count * size)
    const laneAxis = changes.find((change) => change?.laneAxis !== undefined)?.laneAxis
    const lanesOf =
      laneAxis === undefined
        ? undefined
        : listOffsets(
            lengths,
            lengths.map((_, axis) => Number(axis === laneAxis)),
          )
    for (let p = 0; p < block.count; p++) {
      const h = block.steps[p]
      for (let e = 0; e < size; e++) {
        const at = rule.constants * (place.starts[p] + place.inner[e])
        const sa = a.data[p * a.size + a.order[e]]
        const sb = b.data[p * b.size + b.order[e]]
        const sc = c.data[p * c.size + c.order[e]]
        data[p * size + e] = rule.change(constants, at, sa, sb, sc, h)
        if (rule.crosses?.(constants, at, sa, sb, sc, h)) {
          block.crossings[p * block.lanes + (lanesOf === undefined ? 0 : lanesOf[e])]++
        }
      }
    }
    return { box, data, laneAxis }
  }
}

/** A change with the axes that broadcasting puts before its own. */
function align(own: Shape, change: Change, shape: Shape): Change {
  const missing = shape.length - own.length
  const box = shape.map((length, axis) => {
    // repeated along the axis: all of it changes
    if (axis < missing || own[axis - missing] !== length) return undefined
    return change.box[axis - missing]
  })
  return { ...change, box, laneAxis: change.laneAxis === undefined ? undefined : change.laneAxis + missing }
}

/** Brings changes to one box: an axis of which one operand moves an index and another all is moved whole. */
function unite(
  shape: Shape,
  changes: readonly (Change | undefined)[],
  count: number,
): { box: Box; aligned: (Change | undefined)[] } {
  const moving = changes.filter((change) => change !== undefined)
  if (moving.length === 1) return { box: moving[0].box, aligned: [...changes] }
  const split = shape.flatMap((_, axis) => {
    const [first, ...others] = moving.map(({ box }) => box[axis])
    return others.every((indices) => isSame(first, indices)) ? [] : [axis]
  })
  const aligned = changes.map((change) => change && expand(shape, change, split, count))
  return { box: aligned.find((change) => change !== undefined)!.box, aligned }
}

const isSame = (a: Int32Array | undefined, b: Int32Array | undefined) =>
  a === b || (a !== undefined && b !== undefined && a.every((index, p) => index === b[p]))

interface ReadOrder {
  readonly data: Float64Array
  readonly size: number
  readonly order: Int32Array
}

const NOTHING = new Float64Array(1)

function readChange(
  own: Shape | undefined,
  change: Change | undefined,
  lengths: readonly number[],
  shape: Shape,
): ReadOrder {
  if (own === undefined || change === undefined) {
    const none = new Int32Array(elementCount(lengths))
    return { data: NOTHING, size: 0, order: none }
  }
  const missing = shape.length - own.length
  // the change's own extents, of length 1 where the operand is broadcast or the box has an index
  const extents = shape.map((length, axis) => {
    if (axis < missing || own[axis - missing] !== length) return 1
    return change.box[axis] === undefined ? length : 1
  })
  const size = elementCount(extents)
  return { data: change.data, size, order: listOffsets(lengths, broadcastStrides(extents, lengths)) }
}

/** Roundings of a value: of its own, and of a series behind it. */
const VALUE_ROUNDINGS = 2

function carryErrors(
  rule: ScalarRule,
  application: Application,
  operandErrors: readonly Float64Array[],
): Float64Array {
  const { operands, result } = application
  const constants = constantsOf(rule, application)
  const orders = readOrders(operands)
  const isExact = rule.roundings === 0
  return result.data.map((value, k) => {
    let error = isExact ? 0 : VALUE_ROUNDINGS * Math.abs(value)
    for (const [operand, errors] of operandErrors.entries()) {
      const order = orders[operand]
      const own = errors[order === undefined ? k : order[k]]
      if (own === 0) continue
      const [a, b, c] = [0, 1, 2].map((other) => (other === operand ? 1 : 0))
      const slope = Math.abs(rule.change(constants, rule.constants * k, a, b, c, 0))
      // on a special point there is no slope to tell how far the error goes
      if (Number.isFinite(slope)) error += slope * own
    }
    return error
  })
}

/**
 * A curved function's slope is often computed from its value, 1 − a² or a + 1, whose terms are as large as the value
 * (at most 1) however small the slope is.
 */
function pullBackTerms(
  rule: ScalarRule,
  application: Application,
  cotangent: Float64Array,
  operand: number,
): Float64Array {
  const sizes = cotangent.map(Math.abs)
  const ofSlope = pullBack(rule, application, sizes, operand, Math.abs)
  if (rule.terms === undefined) return ofSlope
  const order = readOrders(application.operands)[operand]
  const { terms } = rule
  forEachElement(application.operands, sizes.length, (k, a, b, c) => {
    const at = order === undefined ? k : order[k]
    ofSlope[at] += terms(operand, a, b, c, application.result.data[k]) * sizes[k]
  })
  return ofSlope
}
