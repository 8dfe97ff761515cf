import { GradcheckError } from '../errors.js'
import { arrayOf, NdArray } from '../numpy/arrays.js'
import type { Expression, FunctionDefinition, Statement } from '../numpy/ast.js'
import type { BackwardPass } from '../numpy/backward-pass.js'
import type { Value } from '../numpy/values.js'
import type { Change } from './change.js'
import { contains, countNames, definitionsIn, literalsIn } from './code.js'
import { type Edit, listEdits } from './edits.js'
import { printStatement } from './print-code.js'
import { type Recording, record } from './record.js'
import { createRandom, isClosed, Sensitivity } from './sensitivity.js'
import { listStatementEdits } from './statement-edits.js'
import type { Truth } from './truths.js'

/** A backward pass at a point where the right gradients are known. */
export interface Point {
  readonly pass: BackwardPass
  /** By their parameters. */
  readonly right: ReadonlyMap<string, Float64Array>
  readonly truths: readonly Truth[]
  /** The largest element of all right gradients. */
  readonly scale: number
}

/** A change that makes gradients right. */
export interface Repair {
  readonly change: Change
  /** Gradients that it makes right, and no other wrong. */
  readonly fixed: ReadonlySet<string>
  /** The changed line. */
  readonly text: string
}

/** A part of a statement that gives one value. */
export interface Slot {
  readonly statement: Statement
  readonly expression: Expression
  /** The values of its executions; none of what is no array. */
  readonly nodes: readonly number[]
  readonly hasCalls: boolean
}

type Rows = ReturnType<Sensitivity['rowsOf']>

/** Changes of statements: those that are judged by their own value, and those for which all is run again. */
export interface Prepared {
  readonly probed: {
    readonly slot: Slot
    readonly changes: Change[]
    readonly isLinear: boolean
    /** Where a change of the value is not seen wherever the value is. */
    readonly rows?: Rows
  }[]
  readonly replayed: readonly Change[]
}

/** What is more for changing a value where it is only handed over. */
const HANDED_OVER = 1.2
const AS_ARGUMENT = 1
/** The dearest such edit for which all is run again. */
const MOST_OF_MORE = 2.5
/** Changes of one statement at one level that are tried to the end. */
const MOST_HITS = 8
/** Runs of the whole backward pass with changed code that a search may take, and statements that they may execute. */
const MOST_REPLAYS = 1200
const MOST_REPLAYED_STEPS = 50_000
const LEAST_REPLAYS = 90
/** Changed expressions that are evaluated where they stand. */
const MOST_PROBES = 16_000
/** Executions of one expression beyond which changes of it are not evaluated where it stands. */
const MOST_EXECUTIONS = 200
/** The same, beyond which only the likeliest changes are. */
const MANY_EXECUTIONS = 30
const LIKELY = 2
/** Gradients agree if they differ by less, in relation to their largest element. */
const SAME = 1e-7
/** What of the largest gradient an element is measured by at least. */
export const LEAST = 1e-3

/** What a search may still take, in runs of the whole backward pass and in expressions that are evaluated where they stand. */
export interface Budget {
  replays: number
  probes: number
}

/** @param steps of one run */
export const createBudget = (steps: number): Budget => ({
  replays: Math.max(LEAST_REPLAYS, Math.min(MOST_REPLAYS, MOST_REPLAYED_STEPS / steps)),
  probes: MOST_PROBES,
})

/** Searches for changes of single lines that make gradients right. */
export class Search {
  readonly #point: Point
  readonly #second: Point | undefined
  readonly recording: Recording
  readonly sensitivity: Sensitivity
  /** Gradients that are wrong, by their parameters. */
  readonly wrong: ReadonlySet<string>
  readonly budget: Budget
  /** Whether changes were left untried that are no dearer than those that were. */
  isCut = false
  readonly #mostAtOnce: number
  readonly #applied: readonly Change[]

  readonly #literals: readonly number[]
  readonly #functions: readonly string[]
  readonly #definitions: readonly FunctionDefinition[]

  /** @param applied changes that are made already */
  constructor(point: Point, second: Point | undefined, applied: readonly Change[] = [], budget?: Budget) {
    this.#point = point
    this.#second = second
    this.#applied = applied
    this.recording = record(point.pass, mapsOf(applied))
    this.budget = budget ?? createBudget(this.recording.steps)
    this.#mostAtOnce = createBudget(this.recording.steps).replays / 5
    this.#definitions = definitionsIn(point.pass.forward.files.flatMap(({ statements }) => statements))
    this.#functions = this.#definitions.flatMap(({ name, parameters }) =>
      parameters.length === 1 && parameters[0].name !== 'self' ? [name] : [],
    )
    this.#literals = literalsIn(point.pass.forward.files.map(({ statements }) => statements))
    this.sensitivity = new Sensitivity(this.recording, point.right, LEAST * point.scale)
    this.wrong = new Set(
      [...this.recording.gradients].flatMap(([name, { numbers }]) =>
        isSame(numbers, point.right.get(name), point.scale) ? [] : [name],
      ),
    )
  }

  /** Every statement that was executed, in the order in which each first came to its end. */
  get statements(): readonly Statement[] {
    const order = new Map<Statement, number>()
    for (const { statement, order: own } of this.recording.executions)
      if (!order.has(statement)) order.set(statement, own)
    return [...order].sort(([, one], [, other]) => one - other).map(([statement]) => statement)
  }

  slotsOf(statement: Statement): readonly Slot[] {
    const roots =
      statement.kind === 'assign' || statement.kind === 'update' || statement.kind === 'expression'
        ? this.#split(statement.value)
        : statement.kind === 'return' && statement.value !== undefined
          ? this.#split(statement.value)
          : []
    return roots.map((expression) => {
      const occurrences = (this.recording.occurrences.get(expression) ?? []).filter(
        ({ execution }) => execution.statement === statement,
      )
      return {
        statement,
        expression,
        nodes: occurrences.map(({ node }) => node),
        hasCalls: this.#callsUsers(expression),
      }
    })
  }

  /** What a tuple, a dictionary, a call of the user's own functions is made of. */
  #split(expression: Expression): readonly Expression[] {
    switch (expression.kind) {
      case 'tuple':
      case 'list':
        return expression.items.flatMap((item) => this.#split(item))
      case 'dictionary':
        return expression.entries.flatMap(({ value }) => this.#split(value))
      case 'call': {
        const { callee, arguments: given } = expression
        const isContainer = callee.kind === 'name' && ['dict', 'list', 'tuple'].includes(callee.name)
        if (isContainer || this.recording.functions.has(callee))
          return given.flatMap(({ value }) => this.#split(value))
        return [expression]
      }
      default:
        return [expression]
    }
  }

  #callsUsers(expression: unknown): boolean {
    if (Array.isArray(expression)) return expression.some((one) => this.#callsUsers(one))
    if (expression === null || typeof expression !== 'object') return false
    const own = expression as Expression
    if (own.kind === 'call') {
      const { callee } = own
      if (this.recording.functions.has(callee)) return true
      const isChanging =
        callee.kind === 'member' &&
        /^(pop|append|extend|update|setdefault|sort|fill|insert|remove|clear|popitem|add|at)$/.test(
          callee.name,
        )
      if (isChanging || own.arguments.some(({ name }) => name === 'out')) return true
    }
    return Object.values(expression).some((one) => this.#callsUsers(one))
  }

  /** The gradients that a statement's values reach; undefined where that is not known, as of numbers and of calls. */
  influenceOf(statement: Statement): ReadonlySet<string> | undefined {
    const slots = this.slotsOf(statement)
    if (slots.length === 0 || slots.some(({ nodes }) => nodes.length === 0)) return undefined
    return this.sensitivity.influence(slots.flatMap(({ nodes }) => nodes))
  }

  /** What can be changed of statements, for `findRepairs`. */
  prepare(statements: readonly Statement[]): Prepared {
    const probed: Prepared['probed'] = []
    const replayed: Change[] = []
    for (const statement of statements) {
      const around = this.surroundingsOf(statement)
      for (const slot of statement.kind === 'expression' ? [] : this.slotsOf(statement)) {
        const isHandedOver = statement.kind === 'return' && slot.expression.kind === 'name'
        const isArgument = this.#isArgument(statement, slot.expression)
        const changes = this.changesOf(slot).map((change) =>
          isHandedOver || isArgument
            ? { ...change, cost: change.cost + (isHandedOver ? HANDED_OVER : AS_ARGUMENT) }
            : change,
        )
        const handed = isHandedOver ? this.#rowsHandedOver(slot) : undefined
        if (handed !== undefined) {
          probed.push({ slot, changes, isLinear: true, rows: handed })
          continue
        }
        const isProbed = this.#isProbed(slot)
        // what an execution reads may be wrong because of the one before: only a run of all shows
        if (isProbed && slot.nodes.length > 1) replayed.push(...this.#keptOf(slot))
        if (!isProbed) replayed.push(...changes)
        else if (this.sensitivity.influence(slot.nodes).size > 0)
          probed.push({
            slot,
            changes:
              slot.nodes.length <= MANY_EXECUTIONS ? changes : changes.filter(({ cost }) => cost <= LIKELY),
            isLinear: this.#isLinear(slot.nodes),
          })
      }
      replayed.push(...listStatementEdits(statement, around))
    }
    replayed.push(...this.#defaults())
    return { probed, replayed: replayed.sort((one, other) => one.cost - other.cost) }
  }

  /** Whether something is handed to a function of the user's. */
  #isArgument(statement: Statement, expression: Expression): boolean {
    if (statement.kind !== 'assign' && statement.kind !== 'expression' && statement.kind !== 'update')
      return false
    const { value } = statement
    return (
      value.kind === 'call' &&
      this.recording.functions.has(value.callee) &&
      value.arguments.some((given) => given.value === expression)
    )
  }

  /** Changes that read what nothing else reads. */
  #keptOf({ statement, expression }: Slot): Change[] {
    return listEdits(expression, this.surroundingsOf(statement)).flatMap((edit) =>
      edit.isKept || isMore(expression, edit) ? [changeOf(statement, edit)] : [],
    )
  }

  changesOf({ statement, expression }: Slot): Change[] {
    return listEdits(expression, this.surroundingsOf(statement)).map((edit) => changeOf(statement, edit))
  }

  surroundingsOf(statement: Statement) {
    return {
      visible: this.recording.visible.get(statement) ?? [],
      literals: this.#literals,
      functions: this.#functions,
      unread: this.#unreadAround(statement),
      shapeOf: (of: Expression) => this.recording.occurrences.get(of)?.[0].array.shape,
    }
  }

  readonly #unread = new Map<FunctionDefinition, ReadonlySet<string>>()

  /** Names that the function around a statement sets and does not read. */
  #unreadAround(statement: Statement): ReadonlySet<string> {
    const around = this.#definitions.findLast((definition) => contains(definition.body, statement))
    if (around === undefined) return new Set()
    const known = this.#unread.get(around)
    if (known !== undefined) return known
    const written = new Map<string, number>()
    const read = new Set<string>()
    countNames(around.body, written, read)
    const unread = new Set(
      [...written.keys(), ...around.parameters.map(({ name }) => name)].filter((name) => !read.has(name)),
    )
    this.#unread.set(around, unread)
    return unread
  }

  /** How the gradients change with what is handed over as one of them: that one alone does, and is what is given. */
  #rowsHandedOver({ nodes }: Slot): Rows | undefined {
    const [node] = nodes
    const { seeds } = this.sensitivity
    if (nodes.length !== 1 || !seeds.some((seed) => seed.node === node)) return undefined
    return seeds.map((seed) => [seed.node === node ? seed.weights : undefined])
  }

  /** Whether changes of a part can be judged by what they make of its value alone. */
  #isProbed({ nodes, hasCalls, expression, statement }: Slot): boolean {
    return (
      nodes.length > 0 &&
      nodes.length <= MOST_EXECUTIONS &&
      !hasCalls &&
      (expression.kind !== 'name' || (statement.kind === 'assign' && statement.value === expression)) &&
      statement.kind !== 'expression' &&
      !this.sensitivity.isChained(nodes)
    )
  }

  /** Repairs of single statements by changes of a cost, of all gradients or of some. */
  findRepairs(
    { probed, replayed }: Prepared,
    above: number,
    upTo: number,
    weightOf: (statement: Statement) => number = () => 0,
  ): Repair[] {
    const found: Repair[] = []
    const resized: Change[] = []
    const isMeant = ({ cost }: Change) => cost > above && cost <= upTo
    const hits = this.#probe(
      probed.map((one) => ({ ...one, changes: one.changes.filter(isMeant) })),
      resized,
    )
    const tried = new Map<Statement, number>()
    for (const hit of hits.sort((one, other) => one.cost - other.cost)) {
      const times = tried.get(hit.statement) ?? 0
      if (times >= MOST_HITS) continue
      tried.set(hit.statement, times + 1)
      const repair = this.confirm(hit)
      if (repair !== undefined) found.push(repair)
    }
    const least = this.budget.replays - this.#mostAtOnce
    const urgent = (change: Change) => change.cost + weightOf(change.statement)
    for (const change of [...replayed.filter(isMeant), ...resized].sort(
      (one, other) => urgent(one) - urgent(other),
    )) {
      if (this.budget.replays <= Math.max(least, 0)) {
        this.isCut = true
        break
      }
      const repair = this.confirm(change)
      if (repair !== undefined) found.push(repair)
    }
    return found
  }

  /** Other defaults of the arguments of what was called. */
  #defaults(): Change[] {
    const around = {
      visible: [],
      literals: this.#literals,
      functions: [],
      unread: new Set<string>(),
      shapeOf: () => undefined,
    }
    return this.#definitions.flatMap((definition) =>
      !this.recording.entered.has(definition.body)
        ? []
        : definition.parameters.flatMap(({ usual }) =>
            usual === undefined ? [] : listEdits(usual, around).map((edit) => changeOf(definition, edit)),
          ),
    )
  }

  /** The changes that would make gradients right, by what they make of their own value. */
  #probe(
    probed: readonly { slot: Slot; changes: readonly Change[]; isLinear: boolean; rows?: Rows }[],
    resized: Change[],
  ): Change[] {
    const { recording, sensitivity } = this
    const { interpreter, tracer } = this.#point.pass.forward
    interface Tested {
      readonly change: Change
      readonly values: (Float64Array | undefined)[]
    }
    const bySlot = probed.map((one) => ({
      ...one,
      tested: one.changes.map((change): Tested => ({ change, values: [] })),
    }))
    const byStatement = new Map<Statement, typeof bySlot>()
    for (const one of bySlot)
      byStatement.set(one.slot.statement, [...(byStatement.get(one.slot.statement) ?? []), one])
    const applied = mapsOf(this.#applied)
    const expressions = new Map(applied.expressions)
    let isProbing = false
    this.#point.pass.run({
      ...applied,
      expressions,
      begin: (statement, scope) => {
        if (isProbing) return
        for (const { slot, tested } of byStatement.get(statement) ?? []) {
          isProbing = true
          for (const { change, values } of tested) {
            if (this.budget.probes <= 0 || values.some((value) => value === undefined)) continue
            this.budget.probes--
            for (const [from, to] of change.expressions) expressions.set(from, to)
            const made = tracer.base.length
            values.push(numbersOf(() => interpreter.evaluate(slot.expression, scope)))
            tracer.forget(made)
            for (const from of change.expressions.keys()) {
              const before = applied.expressions.get(from)
              if (before === undefined) expressions.delete(from)
              else expressions.set(from, before)
            }
          }
          isProbing = false
        }
      },
    })
    return bySlot.flatMap(({ slot: { nodes }, isLinear, rows: given, tested }) => {
      const before = nodes.map((node) => recording.base[node])
      const rows = given ?? (isLinear ? sensitivity.rowsOf(nodes, false) : [])
      return tested.flatMap(({ change, values }) => {
        if (values.length !== nodes.length) return []
        const others = values.flatMap((value, k) => (value?.length === before[k].length ? [value] : []))
        if (others.length !== nodes.length) {
          if (values.every((value) => value !== undefined)) resized.push(change)
          return []
        }
        const fixed = isLinear
          ? this.#fixedByRows(rows, before, others)
          : this.#fixedBy(sensitivity.gradientsWith(new Map(nodes.map((node, k) => [node, others[k]]))))
        return fixed.size > 0 ? [change] : []
      })
    })
  }

  /** The gradients that a change of values makes right, if it makes none wrong. */
  #fixedByRows(
    rows: ReturnType<Sensitivity['rowsOf']>,
    before: readonly Float64Array[],
    after: readonly Float64Array[],
  ): Set<string> {
    const fixed = new Set(this.wrong)
    for (const [s, { parameter, gap, size }] of this.sensitivity.seeds.entries()) {
      let [moved, sizes] = [0, size]
      for (const [k, row] of rows[s].entries()) {
        if (row === undefined) continue
        for (let i = 0; i < row.length; i++) {
          const change = after[k][i] - before[k][i]
          moved += row[i] * change
          sizes += Math.abs(row[i] * change)
        }
      }
      if (isClosed(moved - gap, sizes)) continue
      if (!this.wrong.has(parameter)) return new Set()
      fixed.delete(parameter)
    }
    return fixed
  }

  /**
   * Changes of a statement that give the values it ought to have, where everything it reads is as it ought to be: what the
   * statement gives is put right while that is tried.
   * @param wanted for each execution
   */
  findExpressions(slot: Slot, wanted: readonly Float64Array[], changes: readonly Change[]): Change[] {
    const { interpreter, tracer } = this.#point.pass.forward
    const applied = mapsOf(this.#applied)
    const expressions = new Map(applied.expressions)
    let left = [...changes]
    let execution = 0
    let isProbing = false
    this.#point.pass.run({
      ...applied,
      expressions,
      begin: (statement, scope) => {
        if (isProbing || statement !== slot.statement) return
        const target = wanted[execution]
        isProbing = true
        left = left.filter((change) => {
          if (this.budget.probes <= 0) return false
          this.budget.probes--
          for (const [from, to] of change.expressions) expressions.set(from, to)
          const made = tracer.base.length
          const value = numbersOf(() => interpreter.evaluate(slot.expression, scope))
          tracer.forget(made)
          for (const from of change.expressions.keys()) expressions.delete(from)
          return isSame(value, target, Math.max(...target.map(Math.abs)))
        })
        isProbing = false
      },
      made: (statement, value) =>
        statement === slot.statement && !isProbing ? this.#put(value, wanted[execution++]) : value,
    })
    return left
  }

  /** An array with other numbers. */
  #put(value: Value, numbers: Float64Array | undefined): Value {
    const { tracer } = this.#point.pass.forward
    if (!(value instanceof NdArray) || numbers?.length !== value.size) return value
    const { shape } = value
    return arrayOf(tracer, tracer.b.constant({ shape: [...shape], data: numbers, dtype: 'float64' }), 'f')
  }

  /** The gradients that are made right where a part of a statement gives other values; none where one is made wrong. */
  fixedByValues(slot: Slot, wanted: readonly Float64Array[]): Set<string> {
    let execution = 0
    const { pass, right, scale } = this.#point
    const run = orNothing(() =>
      pass.run({
        ...mapsOf(this.#applied),
        made: (statement, value) =>
          statement === slot.statement ? this.#put(value, wanted[execution++]) : value,
      }),
    )
    const fixed = new Set<string>()
    for (const [name, { array }] of run?.gradients.arrays ?? []) {
      const isRight = isSame(array.numbers, right.get(name), scale)
      if (!isRight && !this.wrong.has(name)) return new Set()
      if (isRight && this.wrong.has(name)) fixed.add(name)
    }
    return fixed
  }

  #fixedBy(gradients: ReadonlyMap<string, Float64Array | undefined>): Set<string> {
    const fixed = new Set<string>()
    for (const [name, right] of this.#point.right) {
      if (!this.recording.gradients.has(name)) continue
      const isRight = isSame(gradients.get(name), right, this.#point.scale)
      if (!isRight && !this.wrong.has(name)) return new Set()
      if (isRight && this.wrong.has(name)) fixed.add(name)
    }
    return fixed
  }

  /**
   * What values are multiplied by so that, in the place of others, they make the wrong gradients right and leave the right ones
   * so; nothing where there is no such number.
   */
  scaleFor(
    rows: ReturnType<Sensitivity['rowsOf']>,
    nodes: readonly number[],
    values: readonly Float64Array[],
  ): number | undefined {
    const { seeds } = this.sensitivity
    const before = nodes.map((node) => this.recording.base[node])
    const sides = seeds.map(({ gap, size }, s) => {
      let [by, wanted, sizes] = [0, gap, size]
      for (const [k, row] of rows[s].entries()) {
        row?.forEach((x, i) => {
          by += x * values[k][i]
          wanted += x * before[k][i]
          sizes += Math.abs(x) * (Math.abs(before[k][i]) + Math.abs(values[k][i]))
        })
      }
      return { by, wanted, sizes }
    })
    let [over, under] = [0, 0]
    for (const { by, wanted } of sides) {
      over += by * wanted
      under += by * by
    }
    const scale = over / under
    if (!Number.isFinite(scale) || scale === 0) return undefined
    return sides.every(({ by, wanted, sizes }) => isClosed(scale * by - wanted, sizes)) ? scale : undefined
  }

  #isLinear(nodes: readonly number[]): boolean {
    const { sensitivity, recording } = this
    const random = createRandom(7)
    const moved = nodes.map((node) => {
      const value = recording.base[node]
      const size = Math.max(...value.map(Math.abs), 1e-3)
      return value.map((x) => x + size * random())
    })
    const gradients = sensitivity.gradientsWith(new Map(nodes.map((node, k) => [node, moved[k]])))
    const rows = sensitivity.rowsOf(nodes, false)
    return sensitivity.seeds.every(({ parameter, weights }, s) => {
      const [before, after] = [recording.gradients.get(parameter)!.numbers, gradients.get(parameter)]
      if (after === undefined) return false
      let [left, size] = [0, 0]
      for (let k = 0; k < weights.length; k++) {
        left += weights[k] * (after[k] - before[k])
        size += Math.abs(weights[k]) * (Math.abs(after[k]) + Math.abs(before[k]))
      }
      for (const [k, row] of rows[s].entries()) {
        row?.forEach((x, i) => {
          left -= x * (moved[k][i] - recording.base[nodes[k]][i])
        })
      }
      return isClosed(left, size)
    })
  }

  /** Whether a change holds, at the given point and at another one; what it makes right. */
  confirm(change: Change): Repair | undefined {
    this.budget.replays--
    const fixed = this.#fixedAt(this.#point, change)
    if (fixed.size === 0) return undefined
    if (this.#second !== undefined) {
      this.budget.replays--
      const there = this.#rightAt(this.#second, change)
      if (there === undefined) return undefined
      for (const name of this.recording.gradients.keys()) {
        const isRight = there.has(name)
        if (!isRight && !this.wrong.has(name) && !this.#isWrongThere(name)) return undefined
        if (!isRight) fixed.delete(name)
      }
      if (fixed.size === 0) return undefined
    }
    return { change, fixed, text: textOf(change) }
  }

  /** Whether a change makes the same gradients right at a point that it was not found by. */
  holdsAt(point: Point, { change, fixed }: Repair): boolean {
    this.budget.replays--
    const right = this.#rightAt(point, change)
    return right !== undefined && [...fixed].every((name) => right.has(name))
  }

  #wrongThere: Set<string> | undefined

  /** Whether a gradient that is right here is wrong at the other point without any further change. */
  #isWrongThere(name: string): boolean {
    if (this.#second === undefined) return false
    this.#wrongThere ??= (() => {
      const right = this.#rightAt(this.#second, undefined) ?? new Set()
      return new Set([...this.recording.gradients.keys()].filter((own) => !right.has(own)))
    })()
    return this.#wrongThere.has(name)
  }

  #fixedAt(point: Point, change: Change): Set<string> {
    const right = this.#rightAt(point, change)
    if (right === undefined) return new Set()
    for (const name of this.recording.gradients.keys())
      if (!right.has(name) && !this.wrong.has(name)) return new Set()
    return new Set([...this.wrong].filter((name) => right.has(name)))
  }

  /** The gradients that are right with a change; nothing where it cannot be run. */
  #rightAt({ pass, right, scale }: Point, change: Change | undefined): Set<string> | undefined {
    const changes = change === undefined ? this.#applied : [...this.#applied, change]
    const run = orNothing(() => pass.run(mapsOf(changes), 20 * this.recording.steps + 1000))
    if (run === undefined) return undefined
    const same = new Set<string>()
    for (const [name, { array }] of run.gradients.arrays)
      if (isSame(array.numbers, right.get(name), scale)) same.add(name)
    return same
  }
}

export function mapsOf(changes: readonly Change[]): {
  readonly expressions: ReadonlyMap<Expression, Expression>
  readonly statements: ReadonlyMap<Statement, readonly Statement[]>
} {
  return {
    expressions: new Map(changes.flatMap(({ expressions }) => [...expressions])),
    statements: new Map(
      changes.flatMap(({ statement, statements }) =>
        statements === undefined ? [] : [[statement, statements] as const],
      ),
    ),
  }
}

/** Whether an edit adds what can be seen to the whole of an expression. */
const isMore = (expression: Expression, { expressions, cost }: Edit) => {
  const to = expressions.get(expression)
  return to?.kind === 'binary' && to.operator === '+' && cost <= MOST_OF_MORE
}

const changeOf = (statement: Statement, { expressions, cost }: Edit): Change => ({
  statement,
  expressions,
  statements: undefined,
  cost,
})

const textOf = ({ statement, expressions, statements }: Change) =>
  statements === undefined
    ? printStatement(statement, expressions)
    : statements.map((one) => printStatement(one)).join('; ')

/** What comes of code that may not be possible. */
function orNothing<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch (error) {
    if (error instanceof GradcheckError || error instanceof RangeError || error instanceof TypeError)
      return undefined
    throw error
  }
}

const numbersOf = (make: () => Value): Float64Array | undefined => {
  const value = orNothing(make)
  if (value instanceof NdArray) return value.numbers.slice()
  return typeof value === 'number' || typeof value === 'bigint' ? Float64Array.of(Number(value)) : undefined
}

/** @param scale the largest element of all gradients: some are nothing but rounding beside it */
export function isSame(
  made: Float64Array | undefined,
  right: Float64Array | undefined,
  scale: number,
): boolean {
  if (made === undefined || right === undefined || made.length !== right.length) return false
  let [apart, size] = [0, LEAST * scale]
  for (let k = 0; k < made.length; k++) {
    const own = Math.abs(made[k] - right[k])
    if (!(own <= apart)) apart = own
    size = Math.max(size, Math.abs(right[k]))
  }
  return apart <= SAME * size
}
