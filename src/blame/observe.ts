import { arrayOf, NdArray, nodeOf } from '../numpy/arrays.js'
import type { Expression, Statement } from '../numpy/ast.js'
import type { BackwardPass } from '../numpy/backward-pass.js'
import { PyDict, PyList, PyTuple, plainNumber, type Value } from '../numpy/values.js'
import type { Change } from './change.js'
import type { Patch } from './patches.js'
import { type Recording, record } from './record.js'
import { mapsOf } from './search.js'

/** What one execution of a statement made. */
interface Made {
  /** Values of the program: of arrays, also in tuples, lists and dictionaries. */
  readonly nodes: readonly number[]
  /** Plain numbers. */
  readonly numbers: readonly number[]
}

/** A run of a backward pass, and what each of its statements made. */
export interface Observation {
  readonly recording: Recording
  readonly made: ReadonlyMap<Statement, readonly Made[]>
}

/** Runs of a recording that does not give the first one. */
const RUNS = 3
/** Containers within containers that are looked into. */
const DEPTH = 3

/**
 * Follows a backward pass, with changes of its lines.
 * @param patches what lines give in the place of what they make
 */
export function observe(
  pass: BackwardPass,
  changes: readonly Change[] = [],
  patches: readonly Patch[] = [],
): Observation {
  const { tracer } = pass.forward
  // a recording may take several runs, of which the first or the last one is given
  const runs: Map<Statement, Made[]>[] = []
  const executed = new Map<Statement, number>()
  let length = 0
  const recording = record(pass, {
    ...mapsOf(changes),
    made(statement, value) {
      if (runs.length === 0 || pass.values.length < length) {
        runs.push(new Map())
        executed.clear()
      }
      const made = runs[runs.length - 1]
      length = pass.values.length
      const patch = patches.find((one) => one.statement === statement)
      const given = patch === undefined || !(value instanceof NdArray) ? value : patched(patch, value)
      const [nodes, numbers]: [number[], number[]] = [[], []]
      visit(given, (array) => nodes.push(nodeOf(tracer, array).id), numbers)
      const list = made.get(statement) ?? []
      list.push({ nodes, numbers })
      made.set(statement, list)
      return given
    },
  })
  const made = (runs.length < RUNS ? runs[0] : runs[RUNS - 1]) ?? new Map<Statement, Made[]>()
  // what stands by itself is there for its arguments
  const statements = new Set(recording.executions.map(({ statement }) => statement))
  for (const statement of statements) {
    if (statement.kind === 'expression')
      made.set(statement, argumentsOf(statement.value, statement, recording))
  }
  return { recording, made }

  function patched({ statement, values, slot }: Patch, value: NdArray): Value {
    const execution = executed.get(statement) ?? 0
    executed.set(statement, execution + 1)
    const data = slot.statement === statement ? values[execution] : undefined
    if (data === undefined || data.length !== value.size) return value
    return arrayOf(tracer, tracer.b.constant({ shape: [...value.shape], data, dtype: 'float64' }), 'f')
  }
}

function visit(value: Value, take: (array: NdArray) => void, numbers: number[], depth = 0): void {
  if (depth > DEPTH) return
  if (value instanceof NdArray) take(value)
  else if (value instanceof PyTuple || value instanceof PyList)
    for (const item of value.items) visit(item, take, numbers, depth + 1)
  else if (value instanceof PyDict)
    for (const { value: item } of value.entries.values()) visit(item, take, numbers, depth + 1)
  else {
    const number = plainNumber(value)
    if (number !== undefined) numbers.push(number)
  }
}

function argumentsOf(expression: Expression, statement: Statement, recording: Recording): Made[] {
  if (expression.kind !== 'call') return []
  const list = expression.arguments.map(({ value }) =>
    (recording.occurrences.get(value) ?? []).filter(({ execution }) => execution.statement === statement),
  )
  const times = Math.max(0, ...list.map(({ length }) => length))
  return Array.from({ length: times }, (_, k) => ({
    nodes: list.flatMap((occurrences) => (occurrences[k] === undefined ? [] : [occurrences[k].node])),
    numbers: [],
  }))
}

/** Rounding of another order of the same operations. */
const SAME = 1e-9

/** Whether a statement makes something else in another run. */
export function differs(statement: Statement, one: Observation, other: Observation): boolean {
  const [before, after] = [one.made.get(statement) ?? [], other.made.get(statement) ?? []]
  if (before.length !== after.length) return true
  return before.some(
    ({ nodes, numbers }, k) =>
      nodes.length !== after[k].nodes.length ||
      numbers.length !== after[k].numbers.length ||
      numbers.some((number, i) => !Object.is(number, after[k].numbers[i])) ||
      nodes.some((node, i) => !isEqual(one.recording.base[node], other.recording.base[after[k].nodes[i]])),
  )
}

/** Whether two values are the same but for rounding. */
export function isEqual(one: Float64Array, other: Float64Array): boolean {
  if (one.length !== other.length) return false
  const most = one.reduce((size, x) => Math.max(size, Math.abs(x)), 0)
  return one.every((x, k) => Object.is(x, other[k]) || Math.abs(x - other[k]) <= SAME * most)
}
