import { withErrorScopes } from './error-scopes.js'

/** Submits one compute pass and waits until the queue has done it. */
export async function submitPass(
  device: GPUDevice,
  encode: (pass: GPUComputePassEncoder) => void,
): Promise<void> {
  const { checked } = withErrorScopes(device, 'a measured kernel', () => {
    const encoder = device.createCommandEncoder({ label: 'measured' })
    const pass = encoder.beginComputePass({ label: 'measured' })
    encode(pass)
    pass.end()
    device.queue.submit([encoder.finish()])
  })
  await Promise.all([checked, device.queue.onSubmittedWorkDone()])
}

/** Seconds from submitting a pass to the queue's completion: the middle one of `runs`, after one not counted. */
export async function medianSeconds(
  device: GPUDevice,
  runs: number,
  encode: (pass: GPUComputePassEncoder) => void,
): Promise<number> {
  await submitPass(device, encode)
  const times: number[] = []
  for (let run = 0; run < runs; run++) {
    const start = performance.now()
    await submitPass(device, encode)
    times.push((performance.now() - start) / 1000)
  }
  times.sort((a, b) => a - b)
  return times[Math.floor(runs / 2)]
}
