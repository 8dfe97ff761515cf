import lossSingle from '../../../shaders/loss.wesl'
import lossExtended from '../../../shaders/loss.wesl?extended'
import narrowProductSingle from '../../../shaders/narrow_product.wesl'
import narrowProductExtended from '../../../shaders/narrow_product.wesl?extended'
import productSingle from '../../../shaders/product.wesl'
import productExtended from '../../../shaders/product.wesl?extended'
import startSingle from '../../../shaders/start.wesl'
import startExtended from '../../../shaders/start.wesl?extended'
import type { GpuPrecision } from '../evaluator.js'

/** The kernels' WGSL. */
export interface Kernels {
  readonly start: string
  readonly narrowProduct: string
  readonly product: string
  readonly loss: string
}

/** The same kernels against each of the two number types. */
export const KERNELS: Record<GpuPrecision, Kernels> = {
  single: {
    start: startSingle,
    narrowProduct: narrowProductSingle,
    product: productSingle,
    loss: lossSingle,
  },
  extended: {
    start: startExtended,
    narrowProduct: narrowProductExtended,
    product: productExtended,
    loss: lossExtended,
  },
}
