import * as arithmetic from '../operations/arithmetic.js'
import * as choices from '../operations/choices.js'
import * as exponential from '../operations/exponential.js'
import * as hyperbolic from '../operations/hyperbolic.js'
import { abs, relu } from '../operations/rectifiers.js'
import { type Crossing, type ScalarRule, unary } from '../operations/scalar-rule.js'
import { sigmoid, softplus, tanh } from '../operations/sigmoids.js'
import * as trigonometric from '../operations/trigonometric.js'

/** What an operation needs to know of the base point; shaders/function.wesl gets them rounded once to float32. */
export interface Constants {
  readonly x: number
  readonly y: number
  readonly z: number
  /** The operation's value. */
  readonly v: number
}

/** How an operation's value changes, divided by the step that made the change. */
export interface Change {
  readonly slope: number
  /** True when the change runs over the operation's special point, or starts from it. */
  readonly crosses: boolean
  /** The operand that alone passes a change; undefined where all of them do. */
  readonly through?: number
}

/** An operation of formulas: its value, and its exact difference rule. */
export interface Operation {
  /** Its number in shaders/function.wesl. */
  readonly code: number
  /** What is at its special point, if it has one. */
  readonly crossing?: Crossing
  /** Where its special point is, as a sentence goes on. */
  readonly where?: string
  /** The value at operands a, b, c. */
  value(a: number, b: number, c: number, parameter: number): number
  /** x, y, z of {@link Constants}. */
  constants(a: number, b: number, c: number, v: number, parameter: number): [number, number, number]
  /**
   * The change divided by the step h, from the operands' own changes divided by h: no cancellation but that of the
   * terms themselves, and f′ at h = 0.
   */
  change(k: Constants, a: number, b: number, c: number, h: number, parameter: number): Change
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

/** Numbers that a rule may take of the base point; the fourth is the value. */
const SLOTS = 4

/**
 * A rule of the table of operations as formulas take it.
 * @param code its number in shaders/function.wesl, which takes the constants in the rule's own order
 */
function ofRule(code: number, rule: ScalarRule): Operation {
  return ofRules(code, () => rule)
}

/** The same of rules that depend on a parameter, which are made once for each. */
function ofRules(code: number, create: (parameter: number) => ScalarRule): Operation {
  const made = new Map<number, ScalarRule>()
  const ruleOf = (parameter: number) => {
    const rule = made.get(parameter) ?? create(parameter)
    made.set(parameter, rule)
    return rule
  }
  const { special } = ruleOf(1)
  const slots = new Float64Array(SLOTS)
  return {
    code,
    ...(special === undefined ? {} : { crossing: special.kind, where: special.where }),
    value: (a, b, c, parameter) => ruleOf(parameter).value(a, b, c),
    constants(a, b, c, v, parameter) {
      slots.fill(0)
      ruleOf(parameter).fill(slots, 0, a, b, c, v)
      return [slots[0], slots[1], slots[2]]
    },
    change(k, a, b, c, h, parameter) {
      const rule = ruleOf(parameter)
      slots.set([k.x, k.y, k.z, k.v])
      const through = rule.through?.(slots, 0, a, b, c, h)
      return {
        slope: rule.change(slots, 0, a, b, c, h),
        crosses: rule.crosses?.(slots, 0, a, b, c, h) ?? false,
        ...(through === undefined ? {} : { through }),
      }
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
