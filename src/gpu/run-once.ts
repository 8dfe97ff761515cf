import { withErrorScopes } from './error-scopes.js'
import { copyBack } from './unverified-results.js'

/** What a slot holds that the kernel did not write. */
const UNWRITTEN = Number.NaN

/** What one run of a kernel reads and writes. */
export interface SingleRun {
  readonly label: string
  /** Read from binding 0. */
  readonly input: Float32Array<ArrayBuffer>
  /** Float32 numbers written to binding 1. */
  readonly outputLength: number
  readonly workgroups: number
  /** Where the kernel reads a uniform 0, if it does. */
  readonly zeroBinding?: number | undefined
}

/** Runs a kernel once and reads back what it wrote, NaN where it wrote nothing. */
export async function runOnce(
  device: GPUDevice,
  pipeline: GPUComputePipeline,
  { label, input, outputLength, workgroups, zeroBinding }: SingleRun,
): Promise<Float32Array> {
  const { STORAGE, UNIFORM, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage
  const size = 4 * outputLength
  const create = (name: string, bytes: number, usage: number) =>
    device.createBuffer({ label: `${name} of ${label}`, size: bytes, usage })
  const inputs = create('input', input.byteLength, STORAGE | COPY_DST)
  const outputs = create('output', size, STORAGE | COPY_DST | COPY_SRC)
  const zero = create('zero', 4, UNIFORM)
  const readBack = create('read-back', size, MAP_READ | COPY_DST)
  try {
    const { checked } = withErrorScopes(device, label, () => {
      device.queue.writeBuffer(inputs, 0, input)
      device.queue.writeBuffer(outputs, 0, new Float32Array(outputLength).fill(UNWRITTEN))
      const entries = [inputs, outputs].map((buffer, binding) => ({ binding, resource: { buffer } }))
      if (zeroBinding !== undefined) entries.push({ binding: zeroBinding, resource: { buffer: zero } })
      const encoder = device.createCommandEncoder({ label })
      const pass = encoder.beginComputePass({ label })
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, device.createBindGroup({ label, layout: pipeline.getBindGroupLayout(0), entries }))
      pass.dispatchWorkgroups(workgroups)
      pass.end()
      encoder.copyBufferToBuffer(outputs, 0, readBack, 0, size)
      device.queue.submit([encoder.finish()])
    })
    await checked
    return new Float32Array(await copyBack(readBack, size))
  } finally {
    for (const buffer of [inputs, outputs, zero, readBack]) buffer.destroy()
  }
}
