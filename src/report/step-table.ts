import type { CheckReport, StepReport } from '../check/report.js'
import { formatDifference, formatQuantity, formatSetting } from './format-numbers.js'
import { layoutTable, measureWidth, wrapText } from './layout-text.js'
import type { Style } from './text-style.js'

const INDENT = 2
const WIDEST_PLOT = 44
const NARROWEST_PLOT = 10
const [OURS, THEIRS, BOTH] = ['●', '○', '◉']

/** A row for each step of a sweep: both methods' differences, and where they lie on a logarithmic scale. */
export function formatSteps(report: CheckReport, style: Style, width: number): string[] {
  const { steps = [] } = report
  if (steps.length === 0) return []
  const scale = chooseScale(steps)
  const figures = steps.map((row) => [
    formatSetting(row.step),
    formatDifference(row.difference),
    formatDifference(row.textbook),
  ])
  const header = ['step', 'difference', 'textbook']
  const taken = header.reduce(
    (sum, text, column) =>
      sum + 2 + Math.max(...[text, ...figures.map((row) => row[column])].map(measureWidth)),
    INDENT,
  )
  const plotWidth = Math.max(NARROWEST_PLOT, Math.min(WIDEST_PLOT, width - taken))
  const rows = [
    [...header, formatScale(scale, plotWidth)].map((text) => ({ text, paint: style.quiet })),
    ...steps.map((row, k) => [...figures[k], plotRow(row, scale, plotWidth)].map((text) => ({ text }))),
  ]
  const { checked } = steps[0]
  const which = checked === report.parameters.total ? 'all' : `${checked} of`
  const legend =
    `${OURS} difference arithmetic, ${THEIRS} textbook method, against the step; ${report.scheme}, ` +
    `on ${which} ${formatQuantity(report.parameters.total, 'parameter')}`
  return [
    ...layoutTable(rows, { rightAligned: [1, 2], indent: INDENT }),
    ...wrapText(legend, width - INDENT).map((line) => ' '.repeat(INDENT) + style.quiet(line)),
  ]
}

/** Powers of ten that hold every difference. */
interface Scale {
  readonly from: number
  readonly to: number
}

function chooseScale(steps: readonly StepReport[]): Scale {
  const logs = steps
    .flatMap((row) => [row.difference, row.textbook])
    .filter((value) => value > 0 && Number.isFinite(value))
    .map(Math.log10)
  const from = Math.floor(Math.min(0, ...logs))
  const to = Math.ceil(Math.max(from + 1, ...logs))
  return { from, to }
}

function formatScale({ from, to }: Scale, width: number): string {
  const ends = [`1e${from}`, to === 0 ? '1' : `1e${to}`]
  return `${ends[0]}${' '.repeat(Math.max(1, width - ends[0].length - ends[1].length))}${ends[1]}`
}

function plotRow({ difference, textbook }: StepReport, scale: Scale, width: number): string {
  const cells = Array.from({ length: width }, () => '·')
  const [ours, theirs] = [difference, textbook].map((value) => placeOf(value, scale, width))
  if (theirs !== undefined) cells[theirs] = THEIRS
  if (ours !== undefined) cells[ours] = ours === theirs ? BOTH : OURS
  return cells.join('')
}

/** The column of a value; 0 lies at the left end, what is not finite nowhere. */
function placeOf(value: number, { from, to }: Scale, width: number): number | undefined {
  if (!Number.isFinite(value)) return undefined
  if (value === 0) return 0
  return Math.round(((Math.log10(value) - from) / (to - from)) * (width - 1))
}
