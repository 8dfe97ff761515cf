import type { Application } from './operation.js'
import type { KinkConvention } from './scalar-rule.js'

/** A step beside a kink: no base value is as small. */
export const BESIDE = 2 ** -1000

/** The derivative of an element on a kink by an element of an operand: by convention, and as the operation itself has it. */
export type SlopesOnKink = { readonly at: number } & Readonly<Record<KinkConvention | 'usual', number>>

/** What is known of an operation's kinks, by elements of its result. */
export interface Kinks {
  /**
   * The elements that lie on a kink, as far as rounding of the operands lets one tell, ascending.
   * @param errors bounds on the errors of each operand's elements, in unit roundoffs of float64
   */
  find(application: Application, errors: readonly Float64Array[]): Int32Array
  /** The elements of an operand that decide about one of them. */
  reads(application: Application, operand: number, element: number): Iterable<number>
  /** Its derivatives by an operand's elements, where conventions differ. */
  slopes(
    application: Application,
    errors: readonly Float64Array[],
    operand: number,
    element: number,
  ): readonly SlopesOnKink[]
}
