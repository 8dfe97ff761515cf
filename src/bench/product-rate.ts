import { BatchBuffers, GROUP } from '../differentiate/webgpu/batch-buffers.js'
import { storedRows } from '../differentiate/webgpu/batch-size.js'
import { uploadNetwork } from '../differentiate/webgpu/network-buffers.js'
import { timePlainProduct } from '../differentiate/webgpu/plain-product.js'
import { formatOf } from '../differentiate/webgpu/reals.js'
import { createStages, NARROW_UNITS } from '../differentiate/webgpu/stages.js'
import { chooseTileShape, type TileShape } from '../differentiate/webgpu/tile-shape.js'
import type { GpuDevice } from '../gpu/device.js'
import { Pipelines } from '../gpu/pipelines.js'
import { medianSeconds, submitPass } from '../gpu/timing.js'
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
 * @returns nothing for a network without a wide layer behind its second
 */
export async function measureProduct(gpu: GpuDevice, model: Model): Promise<ProductRates | undefined> {
  const { layers } = model
  let largest = -1
  for (let q = 2; q < layers.length; q++) {
    // narrow layers go through a kernel of another shape
    if (layers[q].outputs <= NARROW_UNITS) continue
    if (largest < 0 || layers[q].weights.length > layers[largest].weights.length) largest = q
  }
  if (largest < 0) return undefined
  const pipelines = new Pipelines(gpu.device)
  const tile = await chooseTileShape(gpu, pipelines)
  const [rows, depth] = [layers[largest].outputs, layers[largest].inputs]
  const fused = await measureFused(gpu.device, pipelines, model, largest, tile)
  const plain = await timePlainProduct(
    gpu.device,
    pipelines,
    { rows, depth, columns: fused.columns },
    tile,
    RUNS,
  )
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
  const format = formatOf('single')
  const network = uploadNetwork(device, model, format)
  const batch = new BatchBuffers(device, {
    capacity: GROUP * groups,
    resultsEach: 1,
    quads,
    storedRows: storedRows(model, parameter.layer),
    readBacks: 0,
    format,
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
        resultsEach: 1,
      },
      Uint32Array.from({ length: GROUP * groups }, (_, k) => k % parameter.size),
    )
    const stages = await createStages({
      device,
      pipelines,
      precision: 'single',
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
    await submitPass(device, (pass) => run(pass, start))
    return {
      columns: GROUP * quads,
      seconds: await medianSeconds(device, RUNS, (pass) => run(pass, product)),
    }
  } finally {
    batch.dispose()
    network.dispose()
  }
}
