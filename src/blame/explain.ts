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
  const matcher = new Matcher(search.recording, point.truths)
  const standings = matcher.standingsOf(search.statements, (statement) => search.slotsOf(statement))
  while (search.wrong.size > 0 && blames.length < MOST_BLAMED) {
    const blame = explainOnce(search, point, lazily, applied.length === 0)
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

function explainOnce(
  search: Search,
  point: Point,
  further: () => readonly Point[],
  isFirst: boolean,
): Blame | undefined {
  const matcher = new Matcher(search.recording, point.truths)
  const statements = search.statements
  const standings = new Map(
    statements.map(
      (statement) => [statement, matcher.standingOf(statement, search.slotsOf(statement))] as const,
    ),
  )
  const { wrong } = search
  const isAll = ({ fixed }: { fixed: ReadonlySet<string> }) => fixed.size === wrong.size
  const reaching = statements.filter((statement) => {
    const influence = search.influenceOf(statement)
    return influence === undefined || [...wrong].every((name) => influence.has(name))
  })
  const firstDeviating = statements.find((statement) => standings.get(statement) === 'deviates')
  const firstOdd = firstDeviating ?? statements.find((statement) => standings.get(statement) === 'unmatched')
  const weightOf = (statement: Statement) => {
    if (statement.kind === 'assign' && statement.value.kind === 'name') return ALIAS
    return WEIGHTS[standings.get(statement) ?? 'open'] + (statement === firstDeviating ? FIRST : 0)
  }
  const scoreOf = ({ change }: Repair) => {
    const { statement } = change
    const isReturn = statement.kind === 'return' && change.statements === undefined
    return change.cost + weightOf(statement) + (isReturn ? AT_RETURN : 0)
  }
  // where something was left untried, the line must stand out by its value as well
  const isSure = (statement: Statement) =>
    !search.isCut || ['deviates', 'unmatched'].includes(standings.get(statement) ?? 'open')
  const ordered = (repairs: readonly Repair[]) =>
    repairs.toSorted(
      (one, other) =>
        scoreOf(one) - scoreOf(other) ||
        statements.indexOf(one.change.statement) - statements.indexOf(other.change.statement),
    )
  const prepared = search.prepare(reaching)
  const repairs: Repair[] = []
  let done = 0
  for (const level of LEVELS) {
    repairs.push(...search.findRepairs(prepared, done, level, weightOf))
    done = level
    if (repairs.some(isAll)) break
  }
  const whole = repairs.filter(isAll)
  // the line that stands out may need a dearer change than another one
  if (
    whole.length > 0 &&
    firstOdd !== undefined &&
    !whole.some(({ change }) => change.statement === firstOdd) &&
    reaching.includes(firstOdd)
  ) {
    whole.push(...search.findRepairs(search.prepare([firstOdd]), done, LEVELS.at(-1)!).filter(isAll))
  }
  // lines whose executions are made of each other: put right first, then read off
  const patches = findAllPatches(search, point, matcher, reaching, standings)
  if (whole.length === 0 || !whole.some(({ change }) => change.statement === firstOdd)) {
    for (const patch of patches.slice(0, 6)) {
      const changes = search.findExpressions(patch.slot, patch.values, search.changesOf(patch.slot))
      for (const change of changes.slice(0, 6)) {
        const repair = search.confirm(change)
        if (repair !== undefined && isAll(repair)) whole.push(repair)
      }
    }
  }
  // a change may be right by chance at two points: what is near must be so at others as well
  const holding = ordered(whole)
    .slice(0, MOST_HELD)
    .filter((one) => further().every((other) => search.holdsAt(other, one)))
  if (holding.length > 0) {
    const [best] = holding
    const near = holding.filter((one) => scoreOf(one) <= scoreOf(best) + AS_GOOD)
    const others = [...new Set(near.map(({ change }) => change.statement))].filter(
      (one) => one !== best.change.statement,
    )
    const patch = patches.find(({ statement }) => statement === best.change.statement)
    return {
      statement: best.change.statement,
      certainty: others.length === 0 && isSure(best.change.statement) ? 'wrong' : 'suspect',
      repair: best,
      patch,
      alternatives: others,
      gradients: wrong,
    }
  }
  // a line that reads what is wrong is not where it begins
  const patch = patches.find(({ statement }) => standings.get(statement) !== 'follows')
  if (patch !== undefined && isFirst) {
    return {
      statement: patch.statement,
      certainty: 'suspect',
      repair: undefined,
      patch,
      alternatives: [],
      gradients: wrong,
    }
  }
  // several lines: the first that can be repaired by itself
  const others = statements.filter((statement) => !reaching.includes(statement))
  const more = search.prepare(others)
  const partial = repairs.filter(({ fixed }) => fixed.size > 0)
  let depth = 0
  for (const level of LEVELS) {
    partial.push(...search.findRepairs(more, depth, level, weightOf))
    depth = level
    if (partial.length > 0 && level > 2) break
  }
  if (partial.length > 0) {
    const partialScore = (one: Repair) => scoreOf(one) - EACH * one.fixed.size
    const [best] = partial.toSorted((one, other) => partialScore(one) - partialScore(other))
    const { statement } = best.change
    const others = new Set(
      partial.flatMap((one) =>
        one.change.statement !== statement &&
        [...best.fixed].some((name) => one.fixed.has(name)) &&
        partialScore(one) <= partialScore(best) + AS_GOOD
          ? [one.change.statement]
          : [],
      ),
    )
    // a mistake of its own: all the wrong gradients that the line reaches are right without it
    const influence = search.influenceOf(statement)
    const isOwn =
      influence !== undefined && [...wrong].every((name) => !influence.has(name) || best.fixed.has(name))
    return {
      statement,
      certainty: isOwn && others.size === 0 && isSure(statement) ? 'wrong' : 'suspect',
      repair: best,
      patch: undefined,
      alternatives: [...others],
      gradients: best.fixed,
    }
  }
  const odd = firstOdd ?? patches[0]?.statement
  return odd === undefined
    ? undefined
    : {
        statement: odd,
        certainty: 'suspect',
        repair: undefined,
        patch: undefined,
        alternatives: [],
        gradients: wrong,
      }
}

/** Patches that make all right, those of lines that deviate first. */
function findAllPatches(
  search: Search,
  point: Point,
  matcher: Matcher,
  statements: readonly Statement[],
  standings: ReadonlyMap<Statement, Standing>,
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
