import { afterAll, beforeAll } from 'vitest'
import { GPU_PRECISIONS, type GpuPrecision } from '../../src/differentiate/evaluator.js'
import { createWebgpuEvaluator, type WebgpuEvaluator } from '../../src/differentiate/webgpu/evaluator.js'
import { openGpuDevice } from './gpu-device.js'

/** Evaluators on the software adapter, one for each precision, open while a file's tests run. */
export function openPrecisionEvaluators(): (precision: GpuPrecision) => WebgpuEvaluator {
  const evaluators = new Map<GpuPrecision, WebgpuEvaluator>()
  beforeAll(async () => {
    for (const precision of GPU_PRECISIONS) {
      evaluators.set(precision, await createWebgpuEvaluator(() => openGpuDevice('software'), { precision }))
    }
  })
  afterAll(() => {
    for (const evaluator of evaluators.values()) evaluator.dispose()
  })
  return (precision) => evaluators.get(precision)!
}
