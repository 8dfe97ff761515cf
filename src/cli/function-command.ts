import { GradcheckError } from '../errors.js'
import { escapeControls } from '../escape-controls.js'
import { bindFunction, type FormulaProblem } from '../function/bind-function.js'
import { checkFunction } from '../function/check-function.js'
import type { FunctionReport } from '../function/function-report.js'
import { formatCount, formatQuantity } from '../report/format-numbers.js'
import { functionReportToJson } from '../report/function-json.js'
import { formatFunctionReport } from '../report/function-text.js'
import { formatJson } from '../report/json.js'
import { sayReportOtherwise } from '../settings.js'
import { EXIT_STATUS } from './exit-status.js'
import { type FunctionCommandSettings, readGradients } from './function-options.js'
import { runInterruptibly } from './interrupt.js'
import { ProgressBar } from './progress-bar.js'
import { writeOption } from './say-options.js'
import { chooseWidth, shouldColor, type Terminal, writeNotice } from './terminal.js'
import { requireWritable, writeReport } from './write-report.js'

/**
 * `gradcheck function`: checks the derivative of a function typed as a formula and writes the report.
 * @returns the exit status.
 * @throws GradcheckError for input that cannot be checked or a device that cannot be used.
 */
export async function runFunction(
  formula: string,
  settings: FunctionCommandSettings,
  terminal: Terminal,
): Promise<number> {
  const { at, wrt, scheme, step, steps, tolerance } = settings
  if (at === undefined) {
    throw new GradcheckError('bad-usage', '--at is needed: the values of the variables', {
      fix: 'write --at theta=4,x=2, or --at x=-3:3:1000 for 1000 values from −3 to 3',
    })
  }
  if (settings.output !== undefined) await requireWritable(settings.output)
  const problem: FormulaProblem = {
    formula,
    at,
    gradient: readGradients(settings.gradient ?? []),
    wrt: wrt?.split(',').map((name) => name.trim()),
  }
  // mistakes in the formulas are found before a device is opened
  await bindFunction(problem)
  const { openDevice } = await import('../differentiate/node/open-device.js')
  const device = await openDevice(settings.device)
  let report: FunctionReport
  try {
    const kind = device.kind === 'hardware' ? 'gpu' : device.kind
    const because = settings.device === 'auto' ? `, because ${escapeControls(device.reason)}` : ''
    await writeNotice(terminal.stderr, `device: ${kind} (${escapeControls(device.name)})${because}\n`)
    const { evaluator } = device
    const bar = new ProgressBar(terminal.stderr)
    let points = { done: 0, total: 0 }
    const checked = await runInterruptibly(
      async (signal) => {
        try {
          return await checkFunction(problem, {
            ...{ evaluator, scheme, step, steps, tolerance, signal },
            onProgress: (progress) => {
              points = progress
              bar.update({ ...progress, phase: 'checking', noun: 'point' })
            },
          })
        } catch (error) {
          if (signal.aborted && error === signal.reason) return undefined
          throw error
        }
      },
      () => bar.clear(),
    ).finally(() => bar.clear())
    if (checked === undefined) {
      await writeNotice(terminal.stderr, describeInterruption(points))
      return EXIT_STATUS.interrupted
    }
    report = checked
  } finally {
    await device[Symbol.asyncDispose]()
  }
  await writeReport(
    renderReport(sayReportOtherwise(report, writeOption), settings, terminal),
    settings.output,
    terminal,
  )
  return EXIT_STATUS[report.verdict]
}

const describeInterruption = ({ done, total }: { done: number; total: number }) =>
  `interrupted: ${formatCount(done)} of ${formatQuantity(total, 'point')} checked; there is no report on a part of them\n`

function renderReport(
  report: FunctionReport,
  { json, output }: FunctionCommandSettings,
  { stdout, environment }: Terminal,
): string {
  if (json) return formatJson(functionReportToJson(report))
  if (output !== undefined) return formatFunctionReport(report)
  return formatFunctionReport(report, { color: shouldColor(stdout, environment), width: chooseWidth(stdout) })
}
