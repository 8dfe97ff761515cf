import type { Shape } from '../program/shapes.js'

/** An array at the given point, row-major. */
export interface Operand {
  readonly shape: Shape
  readonly data: Float64Array
}

/** What an operation is told beside its operands: plain data, so that it can be printed, compared and sent to a thread. */
export type Attributes = Readonly<Record<string, number | boolean | string | readonly number[] | undefined>>

/** An operation with its operands and its result at the given point. */
export interface Application {
  readonly operands: readonly Operand[]
  readonly result: Operand
}

/** What is known of one operation on tensors, its attributes given. */
export interface Operation {
  readonly name: string
  readonly attributes: Attributes
  /** @throws ShapeMismatch where the operands do not fit */
  shape(operands: readonly Shape[]): Shape
  /** Writes the value of the operation, in float64, into an array of its shape. */
  evaluate(operands: readonly Operand[], result: Float64Array): void
  /**
   * The vector-Jacobian product: what the cotangent of the result makes of an operand's, in the operand's shape.
   * It is linear in the cotangent, and exact.
   */
  pullBack(application: Application, cotangent: Float64Array, operand: number): Float64Array
  /** True for an operand in which the operation is linear while the others stay: what can be checked by its output. */
  isLinearIn(operand: number): boolean
}
