import { escapeControls } from '../escape-controls.js'
import type { StepErrors, StepSeries } from '../function/step-series.js'
import { formatSetting } from './format-numbers.js'
import { layoutTable, wrapText } from './layout-text.js'
import type { Style } from './text-style.js'

const INDENT = 2
/** Columns that the table takes beside the picture, and those of the picture at least. */
const TABLE_WIDTH = 53
const MIN_PICTURE_WIDTH = 20
/** Powers of ten at the picture's ends. */
const LEAST_EXPONENT = -17
const MOST_EXPONENT = 0

/** One letter for each of the four ways, as the picture has them. */
const letterOf = ({ scheme, method }: StepErrors) => {
  const letter = scheme === 'forward' ? 'f' : 'c'
  return method === 'textbook' ? letter : letter.toUpperCase()
}

/** A table of the error against the step with a picture beside it, both logarithmic, and the measured slopes. */
export function formatSteps(
  { variable, at, steps, series, reference }: StepSeries,
  style: Style,
  width: number,
): string[] {
  const place = Object.entries(at)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ')
  const title = `error of d/d${variable} = ${reference} at ${place}, by step`
  const shown = [...series].sort((a, b) => a.method.localeCompare(b.method))
  const columns = Math.max(MIN_PICTURE_WIDTH, width - INDENT - TABLE_WIDTH)
  const header = ['step', ...shown.map((way) => `${way.scheme} ${letterOf(way)}`), axis(columns)]
  const rows = steps.map((h, k) => [
    { text: formatSetting(h) },
    ...shown.map(({ errors }) => ({ text: formatError(errors[k]) })),
    { text: drawRow(series, k, columns) },
  ])
  const table = layoutTable([header.map((text) => ({ text, paint: style.quiet })), ...rows], {
    indent: INDENT,
    rightAligned: [1, 2, 3, 4],
  })
  const slopes = ['forward', 'central'].map((scheme) => describeSlopes(scheme, series))
  return [
    ...indent(wrapText(escapeControls(title), width - INDENT)),
    ...table,
    ...slopes.flatMap((text) => indent(wrapText(text, width - INDENT))),
    ...indent(
      wrapText(
        'f, c: the textbook definition; F, C: difference arithmetic; *: more than one',
        width - INDENT,
      ),
    ),
  ]
}

const indent = (lines: readonly string[]) => lines.map((line) => ' '.repeat(INDENT) + line)

const formatError = (error: number) =>
  error === 0 ? '0' : Number.isFinite(error) ? error.toExponential(1) : '-'

const axis = (columns: number) => {
  const [least, most] = [`1e${LEAST_EXPONENT}`, `1e${MOST_EXPONENT}`]
  return least + ' '.repeat(columns - least.length - most.length) + most
}

function drawRow(series: readonly StepErrors[], k: number, columns: number): string {
  const cells = Array<string>(columns).fill(' ')
  for (const way of series) {
    const error = way.errors[k]
    if (!Number.isFinite(error)) continue
    const share = (Math.log10(error) - LEAST_EXPONENT) / (MOST_EXPONENT - LEAST_EXPONENT)
    const column = Math.round(Math.min(1, Math.max(0, share)) * (columns - 1))
    cells[column] = cells[column] === ' ' ? letterOf(way) : '*'
  }
  return cells.join('').trimEnd()
}

function describeSlopes(scheme: string, series: readonly StepErrors[]): string {
  const [textbook, difference] = (['textbook', 'difference'] as const).map(
    (method) => series.find((way) => way.scheme === scheme && way.method === method)!,
  )
  const falls = (slope: number | undefined) =>
    slope === undefined ? 'has no truncation to see' : `falls as h^${slope.toFixed(2)}`
  const rises = (slope: number | undefined, stays: string) =>
    slope === undefined ? stays : `and rises again as h^${slope.toFixed(2)}`
  return (
    `${scheme}: the textbook's error ${falls(textbook.truncationSlope)} ${rises(textbook.roundingSlope, '')}`.trimEnd() +
    `; difference arithmetic's ${falls(difference.truncationSlope)} ${rises(difference.roundingSlope, 'and does not rise')}`
  )
}
