import { type AdapterKind, type GpuDevice, openDevice, requestAdapter } from '../../src/gpu/device.js'

/** Opens a device of the browser's adapter of a kind. There being none is a failure, never a reason to skip. */
export async function openGpuDevice(kind: AdapterKind): Promise<GpuDevice> {
  if (navigator.gpu === undefined) throw new Error('the browser has no WebGPU')
  const adapter = await requestAdapter(navigator.gpu, kind)
  if (adapter === undefined) throw new Error(`the browser has no ${kind} adapter`)
  return await openDevice(adapter)
}
