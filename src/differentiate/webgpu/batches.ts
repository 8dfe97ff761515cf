import { GradcheckError } from '../../errors.js'
import { withErrorScopes } from '../../gpu/error-scopes.js'
import type { Pipelines } from '../../gpu/pipelines.js'
import { mapToRead, UnverifiedResults } from '../../gpu/unverified-results.js'
import type { Model } from '../../network/model.js'
import type { DifferenceSettings, EvaluationHooks, GpuPrecision, TensorDerivatives } from '../evaluator.js'
import { workPerColumn } from '../work.js'
import { BatchBuffers, GROUP } from './batch-buffers.js'
import { BatchSize, batchCapacity, storedRows } from './batch-size.js'
import type { NetworkBuffers } from './network-buffers.js'
import { type RealFormat, UNWRITTEN } from './reals.js'
import { createStages, type Stage } from './stages.js'
import type { TileShape } from './tile-shape.js'

/** Batches on their way at once: the GPU works on one while the host reads another. */
const BATCHES_IN_FLIGHT = 2
/** WebGPU's limit on workgroups in one dimension; larger grids are folded into a second one. */
const MOST_WORKGROUPS = 65535

/** What every tensor of a check is evaluated with. */
export interface BatchContext {
  readonly device: GPUDevice
  readonly pipelines: Pipelines
  readonly precision: GpuPrecision
  readonly model: Model
  readonly network: NetworkBuffers
  readonly settings: DifferenceSettings
  /** Divisor of the batches' size, raised after a loss. */
  readonly shrink: number
  readonly tile: TileShape
  /** What the buffers of a batch may take together. */
  readonly memoryBytes: number
  /** Aborts once nobody waits for the results any more: they are not to be touched then. */
  readonly abandoned?: AbortSignal | undefined
}

let lastCanary = 0

/**
 * Evaluates what is left of one tensor, batch after batch, verified in order: `tensor.done` grows with each.
 * Fills in Σ over sides and samples of ΔJ_s/(±h).
 */
export async function evaluateTensor(
  context: BatchContext,
  tensor: TensorDerivatives,
  hooks: EvaluationHooks,
): Promise<void> {
  const { device, model, settings } = context
  const { parameter } = tensor
  const sides = settings.scheme === 'central' ? 2 : 1
  const quadsPerGroup = sides * model.samples
  const capacity = batchCapacity(
    model,
    parameter,
    quadsPerGroup,
    context.network.format,
    device.limits,
    context.memoryBytes,
    context.shrink,
  )
  if (capacity < 1) {
    throw new GradcheckError(
      'bad-usage',
      `${model.samples} samples are too many for this GPU: four perturbations of ${parameter.name} do not fit into its memory`,
      { fix: 'check with fewer samples, allow more memory, or check on the processor (device cpu)' },
    )
  }
  const { value: buffers, checked } = withErrorScopes(
    device,
    `the buffers for ${parameter.name}`,
    () =>
      new BatchBuffers(device, {
        capacity,
        quads: (capacity / GROUP) * quadsPerGroup,
        storedRows: storedRows(model, parameter.layer),
        readBacks: BATCHES_IN_FLIGHT,
        format: context.network.format,
      }),
  )
  try {
    await checked
    const stages = await createStages({ ...context, parameter, batch: buffers, quadsPerGroup })
    const size = new BatchSize(
      capacity,
      quadsPerGroup * workPerColumn(model, parameter.layer),
      buffers.format,
    )
    const inFlight: Submitted[] = []
    let submitted = tensor.done
    let lastEnd = performance.now()
    for (;;) {
      while (
        inFlight.length < BATCHES_IN_FLIGHT &&
        submitted < tensor.entries.length &&
        !hooks.signal?.aborted
      ) {
        const entries = tensor.entries.slice(submitted, submitted + size.next)
        const readBack = buffers.readBacks.find((free) => !inFlight.some((batch) => batch.readBack === free))!
        inFlight.push(submit(context, tensor, stages, buffers, readBack, entries, quadsPerGroup))
        submitted += entries.length
      }
      const batch = inFlight.shift()
      if (batch === undefined) break
      try {
        await batch.finished
      } catch (error) {
        await Promise.allSettled(inFlight.map((other) => other.finished))
        throw error
      }
      const end = performance.now()
      size.learn(batch.count, end - Math.max(lastEnd, batch.start))
      lastEnd = end
      hooks.onProgress?.(tensor.done)
    }
  } finally {
    buffers.dispose()
  }
}

interface Submitted {
  readonly readBack: GPUBuffer
  readonly count: number
  /** When it was submitted. */
  readonly start: number
  /** Resolves once the results are verified and taken in. */
  readonly finished: Promise<void>
}

function submit(
  { device, model, settings, abandoned }: BatchContext,
  tensor: TensorDerivatives,
  stages: readonly Stage[],
  buffers: BatchBuffers,
  readBack: GPUBuffer,
  entries: Uint32Array<ArrayBuffer>,
  quadsPerGroup: number,
): Submitted {
  lastCanary = (lastCanary + 1) >>> 0 || 1
  const canary = lastCanary
  const count = entries.length
  const groups = Math.ceil(count / GROUP)
  const quads = groups * quadsPerGroup
  const sections = buffers.format.parts + 1
  const start = performance.now()
  const { checked } = withErrorScopes(
    device,
    `a batch of ${count} perturbations of ${tensor.parameter.name}`,
    () => {
      buffers.write(
        {
          quads,
          groups,
          samples: model.samples,
          sides: quadsPerGroup / model.samples,
          elementsPerUnit:
            tensor.parameter.role === 'weights' ? model.layers[tensor.parameter.layer].inputs : 1,
          capacity: buffers.capacity,
          canary,
          step: settings.step,
        },
        entries,
      )
      const encoder = device.createCommandEncoder({ label: 'batch' })
      const pass = encoder.beginComputePass({ label: 'batch' })
      for (const stage of stages) {
        pass.setPipeline(stage.pipeline)
        pass.setBindGroup(0, stage.bindGroup)
        const workgroups = stage.workgroups(groups, quads)
        const rows = Math.ceil(workgroups / MOST_WORKGROUPS)
        pass.dispatchWorkgroups(Math.ceil(workgroups / rows), rows)
      }
      pass.end()
      // each part of the results, then the kinks, then the canary
      const copy = (from: number, to: number, words: number) =>
        encoder.copyBufferToBuffer(buffers.results, 4 * from, readBack, 4 * to, 4 * words)
      for (let k = 0; k < sections; k++) copy(k * buffers.capacity, k * count, count)
      copy(sections * buffers.capacity, sections * count, 1)
      device.queue.submit([encoder.finish()])
    },
  )
  const bytes = 4 * (sections * count + 1)
  const mapped = mapToRead(readBack, bytes)
  mapped.catch(() => undefined)
  const finish = async () => {
    // an error scope says more than that nothing can be read
    await checked
    await mapped
    if (abandoned?.aborted === true) return
    const words = new Uint32Array(readBack.getMappedRange(0, bytes).slice(0))
    readBack.unmap()
    takeIn(tensor, words, count, canary, buffers.format)
  }
  const finished = finish()
  finished.catch(() => undefined)
  return { readBack, count, start, finished }
}

/** Verifies a batch's results and appends them to the tensor's. */
function takeIn(
  tensor: TensorDerivatives,
  words: Uint32Array<ArrayBuffer>,
  count: number,
  canary: number,
  { parts }: RealFormat,
): void {
  const kinksAt = parts * count
  if (words[kinksAt + count] !== canary || words.subarray(0, kinksAt).includes(UNWRITTEN)) {
    throw new UnverifiedResults(`the GPU did not write all results of a batch of ${tensor.parameter.name}`)
  }
  const values = new Float32Array(words.buffer, 0, kinksAt)
  for (let k = 0; k < count; k++) {
    tensor.derivatives[tensor.done + k] = parts === 1 ? values[k] : values[k] + values[count + k]
    tensor.kinks[tensor.done + k] = Math.min(words[kinksAt + k], 255)
  }
  tensor.done += count
}
