import { describeIntermediate, type IntermediateReport } from '../check/program/check-intermediates.js'
import type { CheckReport, Verdict } from '../check/report.js'
import { showsAnotherNetwork } from '../check/setup/findings.js'
import type { Perturbed } from '../differentiate/evaluator.js'
import { escapeControls } from '../escape-controls.js'
import { listNames } from '../list-names.js'
import {
  formatCount,
  formatDifference,
  formatQuantity,
  formatSeconds,
  formatSetting,
  formatValue,
} from './format-numbers.js'
import { clipMiddle, wrapText } from './layout-text.js'
import { formatSteps } from './step-table.js'
import { formatListing } from './text-listing.js'
import { asMessages, formatList, hang, section } from './text-lists.js'
import { chooseStyle, type Style } from './text-style.js'
import { formatEntries, formatTensors } from './text-tables.js'

/** How a text report is written. */
export interface TextOptions {
  /** Whether to colour it with ANSI escapes; default false. Colour repeats what the words say. */
  readonly color?: boolean
  /** Columns it may take, from 60 to 100; default 80. */
  readonly width?: number
  /** Where a page of the package's documentation is for the reader; by default its path within the package. */
  readonly locate?: (link: string) => string
}

const MAX_LINES = 40
const MAX_TENSOR_ROWS = 20
const MAX_ENTRIES_PER_TENSOR = 5
const MAX_LINES_OF_FINDINGS = 12
const MAX_LINES_OF_NOTICES = 6
const MAX_LINES_OF_REASONS = 20
const MAX_INTERMEDIATES = 6
const MAX_NAME_WIDTH_IN_SENTENCE = 24

/**
 * The report as text for one screen: at most 40 lines, beyond those of a sweep of steps
 * and the listing of a backward pass. The verdict comes first, in
 * words; then what was found to be wrong, what was evaluated, a row for each tensor and the worst entries of the
 * failing ones.
 */
export function formatReport(report: CheckReport, options: TextOptions = {}): string {
  const style = chooseStyle(options.color ?? false)
  const width = Math.min(100, Math.max(60, options.width ?? 80))
  // another network than the one declared is what to mend: it comes where a mistake comes in a failing check
  const reason = report.setup.find(
    (finding) =>
      finding.kind === 'other-network' || (showsAnotherNetwork(finding) && report.verdict === 'inconclusive'),
  )
  const findings = reason === undefined ? report.diagnosis : [reason, ...report.diagnosis]
  const reasons = report.reasons.filter((message) => message !== reason?.message)
  const told = new Set([...report.reasons, reason?.message])
  const notices = report.notices.filter((message) => !told.has(message))
  const top = [
    ...formatHeadline(report, style, width),
    ...section(formatList('why', asMessages(reasons), MAX_LINES_OF_REASONS, style, width)),
    ...section(formatList('found', findings, MAX_LINES_OF_FINDINGS, style, width, options.locate)),
    ...section(report.backward === undefined ? [] : formatListing(report.backward, style, width)),
    '',
    ...formatFacts(report, style, width),
    ...section(formatList('note', asMessages(notices), MAX_LINES_OF_NOTICES, style, width)),
  ]
  const failing = report.tensors.filter((tensor) => tensor.worst.length > 0 && tensor.verdict !== 'pass')
  const free = MAX_LINES - top.length - (failing.length > 0 ? 6 : 3)
  const entriesWanted = failing.reduce((sum, t) => sum + Math.min(MAX_ENTRIES_PER_TENSOR, t.worst.length), 0)
  const rowLimit = Math.min(MAX_TENSOR_ROWS, Math.max(free - Math.min(entriesWanted, 10), 3))
  const tensors = formatTensors(report.tensors, rowLimit, style, width)
  const entryLimit = free - Math.min(report.tensors.length, rowLimit)
  const lines = [
    ...top,
    ...section(formatSteps(report, style, width)),
    ...section(tensors),
    ...section(failing.length > 0 ? formatEntries(failing, Math.max(entryLimit, 1), style, width) : []),
  ]
  return `${lines.join('\n')}\n`
}

function formatHeadline(report: CheckReport, style: Style, width: number): string[] {
  const word = report.interrupted ? 'INTERRUPTED' : VERDICT_WORDS[report.verdict]
  const paint =
    style.verdict[report.interrupted && report.verdict !== 'fail' ? 'inconclusive' : report.verdict]
  const indent = word.length + 2
  const [first, ...rest] = wrapText(describeVerdict(report), width - indent)
  return [
    `${paint(word)}  ${style.strong(first)}`,
    ...rest.map((line) => ' '.repeat(indent) + style.strong(line)),
  ]
}

/** What a report begins with. */
export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  pass: 'PASS',
  fail: 'FAIL',
  inconclusive: 'INCONCLUSIVE',
}

/** The verdict as a sentence without its first word. */
function describeVerdict(report: CheckReport): string {
  const { checked, total } = report.parameters
  if (!report.interrupted) return describeComparison(report)
  const progress = `after ${formatCount(checked)} of ${formatQuantity(total, 'parameter')}`
  if (checked === 0 && report.verdict !== 'fail') return `${progress}: nothing has been compared`
  if (report.verdict === 'fail') return `${progress}; ${describeComparison(report)}`
  return `${progress}; no wrong entry so far, difference ${compareWithTolerance(report)}`
}

function describeComparison(report: CheckReport): string {
  const difference = `difference ${compareWithTolerance(report)}`
  switch (report.verdict) {
    case 'pass': {
      return `the gradient is right${describeScope(report)}: ${difference}`
    }
    case 'fail': {
      const wrong = report.tensors
        .filter((tensor) => tensor.verdict === 'fail')
        .map((tensor) => clipMiddle(escapeControls(tensor.name), MAX_NAME_WIDTH_IN_SENTENCE))
      if (wrong.length === 0) return `the gradient is wrong: ${difference}`
      const verb = wrong.length === 1 ? 'disagrees' : 'disagree'
      return `the gradient is wrong: ${listNames(wrong)} ${verb} with the numerical gradient`
    }
    case 'inconclusive': {
      if (report.setup.some(showsAnotherNetwork))
        return 'the network declared does not have the cost that was saved'
      if (report.savedOutput?.agrees === false)
        return `the saved output ${clipMiddle(escapeControls(report.savedOutput.name), MAX_NAME_WIDTH_IN_SENTENCE)} is not that of the forward pass`
      return `cannot tell whether the gradient is right: ${describeOpen(report)}`
    }
  }
}

/** What an inconclusive verdict leaves open: by its figures where they are the reason, else by its tensors. */
function describeOpen(report: CheckReport): string {
  const { numericalError, tolerance, tensors } = report
  const open = tensors.filter(({ verdict }) => verdict === 'inconclusive')
  if (report.difference <= tolerance && numericalError <= tolerance && open.length > 0) {
    const names = open.map(({ name }) => clipMiddle(escapeControls(name), MAX_NAME_WIDTH_IN_SENTENCE))
    return `${listNames(names)} ${names.length === 1 ? 'is' : 'are'} open`
  }
  return `difference ${compareWithTolerance(report)}, numerical error ${formatDifference(numericalError)}`
}

/** How far a passing verdict goes. */
function describeScope({ fast, parameters: { checked, total } }: CheckReport): string {
  if (checked === total) return ''
  return fast === undefined ? ' where it was checked' : ' in random directions'
}

function compareWithTolerance({ difference, tolerance }: CheckReport): string {
  const relation = difference <= tolerance ? '≤' : difference > tolerance ? '>' : 'against'
  return `${formatDifference(difference)} ${relation} ${formatSetting(tolerance)}`
}

function formatFacts(report: CheckReport, style: Style, width: number): string[] {
  const { checked, total } = report.parameters
  const all = `all ${formatQuantity(total, 'parameter')}`
  const scope =
    checked === total
      ? all
      : report.fast === undefined
        ? countOf(checked, total)
        : `${all} in random directions, ${formatCount(checked)} one by one`
  const facts: [string, string][] = [
    ...describeForward(report),
    ['difference', describeDifference(report)],
    ['cost', formatValue(report.cost) + describeSavedCost(report)],
    ...describeIntermediates(report),
    ...describeSavedOutput(report),
    [
      'checked',
      `${scope}; ${formatQuantity(report.timing.perturbations, 'perturbation')} in ${formatSeconds(report.timing.seconds)}`,
    ],
    [
      'method',
      `${METHOD_NAMES[report.method]}, ${report.scheme}, step ${formatSetting(report.step)}, ${report.precision} precision`,
    ],
    ...describeMoved(report),
    ['device', describeDevice(report)],
  ]
  if (report.crossValidation.checked > 0) {
    const { checked: sample, difference } = report.crossValidation
    const figure = formatDifference(difference)
    const other = report.method === 'textbook' ? 'difference arithmetic' : 'the textbook method'
    // a second evaluation that disagreed by more is told by the verdict
    const isExplained = difference > report.tolerance && report.verdict !== 'inconclusive'
    const reason = isExplained ? ", explained by the textbook method's own error" : ''
    facts.push(['cross-check', `${figure} from ${other} on ${formatQuantity(sample, 'parameter')}${reason}`])
  }
  const labelWidth = Math.max(...facts.map(([label]) => label.length))
  return facts.flatMap(([label, text]) => hang(label, labelWidth, text, style, width))
}

/** The user's own forward and backward pass, where they were read. */
function describeForward({ forward, backward }: CheckReport): [string, string][] {
  if (forward === undefined) return []
  const { file, entry, operations, stages } = forward
  const where = escapeControls(entry === '' ? file : `${file}:${entry}`)
  const taken = stages === undefined ? '' : ` in ${formatQuantity(stages, 'stage')}`
  const read: [string, string][] = [
    ['forward', `${where}, ${formatQuantity(operations, 'operation')}${taken}`],
  ]
  if (backward === undefined) return read
  const lines = formatQuantity(backward.lines.length, 'statement')
  return [...read, ['backward', `${escapeControls(`${backward.file}:${backward.entry}`)}, ${lines}`]]
}

/** Saved gradients of what the forward pass makes on its way. */
function describeIntermediates({ intermediates = [] }: CheckReport): [string, string][] {
  // wrong ones first, where not all of them are shown
  const isMany = intermediates.length > MAX_INTERMEDIATES
  const rank = ({ verdict }: IntermediateReport) => (isMany && verdict !== 'wrong' ? 1 : 0)
  const shown = intermediates
    .toSorted((one, other) => rank(one) - rank(other))
    .slice(0, MAX_INTERMEDIATES)
    .map((one): [string, string] => [
      clipMiddle(escapeControls(one.gradient), MAX_NAME_WIDTH_IN_SENTENCE),
      escapeControls(describeIntermediate(one)),
    ])
  const more = `and ${intermediates.length - shown.length} more saved gradients (the JSON report lists them)`
  return isMany ? [...shown, ['…', more]] : shown
}

/** What a saved cost says, where it agrees; a finding tells of one that does not. */
function describeSavedCost({ savedCost }: CheckReport): string {
  if (savedCost === undefined || !savedCost.agrees) return ''
  const { digits } = savedCost
  return digits === undefined ? '; the saved cost agrees' : `; the saved cost agrees to its ${digits} digits`
}

/** What a saved output says, where it agrees; a reason tells of one that does not. */
function describeSavedOutput({ savedOutput }: CheckReport): [string, string][] {
  if (savedOutput === undefined || !savedOutput.agrees) return []
  const { name, difference } = savedOutput
  return [['output', `the saved ${escapeControls(name)} agrees: difference ${formatDifference(difference)}`]]
}

function describeDifference({ difference, tolerance, numericalError, parameters }: CheckReport): string {
  if (parameters.checked === 0) return `none yet, tolerance ${formatSetting(tolerance)}`
  const error = formatDifference(numericalError)
  return `${formatDifference(difference)}, tolerance ${formatSetting(tolerance)}, numerical error ${error} (estimated)`
}

/** What was moved, where it was not every parameter by itself. */
function describeMoved({ tensors, loss }: CheckReport): [string, string][] {
  const named = (perturbed: Perturbed) =>
    tensors
      .filter((tensor) => tensor.perturbed === perturbed)
      .map(({ name }) => clipMiddle(escapeControls(name), MAX_NAME_WIDTH_IN_SENTENCE))
  const [outputs, parameters] = [named('outputs'), named('parameters')]
  if (outputs.length === 0) return []
  const [what, throughout] =
    loss === undefined
      ? ['what operations make of an array, contracted with their other operands', 'for every array']
      : ['outputs before the activation, contracted with the inputs', 'in every layer']
  if (parameters.length === 0) return [['moved', `${what}, ${throughout}`]]
  const [fewer, which] = outputs.length <= parameters.length ? [outputs, 'for'] : [parameters, 'but not for']
  return [['moved', `${what}, ${which} ${listNames(fewer)}`]]
}

const countOf = (checked: number, total: number) =>
  `${formatCount(checked)} of ${formatQuantity(total, 'parameter')}`

const METHOD_NAMES = { difference: 'difference arithmetic', textbook: 'textbook loop' } as const

function describeDevice({ device }: CheckReport): string {
  const kind = device.evaluator === 'webgpu' ? (device.software ? 'software adapter' : 'gpu') : 'cpu'
  return `${kind}: ${escapeControls(device.adapter)}`
}
