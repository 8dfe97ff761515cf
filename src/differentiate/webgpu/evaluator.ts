import { GradcheckError } from '../../errors.js'
import type { GpuDevice } from '../../gpu/device.js'
import { OutOfDeviceMemory, withErrorScopes } from '../../gpu/error-scopes.js'
import { Pipelines } from '../../gpu/pipelines.js'
import type { Model } from '../../network/model.js'
import { scaleOf } from '../../network/step-scales.js'
import {
  type DifferenceSettings,
  type EvaluationHooks,
  type Evaluator,
  type GpuPrecision,
  l2Slope,
  type TensorDerivatives,
} from '../evaluator.js'
import { DEFAULT_MEMORY_BYTES } from './batch-size.js'
import { evaluateTensor, UnverifiedBatch } from './batches.js'
import { uploadNetwork } from './network-buffers.js'
import { formatOf } from './reals.js'
import { requireExtendedArithmetic } from './self-test.js'
import { chooseTileShape } from './tile-shape.js'

/** How often a lost device is replaced before the check gives up. */
const MOST_LOSSES = 4

/** How long after the work it ended a loss may be told. */
const LOSS_MILLISECONDS = 200

/** What an adapter's evaluator may take and give. */
export interface WebgpuOptions {
  /** Device memory for batches, beyond the parameters. @default 256 MiB */
  memoryBytes?: number
  /** `extended`: two float32 to a number, some 1e-13 of relative error, many times slower. @default 'single' */
  precision?: GpuPrecision
}

/** A WebGPU evaluator, and the device it holds. */
export interface WebgpuEvaluator extends Evaluator {
  readonly name: 'webgpu'
  /** Gives the device back. */
  dispose(): void
}

/**
 * Difference arithmetic in WGSL, all perturbations of a batch at once, in single or extended precision with the
 * base point's constants from float64. The step is rounded to float32. A lost device is replaced; then, and where memory runs out, batches are halved and the
 * work goes on from the last one that was verified.
 * @param open opens a device anew; called once at first and once for each loss
 * @throws GradcheckError `device-unavailable` when the first device cannot be opened, or when its compiler does not
 * keep extended precision exact
 */
export async function createWebgpuEvaluator(
  open: () => Promise<GpuDevice>,
  options: WebgpuOptions = {},
): Promise<WebgpuEvaluator> {
  const { memoryBytes = DEFAULT_MEMORY_BYTES, precision = 'single' } = options
  let gpu = await open()
  if (precision === 'extended') {
    try {
      await requireExtendedArithmetic(gpu)
    } catch (error) {
      gpu.dispose()
      throw error
    }
  }
  let pipelines = new Pipelines(gpu.device)
  let shrink = 1

  async function replaceDevice(): Promise<void> {
    gpu.dispose()
    gpu = await open()
    pipelines = new Pipelines(gpu.device)
    shrink *= 2
  }

  async function evaluate(
    model: Model,
    tensors: readonly TensorDerivatives[],
    asked: DifferenceSettings,
    hooks: EvaluationHooks = {},
  ): Promise<void> {
    // the step of the kernels and of the L2 term is one and the same number
    const settings: DifferenceSettings = { ...asked, step: Math.fround(asked.step) }
    if (tensors.every(({ done, entries }) => done === entries.length)) return
    const before = tensors.map(({ done }) => done)
    for (let losses = 0; ; losses++) {
      try {
        await evaluateRest(model, tensors, settings, hooks)
        break
      } catch (error) {
        if (error instanceof OutOfDeviceMemory) {
          if (losses === MOST_LOSSES) throw outOfMemory(gpu, error)
          shrink *= 2
          continue
        }
        if (!(error instanceof UnverifiedBatch) && !(await isLost(gpu))) throw error
        if (losses === MOST_LOSSES) {
          throw new GradcheckError(
            'device-lost',
            `the GPU device ${gpu.name} was lost ${losses + 1} times: ${gpu.lost.reason ?? (error as Error).message}`,
            { cause: error, fix: 'use --device cpu' },
          )
        }
        await replaceDevice()
      }
    }
    for (const [t, tensor] of tensors.entries()) addScaleAndL2(model, tensor, before[t], settings)
  }

  /** Evaluates what is left of every tensor. */
  async function evaluateRest(
    model: Model,
    tensors: readonly TensorDerivatives[],
    settings: DifferenceSettings,
    hooks: EvaluationHooks,
  ): Promise<void> {
    const { value: network, checked } = withErrorScopes(gpu.device, 'the network', () =>
      uploadNetwork(gpu.device, model, formatOf(precision), settings.scales),
    )
    try {
      await checked
      const tile = await chooseTileShape(gpu, pipelines, precision)
      for (const tensor of tensors) {
        if (hooks.signal?.aborted) return
        await evaluateTensor(
          {
            device: gpu.device,
            pipelines,
            precision,
            model,
            network,
            settings,
            shrink,
            memoryBytes,
            tile,
          },
          tensor,
          {
            signal: hooks.signal,
            onProgress: () => hooks.onProgress?.(tensors.reduce((sum, { done }) => sum + done, 0)),
          },
        )
      }
    } finally {
      network.dispose()
    }
  }

  return {
    name: 'webgpu',
    precision,
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

function outOfMemory(gpu: GpuDevice, cause: OutOfDeviceMemory): GradcheckError {
  return new GradcheckError(
    'bad-usage',
    `the network does not fit into the memory of ${gpu.name}: ${cause.message}`,
    {
      cause,
      fix: 'check with fewer samples, or use --device cpu',
    },
  )
}

async function isLost({ device, lost }: GpuDevice): Promise<boolean> {
  if (lost.reason === undefined) {
    await Promise.race([device.lost, new Promise((resolve) => setTimeout(resolve, LOSS_MILLISECONDS))])
  }
  return lost.reason !== undefined
}

/**
 * The kernels give Σ over sides and samples of ΔJ_s/(±h), for parameters that all move by h: this makes the derivative
 * of the whole loss by a parameter that moves by h over its scale.
 */
function addScaleAndL2(
  model: Model,
  tensor: TensorDerivatives,
  from: number,
  settings: DifferenceSettings,
): void {
  const scale = model.lossScale / (settings.scheme === 'central' ? 2 : 1)
  for (let k = from; k < tensor.done; k++) {
    const entry = tensor.entries[k]
    tensor.derivatives[k] =
      scale * scaleOf(settings.scales, tensor.parameter, entry) * tensor.derivatives[k] +
      l2Slope(model, tensor.parameter, entry, settings)
  }
}
