import { describeValue } from '../../describe-value.js'
import { GradcheckError } from '../../errors.js'
import type { GpuDevice } from '../../gpu/device.js'
import { withErrorScopes } from '../../gpu/error-scopes.js'
import { type DeviceSession, ReplaceableDevice } from '../../gpu/replaceable-device.js'
import { endUnlessHung, surviveLosses } from '../../gpu/survive-losses.js'
import type { Model } from '../../network/model.js'
import { openProducts } from '../../network/products.js'
import { scaleOf } from '../../network/step-scales.js'
import { createGpuCarrier } from '../../program/webgpu/carrier.js'
import { requireOneOf, requireRecord } from '../../requirements.js'
import {
  type DifferenceSettings,
  type EvaluationHooks,
  type Evaluator,
  GPU_PRECISIONS,
  type GpuPrecision,
  l2Slope,
  type TensorDerivatives,
} from '../evaluator.js'
import { DEFAULT_MEMORY_BYTES } from './batch-size.js'
import { evaluatePerturbations, perturbElements } from './batches.js'
import { uploadNetwork } from './network-buffers.js'
import { evaluateByOutputs } from './outputs.js'
import { formatOf } from './reals.js'
import { requireExtendedArithmetic } from './self-test.js'
import { chooseTileShape } from './tile-shape.js'

/** What may not fit into a device's memory. */
const NETWORK = {
  what: 'the network',
  fix: 'check with fewer samples, or on the processor (device cpu)',
} as const

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
  /** Gives the device back; a check that runs, or comes after, is refused. */
  dispose(): void
}

/**
 * Difference arithmetic in WGSL, all perturbations of a batch at once, in single or extended precision with the
 * base point's constants from float64. The step is rounded to float32. A lost device is replaced; then, and where
 * memory runs out, batches are halved and the work goes on from the last one that was verified.
 * @param open opens a device anew; called once at first and once for each loss
 * @throws GradcheckError `device-unavailable` when the first device cannot be opened, or when its compiler does not
 * keep extended precision exact
 */
export async function createWebgpuEvaluator(
  open: () => Promise<GpuDevice>,
  options: WebgpuOptions = {},
): Promise<WebgpuEvaluator> {
  const { memoryBytes, precision } = readOptions(options)
  const device = await ReplaceableDevice.open(open)
  if (precision === 'extended') {
    try {
      await requireExtendedArithmetic(device.gpu)
    } catch (error) {
      device.dispose()
      throw error
    }
  }

  async function evaluate(
    model: Model,
    tensors: readonly TensorDerivatives[],
    asked: DifferenceSettings,
    hooks: EvaluationHooks = {},
  ): Promise<void> {
    device.requireOpen()
    // the step of the kernels and of the L2 term is one and the same number
    const settings: DifferenceSettings = { ...asked, step: Math.fround(asked.step) }
    if (hooks.signal?.aborted || tensors.every(({ done, entries }) => done === entries.length)) return
    const before = tensors.map(({ done }) => done)
    await surviveLosses(device, NETWORK, (session) =>
      endUnlessHung(
        session,
        (abandoned) => evaluateRest(session, model, tensors, settings, hooks, abandoned),
        hooks.signal,
      ),
    )
    for (const [t, tensor] of tensors.entries()) addScaleAndL2(model, tensor, before[t], settings)
  }

  /** Evaluates what is left of every tensor. */
  async function evaluateRest(
    { gpu, pipelines }: DeviceSession,
    model: Model,
    tensors: readonly TensorDerivatives[],
    settings: DifferenceSettings,
    hooks: EvaluationHooks,
    abandoned: AbortSignal,
  ): Promise<void> {
    const { value: network, checked } = withErrorScopes(gpu.device, 'the network', () =>
      uploadNetwork(gpu.device, model, formatOf(precision), settings.scales),
    )
    try {
      await checked
      const tile = await chooseTileShape(gpu, pipelines, precision)
      const context = {
        device: gpu.device,
        pipelines,
        precision,
        model,
        network,
        settings,
        shrink: device.shrink,
        memoryBytes,
        tile,
        abandoned,
      }
      const ofAll = {
        signal: hooks.signal,
        onProgress: () => hooks.onProgress?.(tensors.reduce((sum, { done }) => sum + done, 0)),
      }
      const products = openProducts()
      for (const alike of groupByWay(tensors)) {
        if (hooks.signal?.aborted) return
        if (alike[0].perturbed === 'outputs') await evaluateByOutputs(context, alike, products, ofAll)
        else await evaluatePerturbations(context, perturbElements(alike[0]), ofAll)
      }
    } finally {
      network.dispose()
    }
  }

  return {
    name: 'webgpu',
    precision,
    get adapter() {
      return device.gpu.name
    },
    get software() {
      return device.gpu.kind === 'software'
    },
    evaluate,
    createCarrier: (bound) => createGpuCarrier(bound, { device, precision, memoryBytes }),
    dispose: () => device.dispose(),
  }
}

/** Tensors that are evaluated together: those of a layer whose outputs are moved; each other one by itself. */
function groupByWay(tensors: readonly TensorDerivatives[]): TensorDerivatives[][] {
  const groups: TensorDerivatives[][] = []
  for (const tensor of tensors) {
    const group = groups.find(
      ([first]) =>
        first.perturbed === 'outputs' &&
        tensor.perturbed === 'outputs' &&
        first.parameter.layer === tensor.parameter.layer,
    )
    if (group === undefined) groups.push([tensor])
    else group.push(tensor)
  }
  return groups
}

/** @throws GradcheckError `bad-usage`, `unknown-name` for an option that cannot be */
function readOptions(options: WebgpuOptions): Required<WebgpuOptions> {
  requireRecord("the device's options", options, 'give { precision, memoryBytes }, or leave them out')
  const { memoryBytes = DEFAULT_MEMORY_BYTES, precision = 'single' } = options
  requireOneOf('precision', precision, GPU_PRECISIONS)
  if (!(typeof memoryBytes === 'number' && memoryBytes > 0)) {
    throw new GradcheckError(
      'bad-usage',
      `memoryBytes must be a number above 0, not ${describeValue(memoryBytes)}`,
    )
  }
  return { memoryBytes, precision }
}

/**
 * The kernels give Σ over sides and samples of ΔJ_s/(±h), for parameters that all move by h: this makes the derivative
 * of the whole loss by a parameter that moves by h over its scale. What came from outputs has their scale and sides.
 */
function addScaleAndL2(
  model: Model,
  tensor: TensorDerivatives,
  from: number,
  settings: DifferenceSettings,
): void {
  const ofOutputs = tensor.perturbed === 'outputs'
  const scale = ofOutputs ? model.lossScale : model.lossScale / (settings.scheme === 'central' ? 2 : 1)
  for (let k = from; k < tensor.done; k++) {
    const entry = tensor.entries[k]
    tensor.derivatives[k] =
      scale * (ofOutputs ? 1 : scaleOf(settings.scales, tensor.parameter, entry)) * tensor.derivatives[k] +
      l2Slope(model, tensor.parameter, entry, settings)
  }
}
