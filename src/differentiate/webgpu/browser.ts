import { GradcheckError } from '../../errors.js'
import { type AdapterKind, openDevice, requestAdapter } from '../../gpu/device.js'
import { createWebgpuEvaluator, type WebgpuEvaluator, type WebgpuOptions } from './evaluator.js'

/**
 * The evaluator for a browser's GPU.
 * @param gpu the entry to WebGPU, `navigator.gpu` where it is left out
 * @param kind a graphics processor, or the browser's software adapter
 * @throws GradcheckError `device-unavailable` without WebGPU or without such an adapter, or when the adapter's
 * compiler does not keep extended precision exact
 */
export async function createBrowserEvaluator(
  gpu: GPU | undefined = globalThis.navigator?.gpu,
  kind: AdapterKind = 'hardware',
  options: WebgpuOptions = {},
): Promise<WebgpuEvaluator> {
  if (gpu === undefined) {
    throw new GradcheckError('device-unavailable', 'this browser has no WebGPU', {
      fix: 'leave the evaluator out: the check then runs in float64 on the CPU',
    })
  }
  return await createWebgpuEvaluator(async () => {
    const adapter = await requestAdapter(gpu, kind)
    if (adapter === undefined) {
      throw new GradcheckError('device-unavailable', `this browser gave no ${kind} adapter`, {
        fix: 'leave the evaluator out: the check then runs in float64 on the CPU',
      })
    }
    return await openDevice(adapter)
  }, options)
}
