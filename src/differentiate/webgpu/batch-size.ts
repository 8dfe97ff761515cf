import type { Model, ParameterTensor } from '../../network/model.js'

/** Device memory for the changes of a batch. */
const CHANGE_BYTES = 256 * 2 ** 20
/** Most perturbations of a batch: what is read back stays small beside what is computed. */
const LARGEST_BATCH = 2 ** 18
/** Multiply-adds of the first batch of a tensor: about a millisecond on slow hardware. */
const FIRST_BATCH_WORK = 1e6
const TARGET_MILLISECONDS = 40
const LONGEST_MILLISECONDS = 90
const GROWTH = 4

/** Rows of changes stored for a perturbation of layer `l`: of each layer from l + 2 on. */
export function storedRows(model: Model, l: number): number[] {
  return model.layers.slice(l + 2).map((layer) => layer.outputs)
}

/** Multiply-adds of one perturbed sample: the rank-one layer, and the products behind it. */
export function workPerColumn(model: Model, l: number): number {
  const { layers } = model
  let work = 1 + (layers[l + 1]?.outputs ?? 0)
  for (let q = l + 2; q < layers.length; q++) work += layers[q].outputs * layers[q].inputs
  return work
}

/**
 * How many perturbations of a tensor fit into the device's memory at once; 0 when not even one does.
 * @param shrink a divisor, doubled each time the device was lost
 */
export function batchCapacity(
  model: Model,
  parameter: ParameterTensor,
  columnsPerPerturbation: number,
  limits: GPUSupportedLimits,
  shrink: number,
): number {
  const rows = storedRows(model, parameter.layer)
  const widest = Math.max(1, ...rows)
  // changes alternate between two buffers
  const bytesPerColumn = 4 * (1 + Math.min(2, rows.length) * widest)
  const byBinding = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize) / (4 * widest)
  const columns = Math.min(CHANGE_BYTES / bytesPerColumn, byBinding) / shrink
  return Math.min(parameter.size, LARGEST_BATCH, Math.floor(columns / columnsPerPerturbation))
}

/**
 * Chooses how many perturbations a submit takes, so that it lasts tens of milliseconds: operating systems and
 * browsers end what runs for seconds. Starts small and grows by what was measured.
 */
export class BatchSize {
  readonly #capacity: number
  #size: number

  constructor(capacity: number, workPerPerturbation: number) {
    this.#capacity = capacity
    this.#size = Math.max(1, Math.min(capacity, Math.floor(FIRST_BATCH_WORK / workPerPerturbation)))
  }

  get next(): number {
    return this.#size
  }

  /** Takes in how long a submit of `size` perturbations lasted. */
  learn(size: number, milliseconds: number): void {
    if (size < this.#size && milliseconds < LONGEST_MILLISECONDS) return
    const wanted = (size * TARGET_MILLISECONDS) / Math.max(milliseconds, 0.1)
    if (milliseconds > LONGEST_MILLISECONDS || wanted > size) {
      this.#size = Math.max(1, Math.min(this.#capacity, Math.floor(Math.min(wanted, GROWTH * size))))
    }
  }
}
