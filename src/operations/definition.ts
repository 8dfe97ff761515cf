import type { AttributeRules } from './attribute-rules.js'
import { elementwise } from './elementwise.js'
import type { Attributes, Operation } from './operation.js'
import type { ScalarRule } from './scalar-rule.js'

/** An entry of the table of operations: what an operation is, once its attributes are given. */
export interface Definition<A extends object = object, Arity extends 1 | 2 | 3 = 1 | 2 | 3> {
  /** How many operands it takes. */
  readonly arity: Arity
  /** What it is told beside its operands. */
  readonly attributes?: AttributeRules
  make(name: string, attributes: A): Operation
}

/** Takes no attributes. */
export type NoAttributes = Readonly<Record<never, never>>

/** An element-wise operation, by its scalar rule. */
export function ofRule<const Arity extends 1 | 2 | 3>(
  arity: Arity,
  rule: ScalarRule,
): Definition<NoAttributes, Arity> {
  return { arity, make: (name) => elementwise(name, rule) }
}

/** An element-wise operation whose scalar rule depends on attributes. */
export function ofRules<A extends object, const Arity extends 1 | 2 | 3>(
  arity: Arity,
  attributes: AttributeRules,
  ruleOf: (given: A) => ScalarRule,
): Definition<A, Arity> {
  return {
    arity,
    attributes,
    make: (name, given) => elementwise(name, ruleOf(given), given as Attributes),
  }
}
