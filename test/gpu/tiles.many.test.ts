import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRandomProblem } from '../../src/bench/random-problem.js'
import { createCpuEvaluator } from '../../src/differentiate/cpu/evaluator.js'
import { createDerivatives, type TensorSelection } from '../../src/differentiate/evaluator.js'
import { DEFAULT_MEMORY_BYTES } from '../../src/differentiate/webgpu/batch-size.js'
import { evaluatePerturbations, perturbElements } from '../../src/differentiate/webgpu/batches.js'
import { uploadNetwork } from '../../src/differentiate/webgpu/network-buffers.js'
import { formatOf } from '../../src/differentiate/webgpu/reals.js'
import { calibrateTile, HARDWARE_TILES, tileIn } from '../../src/differentiate/webgpu/tile-shape.js'
import type { GpuDevice } from '../../src/gpu/device.js'
import { Pipelines } from '../../src/gpu/pipelines.js'
import { openGpuDevice } from '../support/gpu-device.js'
import { howMany, spread } from '../support/how-many.js'

const SETTINGS = { step: Math.fround(1e-5), scheme: 'central' } as const

let gpu: GpuDevice
let pipelines: Pipelines
beforeAll(async () => {
  gpu = await openGpuDevice('software')
  pipelines = new Pipelines(gpu.device)
})
afterAll(() => gpu?.dispose())

describe('the tiles for graphics processors', () => {
  it.each([
    { precision: 'single', bound: 5e-7 },
    { precision: 'extended', bound: 1e-12 },
  ] as const)('fit into the default limits, are right, and give the same bits, $precision', async (under) => {
    const { precision, bound } = under
    const pipelines = new Pipelines(gpu.device)
    // wider than every tile, and by no multiple of one
    const { model } = await createRandomProblem({
      widths: [5, 70, 133, 140, 9],
      activation: 'tanh',
      samples: 3,
    })
    const selection: TensorSelection[] = [
      { parameter: model.parameters[0], entries: Uint32Array.from({ length: 21 }, (_, k) => 16 * k) },
    ]
    const network = uploadNetwork(gpu.device, model, formatOf(precision))
    const results = []
    for (const tile of spread(HARDWARE_TILES, howMany(3, HARDWARE_TILES.length))) {
      const [tensor] = createDerivatives(selection)
      await evaluatePerturbations(
        {
          ...{ device: gpu.device, pipelines, model, network, settings: SETTINGS },
          ...{ precision, shrink: 1, memoryBytes: DEFAULT_MEMORY_BYTES, tile: tileIn(precision, tile) },
        },
        perturbElements(tensor),
        {},
      )
      results.push(tensor.derivatives)
    }
    network.dispose()
    const [exact] = createDerivatives(selection)
    await createCpuEvaluator('processor').evaluate(model, [exact], SETTINGS)
    const norm = Math.hypot(...exact.derivatives)
    // the kernels' sums: both sides, without the loss's scale
    const error = results[0].map((value, k) => (model.lossScale * value) / 2 - exact.derivatives[k])
    expect(Math.hypot(...error) / norm).toBeLessThan(bound)
    for (const derivatives of results) expect(derivatives).toEqual(results[0])
  })

  it('are measured, and one of them is chosen', async () => {
    const sizes = { rows: 33, depth: 20, columns: 64 }
    expect(HARDWARE_TILES).toContain(await calibrateTile(gpu.device, pipelines, HARDWARE_TILES, sizes))
  })
})
