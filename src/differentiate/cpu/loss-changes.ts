import { crossesKink } from '../../network/activations.js'
import type { DenseLayer } from '../../network/dense-layer.js'
import type { BoundLoss } from '../../network/losses.js'
import { transpose } from '../../network/matrix.js'
import { type ForwardPass, type Model, outputOf, type ParameterTensor } from '../../network/model.js'
import type { DifferenceSettings } from '../evaluator.js'
import { type DistinctInputs, findDistinct } from './distinct-inputs.js'
import { multiplyBlock, multiplyVector } from './product.js'

/** Columns of changes that are carried at once where they have to be stored: a multiple of 4, small for the cache. */
const BLOCK = 64

/** What the changes need of one layer at the base point. */
interface LayerBase {
  readonly layer: DenseLayer
  /** W by input and then by unit: row j is what input j feeds. */
  readonly weightsByInput: Float64Array
  /** samples × units */
  readonly Z: Float64Array
  readonly tails: Float64Array
  /** The layer's input, samples × inputs. */
  readonly input: Float64Array
  /** ΔZ of the layer as a multiple of the starting change, while that is one vector for all columns. */
  readonly vector: Float64Array
  /** ΔZ, then ΔA, units × BLOCK. */
  readonly block: Float64Array
}

/**
 * Carries the changes that perturbed parameters make through the network, in float64. All perturbations of the
 * weights of one unit start from a change of that unit's output alone, at one sample: a column is one of them,
 * on one side, and all columns are carried together.
 *
 * While every unit stays on one linear piece of its activation (ReLU away from 0), the columns stay multiples of
 * one vector, and that vector alone is carried; that is exact. From the first layer on where a unit leaves its
 * piece, or where the activation is curved, blocks of columns are carried.
 */
export class LossChanges {
  readonly #bases: readonly LayerBase[]
  readonly #loss: BoundLoss
  readonly #samples: number
  readonly #step: number
  readonly #sides: number
  readonly #distinct = new Map<string, DistinctInputs>()
  readonly #outputChange: Float64Array
  readonly #packedWeights: Float64Array
  readonly #packedBlock: Float64Array

  /** By column: ΔA/h of the perturbed unit, and the signed step. */
  #starts = new Float64Array(0)
  #steps = new Float64Array(0)
  /** By column: how many units were carried across a kink, and ΔJ_s/h. */
  #kinks = new Uint32Array(0)
  #changes = new Float64Array(0)

  constructor(model: Model, settings: DifferenceSettings, pass: ForwardPass = model.forward()) {
    this.#bases = model.layers.map((layer, l) => ({
      layer,
      weightsByInput: transpose(layer.weights, layer.outputs, layer.inputs),
      Z: pass.Z[l].data,
      tails: pass.Z[l].data.map((z) => layer.activation.tail(z)),
      input: pass.A[l].data,
      vector: new Float64Array(layer.outputs),
      block: new Float64Array(layer.outputs * BLOCK),
    }))
    this.#loss = model.loss.bind(outputOf(pass), model.targets)
    this.#samples = model.samples
    this.#step = settings.step
    this.#sides = settings.scheme === 'central' ? 2 : 1
    const behindFirst = model.layers.slice(1)
    this.#outputChange = new Float64Array(model.targets.columns)
    this.#packedWeights = new Float64Array(Math.max(0, ...behindFirst.map((layer) => layer.weights.length)))
    this.#packedBlock = new Float64Array(BLOCK * Math.max(0, ...behindFirst.map((layer) => layer.inputs)))
  }

  /**
   * Σ over samples of ΔJ_s/(±h), averaged over the sides, for parameters that feed one unit.
   * @param inputs which inputs' weights of the unit, ascending; nothing for its bias
   * @param slopes receives the sums, one for each of `inputs` (one for a bias)
   * @param kinks receives how many units each perturbation carried across a kink, up to 255
   */
  ofUnit(
    parameter: ParameterTensor,
    unit: number,
    inputs: Uint32Array | undefined,
    slopes: Float64Array,
    kinks: Uint8Array,
  ): void {
    slopes.fill(0)
    kinks.fill(0)
    const base = this.#bases[parameter.layer]
    for (let s = 0; s < this.#samples; s++) {
      const { values, placeOf } = this.#inputsAt(parameter.layer, inputs, s)
      const count = values.length
      this.#start(base, unit, values, s)
      this.#carryFrom(parameter.layer, unit, s, this.#sides * count)
      for (let k = 0; k < slopes.length; k++) {
        for (let column = placeOf[k]; column < this.#sides * count; column += count) {
          slopes[k] += this.#changes[column]
          if (this.#kinks[column] !== 0) kinks[k] = Math.min(255, kinks[k] + this.#kinks[column])
        }
      }
    }
    for (let k = 0; k < slopes.length; k++) slopes[k] /= this.#sides
  }

  /** What the perturbed parameters are multiplied with at a sample: inputs, or 1 for a bias. */
  #inputsAt(l: number, inputs: Uint32Array | undefined, s: number): DistinctInputs {
    if (inputs === undefined) return BIAS_INPUT
    const { layer, input } = this.#bases[l]
    const row = input.subarray(s * layer.inputs, (s + 1) * layer.inputs)
    if (inputs.length < layer.inputs) return findDistinct(Float64Array.from(inputs, (j) => row[j]))
    const key = `${l} ${s}`
    let distinct = this.#distinct.get(key)
    if (distinct === undefined) {
      distinct = findDistinct(row)
      this.#distinct.set(key, distinct)
    }
    return distinct
  }

  /** The change of the perturbed unit itself, for every value on every side. */
  #start({ layer, Z, tails }: LayerBase, unit: number, values: Float64Array, s: number): void {
    const columns = this.#sides * values.length
    if (this.#starts.length < columns) {
      this.#starts = new Float64Array(columns)
      this.#steps = new Float64Array(columns)
      this.#kinks = new Uint32Array(columns)
      this.#changes = new Float64Array(columns)
    }
    const { activation, endsAtLogits, outputs } = layer
    const [z, tail] = [Z[s * outputs + unit], tails[s * outputs + unit]]
    for (let column = 0; column < columns; column++) {
      const h = column < values.length ? this.#step : -this.#step
      const value = values[column % values.length]
      const crosses = activation.hasKink && !endsAtLogits && crossesKink(z, h * value)
      this.#steps[column] = h
      this.#kinks[column] = crosses ? 1 : 0
      this.#starts[column] = endsAtLogits ? value : activation.secantSlope(z, tail, h * value) * value
    }
  }

  #carryFrom(l: number, unit: number, s: number, columns: number): void {
    if (l === this.#bases.length - 1) {
      for (let c = 0; c < columns; c++) {
        const start = this.#starts[c]
        this.#changes[c] = start === 0 ? 0 : this.#loss.passUnit(unit, start, s, this.#steps[c])
      }
      return
    }
    const { layer, weightsByInput, vector } = this.#bases[l + 1]
    vector.set(weightsByInput.subarray(unit * layer.outputs, (unit + 1) * layer.outputs))
    this.#carryVector(l + 1, s, 0, columns)
  }

  /** Carries columns `from` to `to`, whose ΔZ of layer q are multiples of the layer's vector. */
  #carryVector(q: number, s: number, from: number, to: number): void {
    const base = this.#bases[q]
    let largest = 0
    for (let c = from; c < to; c++) largest = Math.max(largest, Math.abs(this.#starts[c]))
    if (largest === 0) {
      this.#changes.fill(0, from, to)
      return
    }
    const slopes = constantSlopes(base, s, this.#step * largest)
    if (slopes !== undefined) {
      const changed = base.vector.map((v, i) => v * slopes[i])
      if (q === this.#bases.length - 1) {
        this.#finishVector(changed, s, from, to)
        return
      }
      const next = this.#bases[q + 1]
      multiplyVector(next.layer.weights, next.layer.outputs, next.layer.inputs, changed, next.vector)
      this.#carryVector(q + 1, s, from, to)
      return
    }
    if (to - from > BLOCK) {
      for (let first = from; first < to; first += BLOCK) {
        this.#carryVector(q, s, first, Math.min(to, first + BLOCK))
      }
      return
    }
    this.#expand(base, from, to)
    this.#carryBlock(q, s, from, to)
  }

  #finishVector(vector: Float64Array, s: number, from: number, to: number): void {
    const change = this.#outputChange
    for (let c = from; c < to; c++) {
      const start = this.#starts[c]
      for (let i = 0; i < change.length; i++) change[i] = vector[i] * start
      this.#changes[c] = start === 0 ? 0 : this.#loss.pass(change, s, this.#steps[c])
    }
  }

  /** Writes out the columns that were multiples of the vector. */
  #expand({ vector, block }: LayerBase, from: number, to: number): void {
    for (let i = 0; i < vector.length; i++) {
      const at = i * BLOCK
      for (let c = from; c < to; c++) block[at + c - from] = vector[i] * this.#starts[c]
      // the product reads whole groups of 4 columns
      block.fill(0, at + to - from, at + Math.min(BLOCK, to - from + 3))
    }
  }

  /** Carries a block whose ΔZ of layer q are written out. */
  #carryBlock(q: number, s: number, from: number, to: number): void {
    const columns = to - from
    for (let p = q; ; p++) {
      const base = this.#bases[p]
      this.#activate(base, s, from, columns)
      if (p === this.#bases.length - 1) break
      this.#multiply(base, this.#bases[p + 1], columns)
    }
    const { block } = this.#bases[this.#bases.length - 1]
    const change = this.#outputChange
    for (let c = 0; c < columns; c++) {
      for (let i = 0; i < change.length; i++) change[i] = block[i * BLOCK + c]
      this.#changes[from + c] = this.#loss.pass(change, s, this.#steps[from + c])
    }
  }

  /** ΔZ to ΔA, in place. */
  #activate({ layer, Z, tails, block }: LayerBase, s: number, from: number, columns: number): void {
    if (layer.endsAtLogits) return
    const { activation, outputs } = layer
    for (let i = 0; i < outputs; i++) {
      const at = i * BLOCK
      const [z, tail] = [Z[s * outputs + i], tails[s * outputs + i]]
      let largest = 0
      for (let c = 0; c < columns; c++) largest = Math.max(largest, Math.abs(block[at + c]))
      const constant = activation.constantSlope?.(z, this.#step * largest)
      if (constant === 1) continue
      for (let c = 0; c < columns; c++) {
        const change = block[at + c]
        if (constant !== undefined) {
          block[at + c] = constant * change
          continue
        }
        const d = this.#steps[from + c] * change
        if (activation.hasKink && crossesKink(z, d)) this.#kinks[from + c]++
        block[at + c] = activation.secantSlope(z, tail, d) * change
      }
    }
  }

  /** ΔA of one layer to ΔZ of the next, leaving out units that do not change (dead ReLUs). */
  #multiply(base: LayerBase, next: LayerBase, columns: number): void {
    const { inputs, outputs, weights } = next.layer
    const present: number[] = []
    for (let j = 0; j < inputs; j++) {
      for (let c = 0; c < columns; c++) {
        if (base.block[j * BLOCK + c] === 0) continue
        present.push(j)
        break
      }
    }
    if (present.length === inputs) {
      multiplyBlock(weights, outputs, inputs, base.block, columns, BLOCK, next.block)
      return
    }
    const [W, B] = [this.#packedWeights, this.#packedBlock]
    for (const [t, j] of present.entries()) {
      B.set(base.block.subarray(j * BLOCK, (j + 1) * BLOCK), t * BLOCK)
    }
    for (let i = 0, at = 0; i < outputs; i++) {
      for (let t = 0; t < present.length; t++) W[at++] = weights[i * inputs + present[t]]
    }
    multiplyBlock(W, outputs, present.length, B, columns, BLOCK, next.block)
  }
}

const BIAS_INPUT: DistinctInputs = { values: Float64Array.of(1), placeOf: Uint32Array.of(0) }

/**
 * The slopes of a layer's units where each stays on one linear piece while ΔZ grows up to its vector times
 * `reach`; nothing where one does not.
 */
function constantSlopes(base: LayerBase, s: number, reach: number): Float64Array | undefined {
  const { layer, Z, vector } = base
  const slopes = new Float64Array(layer.outputs).fill(1)
  if (layer.endsAtLogits) return slopes
  const { activation, outputs } = layer
  if (activation.constantSlope === undefined) return undefined
  for (let i = 0; i < outputs; i++) {
    const slope = activation.constantSlope(Z[s * outputs + i], reach * Math.abs(vector[i]))
    if (slope === undefined) return undefined
    slopes[i] = slope
  }
  return slopes
}
