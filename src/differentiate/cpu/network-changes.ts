import type { BoundLoss } from '../../network/losses.js'
import { type ForwardPass, type Model, outputOf } from '../../network/model.js'
import { openProducts, type Products } from '../../network/products.js'
import type { Columns } from './columns.js'
import { BLOCK, DenseChanges } from './dense-changes.js'

/** How changes pass through a network at its base point, in float64: its layers and its loss. */
export class NetworkChanges {
  readonly layers: readonly DenseChanges[]
  readonly loss: BoundLoss
  readonly products: Products
  readonly #outputChange: Float64Array

  constructor(model: Model, pass: ForwardPass = model.forward()) {
    const products = openProducts()
    this.products = products
    this.layers = model.layers.map((layer, l) => new DenseChanges(layer, pass.A[l], pass.Z[l], products))
    this.loss = model.loss.bind(outputOf(pass), model.targets)
    this.#outputChange = new Float64Array(model.targets.columns)
  }

  /**
   * Carries a block whose ΔZ/h of layer q are written out to the loss.
   * @param from which of the columns stands first in the block
   */
  carryBlock(columns: Columns, q: number, s: number, from: number, count: number): void {
    const { layers } = this
    layers[q].activate(columns, s, from, count)
    for (let p = q + 1; p < layers.length; p++) {
      layers[p].multiply(layers[p - 1].block, count)
      layers[p].activate(columns, s, from, count)
    }
    for (let c = 0; c < count; c++) {
      columns.changes[from + c] = this.loss.pass(this.outputChange(c), s, columns.steps[from + c])
    }
  }

  /** ΔA/h (ΔZ/h at logits) of the last layer in column `c` of its block. */
  outputChange(c: number): Float64Array {
    const change = this.#outputChange
    const { block } = this.layers[this.layers.length - 1]
    for (let i = 0; i < change.length; i++) change[i] = block[i * BLOCK + c]
    return change
  }
}
