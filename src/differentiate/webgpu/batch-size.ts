import type { Model, ParameterTensor } from '../../network/model.js'
import { GROUP } from './batch-buffers.js'
import type { RealFormat } from './reals.js'

/** Device memory, beyond the parameters, that batches take where nothing else is asked for: 256 MiB. */
export const DEFAULT_MEMORY_BYTES = 256 * 2 ** 20
/** Buffers for the results of a batch: the kernels' and two to read them back. */
const RESULT_BUFFERS = 3
/** Most results of a batch, but for those of one group: what is read back stays small beside what is computed. */
const LARGEST_BATCH = 2 ** 18
/** Operations of the first batch of a tensor: about a millisecond on slow hardware. */
const FIRST_BATCH_WORK = 1e6
/** What a multiply-add in two parts costs, in single-precision ones. */
const EXTENDED_OPERATIONS = 32
const TARGET_MILLISECONDS = 40
const LONGEST_MILLISECONDS = 90
const GROWTH = 4

/** Rows of changes stored for a perturbation of layer `l`: of each layer from l + 2 on. */
export function storedRows(model: Model, l: number): number[] {
  return model.layers.slice(l + 2).map((layer) => layer.outputs)
}

/**
 * How many perturbations of a tensor fit into the device's memory at once, a multiple of 4; 0 when not even four
 * do.
 * @param memoryBytes what the buffers of a batch may take together
 * @param shrink a divisor, doubled each time the device was lost
 */
export function batchCapacity(
  model: Model,
  parameter: ParameterTensor,
  quadsPerGroup: number,
  resultsEach: number,
  format: RealFormat,
  limits: GPUSupportedLimits,
  memoryBytes: number,
  shrink: number,
): number {
  const rows = storedRows(model, parameter.layer)
  const widest = Math.max(1, ...rows)
  // changes alternate between two buffers
  const bytesPerQuad = GROUP * format.bytes * (1 + Math.min(2, rows.length) * widest)
  const bytesPerPerturbation = 4 + RESULT_BUFFERS * resultsEach * (format.bytes + 4)
  const bytesPerGroup = quadsPerGroup * bytesPerQuad + GROUP * bytesPerPerturbation
  const byBinding =
    Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize) / (GROUP * format.bytes * widest)
  const groups = Math.min(
    Math.ceil(parameter.size / GROUP),
    Math.max(1, LARGEST_BATCH / GROUP / resultsEach),
    byBinding / quadsPerGroup / shrink,
    memoryBytes / bytesPerGroup / shrink,
  )
  return GROUP * Math.floor(groups)
}

/**
 * Chooses how many perturbations a submit takes, so that it lasts tens of milliseconds: operating systems and
 * browsers end what runs for seconds. Starts small and grows by what was measured.
 */
export class BatchSize {
  readonly #capacity: number
  #size: number

  constructor(capacity: number, workPerPerturbation: number, { parts }: RealFormat) {
    this.#capacity = capacity
    this.#size = this.#fit(FIRST_BATCH_WORK / (workPerPerturbation * (parts === 1 ? 1 : EXTENDED_OPERATIONS)))
  }

  get next(): number {
    return this.#size
  }

  /** Takes in how long a submit of `size` perturbations lasted. */
  learn(size: number, milliseconds: number): void {
    if (size < this.#size && milliseconds < LONGEST_MILLISECONDS) return
    const wanted = (size * TARGET_MILLISECONDS) / Math.max(milliseconds, 0.1)
    if (milliseconds > LONGEST_MILLISECONDS || wanted > size) {
      this.#size = this.#fit(Math.min(wanted, GROWTH * size))
    }
  }

  /** Whole groups, at least one. */
  #fit(size: number): number {
    return Math.min(this.#capacity, GROUP * Math.max(1, Math.floor(size / GROUP)))
  }
}
