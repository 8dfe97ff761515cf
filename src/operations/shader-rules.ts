import { numberNames } from '../gpu/shader-codes.js'

/**
 * `package::rule_codes` of the shaders: the difference rules that they have. Those of shaders/rules.wesl, which formulas
 * are made of as well, come first; those of shaders/program/rule.wesl alone behind them.
 */
export const RULE_CODES = numberNames([
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
  'leaky-relu',
  'elu',
  'selu',
  'softsign',
  'silu',
  'gelu',
  'gelu-tanh',
  'gelu-sigmoid',
  'binary-cross-entropy',
])

/** A rule of the shaders, which takes a scalar rule's constants in their own order. */
export type ShaderRule = Exclude<keyof typeof RULE_CODES, 'number' | 'variable'>
