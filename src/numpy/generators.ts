import type { GradcheckError } from '../errors.js'
import type { Expression, Statement } from './ast.js'
import type { Completion } from './interpreter.js'
import type { Place, Scope, Value } from './values.js'

/** What running a function in steps needs of the interpreter. */
interface Steps {
  run(statement: Statement): Completion
  evaluate(expression: Expression): Value
  assign(target: Expression, value: Value): void
  truth(value: Value, place: Place): boolean
  iterator(value: Value, place: Place): Iterator<Value>
  step(place: Place): void
  error(place: Place, what: string, fix?: string): GradcheckError
}

const KNOWN = new WeakMap<readonly Statement[], boolean>()

/** Whether statements yield, but for those of functions and classes within. */
export function yields(statements: readonly Statement[]): boolean {
  const known = KNOWN.get(statements)
  if (known !== undefined) return known
  const found = statements.some((statement) => holdsYield(statement))
  KNOWN.set(statements, found)
  return found
}

function holdsYield(part: unknown): boolean {
  if (Array.isArray(part)) return part.some(holdsYield)
  if (part === null || typeof part !== 'object') return false
  const { kind } = part as { kind?: unknown }
  if (kind === 'yield') return true
  if (kind === 'function' || kind === 'class' || kind === 'lambda') return false
  return Object.values(part).some(holdsYield)
}

/** Runs statements up to each yield: what stands between them is run when the next value is asked for. */
export function* runLazily(
  statements: readonly Statement[],
  scope: Scope,
  by: Steps,
): Generator<Value, Completion> {
  for (const statement of statements) {
    const completion = holdsYield(statement) ? yield* runOne(statement, scope, by) : by.run(statement)
    if (completion !== undefined) return completion
  }
  return undefined
}

function* runOne(statement: Statement, scope: Scope, by: Steps): Generator<Value, Completion> {
  const place = { file: scope.file, at: statement.at }
  by.step(place)
  switch (statement.kind) {
    case 'expression':
      yield* yieldOf(statement.value, place, by)
      return undefined
    case 'assign':
      yield* yieldOf(statement.value, place, by)
      // nothing is sent to it
      for (const target of statement.targets) by.assign(target, null)
      return undefined
    case 'if': {
      const of = { file: scope.file, at: statement.at }
      for (const { condition, body } of statement.branches) {
        refuseYield(condition, of, by)
        if (by.truth(by.evaluate(condition), of)) return yield* runLazily(body, scope, by)
      }
      return yield* runLazily(statement.otherwise, scope, by)
    }
    case 'for': {
      refuseYield(statement.list, place, by)
      const items = by.iterator(by.evaluate(statement.list), place)
      for (let next = items.next(); next.done !== true; next = items.next()) {
        by.step(place)
        by.assign(statement.target, next.value)
        const completion = yield* runLazily(statement.body, scope, by)
        if (completion === 'break') return undefined
        if (completion !== undefined && completion !== 'continue') return completion
      }
      return yield* runLazily(statement.otherwise, scope, by)
    }
    case 'while': {
      refuseYield(statement.condition, place, by)
      while (by.truth(by.evaluate(statement.condition), place)) {
        by.step(place)
        const completion = yield* runLazily(statement.body, scope, by)
        if (completion === 'break') return undefined
        if (completion !== undefined && completion !== 'continue') return completion
      }
      return yield* runLazily(statement.otherwise, scope, by)
    }
    default:
      throw by.error(place, 'yield is not understood here', 'yield by a statement of its own')
  }
}

function* yieldOf(expression: Expression, place: Place, by: Steps): Generator<Value, undefined> {
  if (expression.kind !== 'yield') {
    throw by.error(place, 'yield is not understood here', 'yield by a statement of its own')
  }
  const { value, isFrom } = expression
  if (value !== undefined) refuseYield(value, place, by)
  const made = value === undefined ? null : by.evaluate(value)
  if (!isFrom) yield made
  else {
    const items = by.iterator(made, place)
    for (let next = items.next(); next.done !== true; next = items.next()) yield next.value
  }
  return undefined
}

function refuseYield(expression: Expression, place: Place, by: Steps): void {
  if (holdsYield(expression))
    throw by.error(place, 'yield is not understood here', 'yield by a statement of its own')
}
