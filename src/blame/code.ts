import type { Expression, FunctionDefinition, Statement } from '../numpy/ast.js'

/** The numbers that stand in code, other than the smallest whole ones. */
export function literalsIn(code: unknown, found = new Set<number>()): readonly number[] {
  if (Array.isArray(code)) for (const one of code) literalsIn(one, found)
  else if (code !== null && typeof code === 'object') {
    const { kind, value } = code as { kind?: string; value?: unknown }
    if (kind === 'number' && typeof value === 'number' && !(Number.isInteger(value) && Math.abs(value) < 3))
      found.add(value)
    for (const one of Object.values(code)) literalsIn(one, found)
  }
  return [...found].slice(0, 24)
}

export const contains = (statements: readonly Statement[], wanted: Statement): boolean =>
  statements.some(
    (statement) => statement === wanted || blocksOf(statement).some((body) => contains(body, wanted)),
  )

/** The blocks of statements within one. */
export function blocksOf(statement: Statement): readonly (readonly Statement[])[] {
  switch (statement.kind) {
    case 'if':
      return [...statement.branches.map(({ body }) => body), statement.otherwise]
    case 'for':
    case 'while':
      return [statement.body, statement.otherwise]
    case 'try':
      return [
        statement.body,
        ...statement.handlers.map(({ body }) => body),
        statement.otherwise,
        statement.last,
      ]
    case 'with':
    case 'function':
    case 'class':
      return [statement.body]
    default:
      return []
  }
}

/** Names that code sets, and those that it reads. */
export function countNames(code: unknown, written: Map<string, number>, read: Set<string>): void {
  if (Array.isArray(code)) {
    for (const one of code) countNames(one, written, read)
    return
  }
  if (code === null || typeof code !== 'object') return
  const node = code as Record<string, unknown> & { kind?: string; name?: string }
  if (node.kind === 'assign' || node.kind === 'for') {
    const targets = (node.targets ?? [node.target]) as Expression[]
    const set = (target: Expression): void => {
      if (target.kind === 'name') written.set(target.name, 1)
      else if (target.kind === 'tuple' || target.kind === 'list') target.items.forEach(set)
      else countNames(target, written, read)
    }
    targets.forEach(set)
    const { targets: _, target: __, ...others } = node
    for (const one of Object.values(others)) countNames(one, written, read)
    return
  }
  if (node.kind === 'name') read.add(String(node.name))
  for (const one of Object.values(node)) countNames(one, written, read)
}

export function definitionsIn(statements: readonly Statement[]): FunctionDefinition[] {
  return statements.flatMap((statement) =>
    statement.kind === 'function'
      ? [statement, ...definitionsIn(statement.body)]
      : statement.kind === 'class'
        ? definitionsIn(statement.body)
        : [],
  )
}
