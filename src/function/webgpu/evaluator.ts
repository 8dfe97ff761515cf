import functionShader from '../../../shaders/function.wesl'
import { GradcheckError } from '../../errors.js'
import type { GpuDevice } from '../../gpu/device.js'
import { OutOfDeviceMemory } from '../../gpu/error-scopes.js'
import { Pipelines } from '../../gpu/pipelines.js'
import {
  createChanges,
  type FunctionBatch,
  type FunctionChanges,
  type FunctionEvaluator,
} from '../function-evaluator.js'
import { evaluateBatch, UnverifiedFunctionBatch } from './batch.js'

/** How often a lost device is replaced before the check gives up. */
const MOST_LOSSES = 4
/** How long after the work it ended a loss may be told. */
const LOSS_MILLISECONDS = 200
/** Constants of a batch, in instructions × points: 16 MiB of them. */
const MOST_CONSTANTS = 2 ** 20
/** Instructions that a batch runs: some ten milliseconds of a software adapter. */
const MOST_WORK = 2 ** 22

/** Difference arithmetic of formulas on a WebGPU device, and the device it holds. */
export interface WebgpuFunctionEvaluator extends FunctionEvaluator {
  readonly name: 'webgpu'
  /** Gives the device back. */
  dispose(): void
}

/**
 * Difference arithmetic in WGSL, in single precision with the base point's constants from float64: all points,
 * variables and steps of a batch at once, whatever the formula by one kernel. A lost device is replaced, and batches
 * are halved.
 * @param open opens a device anew; called once at first and once for each loss
 * @throws GradcheckError `device-unavailable` when the first device cannot be opened
 */
export async function createWebgpuFunctionEvaluator(
  open: () => Promise<GpuDevice>,
): Promise<WebgpuFunctionEvaluator> {
  let gpu = await open()
  let pipelines = new Pipelines(gpu.device)
  let shrink = 1

  async function evaluate(batch: FunctionBatch): Promise<FunctionChanges> {
    const changes = createChanges(batch)
    const perPoint = batch.moved.length * batch.steps.length
    const length = batch.tape.instructions.length
    let losses = 0
    for (let done = 0; done < batch.points.length; ) {
      const most = Math.min(MOST_CONSTANTS / length, MOST_WORK / (length * perPoint)) / shrink
      const points = batch.points.slice(done, done + Math.max(1, Math.floor(most)))
      try {
        const pipeline = await pipelines.get('function', functionShader, 'evaluateFunction', {})
        const part = await evaluateBatch(gpu.device, pipeline, { ...batch, points })
        changes.slopes.set(part.slopes, done * perPoint)
        changes.crossings.set(part.crossings, done * perPoint)
        done += points.length
      } catch (error) {
        const isLoss = error instanceof UnverifiedFunctionBatch || (await isLost(gpu))
        if (!isLoss && !(error instanceof OutOfDeviceMemory)) throw error
        if (losses++ === MOST_LOSSES) throw explainLosses(gpu, losses, error as Error)
        shrink *= 2
        if (!isLoss) continue
        gpu.dispose()
        gpu = await open()
        pipelines = new Pipelines(gpu.device)
      }
    }
    return changes
  }

  return {
    name: 'webgpu',
    precision: 'single',
    get adapter() {
      return gpu.name
    },
    get software() {
      return gpu.kind === 'software'
    },
    evaluate,
    dispose: () => gpu.dispose(),
  }
}

async function isLost({ device, lost }: GpuDevice): Promise<boolean> {
  if (lost.reason === undefined) {
    await Promise.race([device.lost, new Promise((resolve) => setTimeout(resolve, LOSS_MILLISECONDS))])
  }
  return lost.reason !== undefined
}

function explainLosses(gpu: GpuDevice, times: number, cause: Error): GradcheckError {
  return new GradcheckError(
    'device-lost',
    `the GPU device ${gpu.name} failed ${times} times: ${gpu.lost.reason ?? cause.message}`,
    { cause, fix: 'use --device cpu' },
  )
}
