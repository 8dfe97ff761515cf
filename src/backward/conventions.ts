import { constantsOf, type Elementwise, isElementwise, readOrders } from '../operations/elementwise.js'
import type { Application } from '../operations/operation.js'
import type { KinkConvention } from '../operations/scalar-rule.js'
import { applicationOf, type BoundProgram } from '../program/evaluate.js'
import type { ComputedValue, Value } from '../program/program.js'
import { FLOAT64_ROUNDOFF } from '../tensor.js'
import { type Cotangents, type Edge, reversePass } from './reverse-pass.js'

/** A step beside a kink: no base value is as small. */
const BESIDE = 2 ** -1000

/** The elements of a value that lie on a kink of its operation, as far as rounding of the operands lets one tell. */
export interface ElementsOnKinks {
  readonly value: ComputedValue & { readonly operation: Elementwise }
  /** Offsets in the value, ascending. */
  readonly elements: Int32Array
}

/** @param errors bounds on the errors of every value, in unit roundoffs of float64 */
export function findKinks(bound: BoundProgram, errors: readonly Float64Array[]): ElementsOnKinks[] {
  return bound.program.values.flatMap((value) => {
    if (!hasKink(value)) return []
    const elements = listElements(
      value.operation,
      applicationOf(bound, value),
      value.operands.map((id) => errors[id]),
    )
    return elements.length === 0 ? [] : [{ value, elements }]
  })
}

function hasKink(value: Value): value is ElementsOnKinks['value'] {
  return (
    value.kind === 'computed' &&
    isElementwise(value.operation) &&
    value.operation.rule.special?.kind === 'kink'
  )
}

function listElements(
  { rule }: Elementwise,
  application: Application,
  errors: readonly Float64Array[],
): Int32Array {
  const constants = constantsOf(rule, application)
  const orders = readOrders(application.operands)
  const found: number[] = []
  for (let k = 0; k < application.result.data.length; k++) {
    const at = rule.constants * k
    const isBeside = errors.some((own, operand) => {
      const order = orders[operand]
      const reach = FLOAT64_ROUNDOFF * own[order === undefined ? k : order[k]] + BESIDE
      const [a, b, c] = [0, 1, 2].map((other) => (other === operand ? 1 : 0))
      return [reach, -reach].some((h) => rule.crosses!(constants, at, a, b, c, h))
    })
    if (isBeside) found.push(k)
  }
  return Int32Array.from(found)
}

/**
 * The cotangents of a backpropagation in which every element on a kink has the slope of a convention.
 * @param wanted the ids of the values whose cotangents are wanted
 * @param conventionOf the convention of each value that lies on kinks, by its id
 */
export function reversePassByConvention(
  bound: BoundProgram,
  wanted: Iterable<number>,
  kinks: readonly ElementsOnKinks[],
  errors: readonly Float64Array[],
  conventionOf: (id: number) => KinkConvention,
): Cotangents {
  const byId = new Map(kinks.map((found) => [found.value.id, found]))
  const passBack = ({ user, operand }: Edge, cotangent: Float64Array) => {
    const found = byId.get(user)
    if (found === undefined) return undefined
    const { value, elements } = found
    const application = applicationOf(bound, value)
    const pulled = value.operation.pullBack(application, cotangent, operand)
    const order = readOrders(application.operands)[operand]
    const ownErrors = value.operands.map((id) => errors[id])
    for (const k of elements) {
      const slopes = slopesBeside(value.operation, application, ownErrors, operand, k)
      const change = slopes[conventionOf(user)] - slopes.usual
      pulled[order === undefined ? k : order[k]] += change * cotangent[k]
    }
    return pulled
  }
  return reversePass(bound, { wanted, passBack })
}

/** The cotangents of a backpropagation in which nothing comes through an element on a kink. */
export function reversePassBesideKinks(
  bound: BoundProgram,
  wanted: Iterable<number>,
  kinks: readonly ElementsOnKinks[],
): Cotangents {
  const byId = new Map(kinks.map((found) => [found.value.id, found]))
  const passBack = ({ user, operand }: Edge, cotangent: Float64Array) => {
    const found = byId.get(user)
    if (found === undefined) return undefined
    const beside = cotangent.slice()
    for (const k of found.elements) beside[k] = 0
    return found.value.operation.pullBack(applicationOf(bound, found.value), beside, operand)
  }
  return reversePass(bound, { wanted, passBack })
}

/** An application moved off the given point, but for the operands of elements on kinks: those stay where they are. */
export function holdOnKinks(
  { elements }: ElementsOnKinks,
  moved: Application,
  base: Application,
): Application {
  const orders = readOrders(base.operands)
  const operands = moved.operands.map(({ shape, data }, operand) => {
    const held = data.slice()
    for (const k of elements) {
      const at = orders[operand]?.[k] ?? k
      held[at] = base.operands[operand].data[at]
    }
    return { shape, data: held }
  })
  const data = moved.result.data.slice()
  for (const k of elements) data[k] = base.result.data[k]
  return { operands, result: { shape: moved.result.shape, data } }
}

/** The slope at an element by one operand: on both sides of its kink, between them, and as the rule itself has it. */
function slopesBeside(
  { rule }: Elementwise,
  application: Application,
  errors: readonly Float64Array[],
  operand: number,
  k: number,
): Readonly<Record<KinkConvention | 'usual', number>> {
  const orders = readOrders(application.operands)
  const placeOf = (other: number) => orders[other]?.[k] ?? k
  const at = application.operands.map(({ data }, other) => data[placeOf(other)])
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
  return { left, right, mean: (left + right) / 2, usual: slopeAt(0) }
}
