import type { CheckReport } from '../check/report.js'
import { escapeControls } from '../escape-controls.js'
import { listNames } from '../list-names.js'
import { formatDifference } from '../report/format-numbers.js'
import { encodeNumber } from '../report/json.js'
import { type Cell, clipMiddle, layoutTable, wrapText } from '../report/layout-text.js'
import { chooseStyle, type Style } from '../report/text-style.js'
import { NOTES_ON_CASES, type PublishedCase } from './published-cases.js'

/** What a published case gave here. */
export interface CaseResult {
  readonly published: PublishedCase
  /** The difference by the notebook's own method and step. */
  readonly textbook: number
  /** By difference arithmetic, on each device present. */
  readonly reports: readonly CheckReport[]
}

/** A device that could not be opened. */
export interface MissingDevice {
  readonly choice: string
  readonly reason: string
}

const MAX_DEVICE_WIDTH = 18

/** Whether every device gave the verdict that the case should have. */
export function isAsExpected({ published, reports }: CaseResult): boolean {
  return reports.every((report) => report.verdict === published.expected)
}

/** The cases as a table: published figure, the textbook method's here, and ours on each device. */
export function formatExamples(
  results: readonly CaseResult[],
  missing: readonly MissingDevice[],
  options: { color?: boolean; width?: number } = {},
): string {
  const style = chooseStyle(options.color ?? false)
  const width = options.width ?? 80
  const devices = results[0].reports.map(nameDevice)
  const header = ['case', 'published', 'textbook', ...devices, 'verdict'].map((text) => ({
    text,
    paint: style.quiet,
  }))
  const table = layoutTable([header, ...results.map((result) => formatRow(result, style))], {
    rightAligned: header.slice(1, -1).map((_, column) => column + 1),
  })
  const unexpected = results.filter((result) => !isAsExpected(result)).map(({ published }) => published.name)
  const notes = [
    ...(unexpected.length > 0 ? [`not the verdict it should be: ${listNames(unexpected)}`] : []),
    ...missing.map(({ choice, reason }) => `no column for --device ${choice}: ${escapeControls(reason)}`),
    ...results.flatMap(describeFailures),
    ...NOTES_ON_CASES,
  ]
  return `${[...table, '', ...notes.flatMap((note) => wrapText(note, width))].join('\n')}\n`
}

function formatRow(result: CaseResult, style: Style): Cell[] {
  const { published, textbook, reports } = result
  return [
    { text: published.name },
    ...[published.published, textbook, ...reports.map((report) => report.difference)].map((figure) => ({
      text: formatDifference(figure),
    })),
    { text: describeVerdict(result), paint: style.verdict[isAsExpected(result) ? 'pass' : 'fail'] },
  ]
}

function describeVerdict(result: CaseResult): string {
  const { published, reports } = result
  if (!isAsExpected(result)) {
    return `UNEXPECTED: ${reports.map((report) => `${report.verdict} on ${nameDevice(report)}`).join(', ')}`
  }
  return published.expected === 'pass' ? 'pass' : `${published.expected}, as it should`
}

/** Which tensors fail in the cases that should fail. */
function describeFailures({ published, reports }: CaseResult): string[] {
  const failing = reports[0].tensors
    .filter((tensor) => tensor.verdict === 'fail')
    .map((tensor) => tensor.name)
  return failing.length === 0 ? [] : [`${published.name}: ${listNames(failing)} fail.`]
}

function nameDevice({ device }: CheckReport): string {
  if (device.evaluator === 'cpu') return 'cpu'
  return device.software ? 'software' : clipMiddle(escapeControls(device.adapter), MAX_DEVICE_WIDTH)
}

/** The cases for `--json`. */
export function examplesToJson(results: readonly CaseResult[], missing: readonly MissingDevice[]): object {
  return {
    schema: 1,
    asExpected: results.every(isAsExpected),
    cases: results.map(({ published, textbook, reports }) => ({
      name: published.name,
      file: published.file,
      forward: `${published.sources[0]}:${published.entry}`,
      published: published.published,
      textbook: { step: published.step, difference: encodeNumber(textbook) },
      devices: reports.map((report) => ({
        ...report.device,
        difference: encodeNumber(report.difference),
        verdict: report.verdict,
        failing: report.tensors.filter((tensor) => tensor.verdict === 'fail').map((tensor) => tensor.name),
        seconds: encodeNumber(report.timing.seconds),
      })),
      expected: published.expected,
    })),
    missing: [...missing],
    notes: [...NOTES_ON_CASES],
  }
}
