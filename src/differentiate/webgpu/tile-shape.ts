import type { GpuDevice } from '../../gpu/device.js'
import type { Pipelines } from '../../gpu/pipelines.js'
import type { GpuPrecision } from '../evaluator.js'
import { timePlainProduct } from './plain-product.js'
import { formatOf } from './reals.js'

/** A tile of shaders/product.wesl: quads across, eights of units down, and length of the sums held at once. */
export interface TileShape {
  readonly width: number
  readonly height: number
  readonly depth: number
}

/**
 * Software adapters run a workgroup's invocations one after the other, so that small tiles cost the least at each
 * barrier. Measured on SwiftShader; compiling candidates there would take longer than most checks.
 */
const SOFTWARE_TILE: TileShape = { width: 8, height: 8, depth: 32 }

/**
 * What graphics processors are measured with. One depth for all: rounding depends on it, and so the numerical
 * gradient's last bits do not depend on which tile wins. The largest needs 13 KiB of workgroup memory and 256
 * invocations, within WebGPU's default limits.
 */
export const HARDWARE_TILES: readonly TileShape[] = [
  { width: 16, height: 16, depth: 16 },
  { width: 16, height: 8, depth: 16 },
  { width: 8, height: 8, depth: 16 },
]
const CALIBRATION_SIZES = { rows: 512, depth: 512, columns: 4096 }
const CALIBRATION_RUNS = 3

/** The tile that was chosen for an adapter, remembered for the process. */
const chosen = new Map<string, Promise<TileShape>>()

/** A tile in a precision: numbers of two parts take the room of half as many. */
export function tileIn(precision: GpuPrecision, { width, height, depth }: TileShape): TileShape {
  return { width, height, depth: depth / formatOf(precision).parts }
}

/** The tile for a device: a fixed one on software, on a graphics processor the fastest of a few. */
export async function chooseTileShape(
  gpu: GpuDevice,
  pipelines: Pipelines,
  precision: GpuPrecision = 'single',
): Promise<TileShape> {
  return tileIn(precision, await chooseSingleTile(gpu, pipelines))
}

function chooseSingleTile(gpu: GpuDevice, pipelines: Pipelines): Promise<TileShape> {
  if (gpu.kind === 'software') return Promise.resolve(SOFTWARE_TILE)
  let tile = chosen.get(gpu.name)
  if (tile === undefined) {
    tile = calibrateTile(gpu.device, pipelines, HARDWARE_TILES)
    chosen.set(gpu.name, tile)
    // a device that was lost meanwhile must not decide for the next one
    tile.catch(() => chosen.delete(gpu.name))
  }
  return tile
}

/** The candidate with which a plain matrix product is fastest. */
export async function calibrateTile(
  device: GPUDevice,
  pipelines: Pipelines,
  candidates: readonly TileShape[],
  sizes = CALIBRATION_SIZES,
): Promise<TileShape> {
  let best = candidates[0]
  let bestSeconds = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const seconds = await timePlainProduct(device, pipelines, sizes, candidate, CALIBRATION_RUNS)
    if (seconds < bestSeconds) {
      best = candidate
      bestSeconds = seconds
    }
  }
  return best
}
