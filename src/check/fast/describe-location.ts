import { userIndex } from '../../network/bind.js'
import type { ParameterTensor } from '../../network/model.js'
import type { LocatedReport } from '../report.js'

/** Ranges that a sentence names. */
const MOST_RANGES = 6

/** Rows and columns of the model's array as indices of the user's; those of a vector are the places along it. */
export function locateInUsersArray(
  parameter: ParameterTensor,
  rows: readonly number[],
  columns: readonly number[],
  complete: boolean,
): LocatedReport {
  if (parameter.role === 'biases') return { rows: [...rows], columns: [], complete }
  return parameter.transposed
    ? { rows: [...columns], columns: [...rows], complete }
    : { rows: [...rows], columns: [...columns], complete }
}

/**
 * What is wrong in words: `rows 3 and 7 of W2 are wrong`.
 * @param wrongEntries offsets in the model's array, if every suspicious element was looked at
 */
export function describeLocation(
  parameter: ParameterTensor,
  { rows, columns }: LocatedReport,
  wrongEntries: readonly number[] | undefined,
): string {
  const { name, shape, role } = parameter
  if (wrongEntries?.length === 1) {
    return `the gradient of ${name}[${userIndex(parameter, wrongEntries[0]).join(', ')}] is wrong`
  }
  if (role === 'biases') {
    return rows.length === parameter.size
      ? throughout(name)
      : `${list('entry', 'entries', rows)} of ${name} ${be(rows)} wrong`
  }
  const [allRows, allColumns] = [rows.length === shape[0], columns.length === shape[1]]
  if (allRows && allColumns) return throughout(name)
  if (allColumns) return `${list('row', 'rows', rows)} of ${name} ${be(rows)} wrong`
  if (allRows) return `${list('column', 'columns', columns)} of ${name} ${be(columns)} wrong`
  return `${name} is wrong in ${list('row', 'rows', rows)}, ${list('column', 'columns', columns)}`
}

const throughout = (name: string) => `${name} is wrong throughout, in every row and column`

const be = (items: readonly number[]) => (items.length === 1 ? 'is' : 'are')

function list(one: string, many: string, items: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const item of items) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === item - 1) last[1] = item
    else ranges.push([item, item])
  }
  const shown = ranges.slice(0, MOST_RANGES).map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`))
  const rest = items.length - ranges.slice(0, MOST_RANGES).reduce((sum, [from, to]) => sum + to - from + 1, 0)
  const parts = rest > 0 ? [...shown, `${rest} more`] : shown
  const text = parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
  return `${items.length === 1 ? one : many} ${text}`
}
