import type { EvaluatorSpeed } from '../bench/evaluator-speed.js'
import type { ProductRates } from '../bench/product-rate.js'
import type { Precision } from '../differentiate/evaluator.js'
import { escapeControls } from '../escape-controls.js'
import { formatCount, formatDifference, formatSeconds } from '../report/format-numbers.js'
import { layoutTable, wrapText } from '../report/layout-text.js'
import { chooseStyle } from '../report/text-style.js'

/** One network on one device. */
export interface BenchRow extends EvaluatorSpeed {
  readonly network: string
  readonly evaluator: 'cpu' | 'webgpu'
  readonly precision: Precision
  readonly adapter: string
  readonly software: boolean
  /** The tail's largest product beside a plain one; only on WebGPU, for three layers or more. */
  readonly product?: ProductRates
}

/** A device that could not be measured. */
export interface MissingDevice {
  readonly device: string
  readonly reason: string
}

/** The rows as text, the error beside each time. */
export function formatBench(
  rows: readonly BenchRow[],
  missing: readonly MissingDevice[],
  options: { color?: boolean; width?: number } = {},
): string {
  const style = chooseStyle(options.color ?? false)
  const width = options.width ?? 80
  const header = ['device', 'parameters', 'time', 'parameters/s', 'Gmadd/s', 'difference']
  const lines: string[] = []
  for (const network of new Set(rows.map((row) => row.network))) {
    const own = rows.filter((row) => row.network === network)
    const cells = own.map((row) => [
      { text: nameDevice(row) },
      { text: formatCount(row.parameters) },
      { text: `${row.scaled ? '~' : ''}${formatSeconds(row.seconds)}` },
      { text: formatCount(row.parametersPerSecond) },
      { text: (row.multiplyAddsPerSecond / 1e9).toPrecision(3) },
      { text: formatDifference(row.difference) },
    ])
    lines.push(style.strong(network))
    lines.push(
      ...layoutTable([header.map((text) => ({ text, paint: style.quiet })), ...cells], {
        rightAligned: [1, 2, 3, 4, 5],
        indent: 2,
      }),
    )
    for (const row of own) lines.push(...describeRow(row).flatMap((text) => indent(text, width)))
    lines.push('')
  }
  const notes = [
    'time: a complete check by central differences, without cross-validation. Gmadd/s: multiply-adds of ' +
      'difference arithmetic; the cpu evaluator needs fewer where units stay on one linear piece.',
    ...missing.map(({ device, reason }) => `no row for ${device}: ${escapeControls(reason)}`),
  ]
  return `${[...lines, ...notes.flatMap((note) => wrapText(note, width))].join('\n')}\n`
}

function nameDevice(row: BenchRow): string {
  return row.evaluator === 'cpu' ? 'cpu' : row.software ? 'software adapter' : 'gpu'
}

function describeRow(row: BenchRow): string[] {
  const lines = [
    `${nameDevice(row)}: ${escapeControls(row.adapter)}${row.software ? ' (software)' : ''}, ${row.precision} precision`,
  ]
  if (row.scaled) {
    lines.push(
      `~ scaled by multiply-adds from ${formatCount(row.measured)} parameters in ${formatSeconds(row.measuredSeconds)}`,
    )
  }
  if (row.product !== undefined) {
    const { rows, depth, columns, fused, plain, clock } = row.product
    lines.push(
      `product ${rows}×${depth} by ${columns} columns: fused ${(fused / 1e9).toPrecision(3)} Gmadd/s, ` +
        `${Math.round((100 * fused) / plain)} % of a plain one's ${(plain / 1e9).toPrecision(3)} (${clock})`,
    )
  }
  return lines
}

function indent(text: string, width: number): string[] {
  return wrapText(text, width - 2).map((line) => `  ${line}`)
}
