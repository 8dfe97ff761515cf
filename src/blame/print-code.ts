import type { Argument, Expression, Statement } from '../numpy/ast.js'
import { PRECEDENCE } from '../numpy/precedence.js'

const [CHOICE, LOGIC, COMPARISON, UNARY, ATOM] = [0, PRECEDENCE.or, PRECEDENCE['=='], PRECEDENCE.unary, 13]

/** What stands in the place of some expressions. */
export type Replaced = ReadonlyMap<Expression, Expression>

/** An expression as Python's text. */
export function printExpression(expression: Expression, replaced: Replaced = new Map()): string {
  return print(expression, 0, replaced)
}

function print(given: Expression, least: number, replaced: Replaced): string {
  const expression = replaced.get(given) ?? given
  const strength = strengthOf(expression)
  const text = printBare(expression, replaced)
  return strength < least ? `(${text})` : text
}

function strengthOf(expression: Expression): number {
  switch (expression.kind) {
    case 'binary':
      return PRECEDENCE[expression.operator]
    case 'unary':
      return expression.operator === 'not' ? LOGIC + 1 : UNARY
    case 'logic':
      return LOGIC
    case 'compare':
      return COMPARISON
    case 'choice':
    case 'lambda':
      return CHOICE
    case 'number':
      return expression.value < 0 ? UNARY : ATOM
    default:
      return ATOM
  }
}

function printBare(expression: Expression, replaced: Replaced): string {
  const go = (of: Expression, least = 0) => print(of, least, replaced)
  const list = (items: readonly Expression[]) => items.map((item) => go(item)).join(', ')
  switch (expression.kind) {
    case 'number': {
      const { value, isInteger } = expression
      return isInteger || !Number.isInteger(value) ? String(value) : `${value}.0`
    }
    case 'string':
      return `'${expression.value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`
    case 'format':
      return `f'${expression.parts.map((part) => (typeof part === 'string' ? part : `{${go(part.value)}}`)).join('')}'`
    case 'constant':
      return expression.value === null ? 'None' : expression.value ? 'True' : 'False'
    case 'ellipsis':
      return '...'
    case 'name':
      return expression.name
    case 'unary': {
      const { operator, operand } = expression
      return operator === 'not' ? `not ${go(operand, LOGIC + 1)}` : `${operator}${go(operand, UNARY)}`
    }
    case 'binary': {
      const { operator, left, right } = expression
      const own = strengthOf(expression)
      const isPower = operator === '**'
      const sides = [go(left, isPower ? own + 1 : own), go(right, isPower ? UNARY : own + 1)]
      return sides.join(isPower ? ' ** ' : ` ${operator} `)
    }
    case 'logic':
      return `${go(expression.left, LOGIC)} ${expression.operator} ${go(expression.right, LOGIC + 1)}`
    case 'compare':
      return [
        go(expression.first, COMPARISON + 1),
        ...expression.rest.map(({ operator, value }) => `${operator} ${go(value, COMPARISON + 1)}`),
      ].join(' ')
    case 'choice':
      return `${go(expression.then, LOGIC)} if ${go(expression.condition, LOGIC)} else ${go(expression.otherwise)}`
    case 'lambda':
      return `lambda ${expression.parameters.map(({ name }) => name).join(', ')}: ${go(expression.body)}`
    case 'call':
      return `${go(expression.callee, ATOM)}(${expression.arguments.map((argument) => printArgument(argument, go)).join(', ')})`
    case 'member':
      return `${go(expression.object, ATOM)}.${expression.name}`
    case 'index':
      return `${go(expression.object, ATOM)}[${printIndex(replaced.get(expression.index) ?? expression.index, go)}]`
    case 'slice': {
      const part = (of: Expression | undefined) => (of === undefined ? '' : go(of))
      const step = expression.step === undefined ? '' : `:${go(expression.step)}`
      return `${part(expression.start)}:${part(expression.stop)}${step}`
    }
    case 'tuple':
      return expression.items.length === 1 ? `(${list(expression.items)},)` : `(${list(expression.items)})`
    case 'list':
      return `[${list(expression.items)}]`
    case 'set':
      return `{${list(expression.items)}}`
    case 'dictionary':
      return `{${expression.entries.map(({ key, value }) => (key === undefined ? `**${go(value)}` : `${go(key)}: ${go(value)}`)).join(', ')}}`
    case 'comprehension': {
      const clauses = expression.clauses
        .map(({ target, list: of, conditions }) =>
          [`for ${go(target)} in ${go(of)}`, ...conditions.map((one) => `if ${go(one)}`)].join(' '),
        )
        .join(' ')
      const value =
        expression.key === undefined ? go(expression.value) : `${go(expression.key)}: ${go(expression.value)}`
      const [open, close] = { list: '[]', set: '{}', dictionary: '{}', generator: '()' }[expression.makes]
      return `${open}${value} ${clauses}${close}`
    }
    case 'starred':
      return `*${go(expression.value, ATOM)}`
    case 'walrus':
      return `(${expression.name} := ${go(expression.value)})`
    case 'yield': {
      const { isFrom, value } = expression
      return `yield${isFrom ? ' from' : ''}${value === undefined ? '' : ` ${go(value)}`}`
    }
    case 'broken':
      return '…'
  }
}

function printArgument({ kind, name, value }: Argument, go: (of: Expression) => string): string {
  if (kind === 'spread') return `*${go(value)}`
  if (kind === 'spread-names') return `**${go(value)}`
  return name === undefined ? go(value) : `${name}=${go(value)}`
}

const printIndex = (index: Expression, go: (of: Expression) => string) =>
  index.kind === 'tuple' && index.items.length > 1
    ? index.items.map((item) => go(item)).join(', ')
    : go(index)

/** The first line of a statement as Python's text. */
export function printStatement(statement: Statement, replaced: Replaced = new Map()): string {
  const go = (of: Expression) => print(of, 0, replaced)
  const bare = (of: Expression) => {
    const text = go(of)
    const shown = replaced.get(of) ?? of
    return shown.kind === 'tuple' && shown.items.length > 1 ? text.slice(1, -1) : text
  }
  switch (statement.kind) {
    case 'expression':
      return go(statement.value)
    case 'assign':
      return [...statement.targets, statement.value].map(bare).join(' = ')
    case 'update':
      return `${go(statement.target)} ${statement.operator}= ${go(statement.value)}`
    case 'return':
      return statement.value === undefined ? 'return' : `return ${bare(statement.value)}`
    case 'if':
      return `if ${go(statement.branches[0].condition)}:`
    case 'for':
      return `for ${bare(statement.target)} in ${go(statement.list)}:`
    case 'while':
      return `while ${go(statement.condition)}:`
    case 'function':
      return `def ${statement.name}(${statement.parameters
        .map(({ name, kind, usual }) => {
          const star = kind === 'rest' ? '*' : kind === 'names' ? '**' : ''
          return `${star}${name}${usual === undefined ? '' : `=${go(usual)}`}`
        })
        .join(', ')}):`
    default:
      return statement.kind
  }
}
