import { GradcheckError } from '../../errors.js'
import { withErrorScopes } from '../../gpu/error-scopes.js'
import type { Pipelines } from '../../gpu/pipelines.js'
import { copyBack, UnverifiedResults } from '../../gpu/unverified-results.js'
import type { Model, ParameterTensor } from '../../network/model.js'
import type { DifferenceSettings, EvaluationHooks, GpuPrecision, TensorDerivatives } from '../evaluator.js'
import { elementsPerUnit } from '../units.js'
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

/** Perturbations of some elements of one tensor, and where their results go. */
export interface PendingPerturbations {
  readonly parameter: ParameterTensor
  readonly entries: Uint32Array<ArrayBufferLike>
  /** Results of an entry: 1, or the samples where their losses are kept apart. */
  readonly resultsEach: number
  /** By entry and sample. */
  readonly values: Float64Array
  readonly kinks: Uint8Array
  /** How many of the entries, from the first on, are evaluated. */
  done: number
}

/** A tensor's elements, the samples' losses added up. */
export function perturbElements(tensor: TensorDerivatives): PendingPerturbations {
  return {
    parameter: tensor.parameter,
    entries: tensor.entries,
    resultsEach: 1,
    values: tensor.derivatives,
    kinks: tensor.kinks,
    get done() {
      return tensor.done
    },
    set done(count: number) {
      tensor.done = count
    },
  }
}

/**
 * Evaluates what is left of some perturbations, batch after batch, verified in order: `pending.done` grows with each.
 * Fills in Σ over sides, and over samples where they are not kept apart, of ΔJ_s/(±h).
 */
export async function evaluatePerturbations(
  context: BatchContext,
  pending: PendingPerturbations,
  hooks: EvaluationHooks,
): Promise<void> {
  const { device, model, settings } = context
  const { parameter, resultsEach } = pending
  const sides = settings.scheme === 'central' ? 2 : 1
  const quadsPerGroup = sides * model.samples
  const capacity = batchCapacity(
    model,
    parameter,
    quadsPerGroup,
    resultsEach,
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
        resultsEach,
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
    let submitted = pending.done
    let lastEnd = performance.now()
    for (;;) {
      while (
        inFlight.length < BATCHES_IN_FLIGHT &&
        submitted < pending.entries.length &&
        !hooks.signal?.aborted
      ) {
        const entries = pending.entries.slice(submitted, submitted + size.next)
        const readBack = buffers.readBacks.find((free) => !inFlight.some((batch) => batch.readBack === free))!
        inFlight.push(submit(context, pending, stages, buffers, readBack, entries, quadsPerGroup))
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
      hooks.onProgress?.(pending.done)
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
  pending: PendingPerturbations,
  stages: readonly Stage[],
  buffers: BatchBuffers,
  readBack: GPUBuffer,
  entries: Uint32Array<ArrayBuffer>,
  quadsPerGroup: number,
): Submitted {
  lastCanary = (lastCanary + 1) >>> 0 || 1
  const canary = lastCanary
  const count = entries.length
  const results = count * pending.resultsEach
  const groups = Math.ceil(count / GROUP)
  const quads = groups * quadsPerGroup
  const sections = buffers.format.parts + 1
  const start = performance.now()
  const { checked } = withErrorScopes(
    device,
    `a batch of ${count} perturbations of ${pending.parameter.name}`,
    () => {
      buffers.write(
        {
          quads,
          groups,
          samples: model.samples,
          sides: quadsPerGroup / model.samples,
          elementsPerUnit: elementsPerUnit(model, pending),
          capacity: buffers.mostResults,
          canary,
          step: settings.step,
          resultsEach: pending.resultsEach,
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
      for (let k = 0; k < sections; k++) copy(k * buffers.mostResults, k * results, results)
      copy(sections * buffers.mostResults, sections * results, 1)
      device.queue.submit([encoder.finish()])
    },
  )
  const bytes = 4 * (sections * results + 1)
  const copied = copyBack(readBack, bytes)
  copied.catch(() => undefined)
  const finish = async () => {
    // an error scope says more than that nothing can be read
    await checked
    const words = new Uint32Array(await copied)
    if (abandoned?.aborted === true) return
    takeIn(pending, words, count, canary, buffers.format)
  }
  const finished = finish()
  finished.catch(() => undefined)
  return { readBack, count, start, finished }
}

/** Verifies a batch's results and appends them to the others. */
function takeIn(
  pending: PendingPerturbations,
  words: Uint32Array<ArrayBuffer>,
  count: number,
  canary: number,
  { parts }: RealFormat,
): void {
  const results = count * pending.resultsEach
  const kinksAt = parts * results
  if (words[kinksAt + results] !== canary || words.subarray(0, kinksAt).includes(UNWRITTEN)) {
    throw new UnverifiedResults(`the GPU did not write all results of a batch of ${pending.parameter.name}`)
  }
  const values = new Float32Array(words.buffer, 0, kinksAt)
  const from = pending.done * pending.resultsEach
  for (let k = 0; k < results; k++) {
    pending.values[from + k] = parts === 1 ? values[k] : values[k] + values[results + k]
    pending.kinks[from + k] = Math.min(words[kinksAt + k], 255)
  }
  pending.done += count
}
