import type { GpuDevice } from '../../gpu/device.js'

/** A tile of shaders/product.wesl: quads across, eights of units down, and length of the sums held at once. */
export interface TileShape {
  readonly width: number
  readonly height: number
  readonly depth: number
}

/**
 * The tile for a device. Software adapters run a workgroup's invocations one after the other, so that small ones
 * cost the least at each barrier; graphics processors hide memory behind many.
 */
export function tileShapeFor(gpu: GpuDevice): TileShape {
  return gpu.kind === 'software' ? { width: 8, height: 8, depth: 32 } : { width: 16, height: 16, depth: 8 }
}
