import type { Shape } from '../program/shapes.js'
import type { Block, Form } from './change.js'
import type { Carried } from './kernels.js'
import type { Kinks } from './kinks.js'

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

/** What code passes back to an operand in the place of what the operation does. */
export interface OtherRule {
  readonly kind:
    | 'derivative-missing'
    | 'derivative-wrong'
    | 'not-transposed'
    | 'summed-wrong'
    | 'not-accumulated'
    | 'kernel-flipped'
    | 'operation-derivative-wrong'
  /** As a sentence goes on: what is passed back … */
  readonly text: string
  passBack(cotangent: Float64Array): Float64Array
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
  /**
   * The same with every factor squared: what it makes of variances that are independent, Σ J²·v.
   */
  pullBackSquares(application: Application, variances: Float64Array, operand: number): Float64Array
  /**
   * Σ|terms| of what is passed back, in the short forms that code in use has: 1 − a² for a tanh's slope, p − y for a
   * cross-entropy's. Left out where a derivative is one term.
   */
  pullBackTerms?(application: Application, cotangent: Float64Array, operand: number): Float64Array
  /** Mistakes that are made where the operation passes back to an operand. */
  mistakes?(application: Application, operand: number): Iterable<OtherRule>
  /**
   * Bounds on the errors of the result's elements, in unit roundoffs, from those of the operands: what the operation
   * makes of them, and its own roundings.
   */
  errors(application: Application, operands: readonly Float64Array[]): Float64Array
  /**
   * Roundings of an element of the result's change, as a variance in squared unit roundoffs relative to the squares of
   * its terms.
   */
  roundings(application: Application): number
  /** Left out of an operation without kinks. */
  readonly kinks?: Kinks | undefined
  /**
   * Prepares the constants of the given point and makes the function that plans how changes are carried: from the forms
   * of the operands' (nothing for one that does not change; one at least does) to that of the result's, and the kernels
   * that carry them by an exact difference rule.
   */
  prepare(application: Application): PlanChange
  /**
   * The axis of the result along which lanes lie that lie along these axes of the operands that change; undefined where
   * they would mix.
   * @param axes by operand; undefined for one that does not change
   */
  laneAxis(operands: readonly Shape[], axes: readonly (number | undefined)[]): number | undefined
  /** Multiply-adds of one evaluation, roughly. */
  work(operands: readonly Shape[]): number
  /** True for an operand in which the operation is linear while the others stay: what can be checked by its output. */
  isLinearIn(operand: number): boolean
  /**
   * Of an operation that does nothing but move elements, where each of its own stands among those of its operands, one
   * operand behind the other, below 0 for one that is 0; undefined where they are the operand's in the same order. Left out
   * of every other operation.
   */
  moves?(operands: readonly Shape[]): Int32Array | undefined
}

export type PlanChange = (forms: readonly (Form | undefined)[], block: Block) => Carried
