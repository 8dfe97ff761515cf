import { crossesKink, SLOPE_SERIES_REACH } from '../../network/activations.js'
import type { DenseLayer } from '../../network/dense-layer.js'
import { type Matrix, transpose } from '../../network/matrix.js'
import type { LeftOperand, Products } from '../../network/products.js'
import type { Columns } from './columns.js'

/** Columns of changes that are carried at once where they have to be stored: small for the cache. */
export const BLOCK = 64

/** How changes pass through a fully connected layer at its base point, in float64, as a block of columns. */
export class DenseChanges {
  readonly #layer: DenseLayer
  /** The layer's input, Z and the activation's tails, samples first. */
  readonly #input: Float64Array
  readonly #Z: Float64Array
  readonly #tails: Float64Array
  /** Four coefficients of each unit's slope series, samples × units × 4, where the activation has one. */
  readonly #series: Float64Array | undefined
  /** W by input and then by unit: row j is what input j feeds. */
  readonly #weightsByInput: Float64Array
  readonly #products: Products
  /** W for products, and the inputs that change: made when first needed. */
  #left: LeftOperand | undefined
  #changing: Uint32Array | undefined
  /** Each unit's slope, while columns pass alike. */
  readonly #slopes: Float64Array

  /** ΔZ/h, then ΔA/h, units × BLOCK. */
  readonly block: Float64Array

  constructor(layer: DenseLayer, input: Matrix, Z: Matrix, products: Products) {
    this.#layer = layer
    this.#products = products
    this.#input = input.data
    this.#Z = Z.data
    this.#tails = Z.data.map((z) => layer.activation.tail(z))
    this.#series = computeSeries(layer, Z.data)
    this.#weightsByInput = transpose(layer.weights, layer.outputs, layer.inputs)
    this.#slopes = new Float64Array(layer.outputs)
    this.block = new Float64Array(layer.outputs * BLOCK)
  }

  get units(): number {
    return this.#layer.outputs
  }

  /** The layer's inputs at a sample: what its weights are multiplied with. */
  inputsAt(s: number): Float64Array {
    return this.#input.subarray(s * this.#layer.inputs, (s + 1) * this.#layer.inputs)
  }

  /**
   * Starts columns at one of the layer's units: ΔA/h of the unit when its Z changes by `values` over the unit's `scale`
   * times the step of each column.
   */
  start(unit: number, values: Float64Array, scale: number, s: number, columns: Columns, count: number): void {
    const { activation, endsAtLogits, outputs } = this.#layer
    const [z, tail] = [this.#Z[s * outputs + unit], this.#tails[s * outputs + unit]]
    for (let c = 0; c < count; c++) {
      const value = values[c % values.length] / scale
      const d = columns.steps[c] * value
      columns.kinks[c] = activation.hasKink && !endsAtLogits && crossesKink(z, d) ? 1 : 0
      columns.starts[c] = endsAtLogits ? value : activation.secantSlope(z, tail, d) * value
    }
  }

  /** What an input feeds the units by. */
  weightsOf(input: number): Float64Array {
    return this.#weightsByInput.subarray(input * this.units, (input + 1) * this.units)
  }

  /** Column `c` of the block, into `values`. */
  readColumn(c: number, values: Float64Array): void {
    for (let i = 0; i < values.length; i++) values[i] = this.block[i * BLOCK + c]
  }

  /** Makes the block of the columns `from` to `to`, multiples of one by their starts. */
  takeMultiples(column: Float64Array, { starts }: Columns, from: number, to: number): void {
    const { block } = this
    for (let i = 0; i < column.length; i++) {
      const at = i * BLOCK
      for (let c = from; c < to; c++) block[at + c - from] = column[i] * starts[c]
    }
  }

  /**
   * Makes the block of ΔZ/h where each column changes one input alone, by its start.
   * @param inputs which input each of `count` columns changes
   * @param sides how often the columns are repeated, with other starts
   */
  takeInputs(inputs: Uint32Array, starts: Float64Array, count: number, sides: number): void {
    const { block } = this
    for (let c = 0; c < sides * count; c++) {
      const weights = this.weightsOf(inputs[c % count])
      for (let i = 0; i < weights.length; i++) block[i * BLOCK + c] = weights[i] * starts[c]
    }
  }

  /** Repeats the block's columns behind them. */
  doubleBlock(count: number): void {
    for (let at = 0; at < this.block.length; at += BLOCK) this.block.copyWithin(at + count, at, at + count)
  }

  /**
   * The block's ΔZ to ΔA, in place, where every unit stays on one linear piece of its activation whatever the sign of
   * the step.
   * @returns false, and leaves the block as it is, where one does not
   */
  activateAlike(step: number, s: number, count: number): boolean {
    const { activation, outputs, endsAtLogits } = this.#layer
    if (endsAtLogits) return true
    if (activation.constantSlope === undefined) return false
    const { block } = this
    const slopes = this.#slopes
    for (let i = 0; i < outputs; i++) {
      const slope = activation.constantSlope(this.#Z[s * outputs + i], step * this.#largestOf(i, count))
      if (slope === undefined) return false
      slopes[i] = slope
    }
    for (let i = 0; i < outputs; i++) {
      if (slopes[i] === 1) continue
      for (let c = i * BLOCK; c < i * BLOCK + count; c++) block[c] *= slopes[i]
    }
    return true
  }

  /** The largest |change| of a unit in the block. */
  #largestOf(unit: number, count: number): number {
    let largest = 0
    for (let c = unit * BLOCK; c < unit * BLOCK + count; c++) {
      largest = Math.max(largest, Math.abs(this.block[c]))
    }
    return largest
  }

  /** The block's ΔZ to ΔA, in place; the block's columns are those from `from` on. */
  activate({ steps, kinks }: Columns, s: number, from: number, count: number): void {
    const { activation, outputs, endsAtLogits } = this.#layer
    if (endsAtLogits) return
    const { block } = this
    const series = this.#series
    const step = Math.abs(steps[from])
    for (let i = 0; i < outputs; i++) {
      const at = i * BLOCK
      const [z, tail] = [this.#Z[s * outputs + i], this.#tails[s * outputs + i]]
      const reach = step * this.#largestOf(i, count)
      const constant = activation.constantSlope?.(z, reach)
      if (constant !== undefined) {
        if (constant === 1) continue
        for (let c = 0; c < count; c++) block[at + c] *= constant
      } else if (series !== undefined && reach <= SLOPE_SERIES_REACH) {
        const first = 4 * (s * outputs + i)
        const c0 = series[first]
        const c1 = series[first + 1]
        const c2 = series[first + 2]
        const c3 = series[first + 3]
        for (let c = 0; c < count; c++) {
          const change = block[at + c]
          const d = steps[from + c] * change
          block[at + c] = change * (c0 + d * (c1 + d * (c2 + d * c3)))
        }
      } else {
        for (let c = 0; c < count; c++) {
          const change = block[at + c]
          const d = steps[from + c] * change
          if (activation.hasKink && crossesKink(z, d)) kinks[from + c]++
          block[at + c] = activation.secantSlope(z, tail, d) * change
        }
      }
    }
  }

  /** Makes the block of ΔZ from the layer before's block of ΔA, leaving out inputs that do not change (dead ReLUs). */
  multiply(before: Float64Array, count: number): void {
    const { inputs, outputs, weights } = this.#layer
    this.#left ??= this.#products.prepare(weights, outputs, inputs)
    this.#changing ??= new Uint32Array(inputs)
    let changing = 0
    for (let j = 0; j < inputs; j++) {
      for (let c = j * BLOCK; c < j * BLOCK + count; c++) {
        if (before[c] === 0) continue
        this.#changing[changing++] = j
        break
      }
    }
    const terms = { places: this.#changing, count: changing }
    this.#products.multiply(this.#left, before, count, BLOCK, this.block, terms)
  }
}

function computeSeries(layer: DenseLayer, Z: Float64Array): Float64Array | undefined {
  const { activation } = layer
  if (activation.slopeSeries === undefined || layer.endsAtLogits) return undefined
  const series = new Float64Array(4 * Z.length)
  for (let k = 0; k < Z.length; k++) {
    activation.slopeSeries(Z[k], activation.tail(Z[k]), series.subarray(4 * k, 4 * k + 4))
  }
  return series
}
