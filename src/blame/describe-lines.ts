import type { LineMark, LinePlace, LineReport } from '../check/backward-report.js'
import { listNames } from '../list-names.js'
import type { Expression, Statement } from '../numpy/ast.js'
import type { FollowedPair } from '../numpy/trace-backward.js'
import { formatSetting } from '../report/format-numbers.js'
import type { Blame, Explanation } from './explain.js'
import { type ListedStatement, listStatements, sourceOf } from './listing.js'
import { differs, isEqual, type Observation, observe } from './observe.js'
import type { Patch } from './patches.js'
import { printExpression } from './print-code.js'
import { LEAST, type Point, type Repair } from './search.js'
import { Sensitivity } from './sensitivity.js'
import { writeChange } from './write-change.js'

/** The lines of a backward pass, judged, and what is to be said beside them. */
export interface DescribedLines {
  readonly lines: readonly LineReport[]
  readonly notices: readonly string[]
}

/** What a line is taken for, before it is put into words. */
interface Judgement {
  readonly mark: LineMark
  readonly reason?: string
  readonly blame?: Blame
}

/** Of several statements in one line that counts which comes first here. */
const RANK: readonly LineMark[] = ['wrong', 'suspect', 'follows', 'right', 'not judged', 'not reached']

/**
 * The lines of a backward pass, each with what it is.
 * @param explanation of what is wrong; undefined where every gradient is right
 * @param gradientOf what the gradient of a parameter is called
 */
export function describeLines(
  pair: FollowedPair,
  point: Point,
  explanation: Explanation | undefined,
  gradientOf: (parameter: string) => string,
): DescribedLines {
  const judge = new Judge(pair, point, explanation, gradientOf)
  return { lines: judge.lines(), notices: judge.notices() }
}

/** The lines of a backward pass, where nothing can be said of them but which were reached. */
export function listUnjudged(pair: FollowedPair): LineReport[] {
  const { recording } = observe(pair.pass)
  const reached = new Set(recording.executions.map(({ statement }) => statement))
  const isReached = ({ statement }: ListedStatement) =>
    reached.has(statement) || (statement.kind === 'function' && recording.entered.has(statement.body))
  return merge(
    listStatements(pair.forward.files, recording.entered, pair.pass.called.body).map((listed) =>
      asLine(listed, { mark: isReached(listed) ? 'not judged' : 'not reached' }),
    ),
  )
}

class Judge {
  readonly #pair: FollowedPair
  readonly #explanation: Explanation | undefined
  readonly #gradientOf: (parameter: string) => string
  readonly #before: Observation
  /** With all that is blamed repaired, as far as it can be. */
  readonly #after: Observation | undefined
  readonly #sensitivity: Sensitivity
  readonly #listed: readonly ListedStatement[]
  readonly #reached: ReadonlySet<Statement>

  constructor(
    pair: FollowedPair,
    point: Point,
    explanation: Explanation | undefined,
    gradientOf: (parameter: string) => string,
  ) {
    this.#pair = pair
    this.#explanation = explanation
    this.#gradientOf = gradientOf
    const { pass, forward } = pair
    this.#before = observe(pass)
    const { recording } = this.#before
    const blames = explanation?.blames ?? []
    const changes = blames.flatMap(({ repair }) => (repair === undefined ? [] : [repair.change]))
    const patches = blames.flatMap(({ repair, patch }) =>
      repair === undefined && patch !== undefined ? [patch] : [],
    )
    this.#after = changes.length + patches.length === 0 ? undefined : observe(pass, changes, patches)
    this.#sensitivity = new Sensitivity(recording, point.right, LEAST * point.scale)
    this.#reached = new Set(recording.executions.map(({ statement }) => statement))
    const listed = listStatements(forward.files, recording.entered, pass.called.body)
    const known = new Set(listed.map(({ statement }) => statement))
    const outside = blames.map(({ statement }) => statement).filter((one) => !known.has(one))
    this.#listed = [...listed, ...outside.map((statement) => ({ statement, file: pass.file, function: '' }))]
  }

  lines(): LineReport[] {
    return merge(
      this.#listed.map((listed) => {
        const judgement = this.#judge(listed.statement)
        const line = asLine(listed, judgement)
        const { blame } = judgement
        if (blame === undefined) return line
        const alternatives = blame.alternatives.map((one) => this.#placeOf(one))
        return {
          ...line,
          ...(blame.repair === undefined ? {} : { proposal: this.#writeOf(blame.repair) }),
          ...(alternatives.length === 0 ? {} : { alternatives }),
          gradients: [...blame.gradients].map(this.#gradientOf),
        }
      }),
    )
  }

  notices(): string[] {
    const explanation = this.#explanation
    if (explanation === undefined) return []
    const { blames, search, isComplete } = explanation
    const wrong = listNames([...search.wrong].map(this.#gradientOf))
    if (
      blames.length === 0 ||
      blames.every(({ repair, patch }) => repair === undefined && patch === undefined)
    ) {
      return [`no change of a line that was tried makes ${wrong} right${this.#describeRegion()}`]
    }
    const isPatched = blames.length === 1 && blames[0].patch !== undefined && blames[0].repair === undefined
    if (isComplete || isPatched) return []
    const mended = new Set(
      blames.flatMap(({ repair, gradients }) => (repair === undefined ? [] : [...gradients])),
    )
    const left = [...search.wrong].filter((name) => !mended.has(name)).map(this.#gradientOf)
    return left.length === 0
      ? []
      : [`with these lines changed, ${listNames(left)} ${left.length === 1 ? 'is' : 'are'} still wrong`]
  }

  /** The lines that all wrong gradients depend on, and if possible no right one. */
  #describeRegion(): string {
    const wrong = [...this.#explanation!.search.wrong]
    const reaching = this.#listed.filter(({ statement }) => {
      const influence = this.#influenceOf(statement)
      return influence !== undefined && wrong.every((name) => influence.has(name))
    })
    const alone = reaching.filter(({ statement }) => this.#influenceOf(statement)!.size === wrong.length)
    const region = alone.length > 0 ? alone : reaching
    if (region.length === 0) return ''
    const places = region.map(({ file, statement }) => sourceOf(file, statement.at))
    const [first] = places
    const last = Math.max(...places.filter(({ file }) => file === first.file).map(({ line }) => line))
    const where = last === first.line ? `line ${first.line}` : `lines ${first.line} to ${last}`
    const these = wrong.length === 1 ? 'it depends' : 'they depend'
    return `; the mistake may be in ${where} of ${first.file}, which ${these} on${
      alone.length > 0 ? ', and nothing that is right does' : ''
    }`
  }

  #judge(statement: Statement): Judgement {
    const explanation = this.#explanation
    const blame = explanation?.blames.find((one) => one.statement === statement)
    if (blame !== undefined) return { mark: blame.certainty, reason: this.#explain(blame), blame }
    const { recording } = this.#before
    if (statement.kind === 'function')
      return {
        mark:
          this.#reached.has(statement) || recording.entered.has(statement.body)
            ? 'not judged'
            : 'not reached',
      }
    if (!this.#reached.has(statement)) return { mark: 'not reached' }
    const instead = explanation?.blames.find(({ alternatives }) => alternatives.includes(statement))
    if (instead !== undefined) {
      const { line } = this.#placeOf(instead.statement)
      return { mark: 'not judged', reason: `a change of it would do in the place of one in line ${line}` }
    }
    const influence = this.#influenceOf(statement)
    if (this.#after !== undefined && differs(statement, this.#before, this.#after)) {
      if (influence !== undefined && influence.size === 0 && statement.kind !== 'return')
        return { mark: 'not judged', reason: 'no gradient reads it' }
      return { mark: 'follows', reason: this.#whyFollows(statement) }
    }
    if (influence === undefined) return { mark: 'not judged' }
    if (influence.size === 0) return { mark: 'not judged', reason: 'no gradient reads it' }
    if (
      explanation === undefined ||
      this.#isExplained ||
      ![...influence].some((one) => explanation.search.wrong.has(one))
    )
      return { mark: 'right' }
    const standing = explanation.standings.get(statement)
    if (standing === 'consistent') return { mark: 'right' }
    return { mark: 'not judged' }
  }

  /** Whether every gradient is right with the blamed lines changed: what they ought to hold alone leaves open what they read. */
  get #isExplained(): boolean {
    return this.#explanation?.isComplete ?? true
  }

  /** Gradients that depend on what a statement makes; undefined where it makes no array of the backward pass. */
  #influenceOf(statement: Statement): ReadonlySet<string> | undefined {
    const { recording, made } = this.#before
    const nodes = (made.get(statement) ?? [])
      .flatMap((one) => one.nodes)
      .filter((node) => node >= recording.start && recording.values[node].kind === 'computed')
    return nodes.length === 0 ? undefined : this.#sensitivity.influence(nodes)
  }

  /** A repair as a line. */
  #writeOf({ change, text }: Repair): string {
    const { file } = this.#listed.find(({ statement }) => statement === change.statement) ?? this.#pair.pass
    return writeChange(change, text, sourceOf(file, change.statement.at).text)
  }

  #explain({ repair, patch, gradients }: Blame): string {
    const { search, standings, blames } = this.#explanation!
    const all = gradients.size === search.wrong.size && blames.length === 1
    const names = [...gradients].map(this.#gradientOf)
    const right = all
      ? 'every gradient is right'
      : `${listNames(names)} ${names.length === 1 ? 'is' : 'are'} right`
    if (repair !== undefined) {
      return `${repair.text === '' ? 'left out' : `written as \`${this.#writeOf(repair)}\``}, ${right}`
    }
    if (patch !== undefined) return `it should hold ${this.#describeTruth(patch)}: then ${right}`
    const blame = blames.find((one) => one.repair === undefined && one.patch === undefined)!
    return standings.get(blame.statement) === 'deviates'
      ? 'the first line whose value is another derivative than its name says, or at another scale than what it reads'
      : 'the first line whose value is no derivative of the loss, though what it reads is right'
  }

  #describeTruth({ truth, scale }: Patch): string {
    const { forward } = this.#pair
    const { source } = forward.values[truth.node]
    const [named] = [...truth.names].sort((one, other) => one.length - other.length)
    const where = source.line === undefined ? '' : `${source.file}:${source.line}`
    const value = named === undefined ? `what ${where} makes` : where === '' ? named : `${named} (${where})`
    const times = Math.abs(scale - 1) < 1e-6 ? '' : `${sayScale(scale)} times `
    const part =
      truth.of === 'value'
        ? 'the gradient of'
        : truth.of === 'use'
          ? 'what comes back through one use of'
          : 'what comes back through some uses of'
    return `${times}${part} ${value}`
  }

  /** What a statement reads that is wrong, or calls. */
  #whyFollows(statement: Statement): string {
    const read = this.#changedRead(statement)
    if (read !== undefined) return `it reads ${printExpression(read)}, which is wrong`
    const blamed = new Set(this.#explanation!.blames.map((one) => one.statement))
    const called = this.#before.recording.executions.find(
      (execution) =>
        blamed.has(execution.statement) && execution.callers.some((caller) => caller.statement === statement),
    )
    if (called === undefined)
      return statement.kind === 'return' ? 'it hands on what is wrong' : 'what it reads is wrong'
    return `it calls what is wrong in line ${this.#placeOf(called.statement).line}`
  }

  #changedRead(statement: Statement): Expression | undefined {
    const { recording: before } = this.#before
    const { recording: after } = this.#after!
    const own = (recording: typeof before, expression: Expression) =>
      (recording.occurrences.get(expression) ?? []).filter(
        ({ execution }) => execution.statement === statement,
      )
    const find = (node: unknown): Expression | undefined => {
      if (Array.isArray(node)) return first(node, find)
      if (node === null || typeof node !== 'object') return undefined
      const expression = node as Expression
      if (expression.kind === 'name' || expression.kind === 'member' || expression.kind === 'index') {
        const [one, other] = [own(before, expression), own(after, expression)]
        const isChanged =
          one.length !== other.length ||
          one.some(({ node: id }, k) => !isEqual(before.base[id], after.base[other[k].node]))
        if (one.length > 0 && isChanged) return expression
      }
      return first(Object.values(expression), find)
    }
    if (statement.kind === 'assign' || statement.kind === 'expression' || statement.kind === 'update')
      return find(statement.value)
    return statement.kind === 'return' ? find(statement.value) : undefined
  }

  #placeOf(statement: Statement): LinePlace {
    const { file } = this.#listed.find((one) => one.statement === statement) ?? this.#pair.pass
    const { file: name, line } = sourceOf(file, statement.at)
    return { file: name, line }
  }
}

function first<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}

/** A factor as people write it: 3, 1/3, 0.25. */
function sayScale(scale: number): string {
  const inverse = Math.round(1 / scale)
  if (Math.abs(inverse) > 1 && Math.abs(scale * inverse - 1) < 1e-6)
    return inverse < 0 ? `-1/${-inverse}` : `1/${inverse}`
  return formatSetting(Number(scale.toPrecision(6)))
}

function asLine(
  { statement, file, function: name }: ListedStatement,
  { mark, reason }: Judgement,
): LineReport {
  const { file: written, line, text } = sourceOf(file, statement.at)
  return {
    file: written,
    line,
    function: name,
    text,
    mark,
    ...(reason === undefined ? {} : { reason }),
  }
}

/** Statements of one line as one, by what weighs most of them. */
function merge(lines: readonly LineReport[]): LineReport[] {
  const merged = new Map<string, LineReport>()
  for (const one of lines) {
    const key = `${one.file}:${one.line}`
    const known = merged.get(key)
    if (known === undefined) merged.set(key, one)
    else {
      const text = known.text.length >= one.text.length ? known.text : one.text
      const heavier = RANK.indexOf(one.mark) < RANK.indexOf(known.mark) ? one : known
      merged.set(key, { ...heavier, text })
    }
  }
  return [...merged.values()]
}
