import { countMultiplyAdds, countOutputWork, countParameters } from './cases.mjs'

/** @import { Case } from './cases.mjs' */

/** Parameters of the first try. */
const FIRST_SAMPLE = 16
/** Each further try is at most this many times larger. */
const GROWTH = 8
/** What more parameters must cost before a total is predicted from it. */
const TELLING_SECONDS = 1
const SHORT_SECONDS = 1
const REPETITIONS_OF_SHORT = 5

/**
 * One row for our check of a case on one device: as it is by default, or every parameter moved by itself.
 * @param {typeof import('../../dist/types/node.js')} library
 * @param {import('../../dist/types/node.js').OpenedDevice} device
 * @param {Case} benchCase
 * @param {{ limit: number, budget: number }} time seconds above which a part is timed, and seconds for such a part
 * @param {boolean} byParameter
 */
export async function measureOurs(library, device, benchCase, { limit, budget }, byParameter) {
  const problem = makeProblem(library, benchCase)
  const total = countParameters(benchCase)

  /** @param {number} sample */
  const time = async (sample) => {
    return await timeCheck(library, problem, {
      evaluator: device.evaluator,
      perturb: 'parameters',
      ...(sample < total ? { sample } : {}),
    })
  }
  const run = byParameter
    ? ((await tryLarger(time, total, budget, limit)) ?? (await repeatShort(() => time(total))))
    : await timeByDefault(library, device, problem, benchCase, limit)
  const { report, checked } = run
  const scaled = checked < total
  const seconds = scaled ? run.predicted : run.seconds
  const remarks = []
  const expected = benchCase.wrong === true ? 'fail' : 'pass'
  if (report.verdict !== expected && !report.interrupted) remarks.push(`verdict: ${report.verdict}`)
  return {
    seconds,
    measured: checked,
    total,
    scaled,
    difference: report.difference,
    device: device.kind,
    deviceName: device.name,
    software: report.device.software,
    precision: report.precision,
    verdict: report.verdict,
    numericalError: report.numericalError,
    measuredSeconds: run.seconds,
    cores: run.processorSeconds / run.seconds,
    reportedSeconds: report.timing.seconds,
    ...(byParameter ? { multiplyAddsPerSecond: countMultiplyAdds(benchCase) / seconds } : {}),
    remarks,
  }
}

/**
 * @param {typeof import('../../dist/types/node.js')} library
 * @param {ReturnType<typeof makeProblem>} problem
 * @param {import('../../dist/types/node.js').CheckOptions} options
 */
async function timeCheck(library, problem, options) {
  const processor = process.cpuUsage()
  const started = performance.now()
  const report = await library.checkGradients(problem, options)
  const { user, system } = process.cpuUsage(processor)
  return {
    seconds: (performance.now() - started) / 1000,
    processorSeconds: (user + system) / 1e6,
    checked: report.parameters.checked,
    report,
  }
}

/**
 * A check as it is by default, stopped at the limit: the total is predicted by the work that was done until then. No
 * sample would tell it, since a unit's parameters cost hardly more than one of them.
 */
async function timeByDefault(library, device, problem, benchCase, limit) {
  const run = () =>
    timeCheck(library, problem, { evaluator: device.evaluator, signal: AbortSignal.timeout(1000 * limit) })
  // few parameters of every layer compile what this shape needs
  for (const perturb of ['parameters', 'outputs']) {
    await timeCheck(library, problem, { evaluator: device.evaluator, perturb, sample: FIRST_SAMPLE })
  }
  const first = await run()
  if (!first.report.interrupted) return first.seconds < SHORT_SECONDS ? await repeatShort(run) : first
  const weights = first.report.tensors.filter(({ name }) => name.startsWith('W'))
  const shareOf = (l) => weights[l].checked / (benchCase.widths[l] * benchCase.widths[l + 1])
  const share = countOutputWork(benchCase, shareOf) / countOutputWork(benchCase)
  if (share === 0) throw new Error(`stopped after ${limit} s, before a layer's first units were done`)
  return { ...first, predicted: first.seconds / share }
}

/**
 * Checks ever larger samples until it is clear what all parameters would take. What a check does once, and what it does
 * once for many parameters (a unit's weights share work), is not to be scaled: the total is predicted from the growth
 * between the two largest samples.
 * @template {{ seconds: number, checked: number }} Run
 * @param {(sample: number) => Promise<Run>} time
 * @param {number} total
 * @param {number} budget
 * @param {number} limit
 * @returns {Promise<(Run & { predicted?: number }) | undefined>} the largest sample; nothing when all can be checked
 */
async function tryLarger(time, total, budget, limit) {
  // the first run compiles what this shape needs
  await time(Math.min(FIRST_SAMPLE, total))
  const first = await time(Math.min(FIRST_SAMPLE, total))
  let [before, last] = [first, first]
  for (;;) {
    const more = last.seconds - first.seconds
    if (last.checked >= total) return undefined
    const grown = last.checked - before.checked
    const slope = grown > 0 ? Math.max(0, last.seconds - before.seconds) / grown : 0
    const predicted = last.seconds + slope * (total - last.checked)
    if (more >= TELLING_SECONDS && predicted <= limit) return undefined
    let next = GROWTH * last.checked
    if (more >= TELLING_SECONDS) {
      const affordable = last.checked + (budget * (last.checked - first.checked)) / more
      next = Math.min(next, Math.floor(affordable))
    }
    if (more >= budget / 2 || (more >= TELLING_SECONDS && next < 1.5 * last.checked)) {
      return { ...last, predicted }
    }
    before = last
    last = await time(Math.min(total, next))
  }
}

/**
 * A run; of five when it is short, the one in the middle.
 * @template {{ seconds: number }} Run
 * @param {() => Promise<Run>} measure
 */
async function repeatShort(measure) {
  const runs = [await measure()]
  if (runs[0].seconds < SHORT_SECONDS) {
    while (runs.length < REPETITIONS_OF_SHORT) runs.push(await measure())
  }
  runs.sort((a, b) => a.seconds - b.seconds)
  return runs[Math.floor(runs.length / 2)]
}

/**
 * @param {typeof import('../../dist/types/node.js')} library
 * @param {Case} benchCase
 */
function makeProblem({ dense, sequential, tensor }, { activations, loss, X, Y, parameters, gradients }) {
  const toTensors = (arrays) =>
    new Map(Object.entries(arrays).map(([name, { data, shape }]) => [name, tensor(data, shape)]))
  return {
    network: sequential(
      activations.map((activation) => dense(activation)),
      { loss, layout: 'columns' },
    ),
    parameters: toTensors(parameters),
    gradients: toTensors(gradients),
    inputs: tensor(X.data, X.shape),
    targets: tensor(Y.data, Y.shape),
  }
}

/**
 * Opens every device there is.
 * @param {typeof import('../../dist/types/node.js')} library
 * @param {readonly ('gpu' | 'software' | 'cpu')[]} choices
 */
export async function openDevices({ openDevice, GradcheckError }, choices) {
  const devices = []
  const missing = []
  for (const choice of choices) {
    try {
      devices.push({ choice, device: await openDevice(choice) })
    } catch (error) {
      if (!(error instanceof GradcheckError) || error.code !== 'device-unavailable') throw error
      missing.push({ choice, reason: error.message })
    }
  }
  return { devices, missing }
}
