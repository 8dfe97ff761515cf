import type { Shape } from '../program/shapes.js'
import type { AttributeRules } from './attribute-rules.js'
import { elementwise } from './elementwise.js'
import type { Attributes, Operation } from './operation.js'
import type { ScalarRule } from './scalar-rule.js'

/** Where an operand may be drawn, so that steps of a quarter stay where the operation is defined. */
export type Domain = readonly [lowest: number, highest: number]

/** An instance of an operation, by which every property of it can be tried. */
export interface Example<A extends object = object> {
  readonly attributes?: A
  /** Of the operands. @default shapes that are broadcast together */
  readonly shapes?: readonly Shape[]
  /** Of each operand. @default numbers from −3 to 3 */
  readonly domains?: readonly Domain[]
}

/** An entry of the table of operations: what an operation is, once its attributes are given. */
export interface Definition<
  A extends object = object,
  Arity extends 1 | 2 | 3 | 'many' = 1 | 2 | 3 | 'many',
> {
  /** How many operands it takes; many are given as one list. */
  readonly arity: Arity
  /** What it is told beside its operands. */
  readonly attributes?: AttributeRules
  /** @default one of default attributes, shapes and domains */
  readonly examples?: readonly Example<A>[]
  make(name: string, attributes: A): Operation
}

/** Takes no attributes. */
export type NoAttributes = Readonly<Record<never, never>>

/** An element-wise operation, by its scalar rule. */
export function ofRule<const Arity extends 1 | 2 | 3>(
  arity: Arity,
  rule: ScalarRule,
  ...domains: readonly Domain[]
): Definition<NoAttributes, Arity> {
  return {
    arity,
    examples: domains.length === 0 ? [{}] : [{ domains }],
    make: (name) => elementwise(name, rule),
  }
}

/** An element-wise operation whose scalar rule depends on attributes. */
export function ofRules<A extends object, const Arity extends 1 | 2 | 3>(
  arity: Arity,
  attributes: AttributeRules,
  examples: readonly Example<A>[],
  ruleOf: (given: A) => ScalarRule,
): Definition<A, Arity> {
  return {
    arity,
    attributes,
    examples,
    make: (name, given) => elementwise(name, ruleOf(given), given as Attributes),
  }
}
