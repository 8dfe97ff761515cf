import type { Kinks } from '../operations/kinks.js'
import type { Application } from '../operations/operation.js'
import type { KinkConvention } from '../operations/scalar-rule.js'
import { applicationOf, type BoundProgram } from '../program/evaluate.js'
import type { ComputedValue } from '../program/program.js'
import { type Cotangents, type Edge, reversePass } from './reverse-pass.js'

/** The elements of a value that lie on a kink of its operation, as far as rounding of the operands lets one tell. */
export interface ElementsOnKinks {
  readonly value: ComputedValue
  /** Of its operation. */
  readonly kinks: Kinks
  /** Offsets in the value, ascending. */
  readonly elements: Int32Array
}

/** @param errors bounds on the errors of every value, in unit roundoffs of float64 */
export function findKinks(bound: BoundProgram, errors: readonly Float64Array[]): ElementsOnKinks[] {
  return bound.program.values.flatMap((value) => {
    if (value.kind !== 'computed' || value.operation.kinks === undefined) return []
    const { kinks } = value.operation
    const ofOperands = value.operands.map((id) => errors[id])
    const elements = kinks.find(applicationOf(bound, value), ofOperands)
    return elements.length === 0 ? [] : [{ value, kinks, elements }]
  })
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
    const { value, kinks, elements } = found
    const application = applicationOf(bound, value)
    const pulled = value.operation.pullBack(application, cotangent, operand)
    const ownErrors = value.operands.map((id) => errors[id])
    for (const k of elements) {
      for (const slopes of kinks.slopes(application, ownErrors, operand, k)) {
        pulled[slopes.at] += (slopes[conventionOf(user)] - slopes.usual) * cotangent[k]
      }
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
  { kinks, elements }: ElementsOnKinks,
  moved: Application,
  base: Application,
): Application {
  const operands = moved.operands.map(({ shape, data }, operand) => {
    const held = data.slice()
    for (const k of elements) {
      for (const at of kinks.reads(base, operand, k)) held[at] = base.operands[operand].data[at]
    }
    return { shape, data: held }
  })
  const data = moved.result.data.slice()
  for (const k of elements) data[k] = base.result.data[k]
  return { operands, result: { shape: moved.result.shape, data } }
}
