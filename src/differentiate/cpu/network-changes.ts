import type { BoundLoss } from '../../network/losses.js'
import { type ForwardPass, type Model, outputOf } from '../../network/model.js'
import { openProducts, type Products } from '../../network/products.js'
import type { Columns } from './columns.js'
import { DenseChanges } from './dense-changes.js'

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
   * Carries a block whose ΔZ/h of layer q are written out as far as every unit stays on one linear piece of its
   * activation, whatever the sign of the step.
   * @returns the layer whose ΔZ/h the block then holds; the number of layers when it has passed the last one
   */
  carryAlike(q: number, s: number, step: number, count: number): number {
    const { layers } = this
    let p = q
    while (p < layers.length && layers[p].activateAlike(step, s, count)) {
      if (++p < layers.length) layers[p].multiply(layers[p - 1].block, count)
    }
    return p
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
    this.layers[this.layers.length - 1].readColumn(c, this.#outputChange)
    return this.#outputChange
  }
}
