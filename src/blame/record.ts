import { arrayOf, type NdArray, NdArray as Numbers, nodeOf } from '../numpy/arrays.js'
import type { Expression, Statement } from '../numpy/ast.js'
import type { BackwardPass, PartialWatcher } from '../numpy/backward-pass.js'
import { PyFunction, type Scope } from '../numpy/values.js'
import type { Value as ProgramValue } from '../program/program.js'
import { listVisible, type Visible } from './visible.js'

/** A statement that was executed. */
export interface Execution {
  readonly statement: Statement
  /** Where it came to its end among all of them: what is called within it ends before it. */
  order: number
  readonly scope: Scope
  /** The statements within which functions are called that led here, the outermost first. */
  readonly callers: readonly Execution[]
}

/** An expression that gave an array. */
export interface Occurrence {
  readonly execution: Execution
  readonly array: NdArray
  /** Of its storage, as it was then. */
  readonly version: number
  /** The value of the program that it was. */
  readonly node: number
}

/** All that a run of a backward pass did. */
export interface Recording {
  readonly executions: readonly Execution[]
  readonly occurrences: ReadonlyMap<Expression, readonly Occurrence[]>
  /** What can be read where a statement is first executed. */
  readonly visible: ReadonlyMap<Statement, readonly Visible[]>
  /** Expressions that are functions of the user's. */
  readonly functions: ReadonlySet<Expression>
  /** Functions that were called. */
  readonly entered: ReadonlySet<PyFunction['body']>
  /** By their parameters. */
  readonly gradients: ReadonlyMap<string, { readonly node: number; readonly numbers: Float64Array }>
  readonly values: readonly ProgramValue[]
  readonly base: readonly Float64Array[]
  /** The first value of the backward pass. */
  readonly start: number
  readonly steps: number
}

/** Follows a backward pass and keeps what every expression gave. */
export function record(pass: BackwardPass, edits: PartialWatcher = {}): Recording {
  const apart = recordOnce(pass, edits, true)
  // code may store through one look at an array and read through another
  const { gradients } = pass.run(edits)
  const isSame = [...gradients.arrays].every(([name, { array }]) => {
    const numbers = apart.gradients.get(name)?.numbers
    return (
      numbers !== undefined && array.numbers.every((x, k) => Object.is(x, numbers[k]) || x === numbers[k])
    )
  })
  return isSame ? apart : recordOnce(pass, edits, false)
}

/** @param isApart whether looks at arrays are told apart from them, as if they were copies */
function recordOnce(pass: BackwardPass, edits: PartialWatcher, isApart: boolean): Recording {
  const { tracer } = pass.forward
  const executions: Execution[] = []
  const occurrences = new Map<Expression, Occurrence[]>()
  const visible = new Map<Statement, readonly Visible[]>()
  const functions = new Set<Expression>()
  const entered = new Set<PyFunction['body']>()
  const stack: Execution[] = []
  /** What is stored into: looking at it would make a value of it for every element. */
  const stored = new Set<Expression>()
  const { gradients, steps } = pass.run({
    ...edits,
    begin(statement, scope) {
      for (const target of targetsOf(statement)) if (target.kind === 'index') stored.add(target.object)
      const execution = { statement, order: -1, scope, callers: [...stack] }
      stack.push(execution)
      if (!visible.has(statement)) visible.set(statement, listVisible(scope, statement))
    },
    end(statement) {
      const execution = stack.pop()
      if (execution === undefined || execution.statement !== statement) return
      execution.order = executions.length
      executions.push(execution)
    },
    evaluated(expression, value) {
      if (value instanceof PyFunction) functions.add(expression)
      if (!(value instanceof Numbers) || stored.has(expression)) return
      const execution = stack.at(-1)
      if (execution === undefined) return
      const list = occurrences.get(expression) ?? []
      list.push({ execution, array: value, version: value.storage.version, node: nodeOf(tracer, value).id })
      occurrences.set(expression, list)
    },
    made(statement, value) {
      const given = edits.made?.(statement, value) ?? value
      if (!isApart || statement.kind !== 'assign' || !(given instanceof Numbers)) return given
      // another look at an array: what is read through it is told apart
      const node = nodeOf(tracer, given)
      const isLook =
        given.positions !== undefined ||
        ['name', 'index', 'member'].includes(statement.value.kind) ||
        given.storage.shaped.shape.join() !== given.shape.join()
      const list = occurrences.get(statement.value)
      if (!isLook || list === undefined) return given
      const apart = arrayOf(tracer, tracer.b.reshape(node, { shape: given.shape }), given.kind)
      const last = list.pop()
      if (last !== undefined) list.push({ ...last, array: apart, version: 0, node: nodeOf(tracer, apart).id })
      return apart
    },
    left: (called) => entered.add(called.body),
  })
  const made = new Map(
    [...gradients.arrays].map(([name, { array }]) => {
      const node = nodeOf(tracer, array).id
      return [name, { node, numbers: array.numbers.slice() }] as const
    }),
  )
  return {
    executions,
    occurrences,
    visible,
    functions,
    entered,
    gradients: made,
    values: [...pass.values],
    base: [...tracer.base],
    start: pass.start,
    steps,
  }
}

export function targetsOf(statement: Statement): readonly Expression[] {
  if (statement.kind === 'assign') return statement.targets.flatMap(flatten)
  return statement.kind === 'update' ? [statement.target] : []
}

const flatten = (target: Expression): readonly Expression[] =>
  target.kind === 'tuple' || target.kind === 'list' ? target.items.flatMap(flatten) : [target]
