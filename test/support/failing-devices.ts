import type { GpuDevice } from '../../src/gpu/device.js'
import { openGpuDevice } from './gpu-device.js'

/** What becomes of a device call. */
export type Failure =
  /** A validation error in the scope that is open; a promise is rejected. */
  | 'validation'
  /** The next error scope that is closed says that memory ran out. */
  | 'out-of-memory'
  /** A promise, this one or the next, never settles. */
  | 'hang'
  /** The device is lost. */
  | 'loss'

type Call = (...values: never[]) => unknown

/** Pipelines of devices that are used again and again, by the shader's text and entry point. */
const pipelines = new WeakMap<GPUDevice, Map<string, Promise<GPUComputePipeline>>>()

/**
 * Devices of the software adapter that count what is asked of them and make one call fail; with an account of what they
 * gave out and was not given back.
 */
export class FailingDevices {
  readonly #failure: Failure | undefined
  readonly #at: number
  readonly #shared: GpuDevice | undefined
  readonly #onFailure: () => void
  readonly #open = new Set<GPUDevice>()
  readonly #buffers = new Map<GPUBuffer, GPUDevice>()
  #calls = 0
  #lacksMemory = false
  #hangs = false

  /**
   * @param failure what becomes of a call; nothing where it is left out
   * @param at the number of the call, from 0
   * @param options `shared` stands behind everything that is opened, makes its pipelines once and is not destroyed
   */
  constructor(
    failure?: Failure,
    at = 0,
    options: { readonly shared?: GpuDevice; readonly onFailure?: () => void } = {},
  ) {
    this.#failure = failure
    this.#at = at
    this.#shared = options.shared
    this.#onFailure = options.onFailure ?? (() => undefined)
  }

  get calls(): number {
    return this.#calls
  }

  /** Devices that were not given back. */
  get openDevices(): number {
    return this.#open.size
  }

  /** Buffers that were not destroyed, of devices that live. */
  get openBuffers(): number {
    return [...this.#buffers.values()].filter((device) => this.#open.has(device)).length
  }

  readonly open = async (): Promise<GpuDevice> => {
    const gpu = this.#shared ?? (await openGpuDevice('software'))
    const device = this.#watch(gpu.device)
    this.#open.add(device)
    const dispose = () => {
      this.#open.delete(device)
      if (this.#shared === undefined) gpu.dispose()
    }
    return { ...gpu, device, dispose }
  }

  /** A device whose calls go to the real one, after they were counted. */
  #watch(real: GPUDevice): GPUDevice {
    const codes = new Map<GPUShaderModule, string>()
    const counted = (call: Call): Call => {
      return (...values) => {
        if (this.#isNext) this.#fail(real)
        return call(...values)
      }
    }
    const promised = (name: string, call: Call): Call => {
      return (...values) => this.#answer(real, name, () => call(...values) as Promise<unknown>)
    }
    const own: Record<string, unknown> = {
      createBindGroup: counted(real.createBindGroup.bind(real)),
      createCommandEncoder: counted(real.createCommandEncoder.bind(real)),
      createBuffer: counted((descriptor: GPUBufferDescriptor) => {
        const buffer = real.createBuffer(descriptor)
        this.#buffers.set(buffer, device)
        const destroy = buffer.destroy.bind(buffer)
        buffer.destroy = () => {
          this.#buffers.delete(buffer)
          return destroy()
        }
        buffer.mapAsync = promised('mapAsync', buffer.mapAsync.bind(buffer)) as GPUBuffer['mapAsync']
        return buffer
      }),
      createShaderModule: counted((descriptor: GPUShaderModuleDescriptor) => {
        const module = real.createShaderModule(descriptor)
        codes.set(module, descriptor.code)
        const getInfo = module.getCompilationInfo.bind(module)
        module.getCompilationInfo = promised('getCompilationInfo', getInfo) as typeof getInfo
        return module
      }),
      createComputePipelineAsync: promised(
        'createComputePipelineAsync',
        (descriptor: GPUComputePipelineDescriptor) => {
          const create = () => real.createComputePipelineAsync(descriptor)
          if (this.#shared === undefined) return create()
          const { module, entryPoint } = descriptor.compute
          return remember(real, `${entryPoint} ${codes.get(module)}`, create)
        },
      ),
      popErrorScope: promised('popErrorScope', real.popErrorScope.bind(real)),
      queue: {
        writeBuffer: counted(real.queue.writeBuffer.bind(real.queue)),
        submit: counted(real.queue.submit.bind(real.queue)),
      },
    }
    const device = new Proxy(real, {
      get(_, key) {
        if (key in own) return own[String(key)]
        const value = Reflect.get(real, key, real)
        return typeof value === 'function' ? value.bind(real) : value
      },
    })
    return device
  }

  async #answer(real: GPUDevice, name: string, call: () => Promise<unknown>): Promise<unknown> {
    const isNext = this.#isNext
    const isRejected = isNext && this.#failure === 'validation'
    if (isNext && !isRejected) this.#fail(real)
    const result = await call()
    if (this.#hangs) {
      this.#hangs = false
      await new Promise(() => undefined)
    }
    if (isRejected) throw new DOMException(`${name} failed`, 'OperationError')
    if (name !== 'popErrorScope' || result !== null || !this.#lacksMemory) return result
    this.#lacksMemory = false
    return new GPUOutOfMemoryError('no room')
  }

  get #isNext(): boolean {
    return this.#calls++ === this.#at
  }

  #fail(real: GPUDevice): void {
    if (this.#failure === undefined) return
    this.#onFailure()
    if (this.#failure === 'out-of-memory') this.#lacksMemory = true
    if (this.#failure === 'hang') this.#hangs = true
    if (this.#failure === 'loss') real.destroy()
    if (this.#failure === 'validation') {
      real.createBuffer({ label: 'bad', size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE })
    }
  }
}

function remember(
  device: GPUDevice,
  key: string,
  create: () => Promise<GPUComputePipeline>,
): Promise<GPUComputePipeline> {
  const known = pipelines.get(device) ?? new Map<string, Promise<GPUComputePipeline>>()
  pipelines.set(device, known)
  const pipeline = known.get(key) ?? create()
  known.set(key, pipeline)
  return pipeline
}
