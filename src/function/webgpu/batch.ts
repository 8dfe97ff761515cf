import { withErrorScopes } from '../../gpu/error-scopes.js'
import { copyBack, UnverifiedResults } from '../../gpu/unverified-results.js'
import { createChanges, type FunctionBatch, type FunctionChanges } from '../function-evaluator.js'
import { CONSTANTS } from '../tape.js'
import { encodeTape } from './encode-tape.js'

/** `GROUP_SIZE` of shaders/function.wesl */
const GROUP_SIZE = 64
/** WebGPU's limit on workgroups in one dimension; larger grids are folded into a second one. */
const MOST_WORKGROUPS = 65535
/** What a result holds that the kernel did not write: no crossing is so large. */
const UNWRITTEN = 0xffffffff

let lastCanary = 0

/** Runs one batch on a device and verifies that all of its results were written. */
export async function evaluateBatch(
  device: GPUDevice,
  pipeline: GPUComputePipeline,
  batch: FunctionBatch,
): Promise<FunctionChanges> {
  const { tape, points, moved, steps } = batch
  const changes = createChanges(batch)
  const evaluations = changes.slopes.length
  lastCanary = (lastCanary + 1) % UNWRITTEN || 1
  const canary = lastCanary
  const resultBytes = 8 * (evaluations + 1)
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage
  const created: GPUBuffer[] = []
  const createBuffer = (label: string, size: number, usage: number) => {
    const buffer = device.createBuffer({ label, size, usage })
    created.push(buffer)
    return buffer
  }
  try {
    const { value: readBack, checked } = withErrorScopes(
      device,
      `a batch of ${evaluations} evaluations`,
      () => {
        const upload = (
          label: string,
          data: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>,
          usage = STORAGE,
        ) => {
          const buffer = createBuffer(label, data.byteLength, usage | COPY_DST)
          device.queue.writeBuffer(buffer, 0, data)
          return buffer
        }
        const inputs = [
          upload(
            'batch',
            Uint32Array.of(
              evaluations,
              tape.instructions.length,
              moved.length,
              steps.length,
              canary,
              0,
              0,
              0,
            ),
            UNIFORM,
          ),
          upload('instructions', encodeTape(tape)),
          upload('constants', joinConstants(points, CONSTANTS * tape.instructions.length)),
          upload('moved', Uint32Array.from(moved)),
          upload('steps', Float32Array.from(steps)),
        ]
        const results = createBuffer('results', resultBytes, STORAGE | COPY_SRC | COPY_DST)
        device.queue.writeBuffer(results, 0, new Uint32Array(resultBytes / 4).fill(UNWRITTEN))
        const destination = createBuffer('read-back', resultBytes, MAP_READ | COPY_DST)
        const encoder = device.createCommandEncoder({ label: 'function' })
        const pass = encoder.beginComputePass({ label: 'function' })
        pass.setPipeline(pipeline)
        pass.setBindGroup(
          0,
          device.createBindGroup({
            label: 'function',
            layout: pipeline.getBindGroupLayout(0),
            entries: [...inputs, results].map((buffer, binding) => ({ binding, resource: { buffer } })),
          }),
        )
        const workgroups = Math.ceil(evaluations / GROUP_SIZE)
        const rows = Math.ceil(workgroups / MOST_WORKGROUPS)
        pass.dispatchWorkgroups(Math.ceil(workgroups / rows), rows)
        pass.end()
        encoder.copyBufferToBuffer(results, 0, destination, 0, resultBytes)
        device.queue.submit([encoder.finish()])
        return destination
      },
    )
    const copied = copyBack(readBack, resultBytes)
    copied.catch(() => undefined)
    // an error scope says more than that nothing can be read
    await checked
    const words = new Uint32Array(await copied)
    takeIn(changes, words, canary)
    return changes
  } finally {
    for (const buffer of created) buffer.destroy()
  }
}

function joinConstants(points: readonly Float64Array[], length: number): Float32Array<ArrayBuffer> {
  const joined = new Float32Array(length * points.length)
  for (const [k, constants] of points.entries()) joined.set(constants, k * length)
  return joined
}

function takeIn(changes: FunctionChanges, words: Uint32Array<ArrayBuffer>, canary: number): void {
  const { slopes, crossings } = changes
  const numbers = new Float32Array(words.buffer)
  if (words[2 * slopes.length] !== canary) throw new UnverifiedResults('a batch of formulas did not end')
  for (let k = 0; k < slopes.length; k++) {
    const crossing = words[2 * k + 1]
    if (crossing === UNWRITTEN) throw new UnverifiedResults(`evaluation ${k} of a batch was not written`)
    slopes[k] = numbers[2 * k]
    crossings[k] = crossing - 1
  }
}
