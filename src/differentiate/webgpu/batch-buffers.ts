import { type RealFormat, UNWRITTEN } from './reals.js'

/** Words of the `Batch` uniform of shaders/batch.wesl, in its order. */
export interface BatchUniforms {
  readonly quads: number
  readonly groups: number
  readonly samples: number
  readonly sides: number
  readonly elementsPerUnit: number
  readonly capacity: number
  readonly canary: number
  readonly step: number
  readonly resultsEach: number
}

/** Words of the uniform, in whole vectors. */
const UNIFORM_WORDS = 12

/** Perturbations to a group. */
export const GROUP = 4

/** The place of an entry that only fills up the last group: NO_ENTRY of shaders/batch.wesl. */
const NO_ENTRY = 0xffffffff

/**
 * The buffers that the kernels of one tensor share from batch to batch. Batches follow each other on one queue,
 * so only the read-back buffers are needed more than once.
 */
export class BatchBuffers {
  /** Most quads of a batch. */
  readonly quads: number
  /** Most perturbations of a batch, a multiple of 4. */
  readonly capacity: number
  /** Results of a perturbation. */
  readonly resultsEach: number
  readonly uniforms: GPUBuffer
  readonly entries: GPUBuffer
  /** The changes of the perturbed layer's units, by quad. */
  readonly starts: GPUBuffer
  /** The results' bits, a part after the other, then the kink counts, then the canary. */
  readonly results: GPUBuffer
  readonly readBacks: readonly GPUBuffer[]
  readonly format: RealFormat
  /** The 0 that shaders/extended/barrier.wesl reads. */
  readonly zero: GPUBuffer

  /** Changes of a whole layer, units × quads: the stored layers' in turn. */
  readonly #changes: readonly GPUBuffer[]
  readonly #device: GPUDevice
  readonly #created: GPUBuffer[] = []
  readonly #sentinels: Uint32Array<ArrayBuffer>

  constructor(
    device: GPUDevice,
    options: {
      capacity: number
      resultsEach: number
      quads: number
      storedRows: readonly number[]
      readBacks: number
      format: RealFormat
    },
  ) {
    this.#device = device
    this.capacity = options.capacity
    this.resultsEach = options.resultsEach
    this.quads = options.quads
    this.format = options.format
    const bytesPerQuad = GROUP * options.format.bytes
    const storage = GPUBufferUsage.STORAGE
    const widest = Math.max(0, ...options.storedRows)
    this.zero = this.#create('zero', 4, GPUBufferUsage.UNIFORM)
    this.uniforms = this.#create('batch', UNIFORM_WORDS * 4, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)
    this.entries = this.#create('entries', 4 * this.capacity, storage | GPUBufferUsage.COPY_DST)
    this.starts = this.#create('starts', bytesPerQuad * this.quads, storage)
    this.#changes = Array.from({ length: 2 }, (_, k) =>
      this.#create(
        `changes ${k}`,
        options.storedRows.length > k ? bytesPerQuad * widest * this.quads : bytesPerQuad,
        storage,
      ),
    )
    this.results = this.#create(
      'results',
      this.#resultBytes,
      storage | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    )
    this.readBacks = Array.from({ length: options.readBacks }, (_, k) =>
      this.#create(`read-back ${k}`, this.#resultBytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST),
    )
    this.#sentinels = new Uint32Array(this.#resultBytes / 4).fill(
      UNWRITTEN,
      0,
      this.format.parts * this.mostResults,
    )
  }

  /** Where the changes are stored of the layer so many behind the perturbed one; from the second on. */
  changesOf(behind: number): GPUBuffer {
    return this.#changes[behind % 2]
  }

  /** The buffers that shaders/batch.wesl declares. */
  get common(): GPUBuffer[] {
    return [this.uniforms, this.entries, this.results]
  }

  /** Results that a batch has room for. */
  get mostResults(): number {
    return this.capacity * this.resultsEach
  }

  get #resultBytes(): number {
    return 4 * ((this.format.parts + 1) * this.mostResults + 1)
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
    const { quads, groups, samples, sides, elementsPerUnit, capacity, canary, step, resultsEach } = uniforms
    const words = new Uint32Array(UNIFORM_WORDS)
    words.set([quads, groups, samples, sides, elementsPerUnit, capacity, canary, 0, resultsEach])
    new Float32Array(words.buffer)[7] = step
    const { queue } = this.#device
    queue.writeBuffer(this.uniforms, 0, words)
    const filled = new Uint32Array(GROUP * uniforms.groups).fill(NO_ENTRY)
    filled.set(entries)
    queue.writeBuffer(this.entries, 0, filled)
    queue.writeBuffer(this.results, 0, this.#sentinels)
  }

  dispose(): void {
    for (const buffer of this.#created) buffer.destroy()
  }
}
