import { add, divide, multiply, negative, subtract } from '../operations/arithmetic.js'
import type { ScalarRule } from '../operations/scalar-rule.js'
import type { Expression, OperationExpression, OperationName } from './expression.js'

/** Exponents up to this are multiplied out where the base may change its sign. */
const HIGHEST_INTEGER_POWER = 1024

/** Names that stand for a number unless a variable has the name. */
export const NAMED_NUMBERS: Readonly<Record<string, number>> = {
  e: Math.E,
  pi: Math.PI,
  tau: 2 * Math.PI,
  Infinity: Number.POSITIVE_INFINITY,
}

type Builder = (operands: readonly Expression[], source: () => string) => Expression

interface FunctionEntry {
  /** How many operands it takes, from and to. */
  readonly operands: readonly [number, number]
  readonly build: Builder
}

const MANY = 1000

export const number = (value: number): Expression => ({ kind: 'number', value })

/** A node of the tree; one whose operands are all numbers stays as it is, so that its errors have a place. */
export function operation(
  name: OperationName,
  operands: readonly Expression[],
  source: () => string,
  attributes: object = {},
): OperationExpression {
  return { kind: 'operation', operation: name, operands, attributes, source }
}

const plain = (name: OperationName): FunctionEntry => ({
  operands: [1, 1],
  build: (operands, source) => operation(name, operands, source),
})

const inverse = (name: OperationName): FunctionEntry => ({
  operands: [1, 1],
  build: (operands, source) => operation('divide', [number(1), operation(name, operands, source)], source),
})

const scaledLog = (scale: number): FunctionEntry => ({
  operands: [1, 1],
  build: (operands, source) =>
    operation('multiply', [number(scale), operation('log', operands, source)], source),
})

/** Joins many operands as a balanced tree, which keeps rounding and registers low. */
function joined(name: OperationName): FunctionEntry {
  const join: Builder = (operands, source) => {
    if (operands.length === 1) return operands[0]
    const half = operands.length >> 1
    const halves = [operands.slice(0, half), operands.slice(half)]
    return operation(
      name,
      halves.map((part) => join(part, source)),
      source,
    )
  }
  return { operands: [1, MANY], build: join }
}

const power = (exponent: number): FunctionEntry => ({
  operands: [1, 1],
  build: ([base], source) => raise(base, number(exponent), source),
})

/** base^exponent, by the rule that fits the exponent. */
export function raise(base: Expression, exponent: Expression, source: () => string): Expression {
  const p = constantOf(exponent)
  if (p === undefined) return operation('power', [base, exponent], source)
  if (p === 0) return number(1)
  if (p === 1) return base
  if (p < 0) return operation('divide', [number(1), raise(base, number(-p), source)], source)
  if (p === 0.5) return operation('sqrt', [base], source)
  if (Number.isInteger(p) && p <= HIGHEST_INTEGER_POWER)
    return operation('integerPower', [base], source, { exponent: p })
  return operation('realPower', [base], source, { exponent: p })
}

/** The value of plain arithmetic with numbers alone, such as −1/3 or 2 − 1; undefined for anything else. */
function constantOf(expression: Expression): number | undefined {
  if (expression.kind === 'number') return expression.value
  if (expression.kind === 'variable') return undefined
  const { operation: name, operands } = expression
  const rule = PLAIN_ARITHMETIC.get(name)
  if (rule === undefined) return undefined
  const [a, b] = operands.map(constantOf)
  if (a === undefined || (b === undefined && rule.arity > 1)) return undefined
  return rule.value(a, b ?? 0, 0)
}

const PLAIN_ARITHMETIC: ReadonlyMap<OperationName, ScalarRule> = new Map(
  Object.entries({ add, subtract, negative, multiply, divide }) as [OperationName, ScalarRule][],
)

/** The functions that a formula may call. */
const FUNCTIONS: Readonly<Record<string, FunctionEntry>> = {
  exp: plain('exp'),
  expm1: plain('expm1'),
  log: {
    operands: [1, 2],
    build: ([x, base], source) => {
      const top = operation('log', [x], source)
      return base === undefined ? top : operation('divide', [top, operation('log', [base], source)], source)
    },
  },
  ln: plain('log'),
  log2: scaledLog(Math.LOG2E),
  log10: scaledLog(Math.LOG10E),
  log1p: plain('log1p'),
  sqrt: plain('sqrt'),
  cbrt: plain('cbrt'),
  square: power(2),
  cube: power(3),
  pow: { operands: [2, 2], build: ([base, exponent], source) => raise(base, exponent, source) },
  sin: plain('sin'),
  cos: plain('cos'),
  tan: plain('tan'),
  sec: inverse('cos'),
  csc: inverse('sin'),
  cot: inverse('tan'),
  atan: plain('atan'),
  sinh: plain('sinh'),
  cosh: plain('cosh'),
  tanh: plain('tanh'),
  sech: inverse('cosh'),
  csch: inverse('sinh'),
  coth: inverse('tanh'),
  sigmoid: plain('sigmoid'),
  softplus: plain('softplus'),
  relu: plain('relu'),
  abs: plain('abs'),
  sign: plain('sign'),
  step: plain('step'),
  min: joined('minimum'),
  max: joined('maximum'),
  sum: joined('add'),
}

export const FUNCTION_NAMES: readonly string[] = Object.keys(FUNCTIONS)

/** The function of a name, if a formula may call it. */
export function findFunction(name: string): FunctionEntry | undefined {
  return Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined
}

/** The number that a name stands for, if it does. */
export function findNamedNumber(name: string): number | undefined {
  return Object.hasOwn(NAMED_NUMBERS, name) ? NAMED_NUMBERS[name] : undefined
}
