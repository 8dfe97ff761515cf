import functionShader from '../../../shaders/function.wesl'
import type { GpuDevice } from '../../gpu/device.js'
import { ReplaceableDevice } from '../../gpu/replaceable-device.js'
import { surviveLosses } from '../../gpu/survive-losses.js'
import {
  createChanges,
  type FunctionBatch,
  type FunctionChanges,
  type FunctionEvaluator,
} from '../function-evaluator.js'
import { evaluateBatch } from './batch.js'

/** What may not fit into a device's memory. */
const POINT = { what: 'one point of the formula', fix: 'check on the processor (device cpu)' } as const
/** Constants of a batch, in instructions × points: 16 MiB of them. */
const MOST_CONSTANTS = 2 ** 20
/** Instructions that a batch runs: some ten milliseconds of a software adapter. */
const MOST_WORK = 2 ** 22

/** Difference arithmetic of formulas on a WebGPU device, and the device it holds. */
export interface WebgpuFunctionEvaluator extends FunctionEvaluator {
  readonly name: 'webgpu'
  /** Gives the device back; a check that runs, or comes after, is refused. */
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
  const device = await ReplaceableDevice.open(open)

  async function evaluate(batch: FunctionBatch): Promise<FunctionChanges> {
    const changes = createChanges(batch)
    const perPoint = batch.moved.length * batch.steps.length
    const length = batch.tape.instructions.length
    for (let done = 0; done < batch.points.length; ) {
      await surviveLosses(device, POINT, async ({ gpu, pipelines }) => {
        const most = Math.min(MOST_CONSTANTS / length, MOST_WORK / (length * perPoint)) / device.shrink
        const points = batch.points.slice(done, done + Math.max(1, Math.floor(most)))
        const pipeline = await pipelines.get('function', functionShader, 'evaluateFunction', {})
        const part = await evaluateBatch(gpu.device, pipeline, { ...batch, points })
        changes.slopes.set(part.slopes, done * perPoint)
        changes.crossings.set(part.crossings, done * perPoint)
        done += points.length
      })
    }
    return changes
  }

  return {
    evaluates: 'formulas',
    name: 'webgpu',
    precision: 'single',
    get adapter() {
      return device.gpu.name
    },
    get software() {
      return device.gpu.kind === 'software'
    },
    evaluate,
    dispose: () => device.dispose(),
  }
}
