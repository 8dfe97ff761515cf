import { escapeControls } from '../escape-controls.js'
import type {
  DerivativeReport,
  FunctionReport,
  PointReport,
  SpecialPlace,
} from '../function/function-report.js'
import { listNames } from '../list-names.js'
import {
  formatCount,
  formatDifference,
  formatQuantity,
  formatSeconds,
  formatSetting,
  formatValue,
} from './format-numbers.js'
import { type Cell, clipMiddle, layoutTable, wrapText } from './layout-text.js'
import { formatSteps } from './steps-text.js'
import { type TextOptions, VERDICT_WORDS } from './text.js'
import { asMessages, formatList, hang, INDENT, section } from './text-lists.js'
import { chooseStyle, type Style } from './text-style.js'
import { formatEntries, formatTensors } from './text-tables.js'

const MAX_LINES_OF_LISTS = 8
const MAX_TENSORS = 10
const MAX_ENTRIES = 10
const MAX_FORMULA_WIDTH = 40
const MAX_GRADIENT_WIDTH = 28
/** Spaces between the columns of a table. */
const GAP = 2

/**
 * The report on a function as text: the verdict first, in words; then what was evaluated, where it is not smooth, a
 * row for each derivative with the points that disagree most, and the error against the step where it was measured.
 */
export function formatFunctionReport(report: FunctionReport, options: TextOptions = {}): string {
  const style = chooseStyle(options.color ?? false)
  const width = Math.min(100, Math.max(60, options.width ?? 80))
  const special = report.special.map((place) => ({ message: describePlace(place) }))
  const notes = report.notices.filter((notice) => !report.reasons.includes(notice))
  const lines = [
    ...formatHeadline(report, style, width),
    ...section(formatList('why', asMessages(report.reasons), MAX_LINES_OF_LISTS, style, width)),
    ...section(formatList('found', report.diagnosis, MAX_LINES_OF_LISTS, style, width, options.locate)),
    '',
    ...formatFacts(report, style, width),
    ...section(formatList('not smooth', special, MAX_LINES_OF_LISTS, style, width)),
    ...section(formatList('note', asMessages(notes), MAX_LINES_OF_LISTS, style, width)),
    ...section(formatJudgements(report, style, width)),
    ...section(report.steps === undefined ? [] : formatSteps(report.steps, style, width)),
  ]
  return `${lines.join('\n')}\n`
}

function formatHeadline(report: FunctionReport, style: Style, width: number): string[] {
  const word = VERDICT_WORDS[report.verdict]
  const indent = word.length + 2
  const [first, ...rest] = wrapText(describeVerdict(report), width - indent)
  return [
    `${style.verdict[report.verdict](word)}  ${style.strong(first)}`,
    ...rest.map((line) => ' '.repeat(indent) + style.strong(line)),
  ]
}

/** What each tensor or derivative came to, and where it is off. */
function formatJudgements(report: FunctionReport, style: Style, width: number): string[] {
  const { tensors, points } = report
  if (!isInCode(report)) {
    return [
      ...(points.total > 1 ? [...formatDerivatives(report, style), ''] : []),
      ...formatPoints(report, style, width),
    ]
  }
  const off = tensors.filter(({ worst }) => worst.length > 0)
  return [
    ...formatTensors(tensors, MAX_TENSORS, style, width),
    ...section(off.length === 0 ? [] : formatEntries(off, MAX_ENTRIES, style, width)),
  ]
}

const isInCode = ({ formula }: FunctionReport) => formula === ''

const nameOf = ({ variable }: DerivativeReport) => `d/d${escapeControls(variable)}`

function describeVerdict(report: FunctionReport): string {
  const relation = report.difference <= report.tolerance ? '≤' : '>'
  const difference = `difference ${formatDifference(report.difference)} ${relation} ${formatSetting(report.tolerance)}`
  const isSymbolic = report.derivatives.every(({ source }) => source === 'mathjs')
  const what = report.formula === '' ? 'gradient' : 'derivative'
  switch (report.verdict) {
    case 'pass':
      return isSymbolic
        ? `mathjs's derivative and the numerical one agree: ${difference}`
        : `the ${what} is right: ${difference}`
    case 'fail': {
      const wrong = report.derivatives.filter(({ verdict }) => verdict === 'fail')
      const names = isInCode(report)
        ? report.tensors.flatMap(({ gradient, verdict }) =>
            verdict === 'fail' ? [nameGradient(gradient)] : [],
          )
        : wrong.map(nameOf)
      const verb = names.length === 1 ? 'disagrees' : 'disagree'
      return `the ${what} is wrong: ${listNames(names)} ${verb} with the numerical ${what}`
    }
    case 'inconclusive':
      return `cannot tell whether the ${what} is right`
  }
}

/** A gradient without a name of its own needs none in a sentence. */
const nameGradient = (gradient: string) => (gradient === 'gradient' ? 'it' : escapeControls(gradient))

function formatFacts(report: FunctionReport, style: Style, width: number): string[] {
  const { points, derivatives, timing } = report
  const facts: [string, string][] = [
    ['function', describeFunction(report)],
    ['difference', describeDifference(report)],
    [
      'checked',
      isInCode(report)
        ? `${formatQuantity(countEntries(report), 'derivative')}; ${formatQuantity(timing.perturbations, 'evaluation')} in ${formatSeconds(timing.seconds)}`
        : `${formatQuantity(derivatives.length, 'derivative')} at ${scopeOf(points)}; ` +
          `${formatQuantity(timing.perturbations, 'perturbation')} in ${formatSeconds(timing.seconds)}`,
    ],
    ['method', describeMethod(report)],
    ['device', describeDevice(report)],
  ]
  const { checked, difference, rounding } = report.crossValidation
  if (checked > 0) {
    facts.push([
      'cross-check',
      `${formatDifference(difference)} from the textbook definition (rounding: ${formatDifference(rounding)}) on ${formatQuantity(checked, 'derivative')}`,
    ])
  }
  const labelWidth = Math.max(...facts.map(([label]) => label.length))
  return facts.flatMap(([label, text]) => hang(label, labelWidth, text, style, width))
}

const countEntries = ({ tensors }: FunctionReport) => tensors.reduce((sum, { checked }) => sum + checked, 0)

const scopeOf = ({ total, checked }: FunctionReport['points']) =>
  total === checked
    ? formatQuantity(total, 'point')
    : `${formatCount(checked)} of ${formatQuantity(total, 'point')}`

function describeFunction({ formula, cost, at, points }: FunctionReport): string {
  if (formula === '') return `in code, ${formatValue(cost)} at the point`
  const text = clipMiddle(escapeControls(formula), MAX_FORMULA_WIDTH)
  return points.total === 1
    ? `${text} = ${cost} at ${describeAt(at)}`
    : `${text} on a grid of ${formatQuantity(points.total, 'point')}`
}

function describeDifference({ points, difference, tolerance, numericalError }: FunctionReport): string {
  if (points.checked === 0) return `none: no derivative could be compared`
  const error = formatDifference(numericalError)
  return `${formatDifference(difference)}, tolerance ${formatSetting(tolerance)}, numerical error ${error} (estimated)`
}

function describeMethod({ method, scheme, step, precision }: FunctionReport): string {
  return method === 'difference'
    ? `difference arithmetic, ${scheme}, step ${formatSetting(step)}, ${precision} precision`
    : `textbook definition, central, extrapolated to a step of 0, ${precision} precision`
}

function describeDevice({ device }: FunctionReport): string {
  const kind = device.evaluator === 'webgpu' ? (device.software ? 'software adapter' : 'gpu') : 'cpu'
  return `${kind}: ${escapeControls(device.adapter)}`
}

const describeAt = (at: PointReport['at']) =>
  Object.entries(at)
    .map(([name, value]) => `${escapeControls(name)} = ${Number(value.toPrecision(6))}`)
    .join(', ')

const KINDS: Readonly<Record<SpecialPlace['kind'], string>> = {
  kink: 'a kink of',
  jump: 'a jump of',
  pole: 'a pole of',
  edge: 'the edge of',
  undefined: 'no value of',
}

function describePlace({ kind, expression, where, on, near, at }: SpecialPlace): string {
  const counts = [
    ...(on > 0 ? [`${formatQuantity(on, 'point')} on it`] : []),
    ...(near > 0 ? [`${formatQuantity(near, 'point')} within a step of it`] : []),
  ]
  return `${KINDS[kind]} ${expression}, where ${where}: ${counts.join(', ')} (${describeAt(at)})`
}

function formatDerivatives(report: FunctionReport, style: Style): string[] {
  const { derivatives } = report
  const hasWrong = derivatives.some(({ wrongPoints }) => wrongPoints > 0)
  const hasKinks = derivatives.some(({ kinks }) => kinks > 0)
  const columns = ['derivative', 'formula', 'points', 'difference', 'verdict']
  if (hasWrong) columns.push('wrong')
  if (hasKinks) columns.push('kinks')
  const rows = derivatives.map((derivative): Cell[] => {
    const { gradient, checked, difference, verdict, wrongPoints, kinks } = derivative
    return [
      { text: nameOf(derivative) },
      { text: clipMiddle(escapeControls(gradient), MAX_GRADIENT_WIDTH) },
      { text: formatCount(checked) },
      { text: checked === 0 ? '-' : formatDifference(difference) },
      { text: verdict === 'fail' ? 'FAIL' : verdict, paint: style.verdict[verdict] },
      ...(hasWrong ? [{ text: formatCount(wrongPoints) }] : []),
      ...(hasKinks ? [{ text: formatCount(kinks) }] : []),
    ]
  })
  const header = columns.map((text) => ({ text, paint: style.quiet }))
  const first = columns.indexOf('points')
  return layoutTable([header, ...rows], {
    indent: INDENT,
    rightAligned: [first, first + 1, first + 3, first + 4],
  })
}

/** The points that disagree most; of one point, every derivative in all its digits. */
function formatPoints(report: FunctionReport, style: Style, width: number): string[] {
  const isOne = report.points.total === 1
  const label = (derivative: DerivativeReport, point: PointReport, room: number): string => {
    const name = nameOf(derivative)
    if (!isOne) return clipMiddle(`${name} at ${describeAt(point.at)}`, room)
    return clipMiddle(`${name} = ${escapeControls(derivative.gradient)}`, room)
  }
  const format = isOne ? formatFull : formatValue
  const failing = report.derivatives.filter(({ verdict }) => verdict === 'fail')
  const shown = (failing.length > 0 && !isOne ? failing : report.derivatives).flatMap((derivative) =>
    derivative.worst.map((point) => ({ derivative, point })),
  )
  if (shown.length === 0) return []
  const title = isOne ? 'derivative' : report.verdict === 'pass' ? 'largest difference' : 'worst points'
  const columns = [title, 'analytical', 'numerical', 'textbook', 'difference']
  const header = columns.map((text) => ({ text, paint: style.quiet }))
  const figures = shown.map(({ point }) => [
    { text: format(point.analytical) },
    { text: format(point.numerical) },
    { text: Number.isNaN(point.textbook) ? '-' : format(point.textbook) },
    { text: formatDifference(point.relativeError) },
  ])
  const widths = columns
    .slice(1)
    .map((name, k) => Math.max(name.length, ...figures.map((row) => row[k].text.length)) + GAP)
  const room = Math.max(title.length, width - INDENT - widths.reduce((sum, each) => sum + each, 0))
  const rows = shown.map(({ derivative, point }, k) => [
    { text: label(derivative, point, room) },
    ...figures[k],
  ])
  return layoutTable([header, ...rows], { indent: INDENT, rightAligned: columns.map((_, k) => k).slice(1) })
}

/** Twelve digits and no zeros behind them: as many as tell the textbook's rounding from ours. */
const formatFull = (value: number) => String(Number(value.toPrecision(12)))
