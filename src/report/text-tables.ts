import type { TensorReport, Verdict } from '../check/report.js'
import { escapeControls } from '../escape-controls.js'
import { formatShape } from '../tensor.js'
import { formatCount, formatDifference, formatQuantity, formatRatio, formatValue } from './format-numbers.js'
import { type Cell, clipMiddle, layoutTable, measureWidth } from './layout-text.js'
import type { Style } from './text-style.js'

const MAX_ENTRIES_PER_TENSOR = 5
const MAX_SHAPE_WIDTH = 18
const MIN_NAME_WIDTH = 6
const INDENT = 2

/** A row for each tensor, at most `limit` of them, and what the others came to. */
export function formatTensors(
  tensors: readonly TensorReport[],
  limit: number,
  style: Style,
  width: number,
): string[] {
  const shown = chooseTensors(tensors, limit)
  const hasKinks = tensors.some((tensor) => tensor.kinks > 0)
  const hasWrong = tensors.some((tensor) => tensor.wrongEntries > 0)
  const hasUndecided = tensors.some((tensor) => tensor.undecidedEntries > 0)
  const layout = (nameWidth: number) => {
    const columns = ['tensor', 'shape', 'checked', 'difference', 'verdict']
    if (hasWrong) columns.push('wrong')
    if (hasUndecided) columns.push('open')
    if (hasKinks) columns.push('kinks')
    const header = columns.map((text) => ({ text, paint: style.quiet }))
    const rows = shown.map((tensor) => {
      const cells: Cell[] = [
        { text: clipMiddle(escapeControls(tensor.name), nameWidth) },
        { text: clipMiddle(formatShape(tensor.shape), MAX_SHAPE_WIDTH) },
        { text: formatCount(tensor.checked) },
        { text: tensor.checked === 0 ? '-' : formatDifference(tensor.difference) },
        tensor.checked === 0 && tensor.verdict !== 'fail'
          ? { text: 'not checked' }
          : verdictCell(tensor.verdict, style),
      ]
      if (hasWrong) cells.push({ text: formatCount(tensor.wrongEntries) })
      if (hasUndecided) cells.push({ text: formatCount(tensor.undecidedEntries) })
      if (hasKinks) cells.push({ text: formatCount(tensor.kinks) })
      return cells
    })
    return [header, ...rows]
  }
  return [...fitTable(layout, [2, 3, 5, 6, 7], width), ...countRest(tensors, shown)]
}

const verdictCell = (verdict: Verdict, style: Style): Cell => ({
  text: verdict === 'fail' ? 'FAIL' : verdict,
  paint: style.verdict[verdict],
})

/** The tensors worth a row, in their own order: failing ones first, then the largest differences. */
function chooseTensors(tensors: readonly TensorReport[], limit: number): readonly TensorReport[] {
  if (tensors.length <= limit) return tensors
  const size = (tensor: TensorReport) => (Number.isNaN(tensor.difference) ? Infinity : tensor.difference)
  const ranked = [...tensors].sort((a, b) => RANK[a.verdict] - RANK[b.verdict] || size(b) - size(a))
  const chosen = new Set(ranked.slice(0, limit))
  return tensors.filter((tensor) => chosen.has(tensor))
}

const RANK: Readonly<Record<Verdict, number>> = { fail: 0, inconclusive: 1, pass: 2 }

function countRest(tensors: readonly TensorReport[], shown: readonly TensorReport[]): string[] {
  if (shown.length === tensors.length) return []
  const isShown = new Set(shown)
  const rest = tensors.filter((tensor) => !isShown.has(tensor))
  const parts = (Object.keys(RANK) as Verdict[]).flatMap((verdict) => {
    const count = rest.filter((tensor) => tensor.verdict === verdict).length
    return count === 0 ? [] : [`${formatCount(count)} more ${verdictVerb(verdict, count)}`]
  })
  return [`${' '.repeat(INDENT)}and ${parts.join(', ')}`]
}

function verdictVerb(verdict: Verdict, count: number): string {
  if (verdict === 'inconclusive') return count === 1 ? 'is inconclusive' : 'are inconclusive'
  return count === 1 ? (verdict === 'pass' ? 'passes' : 'fails') : verdict
}

/**
 * The worst entries of each failing tensor in about `limit` lines: index, both values and their ratio, and the
 * estimated error of the numerical one where entries are left open.
 */
export function formatEntries(
  failing: readonly TensorReport[],
  limit: number,
  style: Style,
  width: number,
): string[] {
  const share = Math.min(MAX_ENTRIES_PER_TENSOR, Math.max(1, Math.floor(limit / failing.length)))
  const shown = failing.slice(0, Math.max(1, Math.floor(limit / share)))
  const hasOpen = shown.some((tensor) =>
    tensor.worst.slice(0, share).some(({ verdict }) => verdict === 'inconclusive'),
  )
  const columns = ['worst entries', 'analytical', 'numerical', 'ratio']
  if (hasOpen) columns.push('error', 'verdict')
  const header = columns.map((text) => ({
    text,
    paint: style.quiet,
  }))
  const layout = (nameWidth: number) => [
    header,
    ...shown.flatMap((tensor) =>
      tensor.worst
        .slice(0, share)
        .map((entry): Cell[] => [
          { text: clipMiddle(escapeControls(tensor.gradient), nameWidth) + formatIndex(entry.index) },
          { text: formatValue(entry.analytical) },
          { text: formatValue(entry.numerical) },
          { text: formatRatio(entry.analytical, entry.numerical) },
          ...(hasOpen
            ? [{ text: formatDifference(entry.numericalError) }, verdictCell(entry.verdict, style)]
            : []),
        ]),
    ),
  ]
  const lines = fitTable(layout, [1, 2, 3, 4], width)
  if (shown.length === failing.length) return lines
  const rest = formatQuantity(failing.length - shown.length, 'more tensor')
  return [...lines, `${' '.repeat(INDENT)}and those of ${rest} (the JSON report lists them)`]
}

const formatIndex = (index: readonly number[]) => (index.length === 0 ? '' : `[${index.join(', ')}]`)

/** Lays a table out, names as wide as the width allows. */
function fitTable(
  layout: (nameWidth: number) => readonly (readonly Cell[])[],
  rightAligned: readonly number[],
  width: number,
): string[] {
  const options = { rightAligned, indent: INDENT }
  const unpainted = (nameWidth: number) => layout(nameWidth).map((row) => row.map(({ text }) => ({ text })))
  const narrowest = layoutTable(unpainted(MIN_NAME_WIDTH), options)
  const overhead = Math.max(...narrowest.map(measureWidth)) - MIN_NAME_WIDTH
  return layoutTable(layout(Math.max(MIN_NAME_WIDTH, width - overhead)), options)
}
