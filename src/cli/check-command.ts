import { checkGradients } from '../check/check-gradients.js'
import type { Progress } from '../check/check-options.js'
import type { Problem } from '../check/problem.js'
import { problemFromArrays } from '../check/problem-from-arrays.js'
import type { CheckReport } from '../check/report.js'
import type { OpenedDevice } from '../differentiate/node/open-device.js'
import { GradcheckError } from '../errors.js'
import { escapeControls } from '../escape-controls.js'
import type { DeviceChoice } from '../gpu/node/choose-device.js'
import { ACTIVATION_NAMES } from '../network/activations.js'
import { findLoss, LOSS_NAMES } from '../network/losses.js'
import { formatCount, formatQuantity } from '../report/format-numbers.js'
import { formatJson, reportToJson } from '../report/json.js'
import { formatReport } from '../report/text.js'
import { sayReportOtherwise } from '../settings.js'
import { EXIT_STATUS, statusOfReport } from './exit-status.js'
import { runInterruptibly } from './interrupt.js'
import { locateInPackage } from './locate-in-package.js'
import type { CheckSettings } from './options.js'
import { ProgressBar } from './progress-bar.js'
import { readFiles } from './read-files.js'
import { describeForward, readForward } from './read-forward.js'
import { requireFit } from './require-fit.js'
import { writeOption } from './say-options.js'
import { chooseWidth, shouldColor, type Terminal, writeNotice } from './terminal.js'
import { traceProblem } from './trace-problem.js'
import { requireWritable, writeReport } from './write-report.js'

/**
 * `gradcheck check`: reads a problem from files, checks it and writes the report.
 * @returns the exit status.
 * @throws GradcheckError for input that cannot be checked or a device that cannot be used.
 */
export async function runCheck(
  paths: readonly string[],
  settings: CheckSettings,
  terminal: Terminal,
): Promise<number> {
  const format = chooseFormat(settings)
  requireOneScope(settings)
  const isNetwork = settings.forward === undefined && settings.expression === undefined
  if (settings.backward !== undefined && settings.forward === undefined) {
    throw new GradcheckError('bad-usage', '--backward needs --forward', {
      fix: 'name the forward pass, too: --forward model.py:forward --backward model.py:backward',
    })
  }
  if (isNetwork) requireNetwork(paths, settings)
  const choice = chooseDevice(settings)
  if (settings.output !== undefined) await requireWritable(settings.output)
  const { memory, precision } = settings
  const problem = isNetwork ? await readNetwork(paths, settings) : await readForward(paths, settings)
  if (settings.trace === true) {
    if (format !== 'text') {
      throw new GradcheckError('bad-usage', '--trace prints text, and no report', {
        fix: 'leave --json or --report out',
      })
    }
    const traced = 'program' in problem ? describeForward(problem) : await traceProblem(problem)
    await writeReport(traced, settings.output, terminal)
    return EXIT_STATUS.pass
  }
  if (!('program' in problem)) await requireFit(problem)

  const { openDevice } = await import('../differentiate/node/open-device.js')
  const device = await openDevice(choice, {
    precision,
    ...(memory === undefined ? {} : { memoryBytes: memory * 2 ** 20 }),
  })
  let report: CheckReport
  try {
    const bar = new ProgressBar(terminal.stderr)
    report = await runInterruptibly(
      async (signal) => {
        await writeNotice(terminal.stderr, describeChoice(device, settings))
        if (precision === 'extended' && device.kind === 'cpu') {
          await writeNotice(
            terminal.stderr,
            'precision: float64 on the processor, which is more than extended\n',
          )
        }
        const { method, step, scheme, perturb, steps, tolerance, sample, seed, fast } = settings
        return checkGradients(problem, {
          evaluator: device.evaluator,
          method,
          step,
          scheme,
          perturb,
          steps,
          tolerance,
          sample,
          seed,
          fast,
          signal,
          onProgress: (progress) => bar.update({ ...progress, phase: namePhase(progress) }),
        })
      },
      () => bar.clear(),
    ).finally(() => bar.clear())
  } finally {
    await device[Symbol.asyncDispose]()
  }

  await writeReport(
    renderReport(sayReportOtherwise(report, writeOption), format, settings, terminal),
    settings.output,
    terminal,
  )
  if (report.interrupted) await writeNotice(terminal.stderr, describeInterruption(report))
  return statusOfReport(report)
}

/** A search has no known end: the round shows that it goes on. */
const namePhase = ({ phase, round }: Progress) =>
  round === undefined ? phase : `${phase} what disagrees, round ${round}`

async function readNetwork(paths: readonly string[], settings: CheckSettings): Promise<Problem> {
  const { activations, loss } = requireNetwork(paths, settings)
  const { reduction, ignoreIndex, layout, l2, inputs, targets, sampleWeights, weights, biases, gradients } =
    settings
  return problemFromArrays(await readFiles(paths), {
    activations,
    loss,
    reduction,
    ignoreIndex,
    layout,
    l2,
    inputs,
    targets,
    sampleWeights,
    weights,
    biases,
    gradients,
  })
}

function requireNetwork(
  paths: readonly string[],
  settings: CheckSettings,
): { activations: string[]; loss: string } {
  const { activations, loss } = settings
  if (paths.length === 0) {
    throw new GradcheckError('bad-usage', 'no file was given', {
      fix: 'gradcheck check FILE.npz --activations relu,sigmoid --loss binary-cross-entropy',
    })
  }
  if (activations === undefined) {
    throw new GradcheckError('bad-usage', '--activations is needed: one name a layer, separated by commas', {
      fix: `for three layers --activations relu,relu,sigmoid, or your own code by --forward FILE.py:NAME; the names are ${ACTIVATION_NAMES.join(', ')}`,
    })
  }
  if (loss === undefined) {
    throw new GradcheckError('bad-usage', '--loss is needed', { fix: `use one of ${LOSS_NAMES.join(', ')}` })
  }
  findLoss(loss)
  return { activations, loss }
}

function chooseFormat({ json, report }: CheckSettings): 'text' | 'json' {
  if (json && report !== undefined && report !== 'json') {
    throw new GradcheckError('bad-usage', `--json and --report ${report} contradict each other`, {
      fix: 'pass one of them',
    })
  }
  return json ? 'json' : (report ?? 'text')
}

/** A fast check chooses by itself what it evaluates. */
function requireOneScope({ fast, sample, method }: CheckSettings): void {
  if (fast && sample !== undefined) {
    throw new GradcheckError('bad-usage', '--fast and --sample cannot be combined', {
      fix: 'leave one out: --fast covers every parameter by directions, --sample checks some one by one',
    })
  }
  if (fast && method === 'textbook') {
    throw new GradcheckError('bad-usage', '--fast does not use the textbook method', {
      fix: 'leave --method out: directions are evaluated by difference arithmetic',
    })
  }
}

function chooseDevice({ device, method }: CheckSettings): DeviceChoice {
  if (method !== 'textbook') return device
  if (device === 'gpu' || device === 'software') {
    throw new GradcheckError('bad-usage', `the textbook method does not run on --device ${device}`, {
      fix: 'leave --device out: the textbook method is float64 on the processor',
    })
  }
  return 'cpu'
}

/** The line that announces the device. */
function describeChoice(device: OpenedDevice, settings: CheckSettings): string {
  const kind = device.kind === 'hardware' ? 'gpu' : device.kind
  const reason =
    settings.method === 'textbook'
      ? 'the textbook method runs on the processor'
      : escapeControls(device.reason)
  const because = settings.device === 'auto' && reason !== '' ? `, because ${reason}` : ''
  return `device: ${kind} (${escapeControls(device.name)})${because}\n`
}

function renderReport(
  report: CheckReport,
  format: 'text' | 'json',
  { output }: CheckSettings,
  { stdout, environment }: Terminal,
): string {
  if (format === 'json') return formatJson(reportToJson(report))
  if (output !== undefined) return formatReport(report, { locate: locateInPackage })
  return formatReport(report, {
    color: shouldColor(stdout, environment),
    width: chooseWidth(stdout),
    locate: locateInPackage,
  })
}

function describeInterruption({ parameters }: CheckReport): string {
  return `interrupted: ${formatCount(parameters.checked)} of ${formatQuantity(parameters.total, 'parameter')} checked\n`
}
