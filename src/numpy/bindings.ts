import type { Expression, Statement } from './ast.js'

/** Definitions, imports and assignments of a file, those within `with` and `try` too. */
export function topLevel(statements: readonly Statement[]): readonly Statement[] {
  if (!statements.some(({ kind }) => kind === 'with' || kind === 'try')) return statements
  return statements.flatMap((statement) => {
    if (statement.kind === 'with') return topLevel(statement.body)
    // of imports that are tried the last that is known is taken
    if (statement.kind === 'try') return topLevel(bodiesOf(statement).flat())
    return [statement]
  })
}

/** All that may be run of `try`. */
const bodiesOf = ({ body, handlers, otherwise, last }: Extract<Statement, { kind: 'try' }>) => [
  body,
  ...handlers.map((handler) => handler.body),
  otherwise,
  last,
]

/** Where a file's own code sets a name or changes what it holds; a definition that is replaced by another counts once. */
export function touchesOf(
  statements: readonly Statement[],
  name: string,
  isSimple = true,
): { readonly at: number; readonly isSimple: boolean }[] {
  return statements.flatMap((statement) => {
    const touch = (target: Expression) =>
      rootsOf(target).includes(name)
        ? [{ at: statement.at, isSimple: isSimple && target.kind !== 'index' && target.kind !== 'member' }]
        : []
    switch (statement.kind) {
      case 'assign':
        return statement.targets.flatMap(touch)
      case 'update':
        return touch(statement.target)
      case 'expression': {
        const { value } = statement
        const isMethod = value.kind === 'call' && value.callee.kind === 'member'
        return isMethod && rootsOf(value.callee).includes(name) ? [{ at: statement.at, isSimple: false }] : []
      }
      case 'for':
        return [
          ...touch(statement.target).map((one) => ({ ...one, isSimple: false })),
          ...touchesOf(statement.body, name, false),
        ]
      case 'while':
        return touchesOf(statement.body, name, false)
      case 'if':
        // what is only there when the file is run is not
        if (isMain(statement.branches[0]?.condition)) return []
        return [
          ...statement.branches.flatMap(({ body }) => touchesOf(body, name, false)),
          ...touchesOf(statement.otherwise, name, false),
        ]
      case 'with':
        return [
          ...statement.items.flatMap(({ target }) => (target === undefined ? [] : touch(target))),
          ...touchesOf(statement.body, name, isSimple),
        ]
      case 'try':
        return bodiesOf(statement).flatMap((body) => touchesOf(body, name, false))
      case 'delete':
        return statement.targets.flatMap(touch).map((one) => ({ ...one, isSimple: false }))
      case 'function':
      case 'class':
        return !isSimple && statement.name === name ? [{ at: statement.at, isSimple: false }] : []
      default:
        return []
    }
  })
}

/** `__name__ == '__main__'` */
const isMain = (condition: Expression | undefined) =>
  condition?.kind === 'compare' && condition.first.kind === 'name' && condition.first.name === '__name__'

/** The names at whose values a target, or a method's object, begins. */
function rootsOf(target: Expression): string[] {
  if (target.kind === 'name') return [target.name]
  if (target.kind === 'index' || target.kind === 'member') return rootsOf(target.object)
  if (target.kind === 'starred') return rootsOf(target.value)
  return target.kind === 'tuple' || target.kind === 'list' ? target.items.flatMap(rootsOf) : []
}

/** The names that an assignment makes. */
export function namesIn(target: Expression): string[] {
  if (target.kind === 'name') return [target.name]
  if (target.kind === 'starred') return namesIn(target.value)
  return target.kind === 'tuple' || target.kind === 'list' ? target.items.flatMap(namesIn) : []
}

/** The names that an expression reads. */
export function namesRead(expression: unknown): string[] {
  if (Array.isArray(expression)) return expression.flatMap(namesRead)
  if (expression === null || typeof expression !== 'object') return []
  const record = expression as Record<string, unknown>
  const own = record.kind === 'name' ? [String(record.name)] : []
  return [...own, ...Object.values(record).flatMap(namesRead)]
}
