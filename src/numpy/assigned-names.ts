import type { Expression, Statement } from './ast.js'
import { namesIn } from './bindings.js'

/** Functions and methods of files, by name. */
function* definitionsIn(
  statements: readonly Statement[],
): Generator<{ readonly name: string; readonly body: readonly Statement[] }> {
  for (const statement of statements) {
    if (statement.kind === 'function') yield statement
    if (statement.kind === 'class') yield* definitionsIn(statement.body)
  }
}

/**
 * Names that functions give to what they compute: of those that are reached from some names, by the names that they use.
 * What is made of an entry or attribute of the same name, `W1 = parameters['W1']`, is none.
 */
export function computedNames(
  files: readonly { readonly statements: readonly Statement[] }[],
  entries: readonly string[],
): Set<string> {
  const definitions = files.flatMap(({ statements }) => [...definitionsIn(statements)])
  const computed = new Set<string>()
  const seen = new Set<string>()
  const pending = [...entries]
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return
    if (Array.isArray(part)) {
      for (const one of part) visit(one)
      return
    }
    const node = part as Partial<Statement> | Expression
    if (node.kind === 'name' || node.kind === 'member') pending.push(node.name)
    if (node.kind === 'assign') {
      for (const name of node.targets?.flatMap(namesIn) ?? [])
        if (!mentions(node.value, name)) computed.add(name)
    }
    for (const inner of Object.values(node)) visit(inner)
  }
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name)) continue
    seen.add(name)
    for (const { body } of definitions.filter((one) => one.name === name)) visit(body)
  }
  return computed
}

/** Whether a name, or a string that is the same, stands anywhere within. */
function mentions(part: unknown, name: string): boolean {
  if (part === name) return true
  return (
    typeof part === 'object' && part !== null && Object.values(part).some((inner) => mentions(inner, name))
  )
}
