import { userIndex } from '../../network/bind.js'
import type { ParameterTensor } from '../../network/model.js'
import type { LocatedReport } from '../report.js'

/** Ranges that a sentence names. */
const MOST_RANGES = 6
/** Entries that a sentence names one by one. */
const MOST_INDICES = 3

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

/** Where a gradient is wrong, and what is known beyond that. */
export interface DescribedLocation {
  readonly located: LocatedReport
  /** Offsets in the model's array of all wrong entries, if every suspicious one was looked at. */
  readonly wrongEntries?: readonly number[] | undefined
  /** Whether the rows are wrong in every column that has a gradient, and the columns in every row. */
  readonly wholeRows: boolean
  readonly wholeColumns: boolean
}

/** What is wrong in words: `rows 3 and 7 of W2 are wrong`. */
export function describeLocation(
  parameter: ParameterTensor,
  { located: { rows, columns }, wrongEntries, wholeRows, wholeColumns }: DescribedLocation,
): string {
  const { name, role } = parameter
  const indices = wrongEntries?.map((offset) => `[${userIndex(parameter, offset).join(', ')}]`) ?? []
  const isFew = indices.length > 0 && indices.length <= MOST_INDICES
  if (isFew && (indices.length === 1 || !(wholeRows || wholeColumns))) {
    return `${indices.length === 1 ? 'entry' : 'entries'} ${listTexts(indices)} of ${name} ${be(indices)} wrong`
  }
  if (wholeRows && wholeColumns) return `${name} is wrong throughout`
  if (role === 'biases') return `${list('entry', 'entries', rows)} of ${name} ${be(rows)} wrong`
  if (wholeRows) return `${list('row', 'rows', rows)} of ${name} ${be(rows)} wrong`
  if (wholeColumns) return `${list('column', 'columns', columns)} of ${name} ${be(columns)} wrong`
  return `${name} is wrong in ${list('row', 'rows', rows)}, ${list('column', 'columns', columns)}`
}

const be = (items: readonly unknown[]) => (items.length === 1 ? 'is' : 'are')

const listTexts = (texts: readonly string[]) =>
  texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`

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
  return `${items.length === 1 ? one : many} ${listTexts(parts)}`
}
