import type { DifferenceSettings } from '../../differentiate/evaluator.js'
import type { Model } from '../../network/model.js'
import { entryLimit, regionsPerLevel, split, spread } from './plan.js'
import type { Probed, Prober } from './prober.js'

/** Random directions for every region that the search looks at. */
const SEARCH_DIRECTIONS = 3
/** Into how many parts a suspicious list is split at a time, at most. */
const WAYS = 16
/** Where so many parts are all suspicious, everything is taken to be wrong. */
const THROUGHOUT = 64
/** Rows whose columns are searched together, and how many such searches there are. */
const ROWS_TOGETHER = 8
const MOST_SEARCHES = 8

/** Where a tensor's gradient is wrong, as far as directions tell. */
export interface Location {
  /** Units that are suspicious, ascending. */
  readonly rows: Uint32Array
  /** Inputs whose weights are; 0 for biases. */
  readonly columns: Uint32Array
  /** Offsets of suspicious elements to look at one by one, ascending. */
  readonly entries: Uint32Array
  /** Whether `entries` are all elements where a suspicious row and column meet. */
  readonly complete: boolean
}

/** Which of some lists of rows or columns are suspicious, by how much; nothing when the check was stopped. */
type Test = (parts: readonly Uint32Array[]) => Promise<number[] | undefined>

/**
 * Finds where a tensor is wrong: the suspicious groups of rows are split and probed again until single rows are
 * left, then the columns of these rows in the same way.
 * @returns nothing when the check was stopped
 */
export async function localise(
  model: Model,
  prober: Prober,
  t: number,
  groups: readonly Probed[],
  settings: DifferenceSettings,
  onRound: () => void = () => {},
): Promise<Location | undefined> {
  const parameter = model.parameters[t]
  const width = parameter.role === 'biases' ? 1 : model.layers[parameter.layer].inputs
  const most = regionsPerLevel(model, parameter, settings, SEARCH_DIRECTIONS)
  let stage = 0
  const excesses = async (regions: { rows: Uint32Array; columns?: Uint32Array }[]) => {
    const probed = await prober.probe(t, regions, SEARCH_DIRECTIONS, `search ${stage++}`)
    onRound()
    return probed?.map(({ excess }) => excess)
  }
  const suspicious = groups.filter(({ excess }) => excess > 1)
  const rows =
    suspicious.length === groups.length && groups.length >= THROUGHOUT
      ? suspicious.map(({ region }) => region.rows)
      : await narrow(
          suspicious.map(({ region, excess }) => ({ items: region.rows, excess })),
          most,
          (parts) => excesses(parts.map((part) => ({ rows: part }))),
        )
  if (rows === undefined) return undefined
  const allRows = join(rows)
  const all = Uint32Array.from({ length: width }, (_, column) => column)
  const limit = entryLimit(model, parameter, settings)
  if (width === 1) {
    const entries = spread(allRows, limit)
    return { rows: allRows, columns: all, entries, complete: entries.length === allRows.length }
  }

  const blocks: { rows: Uint32Array; columns: Uint32Array }[] = []
  const searched = chooseSearches(allRows)
  for (const together of searched) {
    const columns = await narrow([{ items: all, excess: 1 }], most, (parts) =>
      excesses(parts.map((part) => ({ rows: together, columns: part }))),
    )
    if (columns === undefined) return undefined
    blocks.push({ rows: together, columns: join(columns) })
  }
  const columns = join(blocks.map((block) => block.columns))
  const covered = blocks.reduce((sum, block) => sum + block.rows.length, 0) === allRows.length
  return {
    rows: allRows,
    columns,
    ...chooseEntries(covered ? blocks : [{ rows: allRows, columns }], width, limit),
  }
}

/** Splits suspicious lists until single items are left, every part of them is suspicious, or there are too many. */
async function narrow(
  lists: readonly { items: Uint32Array; excess: number }[],
  most: number,
  test: Test,
): Promise<Uint32Array[] | undefined> {
  const found: Uint32Array[] = []
  let pending = [...lists]
  while (pending.length > 0) {
    pending.sort((a, b) => b.excess - a.excess)
    const atOnce = Math.max(1, Math.min(pending.length, Math.floor(most / 4)))
    found.push(...pending.splice(atOnce).map(({ items }) => items))
    const ways = Math.min(WAYS, Math.max(2, Math.floor(most / pending.length)))
    const parts = pending.map(({ items }) => split(items, ways))
    const tested = parts.filter((of) => of.length > 1).flat()
    const excesses = tested.length === 0 ? [] : await test(tested)
    if (excesses === undefined) return undefined
    const isThroughout = tested.length >= THROUGHOUT && excesses.every((excess) => excess > 1)
    const excessOf = new Map(tested.map((part, k) => [part, excesses[k]]))
    const next: typeof pending = []
    for (const [k, { items }] of pending.entries()) {
      const failing = parts[k].filter((part) => (excessOf.get(part) ?? 0) > 1)
      // what shows in none of the parts is kept as it was
      if (isThroughout || failing.length === 0) found.push(items)
      else next.push(...failing.map((part) => ({ items: part, excess: excessOf.get(part)! })))
    }
    found.push(...next.filter(({ items }) => items.length === 1).map(({ items }) => items))
    pending = next.filter(({ items }) => items.length > 1)
  }
  return found
}

/** Rows whose columns are to be searched: all of them in groups, or a few that stand for the others. */
function chooseSearches(rows: Uint32Array): Uint32Array[] {
  const groups = Math.ceil(rows.length / ROWS_TOGETHER)
  return groups <= MOST_SEARCHES ? split(rows, groups) : [spread(rows, ROWS_TOGETHER)]
}

/** Elements of the blocks, in all at most about `limit`: whole rows as far as they go. */
function chooseEntries(
  blocks: readonly { rows: Uint32Array; columns: Uint32Array }[],
  width: number,
  limit: number,
): { entries: Uint32Array; complete: boolean } {
  const size = blocks.reduce((sum, { rows, columns }) => sum + rows.length * columns.length, 0)
  const entries: number[] = []
  for (const { rows, columns } of blocks) {
    const share = Math.floor((limit * rows.length * columns.length) / size)
    const complete = size <= limit
    const perRow = complete ? columns : spread(columns, Math.max(1, share))
    const chosen = complete ? rows : spread(rows, Math.max(1, Math.floor(share / perRow.length)))
    for (const row of chosen) for (const column of perRow) entries.push(row * width + column)
  }
  return { entries: Uint32Array.from(entries).sort(), complete: entries.length === size }
}

/** All items of some lists, each once, ascending. */
function join(lists: readonly Uint32Array[]): Uint32Array {
  return Uint32Array.from(new Set(lists.flatMap((list) => [...list]))).sort()
}
