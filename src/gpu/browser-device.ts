import { GradcheckError } from '../errors.js'
import { requireOneOf } from '../requirements.js'
import { ADAPTER_KINDS, type AdapterKind, type GpuDevice, openDevice, requestAdapter } from './device.js'

const FIX = 'leave the evaluator out: the check then runs in float64 on the CPU'

/**
 * Opens a device of a browser's GPU.
 * @throws GradcheckError `device-unavailable` without WebGPU or without such an adapter
 */
export async function openBrowserDevice(gpu: GPU | undefined, kind: AdapterKind): Promise<GpuDevice> {
  requireOneOf('kind of adapter', kind, ADAPTER_KINDS)
  if (typeof gpu?.requestAdapter !== 'function') {
    throw new GradcheckError('device-unavailable', 'this browser has no WebGPU', { fix: FIX })
  }
  const adapter = await requestAdapter(gpu, kind)
  if (adapter === undefined) {
    throw new GradcheckError('device-unavailable', `this browser gave no ${kind} adapter`, { fix: FIX })
  }
  return await openDevice(adapter)
}
