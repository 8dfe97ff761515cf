import type { BoundLoss } from '../../network/losses.js'
import type { Model, ParameterTensor } from '../../network/model.js'
import type { DifferenceSettings } from '../evaluator.js'
import { createColumns } from './columns.js'
import { BLOCK, type DenseChanges } from './dense-changes.js'
import { NetworkChanges } from './network-changes.js'

/** Some elements of one parameter tensor: the chosen columns of the chosen rows, in the model's orientation. */
export interface Region {
  /** Units of the layer, ascending. */
  readonly rows: Uint32Array
  /** Which inputs' weights of each, ascending; left out for all of them, and for biases. */
  readonly columns?: Uint32Array | undefined
}

/** A direction in one parameter tensor, as what it does to the layer's Z. */
export interface Direction {
  readonly parameter: ParameterTensor
  readonly rows: Uint32Array
  /** ΔZ/h of each row at every sample, rows × `stride`. */
  readonly changes: Float64Array
}

/** The derivative of Σ_s J_s along a direction, without the loss's scale and the L2 term. */
export interface DirectionSlope {
  readonly slope: number
  /** How many units were carried across a kink, over all samples and sides. */
  readonly kinks: number
}

/** Rows of a direction that are held at once. */
const ROWS_AT_ONCE = 64
/** Columns that share their rows are carried by a product once this part of it is not zero. */
const DENSE_SHARE = 1 / 3

/** How many elements a region has. */
export function regionSize({ layer, role }: ParameterTensor, region: Region, model: Model): number {
  const columns = role === 'biases' ? 1 : (region.columns?.length ?? model.layers[layer].inputs)
  return region.rows.length * columns
}

/**
 * Carries changes of many parameters at once, directions in parameter space, through the network in float64. A
 * direction V of one weight matrix changes that layer's Z by h·V·A, exactly; from there the change goes the way of
 * any change in difference arithmetic: exact secant slopes, products with the weights, the loss's exact change. So
 * its derivative ⟨∇J, V⟩ loses nothing by cancellation, however small h.
 */
export class DirectionChanges {
  readonly #model: Model
  readonly #network: NetworkChanges
  readonly #layers: readonly DenseChanges[]
  readonly #loss: BoundLoss
  readonly #scratch = createColumns(2)
  readonly #columns = createColumns(BLOCK)
  readonly #outputChange: Float64Array
  /** Each layer's input by feature and then by sample, inputs × stride; made when first needed. */
  readonly #inputs: (Float64Array | undefined)[] = []
  /** Samples, rounded up to the product's register block. */
  readonly #stride: number

  constructor(model: Model) {
    this.#model = model
    this.#network = new NetworkChanges(model)
    this.#layers = this.#network.layers
    this.#loss = this.#network.loss
    this.#outputChange = new Float64Array(model.targets.columns)
    this.#stride = 4 * Math.ceil(model.samples / 4)
  }

  /**
   * Makes a direction of a region's elements.
   * @param drawRow writes the direction's elements of a row into the array, one for each of the region's columns
   */
  start(
    parameter: ParameterTensor,
    region: Region,
    drawRow: (row: number, values: Float64Array) => void,
  ): Direction {
    const { rows, columns } = region
    const stride = this.#stride
    const changes = new Float64Array(rows.length * stride)
    if (parameter.role === 'biases') {
      const value = new Float64Array(1)
      for (let k = 0; k < rows.length; k++) {
        drawRow(rows[k], value)
        changes.fill(value[0], k * stride, (k + 1) * stride)
      }
      return { parameter, rows, changes }
    }
    const { products } = this.#network
    const inputs = this.#inputsOf(parameter.layer, columns)
    const depth = inputs.length / stride
    const values = new Float64Array(Math.min(ROWS_AT_ONCE, rows.length) * depth)
    for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
      const count = Math.min(ROWS_AT_ONCE, rows.length - from)
      for (let k = 0; k < count; k++) {
        drawRow(rows[from + k], values.subarray(k * depth, (k + 1) * depth))
      }
      const drawn = products.prepareForNow(values, count, depth)
      products.multiply(drawn, inputs, stride, stride, changes.subarray(from * stride))
    }
    return { parameter, rows, changes }
  }

  /**
   * The slopes along directions of one tensor.
   * @param pause awaited between blocks of work; when it gives false the evaluation stops
   * @returns nothing when it was stopped
   */
  async evaluate(
    directions: readonly Direction[],
    settings: DifferenceSettings,
    pause: () => Promise<boolean>,
  ): Promise<DirectionSlope[] | undefined> {
    const sides = settings.scheme === 'central' ? 2 : 1
    const slopes = directions.map(() => ({ slope: 0, kinks: 0 }))
    const atOnce = BLOCK / sides
    for (let s = 0; s < this.#model.samples; s++) {
      for (let from = 0; from < directions.length; from += atOnce) {
        if (!(await pause())) return undefined
        const block = directions.slice(from, from + atOnce)
        this.#carry(block, settings.step, sides, s)
        const { changes, kinks } = this.#columns
        for (let c = 0; c < sides * block.length; c++) {
          const result = slopes[from + (c % block.length)]
          result.slope += changes[c] / sides
          result.kinks += kinks[c]
        }
      }
    }
    return slopes
  }

  /** A layer's inputs, or some of them, by feature and then by sample. */
  #inputsOf(l: number, columns: Uint32Array | undefined): Float64Array {
    const stride = this.#stride
    let all = this.#inputs[l]
    if (all === undefined) {
      const { inputs } = this.#model.layers[l]
      all = new Float64Array(inputs * stride)
      for (let s = 0; s < this.#model.samples; s++) {
        const values = this.#layers[l].inputsAt(s)
        for (let j = 0; j < inputs; j++) all[j * stride + s] = values[j]
      }
      this.#inputs[l] = all
    }
    if (columns === undefined) return all
    const some = new Float64Array(columns.length * stride)
    for (const [k, j] of columns.entries()) some.set(all.subarray(j * stride, (j + 1) * stride), k * stride)
    return some
  }

  /** Carries directions of one tensor at a sample; columns of +h stand before those of −h. */
  #carry(directions: readonly Direction[], step: number, sides: number, s: number): void {
    const { steps, kinks } = this.#columns
    const count = sides * directions.length
    steps.fill(step, 0, directions.length)
    steps.fill(-step, directions.length, count)
    kinks.fill(0)
    const l = directions[0].parameter.layer
    if (l === this.#layers.length - 1) this.#carryLast(directions, sides, s)
    else {
      if (this.#isDense(directions, l)) this.#multiplyStarts(directions, sides, s)
      else this.#addStarts(directions, sides, s)
      this.#network.carryBlock(this.#columns, l + 1, s, 0, count)
    }
  }

  /** ΔA/h of a direction's k-th row on every side, into the scratch columns' `starts`. */
  #startRow({ parameter, rows, changes }: Direction, k: number, step: number, sides: number, s: number) {
    const { starts, steps, kinks } = this.#scratch
    steps[0] = step
    steps[1] = -step
    const value = changes.subarray(k * this.#stride + s, k * this.#stride + s + 1)
    this.#layers[parameter.layer].start(rows[k], value, 1, s, this.#scratch, sides)
    return { starts, kinks }
  }

  /** Directions in the last layer: their rows' changes reach the loss. */
  #carryLast(directions: readonly Direction[], sides: number, s: number): void {
    const { steps, kinks, changes } = this.#columns
    const change = this.#outputChange
    for (const [p, direction] of directions.entries()) {
      const { rows } = direction
      for (let side = 0; side < sides; side++) {
        const c = side * directions.length + p
        change.fill(0)
        for (let k = 0; k < rows.length; k++) {
          const started = this.#startRow(direction, k, steps[0], sides, s)
          kinks[c] += started.kinks[side]
          change[rows[k]] = started.starts[side]
        }
        changes[c] =
          rows.length === 1
            ? this.#loss.passUnit(rows[0], change[rows[0]], s, steps[c])
            : this.#loss.pass(change, s, steps[c])
      }
    }
  }

  /** Whether the rows that the directions change are for the most part the same. */
  #isDense(directions: readonly Direction[], l: number): boolean {
    const changed = directions.reduce((sum, { rows }) => sum + rows.length, 0)
    return changed >= DENSE_SHARE * this.#layers[l].units * directions.length
  }

  /** ΔZ/h of the next layer as a product, for directions that change most units. */
  #multiplyStarts(directions: readonly Direction[], sides: number, s: number): void {
    const { steps, kinks } = this.#columns
    const l = directions[0].parameter.layer
    const { block } = this.#layers[l]
    block.fill(0)
    for (const [p, direction] of directions.entries()) {
      for (let k = 0; k < direction.rows.length; k++) {
        const started = this.#startRow(direction, k, steps[0], sides, s)
        for (let side = 0; side < sides; side++) {
          const c = side * directions.length + p
          block[direction.rows[k] * BLOCK + c] = started.starts[side]
          kinks[c] += started.kinks[side]
        }
      }
    }
    this.#layers[l + 1].multiply(block, sides * directions.length)
  }

  /** The same as a sum over each direction's few rows. */
  #addStarts(directions: readonly Direction[], sides: number, s: number): void {
    const { steps, kinks } = this.#columns
    const next = this.#layers[directions[0].parameter.layer + 1]
    const { block, units } = next
    block.fill(0)
    const sum = new Float64Array(units)
    const other = new Float64Array(units)
    for (const [p, direction] of directions.entries()) {
      sum.fill(0)
      let differ = false
      for (let k = 0; k < direction.rows.length; k++) {
        const { starts, kinks: crossed } = this.#startRow(direction, k, steps[0], sides, s)
        for (let side = 0; side < sides; side++) kinks[side * directions.length + p] += crossed[side]
        const start = starts[0]
        const atOther = starts[sides - 1]
        if (atOther !== start && !differ) {
          differ = true
          other.set(sum)
        }
        if (start === 0 && atOther === 0) continue
        const weights = next.weightsOf(direction.rows[k])
        for (let i = 0; i < units; i++) sum[i] += start * weights[i]
        if (!differ) continue
        for (let i = 0; i < units; i++) other[i] += atOther * weights[i]
      }
      for (let i = 0; i < units; i++) block[i * BLOCK + p] = sum[i]
      if (sides === 1) continue
      const minus = differ ? other : sum
      for (let i = 0; i < units; i++) block[i * BLOCK + directions.length + p] = minus[i]
    }
  }
}
