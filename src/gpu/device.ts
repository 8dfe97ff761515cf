import { GradcheckError } from '../errors.js'

/** Which adapters are wanted: a graphics processor, or a WebGPU implementation that runs on the processor. */
export type AdapterKind = 'hardware' | 'software'

export const ADAPTER_KINDS: readonly AdapterKind[] = ['hardware', 'software']

/** A device with what the rest needs to know of its adapter. Whoever opened it calls `dispose`. */
export interface GpuDevice {
  readonly device: GPUDevice
  /** What people call the adapter: "NVIDIA H100", "SwiftShader". */
  readonly name: string
  readonly kind: AdapterKind
  /** Why the device was lost, once it was. */
  readonly lost: { reason: string | undefined }
  dispose(): void
}

/** The limits worth raising above WebGPU's defaults, when the adapter has more. */
const RAISED_LIMITS = ['maxBufferSize', 'maxStorageBufferBindingSize'] as const

/** Software implementations that do not say so themselves. */
const SOFTWARE_NAMES = /swiftshader|llvmpipe|lavapipe|softpipe|warp|basic render|software/i

/** Whether an adapter is a graphics processor or runs on the processor. */
export function kindOf(info: GPUAdapterInfo): AdapterKind {
  const names = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`
  return info.isFallbackAdapter || SOFTWARE_NAMES.test(names) ? 'software' : 'hardware'
}

/** The most telling of an adapter's names. */
export function nameOf(info: GPUAdapterInfo): string {
  return info.description || info.device || `${info.vendor} ${info.architecture}`.trim() || 'unnamed adapter'
}

/**
 * Requests an adapter of the wanted kind.
 * @returns nothing when there is none
 * @throws GradcheckError `device-unavailable` where none can be asked for
 */
export async function requestAdapter(gpu: GPU, kind: AdapterKind): Promise<GPUAdapter | undefined> {
  // Dawn takes only SwiftShader for a fallback adapter; another software driver answers a plain request
  const requests: GPURequestAdapterOptions[] =
    kind === 'software' ? [{ forceFallbackAdapter: true }, {}] : [{ powerPreference: 'high-performance' }]
  for (const options of requests) {
    const adapter = await askForAdapter(gpu, options)
    if (adapter !== null && kindOf(adapter.info) === kind) return adapter
  }
  return undefined
}

async function askForAdapter(gpu: GPU, options: GPURequestAdapterOptions): Promise<GPUAdapter | null> {
  try {
    return await gpu.requestAdapter(options)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new GradcheckError('device-unavailable', `no adapter could be asked for: ${reason}`, { cause })
  }
}

/**
 * Opens a device of an adapter that has not been used yet.
 * @throws GradcheckError `device-unavailable` when the adapter refuses
 */
export async function openDevice(adapter: GPUAdapter): Promise<GpuDevice> {
  const name = nameOf(adapter.info)
  const requiredLimits: Record<string, number> = {}
  for (const limit of RAISED_LIMITS) requiredLimits[limit] = adapter.limits[limit]
  let device: GPUDevice
  try {
    device = await adapter.requestDevice({ label: 'gradcheck', requiredLimits })
  } catch (cause) {
    throw new GradcheckError('device-unavailable', `the adapter ${name} gave no device`, { cause })
  }
  const lost: GpuDevice['lost'] = { reason: undefined }
  void device.lost.then((info) => {
    lost.reason = info.message || info.reason
  })
  return { device, name, kind: kindOf(adapter.info), lost, dispose: () => device.destroy() }
}
