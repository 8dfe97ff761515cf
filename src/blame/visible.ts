import { NdArray } from '../numpy/arrays.js'
import type { Expression, Statement } from '../numpy/ast.js'
import { PyDict, PyInstance, PyList, PyTuple, type Scope, type Value } from '../numpy/values.js'

/** What code can read at a place, and how it is written. */
export interface Visible {
  readonly expression: Expression
  readonly shape: readonly number[]
  readonly numbers: Float64Array
  /** A number of Python's, or an array of one. */
  readonly isNumber: boolean
  readonly isWhole: boolean
  /** Something that holds others: a cache, a layer. */
  readonly isContainer?: boolean
}

/** Values of a scope beyond which nothing is listed. */
const MOST = 80

const at = 0
const name = (text: string): Expression => ({ kind: 'name', name: text, at })
export const number = (value: number, isInteger = Number.isInteger(value)): Expression => ({
  kind: 'number',
  value,
  isInteger,
  at,
})

/** Arrays and numbers under the names of a call, in attributes of its object, and in its dictionaries and lists. */
export function listVisible(scope: Scope, statement: Statement): readonly Visible[] {
  const found: Visible[] = []
  const keys = new Map<string, number>()
  const steps = indicesOf(statement, scope)
  const add = (value: Value, expression: Expression): void => {
    if (found.length >= MOST) return
    if (typeof value === 'number' || typeof value === 'bigint') {
      const numbers = Float64Array.of(Number(value))
      found.push({ expression, shape: [], numbers, isNumber: true, isWhole: typeof value === 'bigint' })
    } else if (value instanceof NdArray) {
      const { shape, kind } = value
      const numbers = value.numbers.slice()
      const key = `${shape.join()} ${numbers.subarray(0, 8).join()} ${numbers.reduce((sum, x) => sum + x, 0)}`
      if (keys.has(key)) return
      keys.set(key, found.length)
      found.push({
        expression,
        shape,
        numbers,
        isNumber: value.size === 1 && shape.length === 0,
        isWhole: kind === 'i',
      })
    }
  }
  const inside = (value: Value, expression: Expression, depth: number): void => {
    add(value, expression)
    const isContainer = value instanceof PyDict || value instanceof PyTuple || value instanceof PyInstance
    if (isContainer && depth < 2)
      found.push({
        expression,
        shape: [-1],
        numbers: new Float64Array(0),
        isNumber: false,
        isWhole: false,
        isContainer,
      })
    if (depth > 2) return
    if (value instanceof PyDict) {
      for (const { key, value: item } of value.entries.values()) {
        if (typeof key === 'string')
          inside(
            item,
            { kind: 'index', object: expression, index: { kind: 'string', value: key, at }, at },
            depth + 1,
          )
      }
      for (const [step, by] of steps)
        inside(value.get(BigInt(by)) ?? null, indexed(expression, step), depth + 1)
    } else if (value instanceof PyList || value instanceof PyTuple) {
      for (const [step, by] of steps) inside(value.items[by] ?? null, indexed(expression, step), depth + 1)
    } else if (value instanceof PyInstance) {
      for (const [attribute, item] of value.attributes)
        inside(item, { kind: 'member', object: expression, name: attribute, at }, depth + 1)
    }
  }
  for (let level: Scope | undefined = scope; level?.outer !== undefined; level = level.outer)
    for (const [own, value] of level.names) inside(value, name(own), 0)
  return found
}

const indexed = (object: Expression, index: Expression): Expression => ({ kind: 'index', object, index, at })

/** Whole numbers that the statement uses as indices, and their neighbours. */
function indicesOf(statement: Statement, scope: Scope): readonly (readonly [Expression, number])[] {
  const names = new Set<string>()
  const visit = (node: unknown, isIndex: boolean): void => {
    if (Array.isArray(node)) {
      for (const item of node) visit(item, isIndex)
      return
    }
    if (node === null || typeof node !== 'object') return
    const record = node as Record<string, unknown>
    if (record.kind === 'name' && isIndex) names.add(String(record.name))
    if (record.kind === 'index') {
      visit(record.object, false)
      visit(record.index, true)
    } else if (record.kind !== 'function' && record.kind !== 'for')
      for (const child of Object.values(record)) visit(child, isIndex)
  }
  visit(statement, false)
  return [...names].flatMap((own) => {
    const value = scope.names.get(own)
    if (typeof value !== 'bigint') return []
    const step = Number(value)
    const moved = (operator: string): Expression => ({
      kind: 'binary',
      operator,
      left: name(own),
      right: number(1),
      at,
    })
    return [
      [name(own), step],
      [moved('-'), step - 1],
      [moved('+'), step + 1],
    ] as const
  })
}
