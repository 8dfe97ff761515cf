import { checkGradients, GradcheckError } from 'webgpu-gradcheck'
import { measureEvaluator } from '../../../src/bench/evaluator-speed.js'
import { createRandomProblem } from '../../../src/bench/random-problem.js'
import { sayOtherwise, sayReportOtherwise } from '../../../src/settings.js'
import { writeField } from '../say-fields.js'
import { Devices } from './devices.js'
import { examineFunction } from './function.js'
import { createProblem, inspectFiles } from './problem.js'
import {
  type Answers,
  type CheckResult,
  type FromWorker,
  listBuffers,
  type PlainError,
  type Request,
  type ToWorker,
} from './protocol.js'
import { summarize } from './summarize.js'

/** Progress is told at most this often: the page draws no faster. */
const PROGRESS_MILLISECONDS = 50

const devices = new Devices()
const running = new Map<number, AbortController>()

self.addEventListener('message', (event: MessageEvent<ToWorker>) => {
  const message = event.data
  if (message.kind === 'stop') running.get(message.id)?.abort()
  else void serve(message.id, message.request)
})

async function serve(id: number, request: Request): Promise<void> {
  const controller = new AbortController()
  running.set(id, controller)
  try {
    const answer = await answerRequest(id, request, controller.signal)
    post(
      { kind: 'answer', id, answer },
      'summary' in answer ? listBuffers(answer.report.gradients ?? []) : [],
    )
  } catch (error) {
    post({ kind: 'error', id, error: describeError(error) })
  } finally {
    running.delete(id)
  }
}

async function answerRequest(
  id: number,
  request: Request,
  signal: AbortSignal,
): Promise<Answers[keyof Answers]> {
  switch (request.kind) {
    case 'survey':
      return await devices.survey()
    case 'inspect':
      return await inspectFiles(request.files)
    case 'check':
      return await check(id, request, signal)
    case 'function':
      return await examineFunction(request)
    case 'bench': {
      const evaluator = await devices.choose(request.device)
      const problem = await createRandomProblem(request.network)
      const speed = await measureEvaluator(problem, evaluator, request.seconds)
      const name = evaluator.name === 'webgpu' ? 'webgpu' : 'cpu'
      return { adapter: evaluator.adapter, evaluator: name, speed }
    }
  }
}

async function check(
  id: number,
  { source, settings }: Extract<Request, { kind: 'check' }>,
  signal: AbortSignal,
): Promise<CheckResult> {
  const [problem, evaluator] = await Promise.all([
    createProblem(source),
    devices.choose(settings.device, settings.precision),
  ])
  const { device, precision, ...options } = settings
  let told = 0
  try {
    const report = await checkGradients(problem, {
      ...options,
      evaluator,
      keepGradients: true,
      signal,
      onProgress: (progress) => {
        const now = performance.now()
        if (now - told < PROGRESS_MILLISECONDS && progress.done < progress.total) return
        told = now
        post({ kind: 'progress', id, progress, adapter: evaluator.adapter })
      },
    })
    return { report: sayReportOtherwise(report, writeField), summary: summarize(report.gradients ?? []) }
  } catch (error) {
    if (error instanceof GradcheckError && error.code === 'device-lost')
      await devices.discard(device, precision)
    throw error
  }
}

function describeError(error: unknown): PlainError {
  if (error instanceof GradcheckError) {
    return {
      message: sayOtherwise(error.message, writeField),
      code: error.code,
      ...(error.fix === undefined ? {} : { fix: sayOtherwise(error.fix, writeField) }),
    }
  }
  return { message: error instanceof Error ? error.message : String(error) }
}

function post(message: FromWorker, transfer: ArrayBufferLike[] = []): void {
  self.postMessage(message, { transfer: transfer as ArrayBuffer[] })
}
