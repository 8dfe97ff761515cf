import { GradcheckError } from '../errors.js'
import { suggestName } from '../suggest.js'
import { type Expression, variablesOf } from './expression.js'
import { formulaError, nameError } from './formula-error.js'
import {
  type AnyNode,
  type ConditionalNode,
  type FunctionNode,
  loadMathjs,
  type OperatorNode,
} from './load-mathjs.js'
import { FUNCTION_NAMES, findFunction, findNamedNumber, number, operation, raise } from './vocabulary.js'

/** Characters that a formula may have. */
export const MOST_CHARACTERS = 10_000
/** Levels that brackets, functions, powers and signs may be nested. */
export const MOST_LEVELS = 200

/** A formula that was read. */
export interface Formula {
  readonly text: string
  /** mathjs's parse tree: nothing but numbers, names, operators, conditions and known functions. */
  readonly node: AnyNode
  readonly expression: Expression
  /** In the order in which they appear. */
  readonly variables: readonly string[]
}

const COMPARISONS: Readonly<Record<string, { swapped: boolean; inclusive: boolean }>> = {
  larger: { swapped: false, inclusive: false },
  largerEq: { swapped: false, inclusive: true },
  smaller: { swapped: true, inclusive: false },
  smallerEq: { swapped: true, inclusive: true },
}

const ARITHMETIC = ['add', 'subtract', 'multiply', 'divide'] as const

/**
 * Reads a formula with mathjs's parser. Only the tree is used: nothing of it is compiled or run as code, and what
 * is not plain arithmetic is refused.
 * @param variables names that are variables even where they stand for a number (e) otherwise
 * @throws GradcheckError `bad-formula`, with the place
 */
export async function parseFormula(text: string, variables: readonly string[] = []): Promise<Formula> {
  requireReadable(text)
  refuseOtherLanguages(text)
  const { parse } = await loadMathjs()
  let node: AnyNode
  try {
    node = parse(text)
  } catch (error) {
    throw explainParseError(text, error)
  }
  const reader = new Reader(text, new Set(variables))
  const expression = reader.read(node, 0)
  return { text, node, expression, variables: variablesOf(expression) }
}

/** Refuses what is empty, too long or too deep before a recursive parser sees it. */
function requireReadable(text: string): void {
  if (text.trim() === '') throw new GradcheckError('bad-formula', 'the formula is empty')
  if (text.length > MOST_CHARACTERS) {
    throw new GradcheckError(
      'bad-formula',
      `the formula has ${text.length} characters, more than ${MOST_CHARACTERS}`,
    )
  }
  let depth = 0
  let signs = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if ('([{'.includes(character)) depth++
    if (')]}'.includes(character)) depth--
    if ('+-!~^?'.includes(character)) signs++
    else if (character !== ' ' && character !== '\t') signs = 0
    if (depth > MOST_LEVELS || signs > MOST_LEVELS) throw tooDeep(text, at)
    if (character === '\n' || character === ';') {
      const what = character === ';' ? 'a second expression' : 'a line break'
      throw formulaError(text, at, `${what} has no place in a formula`)
    }
  }
}

/** Namespaces that people's code has before a function. */
const NAMESPACE = /\b(np|numpy|jnp|jax|math|Math|torch|tf|cp|scipy)\.(?=[A-Za-z])/

/** Refuses what other languages write differently, and says how it is written here. */
function refuseOtherLanguages(text: string): void {
  const power = text.indexOf('**')
  if (power >= 0)
    throw formulaError(text, power, '** has no meaning in a formula', 'write ^ for a power: x^2')
  const found = NAMESPACE.exec(text)
  if (found === null) return
  const name = /[A-Za-z]\w*/.exec(text.slice(found.index + found[0].length))![0]
  throw formulaError(
    text,
    found.index,
    `${found[0]}${name} has no place in a formula`,
    `leave ${found[0]} out: write ${name.toLowerCase()}, as in exp(x), sin(x) or pi`,
  )
}

function tooDeep(text: string, at: number): GradcheckError {
  return formulaError(text, at, `the formula is nested more than ${MOST_LEVELS} levels deep`)
}

function explainParseError(text: string, error: unknown): GradcheckError {
  if (error instanceof RangeError) return tooDeep(text, 0)
  if (!(error instanceof SyntaxError)) throw error
  const at = 'char' in error && typeof error.char === 'number' ? error.char - 1 : 0
  const message = error.message.replace(/ \(char \d+\)$/, '')
  const words = message === '' ? 'syntax error' : message[0].toLowerCase() + message.slice(1)
  return formulaError(text, Math.min(at, text.length), `the formula cannot be read: ${words}`)
}

/** Turns mathjs's tree into ours. */
class Reader {
  readonly #text: string
  readonly #variables: ReadonlySet<string>

  constructor(text: string, variables: ReadonlySet<string>) {
    this.#text = text
    this.#variables = variables
  }

  read(node: AnyNode, depth: number): Expression {
    if (depth > MOST_LEVELS) throw tooDeep(this.#text, 0)
    switch (node.type) {
      case 'ConstantNode':
        if (typeof node.value !== 'number' || Number.isNaN(node.value))
          throw this.#refuse(typeof node.value === 'string' ? 'text' : String(node.value))
        return number(node.value)
      case 'SymbolNode':
        return this.#readName(node.name)
      case 'ParenthesisNode':
        return this.read(node.content, depth + 1)
      case 'OperatorNode':
        return this.#readChain(node, depth)
      case 'FunctionNode':
        return this.#readCall(node, depth)
      case 'ConditionalNode':
        return this.#readCondition(node, depth)
      default:
        throw this.#refuse(...describeNode((node as AnyNode).type))
    }
  }

  /** @param mark what it is recognised by in the text */
  #refuse(what: string, mark?: RegExp): GradcheckError {
    const message = `${what} has no place in a formula`
    const fix =
      'use numbers, variables, + - * / ^, comparisons with ? :, and functions such as exp, log, sin, sigmoid'
    const at = mark === undefined ? -1 : this.#text.search(mark)
    return at < 0
      ? new GradcheckError('bad-formula', message, { fix })
      : formulaError(this.#text, at, message, fix)
  }

  #readName(name: string): Expression {
    const value = this.#variables.has(name) ? undefined : findNamedNumber(name)
    if (value !== undefined) return number(value)
    if (!this.#variables.has(name) && findFunction(name) !== undefined) {
      throw nameError(
        this.#text,
        name,
        `${name} is a function and needs an argument`,
        `write ${name}(x), with x for its argument`,
      )
    }
    return { kind: 'variable', name }
  }

  /** A chain such as a + b − c·d is as deep as it is long on its left: it is walked without recursion. */
  #readChain(node: OperatorNode, depth: number): Expression {
    const chain: OperatorNode[] = []
    let first: AnyNode = node
    while (
      first.type === 'OperatorNode' &&
      first.args.length === 2 &&
      ARITHMETIC.some((name) => name === (first as OperatorNode).fn)
    ) {
      chain.push(first)
      first = first.args[0]
    }
    let left = first.type === 'OperatorNode' ? this.#readOperator(first, depth) : this.read(first, depth + 1)
    for (const link of chain.reverse()) {
      const right = this.read(link.args[1], depth + 1)
      left = operation(link.fn as (typeof ARITHMETIC)[number], [left, right], () => link.toString())
    }
    return left
  }

  #readOperator(node: OperatorNode, depth: number): Expression {
    const source = () => node.toString()
    const [first, second] = node.args
    if (node.fn === 'unaryPlus') return this.read(first, depth + 1)
    if (node.fn === 'unaryMinus') return operation('negative', [this.read(first, depth + 1)], source)
    if (node.fn === 'pow') {
      return raise(this.read(first, depth + 1), this.read(second, depth + 1), source)
    }
    if (Object.hasOwn(COMPARISONS, node.fn)) {
      return this.#select(node, number(1), number(0), source, depth)
    }
    throw this.#refuse(`the operator ${node.op}`)
  }

  #readCondition({ condition, trueExpr, falseExpr }: ConditionalNode, depth: number): Expression {
    let test: AnyNode = condition
    while (test.type === 'ParenthesisNode') test = test.content
    if (test.type !== 'OperatorNode' || !Object.hasOwn(COMPARISONS, test.fn)) {
      throw this.#refuse(`a condition that is no comparison (${test.toString().slice(0, 40)})`)
    }
    const [then, otherwise] = [this.read(trueExpr, depth + 1), this.read(falseExpr, depth + 1)]
    return this.#select(test, then, otherwise, () => (test as OperatorNode).toString(), depth)
  }

  #select(
    test: OperatorNode,
    then: Expression,
    otherwise: Expression,
    source: () => string,
    depth: number,
  ): Expression {
    const { swapped, inclusive } = COMPARISONS[test.fn]
    const sides = test.args.map((side) => this.read(side, depth + 1))
    const distance = operation('subtract', swapped ? sides.reverse() : sides, source)
    return operation('select', [distance, then, otherwise], source, { inclusive })
  }

  #readCall(node: FunctionNode, depth: number): Expression {
    if (node.fn.type !== 'SymbolNode') throw this.#refuse(`a call of ${node.fn.toString().slice(0, 40)}`)
    const { name } = node.fn
    const found = findFunction(name)
    if (found === undefined) throw this.#explainUnknownFunction(name)
    const [fewest, most] = found.operands
    if (node.args.length < fewest || node.args.length > most) {
      const wanted = fewest === most ? String(fewest) : `${fewest} or more`
      throw nameError(
        this.#text,
        name,
        `${name} takes ${wanted} argument${wanted === '1' ? '' : 's'}, not ${node.args.length}`,
      )
    }
    return found.build(
      node.args.map((argument) => this.read(argument, depth + 1)),
      () => node.toString(),
    )
  }

  #explainUnknownFunction(name: string): GradcheckError {
    const isVariable = this.#variables.has(name)
    return nameError(
      this.#text,
      name,
      isVariable
        ? `${name} is a variable and cannot be called`
        : `there is no function "${name}"${suggestName(name, FUNCTION_NAMES)}`,
      isVariable ? `write ${name} * (…) for a product` : `the functions are ${FUNCTION_NAMES.join(' ')}`,
    )
  }
}

/** What mathjs's other nodes are called, and what they are recognised by. */
const OTHER_NODES: Readonly<Record<string, [string, RegExp?]>> = {
  AssignmentNode: ['an assignment', /(?<![<>=!])=(?!=)/],
  FunctionAssignmentNode: ['the definition of a function', /(?<![<>=!])=(?!=)/],
  AccessorNode: ['the access to a property', /\.(?=\p{L})|\[/u],
  ArrayNode: ['a list', /\[/],
  ObjectNode: ['an object', /\{/],
  RangeNode: ['a range', /:/],
  RelationalNode: ['a chain of comparisons'],
}

function describeNode(type: string): [string, RegExp?] {
  return Object.hasOwn(OTHER_NODES, type) ? OTHER_NODES[type] : [`a ${type}`]
}
