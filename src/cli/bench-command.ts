import { measureEvaluator } from '../bench/evaluator-speed.js'
import { measureProduct } from '../bench/product-rate.js'
import { createRandomProblem, parseWidths } from '../bench/random-problem.js'
import type { BoundNetwork } from '../check/problem.js'
import type { GpuPrecision } from '../differentiate/evaluator.js'
import { openDevice } from '../differentiate/node/open-device.js'
import { createWebgpuEvaluator } from '../differentiate/webgpu/evaluator.js'
import { GradcheckError } from '../errors.js'
import type { AdapterKind } from '../gpu/device.js'
import { openGpuDevice } from '../gpu/node/open-adapter.js'
import type { ActivationName } from '../network/activations.js'
import { formatJson } from '../report/json.js'
import { EXIT_STATUS } from './exit-status.js'
import { type BenchRow, formatBench, type MissingDevice } from './format-bench.js'
import { chooseWidth, shouldColor, type Terminal, writeAll } from './terminal.js'

/** What `gradcheck bench` was asked to do. */
export interface BenchSettings {
  readonly network: string[]
  readonly activation: ActivationName
  readonly samples: number
  /** Where to measure; every device present where it is left out. */
  readonly device?: 'gpu' | 'software' | 'cpu'
  /** Of the adapters' arithmetic. */
  readonly precision: GpuPrecision
  /** Seconds that one evaluator may take for one network. */
  readonly seconds: number
  readonly json?: boolean
}

/**
 * `gradcheck bench`: how fast this machine's devices check random networks, and how exactly.
 * @returns the exit status
 * @throws GradcheckError `bad-usage`, or `device-unavailable` for a device that was asked for
 */
export async function runBench(settings: BenchSettings, terminal: Terminal): Promise<number> {
  const networks = settings.network.map((text) => ({ text, widths: parseWidths(text) }))
  const { stdout, stderr, environment } = terminal
  const rows: BenchRow[] = []
  const missing: MissingDevice[] = []
  for (const { text, widths } of networks) {
    const problem = await createRandomProblem({
      widths,
      activation: settings.activation,
      samples: settings.samples,
    })
    const name = `${text} ${settings.activation}, ${settings.samples} samples`
    for (const device of ['cpu', 'software', 'gpu'] as const) {
      if (settings.device !== undefined && settings.device !== device) continue
      if (missing.some((entry) => entry.device === device)) continue
      stderr.write(`measuring ${name} on ${device}\n`)
      try {
        rows.push(
          device === 'cpu'
            ? await measureProcessor(name, problem, settings.seconds)
            : await measureAdapter(
                name,
                problem,
                device === 'gpu' ? 'hardware' : 'software',
                settings.seconds,
                settings.precision,
              ),
        )
      } catch (error) {
        const isAbsent = error instanceof GradcheckError && error.code === 'device-unavailable'
        if (!isAbsent || settings.device !== undefined) throw error
        missing.push({ device, reason: error.message })
      }
    }
  }
  const text =
    settings.json === true
      ? formatJson({ schema: 1, rows, missing })
      : formatBench(rows, missing, { color: shouldColor(stdout, environment), width: chooseWidth(stdout) })
  await writeAll(stdout, text)
  return EXIT_STATUS.pass
}

async function measureProcessor(name: string, problem: BoundNetwork, seconds: number): Promise<BenchRow> {
  const device = await openDevice('cpu')
  const speed = await measureEvaluator(problem, device.evaluator, seconds)
  const { precision } = device.evaluator
  return { network: name, evaluator: 'cpu', precision, adapter: device.name, software: false, ...speed }
}

async function measureAdapter(
  name: string,
  problem: BoundNetwork,
  kind: AdapterKind,
  seconds: number,
  precision: GpuPrecision,
): Promise<BenchRow> {
  const evaluator = await createWebgpuEvaluator(() => openGpuDevice(kind), { precision })
  const { adapter, software } = evaluator
  let speed: Awaited<ReturnType<typeof measureEvaluator>>
  try {
    speed = await measureEvaluator(problem, evaluator, seconds)
  } finally {
    evaluator.dispose()
  }
  const gpu = await openGpuDevice(kind)
  try {
    // a plain product to measure against there is in single precision
    const product = precision === 'single' ? await measureProduct(gpu, problem.model) : undefined
    return {
      network: name,
      evaluator: 'webgpu',
      precision,
      adapter,
      software,
      ...speed,
      ...(product === undefined ? {} : { product }),
    }
  } finally {
    gpu.dispose()
  }
}
