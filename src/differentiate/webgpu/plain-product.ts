import plainProductShader from '../../../shaders/plain_product.wesl'
import type { Pipelines } from '../../gpu/pipelines.js'
import { medianSeconds } from '../../gpu/timing.js'
import { GROUP } from './batch-buffers.js'
import { UNITS_PER_INVOCATION } from './stages.js'
import type { TileShape } from './tile-shape.js'

/**
 * Times a plain matrix product rows × depth by depth × columns in single precision, both operands in memory: the
 * middle one of `runs`, in seconds.
 * @param sizes.columns a multiple of 4
 */
export async function timePlainProduct(
  device: GPUDevice,
  pipelines: Pipelines,
  sizes: { rows: number; depth: number; columns: number },
  tile: TileShape,
  runs: number,
): Promise<number> {
  const { rows, depth, columns } = sizes
  const pipeline = await pipelines.get('plain product', plainProductShader, 'multiplyPlain', {
    TILE_WIDTH: tile.width,
    TILE_HEIGHT: tile.height,
    TILE_DEPTH: tile.depth,
  })
  const uniforms = device.createBuffer({
    label: 'sizes',
    size: 16,
    usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  })
  device.queue.writeBuffer(uniforms, 0, Uint32Array.of(rows, depth, columns))
  const operands = [rows * depth, depth * columns, rows * columns].map((length) => {
    const buffer = device.createBuffer({
      label: 'operand',
      size: 4 * length,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    })
    device.queue.writeBuffer(
      buffer,
      0,
      Float32Array.from({ length }, (_, k) => ((k % 17) - 8) / 8),
    )
    return buffer
  })
  try {
    const bindGroup = device.createBindGroup({
      label: 'plain product',
      layout: pipeline.getBindGroupLayout(0),
      entries: [uniforms, ...operands].map((buffer, binding) => ({ binding, resource: { buffer } })),
    })
    const workgroups =
      Math.ceil(rows / (UNITS_PER_INVOCATION * tile.height)) * Math.ceil(columns / (GROUP * tile.width))
    return await medianSeconds(device, runs, (pass) => {
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, bindGroup)
      pass.dispatchWorkgroups(workgroups)
    })
  } finally {
    for (const buffer of [uniforms, ...operands]) buffer.destroy()
  }
}
