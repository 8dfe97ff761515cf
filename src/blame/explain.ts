import type { Statement } from '../numpy/ast.js'
import type { Change } from './change.js'
import { Matcher, type Standing } from './consistency.js'
import { findPatches, type Patch } from './patches.js'
import { targetsOf } from './record.js'
import { type Point, type Repair, Search } from './search.js'

/** A line that is blamed, and what for. */
export interface Blame {
  readonly statement: Statement
  /** Wrong: a changed line makes gradients right, and nothing speaks for another one. Suspect: the best explanation. */
  readonly certainty: 'wrong' | 'suspect'
  /** The changed line. */
  readonly repair: Repair | undefined
  /** What it ought to hold. */
  readonly patch: Patch | undefined
  /** Other lines that explain as much. */
  readonly alternatives: readonly Statement[]
  /** Gradients that are wrong because of it. */
  readonly gradients: ReadonlySet<string>
}

/** What was found out of a backward pass that makes wrong gradients. */
export interface Explanation {
  readonly blames: readonly Blame[]
  /** The gradients that are right once all is repaired. */
  readonly isComplete: boolean
  readonly standings: ReadonlyMap<Statement, Standing>
  readonly search: Search
}

/** Costs of changes at which the search pauses to look whether it is done. */
const LEVELS = [1.3, 2.1, 2.7, 3.3, 4.9]
/** Changes that are tried at further points. */
const MOST_HELD = 12
/** Lines that are put right to read off how they would be written, and changes of each of them. */
const MOST_PATCHED = 6
/** Lines that are blamed at once. */
const MOST_BLAMED = 4
/** What a line's standing adds to the cost of its change. */
const WEIGHTS: Readonly<Record<Standing, number>> = {
  deviates: -0.8,
  unmatched: -0.4,
  open: 0,
  follows: 0.3,
  consistent: 0.8,
}
/** For the first line that deviates. */
const FIRST = -0.9
/** For a line that gives a value another name, and does nothing else. */
const ALIAS = -0.9
/** For what is done where results are handed over, but another order. */
const AT_RETURN = 0.8
/** What each gradient that it makes right takes off the cost of a change, where no change makes all of them right. */
const EACH = 3
/** Explanations that are no dearer than this are as good. */
const AS_GOOD = 0.5

/**
 * Finds the lines of a backward pass that make its gradients wrong.
 * @param second another point, at which changes are tried as well
 * @param further points at which what was found is tried at last
 */
export function explain(
  point: Point,
  second: Point | undefined,
  further: () => readonly Point[] = () => [],
): Explanation {
  const blames: Blame[] = []
  const applied: Change[] = []
  let search = new Search(point, second)
  const first = search
  let known: readonly Point[] | undefined
  const lazily = () => {
    known ??= further()
    return known
  }
  const { standings } = caseOf(search, point, lazily)
  while (search.wrong.size > 0 && blames.length < MOST_BLAMED) {
    const blame = explainOnce(caseOf(search, point, lazily), applied.length === 0)
    if (blame === undefined) break
    blames.push(blame)
    if (blame.repair === undefined) break
    applied.push(blame.repair.change)
    if (blame.repair.fixed.size === search.wrong.size) {
      search = new Search(point, second, applied, first.budget)
      break
    }
    search = new Search(point, second, applied, first.budget)
  }
  const order = first.statements
  blames.sort((one, other) => order.indexOf(one.statement) - order.indexOf(other.statement))
  const isComplete = search.wrong.size === 0
  // what does not explain everything may be explained otherwise
  const said = isComplete ? blames : blames.map((blame): Blame => ({ ...blame, certainty: 'suspect' }))
  return { blames: said, isComplete, standings, search: first }
}

/** A search, and what it is weighed by. */
interface Case {
  readonly search: Search
  readonly point: Point
  readonly further: () => readonly Point[]
  readonly matcher: Matcher
  readonly statements: readonly Statement[]
  readonly standings: ReadonlyMap<Statement, Standing>
  /** The first line whose value stands out, if one does. */
  readonly firstOdd: Statement | undefined
  weightOf(statement: Statement): number
  scoreOf(repair: Repair): number
  /** Whether a change that is alone in what it repairs is enough to call its line wrong. */
  isSure(statement: Statement): boolean
}

function caseOf(search: Search, point: Point, further: () => readonly Point[]): Case {
  const matcher = new Matcher(search.recording, point.truths)
  const { statements } = search
  const standings = matcher.standingsOf(statements, (statement) => search.slotsOf(statement))
  const standingOf = (statement: Statement) => standings.get(statement) ?? 'open'
  const firstDeviating = statements.find((statement) => standingOf(statement) === 'deviates')
  const weightOf = (statement: Statement) => {
    if (statement.kind === 'assign' && statement.value.kind === 'name') return ALIAS
    return WEIGHTS[standingOf(statement)] + (statement === firstDeviating ? FIRST : 0)
  }
  return {
    search,
    point,
    further,
    matcher,
    statements,
    standings,
    firstOdd: firstDeviating ?? statements.find((statement) => standingOf(statement) === 'unmatched'),
    weightOf,
    scoreOf({ change: { statement, statements: instead, cost } }) {
      const isReturn = statement.kind === 'return' && instead === undefined
      return cost + weightOf(statement) + (isReturn ? AT_RETURN : 0)
    },
    // where something was left untried, the line must stand out by its value as well
    isSure: (statement) => !search.isCut || ['deviates', 'unmatched'].includes(standingOf(statement)),
  }
}

function explainOnce(of: Case, isFirst: boolean): Blame | undefined {
  const { search, statements, standings, firstOdd } = of
  const { wrong } = search
  const reaching = statements.filter((statement) => {
    const influence = search.influenceOf(statement)
    return influence === undefined || [...wrong].every((name) => influence.has(name))
  })
  const { repairs, patches } = findWhole(of, reaching)
  const whole = explainByOne(of, repairs.filter(isAllOf(wrong)), patches)
  if (whole !== undefined) return whole
  const suspected = (statement: Statement, patch?: Patch): Blame => ({
    statement,
    certainty: 'suspect',
    repair: undefined,
    patch,
    alternatives: [],
    gradients: wrong,
  })
  // a line that reads what is wrong is not where it begins
  const patch = patches.find(({ statement }) => standings.get(statement) !== 'follows')
  if (patch !== undefined && isFirst) return suspected(patch.statement, patch)
  const others = statements.filter((statement) => !reaching.includes(statement))
  const part = explainPart(of, repairs, others)
  if (part !== undefined) return part
  const odd = firstOdd ?? patches[0]?.statement
  return odd === undefined ? undefined : suspected(odd)
}

const isAllOf =
  (wrong: ReadonlySet<string>) =>
  ({ fixed }: { readonly fixed: ReadonlySet<string> }): boolean =>
    fixed.size === wrong.size

/** Changes of single lines, cheap ones first, until one makes all wrong gradients right; and what lines ought to hold. */
function findWhole(
  of: Case,
  reaching: readonly Statement[],
): { readonly repairs: readonly Repair[]; readonly patches: readonly Patch[] } {
  const { search, firstOdd, weightOf } = of
  const isAll = isAllOf(search.wrong)
  const prepared = search.prepare(reaching)
  const repairs: Repair[] = []
  let done = 0
  for (const level of LEVELS) {
    repairs.push(...search.findRepairs(prepared, done, level, weightOf))
    done = level
    if (repairs.some(isAll)) break
  }
  const hasOdd = () => repairs.some((one) => isAll(one) && one.change.statement === firstOdd)
  // the line that stands out may need a dearer change than another one
  if (repairs.some(isAll) && firstOdd !== undefined && !hasOdd() && reaching.includes(firstOdd))
    repairs.push(...search.findRepairs(search.prepare([firstOdd]), done, LEVELS.at(-1)!))
  const patches = findAllPatches(of, reaching)
  if (hasOdd()) return { repairs, patches }
  // lines whose executions are made of each other: put right first, then read off
  for (const patch of patches.slice(0, MOST_PATCHED)) {
    const changes = search.findExpressions(patch.slot, patch.values, search.changesOf(patch.slot))
    for (const change of changes.slice(0, MOST_PATCHED)) {
      const repair = search.confirm(change)
      if (repair !== undefined) repairs.push(repair)
    }
  }
  return { repairs, patches }
}

/** The line whose change makes everything right, if there is one. */
function explainByOne(of: Case, whole: readonly Repair[], patches: readonly Patch[]): Blame | undefined {
  const { search, statements, scoreOf, isSure } = of
  const order = (one: Repair) => statements.indexOf(one.change.statement)
  const ordered = whole.toSorted((one, other) => scoreOf(one) - scoreOf(other) || order(one) - order(other))
  // a change may be right by chance at two points: what is near must be so at others as well
  const holding = ordered
    .slice(0, MOST_HELD)
    .filter((one) => of.further().every((other) => search.holdsAt(other, one)))
  if (holding.length === 0) return undefined
  const [best] = holding
  const { statement } = best.change
  const near = holding.filter((one) => scoreOf(one) <= scoreOf(best) + AS_GOOD)
  const alternatives = [...new Set(near.map(({ change }) => change.statement))].filter(
    (one) => one !== statement,
  )
  return {
    statement,
    certainty: alternatives.length === 0 && isSure(statement) ? 'wrong' : 'suspect',
    repair: best,
    patch: patches.find((patch) => patch.statement === statement),
    alternatives,
    gradients: search.wrong,
  }
}

/** One of several lines: the one whose change makes the most gradients right. */
function explainPart(of: Case, repairs: readonly Repair[], others: readonly Statement[]): Blame | undefined {
  const { search, weightOf, scoreOf, isSure } = of
  const prepared = search.prepare(others)
  const partial = repairs.filter(({ fixed }) => fixed.size > 0)
  let done = 0
  for (const level of LEVELS) {
    partial.push(...search.findRepairs(prepared, done, level, weightOf))
    done = level
    if (partial.length > 0 && level > 2) break
  }
  if (partial.length === 0) return undefined
  const partialScore = (one: Repair) => scoreOf(one) - EACH * one.fixed.size
  const [best] = partial.toSorted((one, other) => partialScore(one) - partialScore(other))
  const { statement } = best.change
  const alternatives = new Set(
    partial.flatMap((one) => {
      const isNear =
        one.change.statement !== statement &&
        [...best.fixed].some((name) => one.fixed.has(name)) &&
        partialScore(one) <= partialScore(best) + AS_GOOD
      return isNear ? [one.change.statement] : []
    }),
  )
  // a mistake of its own: all the wrong gradients that the line reaches are right without it
  const influence = search.influenceOf(statement)
  const isOwn =
    influence !== undefined && [...search.wrong].every((name) => !influence.has(name) || best.fixed.has(name))
  return {
    statement,
    certainty: isOwn && alternatives.size === 0 && isSure(statement) ? 'wrong' : 'suspect',
    repair: best,
    patch: undefined,
    alternatives: [...alternatives],
    gradients: best.fixed,
  }
}

/** Patches that make all right, those of lines that deviate first. */
function findAllPatches(
  { search, point, matcher, standings }: Case,
  statements: readonly Statement[],
): Patch[] {
  const rank = (statement: Statement) =>
    ({ deviates: 0, unmatched: 1, open: 2, follows: 3, consistent: 4 })[standings.get(statement) ?? 'open']
  const order = new Map(statements.map((statement, k) => [statement, k]))
  return statements
    .toSorted(
      (one, other) =>
        rank(one) - rank(other) ||
        (rank(one) === 4 ? order.get(other)! - order.get(one)! : order.get(one)! - order.get(other)!),
    )
    .flatMap((statement) => {
      const [target] = targetsOf(statement)
      const named = target === undefined ? undefined : matcher.namedAfter(target)
      return findPatches(search, point.truths, statement, named).filter(
        ({ fixed }) => fixed.size === search.wrong.size,
      )
    })
}
