/** Words of the `Batch` uniform of shaders/batch.wesl, in its order. */
export interface BatchUniforms {
  readonly columns: number
  readonly perturbations: number
  readonly samples: number
  readonly sides: number
  readonly elementsPerUnit: number
  readonly capacity: number
  readonly canary: number
  readonly step: number
}

/** A place results are read back through; several, so that the GPU works while the host reads. */
export interface ReadBack {
  readonly buffer: GPUBuffer
}

/**
 * The buffers that the kernels of one tensor share from batch to batch. Batches follow each other on one queue,
 * so only the read-back buffers are needed more than once.
 */
export class BatchBuffers {
  /** Most columns of a batch. */
  readonly columns: number
  /** Most perturbations of a batch. */
  readonly capacity: number
  readonly uniforms: GPUBuffer
  readonly entries: GPUBuffer
  /** The change of the perturbed layer's unit, by column. */
  readonly starts: GPUBuffer
  /** Changes of a whole layer, units × columns: the layers' in turn. */
  readonly changes: readonly GPUBuffer[]
  /** The derivatives' bits, then the kink counts, then the canary. */
  readonly results: GPUBuffer
  readonly readBacks: readonly GPUBuffer[]

  readonly #device: GPUDevice
  readonly #created: GPUBuffer[] = []
  readonly #sentinels: Uint32Array<ArrayBuffer>

  constructor(
    device: GPUDevice,
    options: { capacity: number; columns: number; storedRows: readonly number[]; readBacks: number },
  ) {
    this.#device = device
    this.capacity = options.capacity
    this.columns = options.columns
    const storage = GPUBufferUsage.STORAGE
    const widest = Math.max(0, ...options.storedRows)
    this.uniforms = this.#create('batch', 8 * 4, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)
    this.entries = this.#create('entries', 4 * this.capacity, storage | GPUBufferUsage.COPY_DST)
    this.starts = this.#create('starts', 4 * this.columns, storage)
    this.changes = Array.from({ length: 2 }, (_, k) =>
      this.#create(`changes ${k}`, options.storedRows.length > k ? 4 * widest * this.columns : 4, storage),
    )
    this.results = this.#create(
      'results',
      this.#resultBytes,
      storage | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    )
    this.readBacks = Array.from({ length: options.readBacks }, (_, k) =>
      this.#create(`read-back ${k}`, this.#resultBytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST),
    )
    this.#sentinels = new Uint32Array(2 * this.capacity + 1).fill(UNWRITTEN, 0, this.capacity)
  }

  get #resultBytes(): number {
    return 4 * (2 * this.capacity + 1)
  }

  #create(label: string, size: number, usage: number): GPUBuffer {
    const buffer = this.#device.createBuffer({ label, size: Math.max(16, size), usage })
    this.#created.push(buffer)
    return buffer
  }

  /** A uniform buffer of 32-bit unsigned numbers. */
  createUniforms(label: string, words: readonly number[]): GPUBuffer {
    const buffer = this.#create(label, 4 * words.length, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)
    this.#device.queue.writeBuffer(buffer, 0, Uint32Array.from(words))
    return buffer
  }

  /** Queues a batch's inputs, and marks every result as not written. */
  write(uniforms: BatchUniforms, entries: Uint32Array<ArrayBuffer>): void {
    const words = new DataView(new ArrayBuffer(8 * 4))
    const { columns, perturbations, samples, sides, elementsPerUnit, capacity, canary } = uniforms
    for (const [k, word] of [
      columns,
      perturbations,
      samples,
      sides,
      elementsPerUnit,
      capacity,
      canary,
    ].entries()) {
      words.setUint32(4 * k, word, true)
    }
    words.setFloat32(28, uniforms.step, true)
    const { queue } = this.#device
    queue.writeBuffer(this.uniforms, 0, words.buffer)
    queue.writeBuffer(this.entries, 0, entries)
    queue.writeBuffer(this.results, 0, this.#sentinels)
  }

  dispose(): void {
    for (const buffer of this.#created) buffer.destroy()
  }
}

/** A NaN that no kernel computes: the mark of a result that was not written. */
export const UNWRITTEN = 0x7fc0dead
