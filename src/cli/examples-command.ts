import { readFile } from 'node:fs/promises'
import { checkGradients } from '../check/check-gradients.js'
import type { CheckOptions } from '../check/check-options.js'
import { textbookDifference } from '../check/program/textbook-difference.js'
import type { CheckReport } from '../check/report.js'
import type { OpenedDevice } from '../differentiate/node/open-device.js'
import { GradcheckError } from '../errors.js'
import { readArrays } from '../files/read-arrays.js'
import type { DeviceChoice } from '../gpu/node/choose-device.js'
import { traceForward } from '../numpy/load-forward.js'
import type { TracedForward } from '../numpy/trace-forward.js'
import { formatJson } from '../report/json.js'
import { EXIT_STATUS } from './exit-status.js'
import {
  type CaseResult,
  examplesToJson,
  formatExamples,
  isAsExpected,
  type MissingDevice,
} from './format-examples.js'
import { formatOneDimensional, oneDimensionalToJson } from './format-one-dimensional.js'
import {
  isReproduced,
  ONE_DIMENSIONAL_CASES,
  type OneDimensionalResult,
  runOneDimensionalCase,
} from './one-dimensional-cases.js'
import { ProgressBar } from './progress-bar.js'
import { locateExamples, PUBLISHED_CASES, type PublishedCase } from './published-cases.js'
import { chooseWidth, shouldColor, type Terminal, writeAll } from './terminal.js'

/**
 * `gradcheck examples`: checks the published cases by the textbook method and on every device present.
 * @returns 0 when every case got the verdict and the figure it should, else 1.
 */
export async function runExamples({ json = false }: { json?: boolean }, terminal: Terminal): Promise<number> {
  const problems = new Map<PublishedCase, TracedForward>()
  for (const published of PUBLISHED_CASES) problems.set(published, await loadCase(published))

  const textbook = new Map<PublishedCase, number>()
  for (const [published, problem] of problems) {
    textbook.set(published, await runTextbook(problem, published, terminal))
  }
  const reports = new Map<PublishedCase, CheckReport[]>(PUBLISHED_CASES.map((published) => [published, []]))
  const missing: MissingDevice[] = []
  for (const choice of ['cpu', 'software', 'gpu'] as const) {
    const device = await tryToOpen(choice, missing)
    if (device === undefined) continue
    try {
      const { evaluator } = device
      for (const [published, problem] of problems) {
        const label = `${published.name}, ${choice}`
        reports.get(published)!.push(await check(problem, { evaluator }, label, terminal))
      }
    } finally {
      await device[Symbol.asyncDispose]()
    }
  }

  const results: CaseResult[] = PUBLISHED_CASES.map((published) => ({
    published,
    textbook: textbook.get(published)!,
    reports: reports.get(published)!,
  }))
  const oneDimensional = await runOneDimensional(missing)
  const { stdout, environment } = terminal
  const color = shouldColor(stdout, environment)
  const text = json
    ? formatJson({
        ...examplesToJson(results, missing),
        oneDimensional: oneDimensionalToJson(oneDimensional),
      })
    : `${formatExamples(results, missing, { color, width: chooseWidth(stdout) })}\n${formatOneDimensional(oneDimensional, { color })}`
  await writeAll(stdout, text)
  const isFine = results.every(isAsExpected) && oneDimensional.every(isReproduced)
  return isFine ? EXIT_STATUS.pass : EXIT_STATUS.fail
}

/** The one-dimensional cases on every device that is not missing. */
async function runOneDimensional(missing: readonly MissingDevice[]): Promise<OneDimensionalResult[]> {
  const { openDevice } = await import('../differentiate/node/open-device.js')
  const devices: OpenedDevice[] = []
  try {
    for (const choice of ['cpu', 'software', 'gpu'] as const) {
      if (!missing.some((entry) => entry.choice === choice)) devices.push(await openDevice(choice))
    }
    const evaluators = devices.map(({ evaluator }) => evaluator)
    const results: OneDimensionalResult[] = []
    for (const published of ONE_DIMENSIONAL_CASES) {
      results.push(await runOneDimensionalCase(published, evaluators))
    }
    return results
  } finally {
    for (const device of devices) await device[Symbol.asyncDispose]()
  }
}

/** Reads the notebook's function with the arrays of the case. */
async function loadCase({ file, sources, entry }: PublishedCase): Promise<TracedForward> {
  const read = (name: string) => readFile(new URL(name, locateExamples()))
  const texts = await Promise.all(sources.map(async (name) => [name, (await read(name)).toString('utf8')]))
  return await traceForward({
    sources: Object.fromEntries(texts),
    entry,
    arrays: readArrays(await read(file), file),
  })
}

/** The figure that the notebook's loop gives. */
async function runTextbook(
  problem: TracedForward,
  { name, step }: PublishedCase,
  terminal: Terminal,
): Promise<number> {
  const bar = new ProgressBar(terminal.stderr)
  try {
    return await textbookDifference(problem, step, (done, total) =>
      bar.update({ done, total, phase: `${name}, textbook` }),
    )
  } finally {
    bar.clear()
  }
}

/** Opens a device, or notes why it is missing. */
async function tryToOpen(choice: DeviceChoice, missing: MissingDevice[]): Promise<OpenedDevice | undefined> {
  const { openDevice } = await import('../differentiate/node/open-device.js')
  try {
    return await openDevice(choice)
  } catch (error) {
    if (!(error instanceof GradcheckError) || error.code !== 'device-unavailable') throw error
    missing.push({ choice, reason: error.message })
    return undefined
  }
}

async function check(
  problem: TracedForward,
  options: CheckOptions,
  label: string,
  terminal: Terminal,
): Promise<CheckReport> {
  const bar = new ProgressBar(terminal.stderr)
  try {
    return await checkGradients(problem, {
      ...options,
      onProgress: ({ done, total, phase }) => bar.update({ done, total, phase: `${label}, ${phase}` }),
    })
  } finally {
    bar.clear()
  }
}
