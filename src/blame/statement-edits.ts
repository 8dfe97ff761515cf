import type { Expression, Statement } from '../numpy/ast.js'
import type { Change } from './change.js'
import { listEdits, type Surroundings } from './edits.js'

/** Changes of what a statement does with its value, of where it puts it, and of what decides how often it runs. */
export function listStatementEdits(statement: Statement, around: Surroundings): Change[] {
  const changes: Change[] = []
  const instead = (statements: readonly Statement[], cost: number) =>
    changes.push({ statement, expressions: new Map(), statements, cost })
  const within = (expression: Expression, more: number) => {
    for (const { expressions, cost } of listEdits(expression, around))
      changes.push({ statement, expressions, statements: undefined, cost: cost + more })
  }
  switch (statement.kind) {
    case 'assign': {
      const { targets, value, at } = statement
      const [target, ...others] = targets
      if (others.length > 0) {
        // a value for each of the names
        instead(
          targets
            .toReversed()
            .map((own): Statement => ({ kind: 'assign', targets: [own], value: { ...value }, at })),
          0.8,
        )
      } else if (target.kind !== 'tuple' && target.kind !== 'list') {
        if (value.kind === 'name') {
          // two names of one array: what is stored under one is seen under the other
          const numpy: Expression = { kind: 'name', name: 'np', at }
          const zeros: Expression = { kind: 'member', object: numpy, name: 'zeros_like', at }
          const given = [{ kind: 'plain' as const, name: undefined, value }]
          instead([{ ...statement, value: { kind: 'call', callee: zeros, arguments: given, at } }], 1.4)
          const copy: Expression = { kind: 'member', object: value, name: 'copy', at }
          instead([{ ...statement, value: { kind: 'call', callee: copy, arguments: [], at } }], 1)
        }
        instead([{ kind: 'update', target, operator: '+', value, at }], target.kind === 'index' ? 0.7 : 1)
        instead([{ kind: 'update', target, operator: '-', value, at }], 2)
      }
      if (target.kind === 'tuple' && target.items.length > 1) {
        for (let k = 0; k + 1 < target.items.length; k++)
          instead([{ ...statement, targets: [{ ...target, items: swapped(target.items, k, k + 1) }] }], 1.5)
      }
      if (value.kind === 'tuple' && value.items.length > 1) {
        for (let k = 0; k + 1 < value.items.length; k++)
          instead([{ ...statement, value: { ...value, items: swapped(value.items, k, k + 1) } }], 1.5)
      }
      for (const own of targets) if (own.kind === 'index') within(own, 0.3)
      if (target.kind === 'index')
        instead([{ ...statement, value: { kind: 'number', value: 0, isInteger: true, at } }], 1.6)
      instead([], 2)
      break
    }
    case 'update': {
      const { target, operator, value, at } = statement
      instead([{ kind: 'assign', targets: [target], value, at }], 1)
      for (const other of ['+', '-', '*', '/'])
        if (other !== operator) instead([{ ...statement, operator: other }], 1.2)
      // into an array of its own: others may look at the old one
      instead(
        [
          {
            kind: 'assign',
            targets: [target],
            value: { kind: 'binary', operator, left: { ...target }, right: value, at },
            at,
          },
        ],
        1.4,
      )
      if (target.kind === 'index') {
        within(target, 0.3)
        const isList =
          target.index.kind === 'name' || target.index.kind === 'tuple' || target.index.kind === 'index'
        if (isList && operator === '+') {
          // indices that occur twice count twice
          const numpy: Expression = { kind: 'name', name: 'np', at }
          const adds: Expression = {
            kind: 'member',
            object: { kind: 'member', object: numpy, name: 'add', at },
            name: 'at',
            at,
          }
          const given = [target.object, target.index, value].map((one) => ({
            kind: 'plain' as const,
            name: undefined,
            value: one,
          }))
          instead(
            [{ kind: 'expression', value: { kind: 'call', callee: adds, arguments: given, at }, at }],
            1.2,
          )
        }
      }
      instead([], 2)
      break
    }
    case 'expression':
      instead([], 2)
      within(statement.value, 0)
      if (statement.value.kind === 'call') {
        const { callee } = statement.value
        const isAdd = callee.kind === 'member' && callee.name === 'at'
        if (isAdd && callee.object.kind === 'member')
          for (const other of ['add', 'subtract'])
            if (other !== callee.object.name)
              changes.push({
                statement,
                expressions: new Map([[callee.object, { ...callee.object, name: other }]]),
                statements: undefined,
                cost: 1.2,
              })
      }
      break
    case 'return': {
      const { value } = statement
      if (value?.kind === 'tuple') {
        for (let k = 0; k < value.items.length; k++)
          for (let other = k + 1; other < value.items.length; other++)
            instead(
              [{ ...statement, value: { ...value, items: swapped(value.items, k, other) } }],
              other === k + 1 ? 1.5 : 1.8,
            )
      }
      if (value?.kind === 'dictionary') {
        for (let k = 0; k < value.entries.length; k++) {
          for (let other = k + 1; other < value.entries.length; other++) {
            const entries = [...value.entries]
            entries[k] = { ...entries[k], value: value.entries[other].value }
            entries[other] = { ...entries[other], value: value.entries[k].value }
            instead([{ ...statement, value: { ...value, entries } }], 1.6)
          }
        }
      }
      break
    }
    case 'for': {
      within(statement.list, 0.2)
      const { target, list } = statement
      if (target.kind === 'tuple') {
        for (let k = 0; k < target.items.length; k++)
          for (let other = k + 1; other < target.items.length; other++)
            instead([{ ...statement, target: { ...target, items: swapped(target.items, k, other) } }], 1.6)
      }
      // one that is left out
      if (list.kind === 'tuple' || list.kind === 'list') {
        for (const { expression, isNumber, isContainer } of around.visible) {
          if (isNumber || isContainer === true || expression.kind !== 'name') continue
          const more = { ...list, items: [...list.items, expression] }
          changes.push({ statement, expressions: new Map([[list, more]]), statements: undefined, cost: 1.8 })
        }
      }
      break
    }
    case 'while':
      within(statement.condition, 0.2)
      break
    case 'if':
      for (const { condition } of statement.branches) within(condition, 0.2)
      break
    default:
  }
  return changes
}

function swapped<T>(items: readonly T[], one: number, other: number): T[] {
  const others = [...items]
  ;[others[one], others[other]] = [items[other], items[one]]
  return others
}
