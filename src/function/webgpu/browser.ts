import { openBrowserDevice } from '../../gpu/browser-device.js'
import type { AdapterKind } from '../../gpu/device.js'
import { createWebgpuFunctionEvaluator, type WebgpuFunctionEvaluator } from './evaluator.js'

/**
 * The evaluator of formulas for a browser's GPU.
 * @param gpu the entry to WebGPU, `navigator.gpu` where it is left out
 * @param kind a graphics processor, or the browser's software adapter
 * @throws GradcheckError `device-unavailable` without WebGPU or without such an adapter
 */
export async function createBrowserFunctionEvaluator(
  gpu: GPU | undefined = globalThis.navigator?.gpu,
  kind: AdapterKind = 'hardware',
): Promise<WebgpuFunctionEvaluator> {
  return await createWebgpuFunctionEvaluator(() => openBrowserDevice(gpu, kind))
}
