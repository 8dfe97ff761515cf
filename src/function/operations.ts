import * as arithmetic from '../operations/arithmetic.js'
import * as choices from '../operations/choices.js'
import * as exponential from '../operations/exponential.js'
import * as hyperbolic from '../operations/hyperbolic.js'
import { abs, relu } from '../operations/rectifiers.js'
import { type ScalarRule, unary } from '../operations/scalar-rule.js'
import { sigmoid, softplus, tanh } from '../operations/sigmoids.js'
import { RULE_CODES } from '../operations/table.js'
import * as trigonometric from '../operations/trigonometric.js'

/** An operation of formulas, as the table of operations has it. */
export interface Operation {
  /** Its number in the shaders. */
  readonly code: number
  /** Its rule; a power's depends on the exponent, a condition's on whether 0 holds. */
  rule(parameter: number): ScalarRule
}

export type OperationName =
  | 'add'
  | 'subtract'
  | 'negate'
  | 'multiply'
  | 'divide'
  | 'integer-power'
  | 'real-power'
  | 'cube-root'
  | 'power'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'sqrt'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'tanh'
  | 'sigmoid'
  | 'softplus'
  | 'relu'
  | 'abs'
  | 'sign'
  | 'step'
  | 'min'
  | 'max'
  | 'select'

/** Operations that take one of two slopes: which one is decided where their first constant is 0. */
export const SWITCHES: ReadonlySet<OperationName> = new Set(['relu', 'abs', 'min', 'max', 'select'])

/** Exponents up to this are multiplied out where the base may change its sign. */
export const HIGHEST_INTEGER_POWER = 1024

const ofRule = (rule: ScalarRule): Operation => ({ code: RULE_CODES[rule.shader], rule: () => rule })

/** The same of rules that depend on a parameter, which are made once for each. */
function ofRules(create: (parameter: number) => ScalarRule): Operation {
  const made = new Map<number, ScalarRule>()
  return {
    code: RULE_CODES[create(1).shader],
    rule(parameter) {
      const rule = made.get(parameter) ?? create(parameter)
      made.set(parameter, rule)
      return rule
    },
  }
}

/** Every operation that a formula is made of, from the table of operations. */
export const OPERATIONS: Readonly<Record<OperationName, Operation>> = {
  add: ofRule(arithmetic.add),
  subtract: ofRule(arithmetic.subtract),
  negate: ofRule(arithmetic.negative),
  multiply: ofRule(arithmetic.multiply),
  divide: ofRule(arithmetic.divide),
  'integer-power': ofRules(arithmetic.integerPower),
  'real-power': ofRules(arithmetic.realPower),
  'cube-root': ofRule(arithmetic.cubeRoot),
  power: ofRule(arithmetic.power),
  exp: ofRule(exponential.exp),
  expm1: ofRule(exponential.expm1),
  log: ofRule(exponential.log),
  log1p: ofRule(exponential.log1p),
  sqrt: ofRule(exponential.sqrt),
  sin: ofRule(trigonometric.sin),
  cos: ofRule(trigonometric.cos),
  tan: ofRule(trigonometric.tan),
  atan: ofRule(trigonometric.atan),
  sinh: ofRule(hyperbolic.sinh),
  cosh: ofRule(hyperbolic.cosh),
  tanh: ofRule(unary(tanh)),
  sigmoid: ofRule(unary(sigmoid)),
  softplus: ofRule(unary(softplus)),
  relu: ofRule(unary(relu)),
  abs: ofRule(unary(abs)),
  sign: ofRule(choices.sign),
  step: ofRule(choices.step),
  min: ofRule(choices.minimum),
  max: ofRule(choices.maximum),
  select: ofRules((inclusive) => choices.select(inclusive === 1)),
}
