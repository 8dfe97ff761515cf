import { ZERO_BINDING } from '../../src/differentiate/webgpu/reals.js'
import { Pipelines } from '../../src/gpu/pipelines.js'
import { runOnce } from '../../src/gpu/run-once.js'

/** `count` float32 numbers spread over a range without a pattern: multiples of the golden ratio. */
export function spread(from: number, to: number, count: number): number[] {
  const golden = (Math.sqrt(5) - 1) / 2
  return Array.from({ length: count }, (_, k) => Math.fround(from + (to - from) * ((golden * (k + 1)) % 1)))
}

/**
 * Runs a probe: a kernel `probe` of workgroups of 64 that reads its cases from binding 0 and writes a few results
 * for each to binding 1.
 * @param shader its WGSL text
 * @param constants values of its `override` declarations
 * @param input as many numbers for each case as the probe reads, one case after the other
 * @param resultsPerCase float32 numbers
 */
export async function runProbe(
  device: GPUDevice,
  shader: string,
  constants: Record<string, number>,
  input: Float32Array<ArrayBuffer>,
  cases: number,
  resultsPerCase = 1,
): Promise<Float32Array> {
  const pipeline = await new Pipelines(device).get('probe', shader, 'probe', constants)
  return await runOnce(device, pipeline, {
    label: 'probe',
    input,
    outputLength: cases * resultsPerCase,
    workgroups: Math.ceil(cases / 64),
    zeroBinding: /var<uniform> zero\b/.test(shader) ? ZERO_BINDING : undefined,
  })
}
