import * as arithmetic from '../operations/arithmetic.js'
import * as choices from '../operations/choices.js'
import * as exponential from '../operations/exponential.js'
import * as hyperbolic from '../operations/hyperbolic.js'
import { abs, relu } from '../operations/rectifiers.js'
import { type ScalarRule, unary } from '../operations/scalar-rule.js'
import { sigmoid, softplus, tanh } from '../operations/sigmoids.js'
import * as trigonometric from '../operations/trigonometric.js'

/** An operation of formulas, as the table of operations has it. */
export interface Operation {
  /** Its number in shaders/function.wesl, which takes the constants in the rule's own order. */
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

const ofRule = (code: number, rule: ScalarRule): Operation => ({ code, rule: () => rule })

/** The same of rules that depend on a parameter, which are made once for each. */
function ofRules(code: number, create: (parameter: number) => ScalarRule): Operation {
  const made = new Map<number, ScalarRule>()
  return {
    code,
    rule(parameter) {
      const rule = made.get(parameter) ?? create(parameter)
      made.set(parameter, rule)
      return rule
    },
  }
}

/** Every operation that a formula is made of, from the table of operations. */
export const OPERATIONS: Readonly<Record<OperationName, Operation>> = {
  add: ofRule(2, arithmetic.add),
  subtract: ofRule(3, arithmetic.subtract),
  negate: ofRule(4, arithmetic.negative),
  multiply: ofRule(5, arithmetic.multiply),
  divide: ofRule(6, arithmetic.divide),
  'integer-power': ofRules(7, arithmetic.integerPower),
  'real-power': ofRules(8, arithmetic.realPower),
  'cube-root': ofRule(8, arithmetic.cubeRoot),
  power: ofRule(9, arithmetic.power),
  exp: ofRule(10, exponential.exp),
  expm1: ofRule(10, exponential.expm1),
  log: ofRule(11, exponential.log),
  log1p: ofRule(11, exponential.log1p),
  sqrt: ofRule(12, exponential.sqrt),
  sin: ofRule(13, trigonometric.sin),
  cos: ofRule(13, trigonometric.cos),
  tan: ofRule(14, trigonometric.tan),
  atan: ofRule(15, trigonometric.atan),
  sinh: ofRule(16, hyperbolic.sinh),
  cosh: ofRule(17, hyperbolic.cosh),
  tanh: ofRule(18, unary(tanh)),
  sigmoid: ofRule(19, unary(sigmoid)),
  softplus: ofRule(20, unary(softplus)),
  relu: ofRule(21, unary(relu)),
  abs: ofRule(22, unary(abs)),
  sign: ofRule(23, choices.sign),
  step: ofRule(24, choices.step),
  min: ofRule(25, choices.minimum),
  max: ofRule(26, choices.maximum),
  select: ofRules(27, (inclusive) => choices.select(inclusive === 1)),
}
