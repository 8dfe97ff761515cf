import { broadcastShapes, broadcastStrides, listOffsets, type Shape, stridesOf } from '../program/shapes.js'
import { elementCount, FLOAT64_ROUNDOFF } from '../tensor.js'
import { type Box, boxShape, type Form, placeBox, widen } from './change.js'
import type { Kernel, Read, ReadChange, RuleKernel } from './kernels.js'
import { BESIDE, type Kinks, type SlopesOnKink } from './kinks.js'
import type { Application, Attributes, Operand, Operation, OtherRule, PlanChange } from './operation.js'
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
      evaluate(rule, operands, result)
    },
    pullBack: (application, cotangent, operand) => pullBack(rule, application, cotangent, operand),
    pullBackSquares: (application, variances, operand) =>
      pullBackSquares(rule, application, variances, operand),
    pullBackTerms: (application, cotangent, operand) => pullBackTerms(rule, application, cotangent, operand),
    mistakes: (application, operand) => listMistakes(name, rule, application, operand),
    errors: (application, operandErrors) => carryErrors(rule, application, operandErrors),
    roundings: () => rule.roundings,
    kinks: rule.special?.kind === 'kink' ? createKinks(rule) : undefined,
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
  const orders = readOrders(operands)
  // of an operand that is not there the first is read in its place
  const [ofA, ofB, ofC] = [0, 1, 2].map((operand) => orders[operand < operands.length ? operand : 0])
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

/** Values of every element; the commonest rules in loops of their own, which call nothing. */
function evaluate(rule: ScalarRule, operands: readonly Operand[], result: Float64Array): void {
  const [a, b = a, c = a] = operands.map(({ data }) => data)
  const orders = readOrders(operands)
  const [ofA, ofB, ofC] = [0, 1, 2].map((k) => orders[k < operands.length ? k : 0] ?? whole(result.length))
  const size = result.length
  switch (rule.shader) {
    case 'add':
      for (let k = 0; k < size; k++) result[k] = a[ofA[k]] + b[ofB[k]]
      break
    case 'subtract':
      for (let k = 0; k < size; k++) result[k] = a[ofA[k]] - b[ofB[k]]
      break
    case 'multiply':
      for (let k = 0; k < size; k++) result[k] = a[ofA[k]] * b[ofB[k]]
      break
    case 'relu':
      for (let k = 0; k < size; k++) result[k] = Math.max(a[ofA[k]], 0)
      break
    default:
      for (let k = 0; k < size; k++) result[k] = rule.value(a[ofA[k]], b[ofB[k]], c[ofC[k]])
  }
}

let counting = new Int32Array(0)

/** 0, 1, 2 … up to a length at least. */
function whole(length: number): Int32Array {
  if (counting.length < length) counting = Int32Array.from({ length: 2 * length }, (_, k) => k)
  return counting
}

/** Slopes of a rule by its operands, at the operands' values that they were taken at. */
interface KnownSlopes {
  readonly operands: readonly Float64Array[]
  readonly slopes: (Float64Array | undefined)[]
}

/** Of results at a point, by rule: asked for by every pass back. */
const SLOPES = new WeakMap<Float64Array, Map<ScalarRule, KnownSlopes>>()

const QUICK: ReadonlySet<string> = new Set(['add', 'subtract', 'multiply'])

/** ∂(element)/∂(operand) of every element. */
function slopesOf(rule: ScalarRule, application: Application, operand: number): Float64Array {
  const { operands, result } = application
  // those of a sum or a product are made faster than they are found again
  if (QUICK.has(rule.shader)) return takeSlopes(rule, application, operand)
  const byRule = SLOPES.get(result.data) ?? new Map<ScalarRule, KnownSlopes>()
  SLOPES.set(result.data, byRule)
  let known = byRule.get(rule)
  if (known === undefined || operands.some(({ data }, k) => data !== known!.operands[k])) {
    known = { operands: operands.map(({ data }) => data), slopes: [] }
    byRule.set(rule, known)
  }
  known.slopes[operand] ??= takeSlopes(rule, application, operand)
  return known.slopes[operand]
}

function takeSlopes(rule: ScalarRule, application: Application, operand: number): Float64Array {
  const { operands, result } = application
  const size = result.data.length
  const slopes = new Float64Array(size)
  if (rule.shader === 'add') return slopes.fill(1)
  if (rule.shader === 'subtract') return slopes.fill(operand === 0 ? 1 : -1)
  if (rule.shader === 'multiply') {
    const other = 1 - operand
    const order = readOrders(operands)[other] ?? whole(size)
    const { data } = operands[other]
    for (let k = 0; k < size; k++) slopes[k] = data[order[k]]
    return slopes
  }
  const constants = constantsOf(rule, application)
  const [a, b, c] = [0, 1, 2].map((k) => (k === operand ? 1 : 0))
  for (let k = 0; k < size; k++) slopes[k] = rule.change(constants, rule.constants * k, a, b, c, 0)
  return slopes
}

function pullBack(
  rule: ScalarRule,
  application: Application,
  cotangent: Float64Array,
  operand: number,
  order = readOrders(application.operands)[operand],
): Float64Array {
  const pulled = new Float64Array(application.operands[operand].data.length)
  const slopes = slopesOf(rule, application, operand)
  const size = slopes.length
  const at = order ?? whole(size)
  for (let k = 0; k < size; k++) {
    // where a slope is infinite what is 0 stays so
    if (cotangent[k] !== 0) pulled[at[k]] += slopes[k] * cotangent[k]
  }
  return pulled
}

/** By deviations: a slope's square may overflow where what comes of it does not. */
function pullBackSquares(
  rule: ScalarRule,
  application: Application,
  variances: Float64Array,
  operand: number,
): Float64Array {
  const pulled = new Float64Array(application.operands[operand].data.length)
  const slopes = slopesOf(rule, application, operand)
  const size = slopes.length
  const at = readOrders(application.operands)[operand] ?? whole(size)
  for (let k = 0; k < size; k++) {
    if (variances[k] === 0) continue
    const deviation = slopes[k] * Math.sqrt(variances[k])
    pulled[at[k]] += deviation * deviation
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

function prepare(rule: ScalarRule, application: Application): PlanChange {
  const { operands, result } = application
  const { shape } = result
  const constants = constantsOf(rule, application)
  const strides = stridesOf(shape)
  return (given, block) => {
    const forms = given.map((form, k) => form && align(operands[k].shape, form, shape))
    const { box, aligned, kernels } = unite(
      shape,
      operands.map((operand) => operand.shape),
      forms,
      block.count,
    )
    const extents = boxShape(shape, box)
    const laneAxis = forms.find((form) => form?.laneAxis !== undefined)?.laneAxis
    const kernel: RuleKernel = {
      kind: 'rule',
      rule,
      constants,
      values: result.data,
      place: placeBox(shape, box, strides, block.count),
      operands: aligned.map((change, k) => change && readChange(operands[k].shape, change, extents, shape)),
      lanes:
        laneAxis === undefined
          ? { apart: 1, count: 1 }
          : { apart: stridesOf(extents)[laneAxis], count: extents[laneAxis] },
    }
    return { form: { box, laneAxis }, kernels: [...kernels, kernel] }
  }
}

/** A form with the axes that broadcasting puts before its own. */
function align(own: Shape, form: Form, shape: Shape): Form {
  const missing = shape.length - own.length
  const box = shape.map((length, axis) => {
    // repeated along the axis: all of it changes
    if (axis < missing || own[axis - missing] !== length) return undefined
    return form.box[axis - missing]
  })
  return { box, laneAxis: form.laneAxis === undefined ? undefined : form.laneAxis + missing }
}

/** A change where it is read from. */
interface Placed {
  readonly from: Read
  readonly form: Form
}

/** Brings changes to one box: an axis of which one operand moves an index and another all is moved whole. */
function unite(
  shape: Shape,
  owns: readonly Shape[],
  forms: readonly (Form | undefined)[],
  count: number,
): { box: Box; aligned: (Placed | undefined)[]; kernels: Kernel[] } {
  const moving = forms.filter((form) => form !== undefined)
  const split = shape.flatMap((_, axis) => {
    const [first, ...others] = moving.map(({ box }) => box[axis])
    return others.every((indices) => isSame(first, indices)) ? [] : [axis]
  })
  const kernels: Kernel[] = []
  const aligned = forms.map((form, operand): Placed | undefined => {
    if (form === undefined) return undefined
    const { form: wide, kernel } = widen(extentsIn(shape, owns[operand]), form, split, count)
    if (kernel === undefined) return { from: { operand }, form: wide }
    kernels.push({ ...kernel, from: { operand } } as Kernel)
    return { from: { kernel: kernels.length - 1 }, form: wide }
  })
  return { box: aligned.find((change) => change !== undefined)!.form.box, aligned, kernels }
}

const isSame = (a: Int32Array | undefined, b: Int32Array | undefined) =>
  a === b || (a !== undefined && b !== undefined && a.every((index, p) => index === b[p]))

/** An operand's lengths along the axes of what it is broadcast to: 1 where it is repeated. */
const extentsIn = (shape: Shape, own: Shape) =>
  shape.map((length, axis) => (own[axis - shape.length + own.length] === length ? length : 1))

/** Where an operand's change stands for each element of the box. */
function readChange(
  own: Shape,
  { from, form }: Placed,
  extents: readonly number[],
  shape: Shape,
): ReadChange {
  const ownExtents = boxShape(extentsIn(shape, own), form.box)
  const order = listOffsets(extents, broadcastStrides(ownExtents, extents))
  return { from, size: elementCount(ownExtents), order }
}

/** A derivative that is left out, taken at the value, or another one; a sum over the other axis. */
function* listMistakes(
  name: string,
  rule: ScalarRule,
  application: Application,
  operand: number,
): Generator<OtherRule> {
  const { shape } = application.result
  const order = readOrders(application.operands)[operand]
  // of a bias along one axis of a square
  if (order !== undefined && shape.length === 2 && shape[0] === shape[1]) {
    const turned = listOffsets(shape, [1, shape[0]])
    yield {
      kind: 'summed-wrong',
      text: 'is summed over the wrong axis',
      passBack: (cotangent) =>
        pullBack(
          rule,
          application,
          cotangent,
          operand,
          turned.map((k) => order[k]),
        ),
    }
  }
  // what jumps has no derivative to be forgotten
  if (rule.special?.kind === 'jump' || rule.linearIn.includes(operand)) return
  const plain = elementwise(name, { ...rule, change: (_k, _at, a, b, c) => a + b + c })
  yield {
    kind: 'derivative-missing',
    text: 'lacks its derivative',
    passBack: (cotangent) => plain.pullBack(application, cotangent, operand),
  }
  if (rule.arity === 1) {
    const { result } = application
    const again = {
      operands: [result],
      result: { ...result, data: result.data.map((a) => rule.value(a, a, a)) },
    }
    yield {
      kind: 'derivative-wrong',
      text: 'has its derivative at the value it made, not at its argument',
      passBack: (cotangent) => pullBack(rule, again, cotangent, 0),
    }
  }
  for (const { text, slope } of rule.mistakes ?? []) {
    const wrong = elementwise(name, {
      ...rule,
      constants: 1,
      fill: (k, at, z, _b, _c, value) => k.set([slope(z, value)], at),
      change: (k, at, a) => a * k[at],
    })
    yield {
      kind: 'derivative-wrong',
      text: `has the derivative ${text}`,
      passBack: (cotangent) => wrong.pullBack(application, cotangent, 0),
    }
  }
}

/** Roundings of a value: of its own, and of a series behind it. */
const VALUE_ROUNDINGS = 2

function carryErrors(
  rule: ScalarRule,
  application: Application,
  operandErrors: readonly Float64Array[],
): Float64Array {
  const { operands, result } = application
  const orders = readOrders(operands)
  const size = result.data.length
  const carried = new Float64Array(size)
  if (rule.roundings !== 0) {
    for (let k = 0; k < size; k++) carried[k] = VALUE_ROUNDINGS * Math.abs(result.data[k])
  }
  for (const [operand, errors] of operandErrors.entries()) {
    if (errors.every((error) => error === 0)) continue
    const order = orders[operand] ?? whole(size)
    const slopes = slopesOf(rule, application, operand)
    for (let k = 0; k < size; k++) {
      const own = errors[order[k]]
      const slope = Math.abs(slopes[k])
      // on a special point there is no slope to tell how far the error goes; a branch not taken may be no number
      if (own !== 0 && slope !== 0 && Number.isFinite(slope)) carried[k] += slope * own
    }
  }
  return carried
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
  const slopes = slopesOf(rule, application, operand)
  const places = readOrders(application.operands)[operand] ?? whole(slopes.length)
  const ofSlope = new Float64Array(application.operands[operand].data.length)
  for (let k = 0; k < slopes.length; k++) {
    if (sizes[k] !== 0) ofSlope[places[k]] += Math.abs(slopes[k]) * sizes[k]
  }
  if (rule.terms === undefined) return ofSlope
  const order = readOrders(application.operands)[operand]
  const { terms } = rule
  forEachElement(application.operands, sizes.length, (k, a, b, c) => {
    if (sizes[k] === 0) return
    const at = order === undefined ? k : order[k]
    ofSlope[at] += terms(operand, a, b, c, application.result.data[k]) * sizes[k]
  })
  return ofSlope
}

/** Elements beside whose operands the rule crosses. */
function createKinks(rule: ScalarRule): Kinks {
  return {
    find(application, errors) {
      const constants = constantsOf(rule, application)
      const orders = readOrders(application.operands)
      return Int32Array.from(application.result.data.keys()).filter((k) =>
        errors.some((own, operand) => {
          const reach = FLOAT64_ROUNDOFF * own[orders[operand]?.[k] ?? k] + BESIDE
          const [a, b, c] = [0, 1, 2].map((other) => (other === operand ? 1 : 0))
          return [reach, -reach].some((h) => rule.crosses!(constants, rule.constants * k, a, b, c, h))
        }),
      )
    },
    reads: ({ operands, result }, operand, k) => [placeIn(operands[operand].shape, result.shape, k)],
    slopes: (application, errors, operand, k) => [slopesBeside(rule, application, errors, operand, k)],
  }
}

/** The slope of an element by one operand: on both sides of its kink, between them, and as the rule itself has it. */
function slopesBeside(
  rule: ScalarRule,
  { operands, result }: Application,
  errors: readonly Float64Array[],
  operand: number,
  k: number,
): SlopesOnKink {
  const placeOf = (other: number) => placeIn(operands[other].shape, result.shape, k)
  const at = operands.map(({ data }, other) => data[placeOf(other)])
  const reach = errors.reduce((sum, own, other) => sum + own[placeOf(other)], 0) * FLOAT64_ROUNDOFF + BESIDE
  const constants = new Float64Array(rule.constants)
  const unit = [0, 1, 2].map((other) => (other === operand ? 1 : 0))
  // the first operand decides: where there are two, it is their difference that matters
  const slopeAt = (moved: number) => {
    const [a, b, c] = at.with(0, at[0] + moved)
    rule.fill(constants, 0, a, b, c, rule.value(a, b, c))
    return rule.change(constants, 0, unit[0], unit[1], unit[2], 0)
  }
  const shift = 2 * reach + 4 * FLOAT64_ROUNDOFF * Math.abs(at[0])
  const [left, right] = [slopeAt(-shift), slopeAt(shift)]
  return { at: placeOf(operand), left, right, mean: (left + right) / 2, usual: slopeAt(0) }
}

/** Where an operand's element stands behind element k of what it is broadcast to. */
function placeIn(own: Shape, shape: Shape, k: number): number {
  const from = broadcastStrides(own, shape)
  return stridesOf(shape).reduce(
    (sum, stride, axis) => sum + (Math.floor(k / stride) % shape[axis]) * from[axis],
    0,
  )
}
