import { withErrorScopes } from '../../src/gpu/error-scopes.js'
import { Pipelines } from '../../src/gpu/pipelines.js'

/** `count` float32 numbers spread over a range without a pattern: multiples of the golden ratio. */
export function spread(from: number, to: number, count: number): number[] {
  const golden = (Math.sqrt(5) - 1) / 2
  return Array.from({ length: count }, (_, k) => Math.fround(from + (to - from) * ((golden * (k + 1)) % 1)))
}

/** What a slot holds that the kernel did not write. */
const UNWRITTEN = Number.NaN

/**
 * Runs a probe: a kernel `probe` of workgroups of 64 that reads its cases from binding 0 and writes a few results
 * for each to binding 1.
 * @param shader its WGSL text
 * @param constants values of its `override` declarations
 * @param input as many numbers for each case as the probe reads, one case after the other
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
  const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage
  const outputBytes = 4 * cases * resultsPerCase
  const inputs = device.createBuffer({ label: 'cases', size: input.byteLength, usage: STORAGE | COPY_DST })
  const outputs = device.createBuffer({
    label: 'results',
    size: outputBytes,
    usage: STORAGE | COPY_DST | COPY_SRC,
  })
  const readBack = device.createBuffer({ label: 'read-back', size: outputBytes, usage: MAP_READ | COPY_DST })
  try {
    const { checked } = withErrorScopes(device, 'probe', () => {
      device.queue.writeBuffer(inputs, 0, input)
      device.queue.writeBuffer(outputs, 0, new Float32Array(cases * resultsPerCase).fill(UNWRITTEN))
      const encoder = device.createCommandEncoder({ label: 'probe' })
      const pass = encoder.beginComputePass({ label: 'probe' })
      pass.setPipeline(pipeline)
      pass.setBindGroup(
        0,
        device.createBindGroup({
          label: 'probe',
          layout: pipeline.getBindGroupLayout(0),
          entries: [inputs, outputs].map((buffer, binding) => ({ binding, resource: { buffer } })),
        }),
      )
      pass.dispatchWorkgroups(Math.ceil(cases / 64))
      pass.end()
      encoder.copyBufferToBuffer(outputs, 0, readBack, 0, outputBytes)
      device.queue.submit([encoder.finish()])
    })
    await checked
    await readBack.mapAsync(GPUMapMode.READ)
    return new Float32Array(readBack.getMappedRange().slice(0))
  } finally {
    for (const buffer of [inputs, outputs, readBack]) buffer.destroy()
  }
}
