import plainProductShader from '../../shaders/plain_product.wesl'
import { BatchBuffers, GROUP } from '../differentiate/webgpu/batch-buffers.js'
import { storedRows } from '../differentiate/webgpu/batch-size.js'
import { uploadNetwork } from '../differentiate/webgpu/network-buffers.js'
import { createStages } from '../differentiate/webgpu/stages.js'
import { type TileShape, tileShapeFor } from '../differentiate/webgpu/tile-shape.js'
import type { GpuDevice } from '../gpu/device.js'
import { withErrorScopes } from '../gpu/error-scopes.js'
import { Pipelines } from '../gpu/pipelines.js'
import type { Model } from '../network/model.js'

/** Rates of the largest product of a network's tail, in multiply-adds a second. */
export interface ProductRates {
  readonly rows: number
  readonly depth: number
  readonly columns: number
  /** Of the kernel that makes its right operand on the fly. */
  readonly fused: number
  /** Of a plain matrix product with the same tiles, its operands in memory. */
  readonly plain: number
  /** What the times were taken with. */
  readonly clock: 'queue completion'
}

const COLUMNS = 4096
const RUNS = 7

/**
 * Measures the fused product kernel against a plain one of the same shape on the same device.
 * @returns nothing for a network without a tail (fewer than three layers)
 */
export async function measureProduct(gpu: GpuDevice, model: Model): Promise<ProductRates | undefined> {
  const { layers } = model
  let largest = -1
  for (let q = 2; q < layers.length; q++) {
    if (largest < 0 || layers[q].weights.length > layers[largest].weights.length) largest = q
  }
  if (largest < 0) return undefined
  const tile = tileShapeFor(gpu)
  const pipelines = new Pipelines(gpu.device)
  const [rows, depth] = [layers[largest].outputs, layers[largest].inputs]
  const fused = await measureFused(gpu.device, pipelines, model, largest, tile)
  const plain = await measurePlain(gpu.device, pipelines, rows, depth, fused.columns, tile)
  const work = rows * depth * fused.columns
  return {
    rows,
    depth,
    columns: fused.columns,
    fused: work / fused.seconds,
    plain: work / plain,
    clock: 'queue completion',
  }
}

async function measureFused(
  device: GPUDevice,
  pipelines: Pipelines,
  model: Model,
  q: number,
  tile: TileShape,
): Promise<{ columns: number; seconds: number }> {
  const parameter = model.parameters.find(({ layer, role }) => layer === q - 2 && role === 'weights')!
  const quadsPerGroup = 2 * model.samples
  const groups = Math.max(1, Math.floor(COLUMNS / (GROUP * quadsPerGroup)))
  const quads = groups * quadsPerGroup
  const network = uploadNetwork(device, model)
  const batch = new BatchBuffers(device, {
    capacity: GROUP * groups,
    quads,
    storedRows: storedRows(model, parameter.layer),
    readBacks: 0,
  })
  try {
    batch.write(
      {
        quads,
        groups,
        samples: model.samples,
        sides: 2,
        elementsPerUnit: model.layers[parameter.layer].inputs,
        capacity: GROUP * groups,
        canary: 1,
        step: 1e-5,
      },
      Uint32Array.from({ length: GROUP * groups }, (_, k) => k % parameter.size),
    )
    const stages = await createStages({
      device,
      pipelines,
      model,
      parameter,
      network,
      batch,
      quadsPerGroup,
      tile,
    })
    const [start, product] = stages
    const run = (pass: GPUComputePassEncoder, stage: typeof start) => {
      pass.setPipeline(stage.pipeline)
      pass.setBindGroup(0, stage.bindGroup)
      pass.dispatchWorkgroups(stage.workgroups(groups, quads))
    }
    await submit(device, (pass) => run(pass, start))
    return { columns: GROUP * quads, seconds: await medianSeconds(device, (pass) => run(pass, product)) }
  } finally {
    batch.dispose()
    network.dispose()
  }
}

async function measurePlain(
  device: GPUDevice,
  pipelines: Pipelines,
  rows: number,
  depth: number,
  columns: number,
  tile: TileShape,
): Promise<number> {
  const pipeline = await pipelines.get('plain product', plainProductShader, 'multiplyPlain', {
    TILE_WIDTH: tile.width,
    TILE_HEIGHT: tile.height,
    TILE_DEPTH: tile.depth,
  })
  const sizes = device.createBuffer({
    size: 16,
    usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  })
  device.queue.writeBuffer(sizes, 0, Uint32Array.of(rows, depth, columns))
  const operands = [rows * depth, depth * columns, rows * columns].map((length) => {
    const buffer = device.createBuffer({
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
      layout: pipeline.getBindGroupLayout(0),
      entries: [sizes, ...operands].map((buffer, binding) => ({ binding, resource: { buffer } })),
    })
    const workgroups = Math.ceil(rows / (8 * tile.height)) * Math.ceil(columns / (GROUP * tile.width))
    return await medianSeconds(device, (pass) => {
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, bindGroup)
      pass.dispatchWorkgroups(workgroups)
    })
  } finally {
    for (const buffer of [sizes, ...operands]) buffer.destroy()
  }
}

async function submit(device: GPUDevice, encode: (pass: GPUComputePassEncoder) => void): Promise<void> {
  const { checked } = withErrorScopes(device, 'a measured kernel', () => {
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    encode(pass)
    pass.end()
    device.queue.submit([encoder.finish()])
  })
  await Promise.all([checked, device.queue.onSubmittedWorkDone()])
}

async function medianSeconds(
  device: GPUDevice,
  encode: (pass: GPUComputePassEncoder) => void,
): Promise<number> {
  await submit(device, encode)
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now()
    await submit(device, encode)
    times.push((performance.now() - start) / 1000)
  }
  times.sort((a, b) => a - b)
  return times[Math.floor(RUNS / 2)]
}
