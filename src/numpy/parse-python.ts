import type { SyntaxNode } from '@lezer/common'
import type { Argument, Clause, Expression, FormatPart, Parameter, Statement } from './ast.js'
import { PRECEDENCE } from './precedence.js'

/** Parses Python. Only the tree is made; nothing is run. */
export interface PythonParser {
  parse(text: string): readonly Statement[]
}

/** Loads the parser when it is first wanted. */
export async function loadPythonParser(): Promise<PythonParser> {
  const { parser } = await import('@lezer/python')
  return {
    parse(text) {
      const { text: readable, floats } = protectFloats(text)
      return new Converter(readable, floats).statements(parser.parse(readable).topNode)
    },
  }
}

/** Strings and comments, in which nothing is taken for a number; and numbers with a bare dot. */
const TOKENS =
  /#[^\n]*|[rRbBuUfF]{0,2}(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*')|(?<![\w.])(\d[\d_]*)\.(?![\w.])|(?<![\w.])(\d[\d_]*)\.([eE][+-]?\d+)/g

/** Numbers such as `1.` and `1.e5` are none to the parser: the dot gives way, offsets stay, and their places are remembered. */
function protectFloats(text: string): { text: string; floats: ReadonlySet<number> } {
  const floats = new Set<number>()
  const readable = text.replace(
    TOKENS,
    (
      token,
      plain: string | undefined,
      digits: string | undefined,
      exponent: string | undefined,
      at: number,
    ) => {
      if (plain === undefined && digits === undefined) return token
      floats.add(at)
      return plain === undefined ? `${digits}${exponent} ` : `${plain} `
    },
  )
  return { text: readable, floats }
}

const COMPARISON = PRECEDENCE['==']

/** A run of operands and operators, as they stand. */
type Token = { readonly operator: string; readonly at: number } | { readonly operand: Expression }

class Converter {
  readonly #text: string
  readonly #floats: ReadonlySet<number>

  constructor(text: string, floats: ReadonlySet<number>) {
    this.#text = text
    this.#floats = floats
  }

  statements(node: SyntaxNode): Statement[] {
    return children(node).flatMap((child) => this.#statement(child))
  }

  #body(node: SyntaxNode | undefined): Statement[] {
    return node === undefined ? [] : this.statements(node)
  }

  #read(node: SyntaxNode): string {
    return this.#text.slice(node.from, node.to)
  }

  #statement(node: SyntaxNode): Statement[] {
    const at = node.from
    const parts = children(node)
    switch (node.name) {
      case ':':
      case 'Comment':
      case ';':
        return []
      case 'StatementGroup':
        return this.statements(node)
      case 'ExpressionStatement':
        return [{ kind: 'expression', at, value: this.#list(parts) }]
      case 'AssignStatement': {
        const groups = split(
          parts.filter((part) => part.name !== 'TypeDef'),
          (part) => part.name === 'AssignOp',
        )
        const read = groups.map((group) => this.#list(group))
        if (groups.length === 1) return [{ kind: 'declare', at, target: read[0] }]
        const isTyped = parts.some((part) => part.name === 'TypeDef')
        return [{ kind: 'assign', at, targets: read.slice(0, -1), value: read[read.length - 1], isTyped }]
      }
      case 'UpdateStatement': {
        const operator = parts.findIndex((part) => part.name === 'UpdateOp')
        return [
          {
            kind: 'update',
            at,
            target: this.#list(parts.slice(0, operator)),
            operator: this.#read(parts[operator]).slice(0, -1),
            value: this.#list(parts.slice(operator + 1)),
          },
        ]
      }
      case 'ReturnStatement':
        return [{ kind: 'return', at, value: parts.length === 1 ? undefined : this.#list(parts.slice(1)) }]
      case 'IfStatement':
        return [this.#if(node, parts)]
      case 'ForStatement': {
        const inside = parts.findIndex((part) => part.name === 'in')
        const bodies = parts.filter((part) => part.name === 'Body')
        const end = parts.findIndex((part) => part.name === 'Body')
        return [
          {
            kind: 'for',
            at,
            target: this.#list(parts.slice(1, inside)),
            list: this.#list(parts.slice(inside + 1, end)),
            body: this.#body(bodies[0]),
            otherwise: this.#body(bodies[1]),
          },
        ]
      }
      case 'WhileStatement': {
        const bodies = parts.filter((part) => part.name === 'Body')
        return [
          {
            kind: 'while',
            at,
            condition: this.#expression(parts[1]),
            body: this.#body(bodies[0]),
            otherwise: this.#body(bodies[1]),
          },
        ]
      }
      case 'FunctionDefinition':
      case 'ClassDefinition':
        return [this.#definition(node, [])]
      case 'DecoratedStatement': {
        const decorators = parts
          .filter((part) => part.name === 'Decorator')
          .map((part) => this.#read(part).slice(1).trim())
        const definition = parts.find((part) => part.name.endsWith('Definition'))
        return definition === undefined ? [] : [this.#definition(definition, decorators)]
      }
      case 'ImportStatement':
        return this.#import(node, parts)
      case 'AssertStatement': {
        const values = parts.slice(1).filter((part) => part.name !== ',')
        return [
          {
            kind: 'assert',
            at,
            condition: this.#expression(values[0]),
            message: values[1] && this.#expression(values[1]),
          },
        ]
      }
      case 'RaiseStatement':
        return [{ kind: 'raise', at, value: parts[1] && this.#expression(parts[1]) }]
      case 'WithStatement':
        return [this.#with(node, parts)]
      case 'ScopeStatement':
        return [
          {
            kind: 'global',
            at,
            isNonlocal: parts[0].name === 'nonlocal',
            names: parts
              .slice(1)
              .filter((part) => part.name === 'VariableName')
              .map((part) => this.#read(part)),
          },
        ]
      case 'DeleteStatement':
        return [
          {
            kind: 'delete',
            at,
            targets: split(parts.slice(1), (part) => part.name === ',')
              .filter((group) => group.length > 0)
              .map(([part]) => this.#expression(part)),
          },
        ]
      case 'YieldStatement':
        return [{ kind: 'expression', at, value: this.#yield(node, parts) }]
      case 'PassStatement':
      case 'PrintStatement':
        return [{ kind: 'pass', at }]
      case 'BreakStatement':
        return [{ kind: 'break', at }]
      case 'ContinueStatement':
        return [{ kind: 'continue', at }]
      case 'TryStatement':
        return [this.#try(node, parts)]
      case 'MatchStatement':
        return [{ kind: 'broken', at, what: 'match' }]
      default:
        return [{ kind: 'broken', at, what: node.type.isError ? 'this is no Python' : node.name }]
    }
  }

  #if(node: SyntaxNode, parts: readonly SyntaxNode[]): Statement {
    const branches: { condition: Expression; body: Statement[] }[] = []
    let otherwise: Statement[] = []
    for (const [k, part] of parts.entries()) {
      if (part.name === 'if' || part.name === 'elif') {
        const end = parts.findIndex((other, at) => at > k && other.name === 'Body')
        branches.push({ condition: this.#list(parts.slice(k + 1, end)), body: this.#body(parts[end]) })
      } else if (part.name === 'else') otherwise = this.#body(parts[k + 1])
    }
    return { kind: 'if', at: node.from, branches, otherwise }
  }

  #yield(node: SyntaxNode, parts: readonly SyntaxNode[]): Expression {
    const isFrom = parts[1]?.name === 'from'
    const given = parts.slice(isFrom ? 2 : 1).filter((part) => !part.type.isError)
    return { kind: 'yield', at: node.from, isFrom, value: given.length === 0 ? undefined : this.#list(given) }
  }

  #with(node: SyntaxNode, parts: readonly SyntaxNode[]): Statement {
    const end = parts.findIndex((part) => part.name === 'Body')
    const inside = parts.slice(1, end)
    if (end === -1 || inside.some((part) => part.type.isError || hasError(part))) {
      return { kind: 'broken', at: node.from, what: 'a with of this form' }
    }
    const items = split(inside, (part) => part.name === ',')
      .filter((group) => group.length > 0)
      .map((group) => ({
        value: this.#expression(group[0]),
        target: group[1]?.name === 'as' ? this.#expression(group[2]) : undefined,
      }))
    return { kind: 'with', at: node.from, items, body: this.#body(parts[end]) }
  }

  #try(node: SyntaxNode, parts: readonly SyntaxNode[]): Statement {
    const clauses: { readonly head: SyntaxNode; readonly of: SyntaxNode[]; readonly body: SyntaxNode }[] = []
    let [head] = parts
    let of: SyntaxNode[] = []
    for (const part of parts) {
      if (['try', 'except', 'else', 'finally'].includes(part.name)) {
        head = part
        of = []
      } else if (part.name === 'Body') clauses.push({ head, of, body: part })
      else of.push(part)
    }
    const bodyOf = (name: string) => this.#body(clauses.find((clause) => clause.head.name === name)?.body)
    const handlers = clauses.filter(({ head: { name } }) => name === 'except')
    if (handlers.some((handler) => handler.of.some(({ name }) => name === '*' || name === ','))) {
      return { kind: 'broken', at: node.from, what: 'an except of this form' }
    }
    return {
      kind: 'try',
      at: node.from,
      body: bodyOf('try'),
      handlers: handlers.map((handler) => ({
        at: handler.head.from,
        of: handler.of[0] && this.#expression(handler.of[0]),
        name: handler.of[1]?.name === 'as' ? this.#read(handler.of[2]) : undefined,
        body: this.#body(handler.body),
      })),
      otherwise: bodyOf('else'),
      last: bodyOf('finally'),
    }
  }

  #definition(node: SyntaxNode, decorators: readonly string[]): Statement {
    const parts = children(node)
    if (parts[0]?.name === 'async') return { kind: 'broken', at: node.from, what: 'async' }
    const name = parts.find((part) => part.name === 'VariableName')
    const body = parts.find((part) => part.name === 'Body')
    const common = { at: node.from, name: name === undefined ? '' : this.#read(name), body: this.#body(body) }
    if (node.name === 'ClassDefinition') {
      const list = parts.find((part) => part.name === 'ArgList')
      const given = list === undefined ? [] : this.#arguments(list)
      const meta = given.find(({ name, value }) => name !== undefined && !isAbstract(value))
      const body: Statement[] =
        meta === undefined
          ? common.body
          : [...common.body, { kind: 'broken', at: node.from, what: `the argument ${meta.name} of a class` }]
      const bases = given.filter(({ name }) => name === undefined).map(({ value }) => value)
      return { kind: 'class', ...common, body, bases, decorators }
    }
    const list = parts.find((part) => part.name === 'ParamList')
    return {
      kind: 'function',
      ...common,
      decorators,
      parameters: list === undefined ? [] : this.#parameters(list),
    }
  }

  #parameters(list: SyntaxNode): Parameter[] {
    const parameters: Parameter[] = []
    let isNamedOnly = false
    for (const group of split(
      children(list).filter(({ name }) => name !== '(' && name !== ')'),
      ({ name }) => name === ',',
    )) {
      const name = group.find((part) => part.name === 'VariableName')
      const star = group[0]?.name
      if (name === undefined) {
        if (star === '*') isNamedOnly = true
        continue
      }
      const equals = group.findIndex((part) => part.name === 'AssignOp')
      const kind = star === '*' ? 'rest' : star === '**' ? 'names' : isNamedOnly ? 'named-only' : 'plain'
      if (star === '*') isNamedOnly = true
      parameters.push({
        name: this.#read(name),
        kind,
        usual: equals === -1 ? undefined : this.#expression(group[equals + 1]),
      })
    }
    return parameters
  }

  #import(node: SyntaxNode, parts: readonly SyntaxNode[]): Statement[] {
    const at = node.from
    const from = parts.findIndex((part) => part.name === 'from')
    const start = parts.findIndex((part) => part.name === 'import')
    const groups = split(
      parts.slice(start + 1).filter(({ name }) => name !== '(' && name !== ')'),
      ({ name }) => name === ',',
    )
    const read = groups
      .filter((group) => group.length > 0)
      .map((group) => {
        const as = group.findIndex((part) => part.name === 'as')
        const name = (as === -1 ? group : group.slice(0, as)).map((part) => this.#read(part)).join('')
        return { name, as: as === -1 ? undefined : this.#read(group[as + 1]) }
      })
    if (from === -1) {
      return read.map(({ name, as }) => ({ kind: 'import', at, module: name, as: as ?? name.split('.')[0] }))
    }
    const module = parts
      .slice(from + 1, start)
      .map((part) => this.#read(part))
      .join('')
    return [
      { kind: 'import-from', at, module, names: read.map(({ name, as }) => ({ name, as: as ?? name })) },
    ]
  }

  /** Expressions between commas: a tuple where there is one. */
  #list(parts: readonly SyntaxNode[]): Expression {
    const groups = split(parts, (part) => part.name === ',')
    if (groups.length === 1) return this.#starred(groups[0])
    const items = groups.filter((group) => group.length > 0).map((group) => this.#starred(group))
    return { kind: 'tuple', at: parts[0].from, items }
  }

  #starred(group: readonly SyntaxNode[]): Expression {
    const [first, second] = group
    if (first === undefined) return { kind: 'broken', at: 0, what: 'nothing' }
    if (first.name === '*' && second !== undefined) {
      return { kind: 'starred', at: first.from, value: this.#expression(second) }
    }
    return this.#expression(first)
  }

  #expression(node: SyntaxNode | undefined): Expression {
    if (node === undefined) return { kind: 'broken', at: 0, what: 'nothing' }
    const at = node.from
    const parts = children(node)
    switch (node.name) {
      case 'Number':
        return this.#number(node)
      case 'String':
        return this.#string(node)
      case 'ContinuedString':
        return this.#continued(at, parts)
      case 'FormatString':
        // such as {x:=+6d}, which the parser takes for an assignment
        if (hasError(node)) return { kind: 'broken', at, what: 'a formatted text of this form' }
        return { kind: 'format', at, parts: this.#format(node) }
      case 'Boolean':
        return { kind: 'constant', at, value: this.#read(node) === 'True' }
      case 'None':
        return { kind: 'constant', at, value: null }
      case 'Ellipsis':
        return { kind: 'ellipsis', at }
      case 'VariableName':
        return { kind: 'name', at, name: this.#read(node) }
      case 'ParenthesizedExpression':
        return this.#expression(parts.find((part) => part.name !== '(' && part.name !== 'Comment'))
      case 'BinaryExpression':
      case 'UnaryExpression':
        return this.#operators(node)
      case 'ConditionalExpression': {
        const values = parts.filter((part) => part.name !== 'if' && part.name !== 'else')
        const [then, condition, otherwise] = values.map((part) => this.#expression(part))
        return { kind: 'choice', at, condition, then, otherwise }
      }
      case 'LambdaExpression': {
        const list = parts.find((part) => part.name === 'ParamList')
        return {
          kind: 'lambda',
          at,
          parameters: list === undefined ? [] : this.#parameters(list),
          body: this.#expression(parts[parts.length - 1]),
        }
      }
      case 'CallExpression': {
        const list = parts.find((part) => part.name === 'ArgList')
        return {
          kind: 'call',
          at,
          callee: this.#expression(parts[0]),
          arguments: list === undefined ? [] : this.#arguments(list),
        }
      }
      case 'MemberExpression': {
        const object = this.#expression(parts[0])
        const property = parts.find((part) => part.name === 'PropertyName')
        if (property !== undefined) return { kind: 'member', at, object, name: this.#read(property) }
        return { kind: 'index', at, object, index: this.#subscript(parts.slice(2, -1), at) }
      }
      case 'TupleExpression':
      case 'ArrayExpression':
      case 'SetExpression': {
        const kind =
          node.name === 'TupleExpression' ? 'tuple' : node.name === 'SetExpression' ? 'set' : 'list'
        const groups = split(parts.slice(1, -1), (part) => part.name === ',').filter(
          (group) => group.length > 0,
        )
        return { kind, at, items: groups.map((group) => this.#starred(group)) }
      }
      case 'DictionaryExpression': {
        const groups = split(parts.slice(1, -1), (part) => part.name === ',').filter(
          (group) => group.length > 0,
        )
        return {
          kind: 'dictionary',
          at,
          entries: groups.map((group) => {
            if (group[0].name === '**') return { key: undefined, value: this.#expression(group[1]) }
            const [key, value] = split(group, (part) => part.name === ':')
            return { key: this.#expression(key[0]), value: this.#expression(value?.[0]) }
          }),
        }
      }
      case 'ArrayComprehensionExpression':
      case 'ComprehensionExpression':
      case 'SetComprehensionExpression':
      case 'DictionaryComprehensionExpression':
        return this.#comprehension(node, parts.slice(1, -1))
      case 'NamedExpression':
        return { kind: 'walrus', at, name: this.#read(parts[0]), value: this.#expression(parts[2]) }
      case 'YieldExpression':
        return this.#yield(node, parts)
      case 'AwaitExpression':
        return { kind: 'broken', at, what: 'await' }
      default:
        return { kind: 'broken', at, what: node.type.isError ? 'this is no Python' : node.name }
    }
  }

  #number(node: SyntaxNode): Expression {
    const text = this.#read(node).replaceAll('_', '')
    const isFloat = this.#floats.has(node.from) || /^[0-9.]*[.eE]/.test(text)
    const isInteger = !(isFloat && !/^0[xX]/.test(text))
    const number = Number(text)
    if (Number.isNaN(number)) return { kind: 'broken', at: node.from, what: `the number ${text}` }
    if (isInteger && !Number.isSafeInteger(number))
      return { kind: 'broken', at: node.from, what: 'a number as large' }
    return { kind: 'number', at: node.from, value: Number(text), isInteger }
  }

  #continued(at: number, parts: readonly SyntaxNode[]): Expression {
    const read = parts.map((part) => this.#expression(part))
    const broken = read.find((part) => part.kind === 'broken')
    if (broken !== undefined) return broken
    if (read.every((part) => part.kind === 'string')) {
      return { kind: 'string', at, value: read.map(({ value }) => value).join('') }
    }
    return {
      kind: 'format',
      at,
      parts: read.flatMap((part) =>
        part.kind === 'format' ? part.parts : part.kind === 'string' ? [part.value] : [],
      ),
    }
  }

  #string(node: SyntaxNode): Expression {
    const at = node.from
    const text = this.#read(node)
    if (/^\w*b/i.test(text)) return { kind: 'broken', at, what: 'a text of bytes' }
    return { kind: 'string', at, value: readString(text) }
  }

  #format(node: SyntaxNode): FormatPart[] {
    const whole = this.#read(node)
    const opening = /^([a-zA-Z]*)("""|'''|"|')/.exec(whole)
    const isRaw = /r/i.test(opening?.[1] ?? '')
    const from = node.from + (opening?.[0].length ?? 0)
    return this.#formatParts(node, from, node.to - (opening?.[2].length ?? 0), isRaw, true)
  }

  /** Text and replacements between two offsets; within a format braces are not doubled. */
  #formatParts(
    node: SyntaxNode,
    start: number,
    end: number,
    isRaw: boolean,
    isOutside: boolean,
  ): FormatPart[] {
    const parts: FormatPart[] = []
    let from = start
    const addText = (to: number): void => {
      const text = this.#text.slice(from, to)
      const plain = isOutside ? text.replaceAll('{{', '{').replaceAll('}}', '}') : text
      parts.push(isRaw ? plain : readEscapes(plain))
    }
    for (const part of children(node)) {
      if (part.name !== 'FormatReplacement') continue
      addText(part.from)
      const inside = children(part)
      const spec = inside.find((one) => one.name === 'FormatSpec')
      const conversion = inside.find((one) => one.name === 'FormatConversion')
      const selfDoc = inside.find((one) => one.name === 'FormatSelfDoc')
      const format = spec === undefined ? [] : this.#formatParts(spec, spec.from + 1, spec.to, isRaw, false)
      if (selfDoc !== undefined) {
        const blanks = /^\s*/.exec(this.#text.slice(selfDoc.to))?.[0] ?? ''
        parts.push(this.#text.slice(part.from + 1, selfDoc.to) + blanks)
      }
      const usual = selfDoc !== undefined && spec === undefined ? 'r' : undefined
      parts.push({
        value: this.#list(inside.filter((one) => !/^([{}]|Format(Spec|Conversion|SelfDoc))$/.test(one.name))),
        conversion: conversion === undefined ? usual : this.#read(conversion).slice(1),
        format,
      })
      from = part.to
    }
    addText(end)
    return parts
  }

  #arguments(list: SyntaxNode): Argument[] {
    const inside = children(list).filter(({ name }) => name !== '(' && name !== ')' && name !== 'Comment')
    // a generator without brackets of its own
    if (inside.some(({ name }) => name === 'for')) {
      return [{ kind: 'plain', name: undefined, value: this.#comprehension(list, inside) }]
    }
    return split(inside, ({ name }) => name === ',')
      .filter((group) => group.length > 0)
      .map((group): Argument => {
        if (group[0].name === '*')
          return { kind: 'spread', name: undefined, value: this.#expression(group[1]) }
        if (group[0].name === '**')
          return { kind: 'spread-names', name: undefined, value: this.#expression(group[1]) }
        const isNamed = group[1]?.name === 'AssignOp' && this.#read(group[1]) === '='
        if (group[1]?.name === 'AssignOp' && !isNamed) {
          const value = this.#expression(group[2])
          return {
            kind: 'plain',
            name: undefined,
            value: { kind: 'walrus', at: group[0].from, name: this.#read(group[0]), value },
          }
        }
        return {
          kind: 'plain',
          name: isNamed ? this.#read(group[0]) : undefined,
          value: this.#expression(isNamed ? group[2] : group[0]),
        }
      })
  }

  #subscript(parts: readonly SyntaxNode[], at: number): Expression {
    const inside = parts.filter((part) => part.name !== 'Comment')
    const groups = split(inside, (part) => part.name === ',')
    const items = groups.filter((group) => group.length > 0).map((group) => this.#item(group))
    return groups.length === 1
      ? (items[0] ?? { kind: 'broken', at, what: 'an empty subscript' })
      : { kind: 'tuple', at, items }
  }

  #item(group: readonly SyntaxNode[]): Expression {
    if (!group.some((part) => part.name === ':')) return this.#starred(group)
    const [start, stop, step] = split(group, (part) => part.name === ':').map(
      ([part]) => part && this.#expression(part),
    )
    return { kind: 'slice', at: group[0].from, start, stop, step }
  }

  #comprehension(node: SyntaxNode, parts: readonly SyntaxNode[]): Expression {
    const start = parts.findIndex((part) => part.name === 'for')
    const [key, value] = split(parts.slice(0, start), (part) => part.name === ':')
    const clauses: Clause[] = []
    for (let k = start; k < parts.length; ) {
      const inside = parts.findIndex((part, at) => at > k && part.name === 'in')
      if (inside === -1) return { kind: 'broken', at: node.from, what: 'this is no Python' }
      const next = parts.findIndex((part, at) => at > inside && part.name === 'for')
      const end = next === -1 ? parts.length : next
      const [list, ...conditions] = split(parts.slice(inside + 1, end), (part) => part.name === 'if')
      clauses.push({
        target: this.#list(parts.slice(k + 1, inside)),
        list: this.#list(list),
        conditions: conditions.map((condition) => this.#list(condition)),
      })
      k = end
    }
    const isDictionary = value !== undefined
    const makes = isDictionary
      ? 'dictionary'
      : node.name.startsWith('Array')
        ? 'list'
        : node.name.startsWith('Set')
          ? 'set'
          : 'generator'
    return {
      kind: 'comprehension',
      at: node.from,
      makes,
      key: isDictionary ? this.#list(key) : undefined,
      value: this.#list(isDictionary ? value : key),
      clauses,
    }
  }

  /** Runs of operators are grouped anew by Python's precedences: the parser's own are not Python's for `not` and comparisons. */
  #operators(node: SyntaxNode): Expression {
    const tokens: Token[] = []
    const flatten = (part: SyntaxNode): void => {
      if (part.name !== 'BinaryExpression' && part.name !== 'UnaryExpression') {
        tokens.push({ operand: this.#expression(part) })
        return
      }
      for (const child of children(part)) {
        const isOperator = /^(ArithOp|BitOp|CompareOp|and|or|not|in|is)$/.test(child.name)
        if (!isOperator) flatten(child)
        else {
          const operator = this.#read(child).replaceAll(/\s+/g, ' ')
          const last = tokens[tokens.length - 1]
          // two words
          if (
            last !== undefined &&
            'operator' in last &&
            ((last.operator === 'not' && operator === 'in') || (last.operator === 'is' && operator === 'not'))
          ) {
            tokens[tokens.length - 1] = { operator: `${last.operator} ${operator}`, at: last.at }
          } else tokens.push({ operator, at: child.from })
        }
      }
    }
    flatten(node)
    return new PrecedenceParser(tokens, node.from).parse(0)
  }
}

class PrecedenceParser {
  readonly #tokens: readonly Token[]
  readonly #start: number
  #next = 0

  constructor(tokens: readonly Token[], start: number) {
    this.#tokens = tokens
    this.#start = start
  }

  parse(lowest: number): Expression {
    let left = this.#prefix()
    for (;;) {
      const token = this.#tokens[this.#next]
      if (token === undefined || !('operator' in token)) return left
      const { operator } = token
      const precedence = PRECEDENCE[operator]
      if (precedence === undefined || precedence < lowest) return left
      if (precedence === COMPARISON) {
        left = this.#comparison(left)
        continue
      }
      this.#next++
      // ** groups from the right, and takes a sign on its right
      const right = this.parse(operator === '**' ? precedence - 1 : precedence + 1)
      left =
        operator === 'and' || operator === 'or'
          ? { kind: 'logic', at: left.at, operator, left, right }
          : { kind: 'binary', at: left.at, operator, left, right }
    }
  }

  #prefix(): Expression {
    const token = this.#tokens[this.#next++]
    if (token === undefined)
      return { kind: 'broken', at: this.#start, what: 'an operator without an operand' }
    if ('operand' in token) return token.operand
    const { operator, at } = token
    const operand = this.parse(operator === 'not' ? PRECEDENCE.not : PRECEDENCE.unary)
    return { kind: 'unary', at, operator, operand }
  }

  #comparison(first: Expression): Expression {
    const rest: { operator: string; value: Expression }[] = []
    for (;;) {
      const token = this.#tokens[this.#next]
      if (token === undefined || !('operator' in token) || PRECEDENCE[token.operator] !== COMPARISON) break
      this.#next++
      rest.push({ operator: token.operator, value: this.parse(COMPARISON + 1) })
    }
    return { kind: 'compare', at: first.at, first, rest }
  }
}

function children(node: SyntaxNode): SyntaxNode[] {
  const list: SyntaxNode[] = []
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== 'Comment') list.push(child)
  }
  return list
}

function split<T>(list: readonly T[], isBetween: (item: T) => boolean): T[][] {
  const groups: T[][] = [[]]
  for (const item of list) {
    if (isBetween(item)) groups.push([])
    else groups[groups.length - 1].push(item)
  }
  return groups
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '\n': '',
}

function readString(text: string): string {
  const opening = /^([a-zA-Z]*)("""|'''|"|')/.exec(text)
  if (opening === null) return text
  const inside = text.slice(opening[0].length, text.length - opening[2].length)
  return /r/i.test(opening[1]) ? inside : readEscapes(inside)
}

/** What a backslash begins; one that begins nothing stays. */
function readEscapes(text: string): string {
  return text.replaceAll(
    /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|[\s\S])/g,
    (whole, code: string) => {
      if (/^[xuU]./.test(code)) return String.fromCodePoint(Number.parseInt(code.slice(1), 16))
      if (/^[0-7]/.test(code)) return String.fromCodePoint(Number.parseInt(code, 8))
      return ESCAPES[code] ?? whole
    },
  )
}

/** `metaclass=ABCMeta` changes nothing of what a class does. */
const isAbstract = (value: Expression) =>
  (value.kind === 'name' && value.name === 'ABCMeta') || (value.kind === 'member' && value.name === 'ABCMeta')

function hasError(node: SyntaxNode): boolean {
  return children(node).some((child) => child.type.isError || hasError(child))
}
