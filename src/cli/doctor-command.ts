import type {
  AdapterDescription,
  ArithmeticDescription,
  DeviceSurvey,
} from '../differentiate/node/open-device.js'
import { escapeControls } from '../escape-controls.js'
import { formatCount, formatQuantity } from '../report/format-numbers.js'
import { formatJson } from '../report/json.js'
import { type Cell, layoutTable, type Paint, wrapText } from '../report/layout-text.js'
import { chooseStyle } from '../report/text-style.js'
import { EXIT_STATUS } from './exit-status.js'
import { chooseWidth, shouldColor, type Terminal, writeAll } from './terminal.js'

/** The limits that decide how large a network fits and how its batches are cut. */
const SHOWN_LIMITS = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
] as const

/**
 * `gradcheck doctor`: says which devices there are, what is missing, and which one a check would use.
 * @returns the exit status.
 */
export async function runDoctor({ json = false }: { json?: boolean }, terminal: Terminal): Promise<number> {
  const { surveyDevices } = await import('../differentiate/node/open-device.js')
  const survey = await surveyDevices()
  const { stdout, environment } = terminal
  const text = json
    ? formatJson({ schema: 1, ...survey })
    : formatSurvey(survey, { color: shouldColor(stdout, environment), width: chooseWidth(stdout) })
  await writeAll(stdout, text)
  return EXIT_STATUS.pass
}

/** A survey of devices as text. */
export function formatSurvey(
  survey: DeviceSurvey,
  options: { color?: boolean; width?: number } = {},
): string {
  const style = chooseStyle(options.color ?? false)
  const width = options.width ?? 80
  const { processor, auto } = survey
  const choice = `--device auto uses ${auto.kind === 'hardware' ? 'gpu' : 'cpu'} (${auto.name})`
  const lines = [
    style.strong('processor'),
    ...indent(`${processor.name}, ${formatQuantity(processor.cores, 'core')}`, width),
    ...survey.adapters.flatMap((adapter) => [
      '',
      ...formatAdapter(adapter, style.strong, style.quiet, width),
    ]),
    ...survey.missing.flatMap((missing) => [
      '',
      style.strong(`${missing.kind} adapter: none`),
      ...indent(missing.reason, width),
      ...(missing.fix === undefined ? [] : indent(`fix: ${missing.fix}`, width)),
    ]),
    '',
    style.strong('choice'),
    ...indent(auto.reason === '' ? choice : `${choice}, because ${auto.reason}`, width),
  ]
  return `${lines.join('\n')}\n`
}

function formatAdapter(adapter: AdapterDescription, strong: Paint, quiet: Paint, width: number): string[] {
  const title = adapter.description || adapter.device || 'unnamed'
  const details = [
    ['vendor', adapter.vendor],
    ['architecture', adapter.architecture],
    ['device', adapter.device],
  ].flatMap(([label, text]) => (text === '' ? [] : [`${label} ${text}`]))
  const limits: Cell[][] = SHOWN_LIMITS.flatMap((name) => {
    const value = adapter.limits[name]
    return value === undefined ? [] : [[{ text: name, paint: quiet }, { text: formatLimit(name, value) }]]
  })
  const features = adapter.features.length === 0 ? 'none' : [...adapter.features].sort().join(', ')
  return [
    `${strong(`${adapter.kind} adapter`)}: ${escapeControls(title)}`,
    ...(details.length === 0 ? [] : indent(details.join(', '), width)),
    ...layoutTable(limits, { rightAligned: [1], indent: 2 }),
    ...indent(`features: ${features}`, width),
    ...describeArithmetic(adapter.arithmetic).flatMap((line) => indent(line, width)),
  ]
}

function describeArithmetic(arithmetic: ArithmeticDescription): string[] {
  if ('untested' in arithmetic) return [`arithmetic: could not be tested: ${arithmetic.untested}`]
  const { single, extended } = arithmetic
  const ulps = `elementary functions within ${single.ulps.toFixed(1)} ulp`
  return [
    `single precision: ${single.asExpected ? `as expected, ${ulps}` : `NOT as expected, ${ulps}, not 4`}; ` +
      `numbers below 2^-126 are ${single.subnormals}`,
    `extended precision: ${extended.exact ? 'kept exact' : `not available, the shader compiler loses ${extended.lost.join(', ')}`}`,
  ]
}

const indent = (text: string, width: number) =>
  wrapText(escapeControls(text), width - 2).map((line) => `  ${line}`)

/** A limit as people say it: sizes in MiB or KiB where they are whole ones. */
function formatLimit(name: string, value: number): string {
  if (!name.endsWith('Size')) return formatCount(value)
  for (const [unit, bytes] of BINARY_UNITS) {
    if (value >= bytes) return `${Math.round((value / bytes) * 100) / 100} ${unit}`
  }
  return `${formatCount(value)} bytes`
}

const BINARY_UNITS = [
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
] as const
