import { openBrowserDevice } from '../../gpu/browser-device.js'
import type { AdapterKind } from '../../gpu/device.js'
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
  return await createWebgpuEvaluator(() => openBrowserDevice(gpu, kind), options)
}
