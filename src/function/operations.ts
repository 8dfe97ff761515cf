import { numberNames } from '../gpu/shader-codes.js'
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

/** `package::instruction_codes` of the shaders: what is no operation, then the rules of shaders/function_rules.wesl. */
export const INSTRUCTION_CODES = numberNames([
  'number',
  'variable',
  'add',
  'subtract',
  'negate',
  'multiply',
  'divide',
  'integer-power',
  'real-power',
  'power',
  'exp',
  'log',
  'sqrt',
  'sin',
  'tan',
  'atan',
  'sinh',
  'cosh',
  'tanh',
  'sigmoid',
  'softplus',
  'relu',
  'abs',
  'sign',
  'step',
  'min',
  'max',
  'select',
])

/** The rule of shaders/function_rules.wesl that carries an operation's changes. */
type ShaderRule = keyof typeof INSTRUCTION_CODES

const ofRule = (shaderRule: ShaderRule, rule: ScalarRule): Operation => ({
  code: INSTRUCTION_CODES[shaderRule],
  rule: () => rule,
})

/** The same of rules that depend on a parameter, which are made once for each. */
function ofRules(shaderRule: ShaderRule, create: (parameter: number) => ScalarRule): Operation {
  const made = new Map<number, ScalarRule>()
  return {
    code: INSTRUCTION_CODES[shaderRule],
    rule(parameter) {
      const rule = made.get(parameter) ?? create(parameter)
      made.set(parameter, rule)
      return rule
    },
  }
}

/** Every operation that a formula is made of, from the table of operations. */
export const OPERATIONS: Readonly<Record<OperationName, Operation>> = {
  add: ofRule('add', arithmetic.add),
  subtract: ofRule('subtract', arithmetic.subtract),
  negate: ofRule('negate', arithmetic.negative),
  multiply: ofRule('multiply', arithmetic.multiply),
  divide: ofRule('divide', arithmetic.divide),
  'integer-power': ofRules('integer-power', arithmetic.integerPower),
  'real-power': ofRules('real-power', arithmetic.realPower),
  'cube-root': ofRule('real-power', arithmetic.cubeRoot),
  power: ofRule('power', arithmetic.power),
  exp: ofRule('exp', exponential.exp),
  expm1: ofRule('exp', exponential.expm1),
  log: ofRule('log', exponential.log),
  log1p: ofRule('log', exponential.log1p),
  sqrt: ofRule('sqrt', exponential.sqrt),
  sin: ofRule('sin', trigonometric.sin),
  cos: ofRule('sin', trigonometric.cos),
  tan: ofRule('tan', trigonometric.tan),
  atan: ofRule('atan', trigonometric.atan),
  sinh: ofRule('sinh', hyperbolic.sinh),
  cosh: ofRule('cosh', hyperbolic.cosh),
  tanh: ofRule('tanh', unary(tanh)),
  sigmoid: ofRule('sigmoid', unary(sigmoid)),
  softplus: ofRule('softplus', unary(softplus)),
  relu: ofRule('relu', unary(relu)),
  abs: ofRule('abs', unary(abs)),
  sign: ofRule('sign', choices.sign),
  step: ofRule('step', choices.step),
  min: ofRule('min', choices.minimum),
  max: ofRule('max', choices.maximum),
  select: ofRules('select', (inclusive) => choices.select(inclusive === 1)),
}
