import type { Model, ParameterTensor } from '../../network/model.js'
import type { Products } from '../../network/products.js'
import { type Contracted, contract } from '../contract.js'
import type { DifferenceSettings, Perturbed } from '../evaluator.js'
import { unitsOf } from '../units.js'
import { LossChanges } from './loss-changes.js'
import { NetworkChanges } from './network-changes.js'
import { OutputChanges } from './output-changes.js'

/** Elements of one of the model's parameter tensors, ascending. */
export interface Elements {
  readonly parameterIndex: number
  readonly entries: Uint32Array
}

/** A piece of the work, as a worker needs it. */
export interface PieceTask {
  readonly perturbed: Perturbed
  readonly parts: readonly Elements[]
}

/** For each part of a piece its derivatives, without the L2 term and the loss's scale. */
export type PieceResult = readonly Contracted[]

/** Evaluates pieces at a model's base point. */
export class PieceEvaluator {
  readonly #model: Model
  readonly #parameters: LossChanges
  readonly #outputs: OutputChanges
  readonly #products: Products
  readonly #inputs: Model['inputs'][]

  constructor(model: Model, settings: DifferenceSettings) {
    const pass = model.forward()
    const network = new NetworkChanges(model, pass)
    this.#model = model
    this.#products = network.products
    this.#inputs = [...pass.A]
    this.#parameters = new LossChanges(model, settings, network)
    this.#outputs = new OutputChanges(model, settings, network)
  }

  /** @returns a generator that yields where a long piece can be interrupted */
  *evaluate({ perturbed, parts }: PieceTask): Generator<void, PieceResult> {
    if (perturbed === 'parameters') return parts.map((part) => this.#perturbEach(part))
    const selection = parts.map(({ parameterIndex, entries }) => ({
      parameter: this.#model.parameters[parameterIndex],
      entries,
    }))
    const l = selection[0].parameter.layer
    const moved = yield* this.#outputs.ofUnits(l, unitsOf(this.#model, selection))
    return selection.map((part) => contract(moved, this.#inputs[l], part, this.#products))
  }

  #perturbEach({ parameterIndex, entries }: Elements): Contracted {
    const parameter: ParameterTensor = this.#model.parameters[parameterIndex]
    const derivatives = new Float64Array(entries.length)
    const kinks = new Uint8Array(entries.length)
    const { inputs } = this.#model.layers[parameter.layer]
    const isWeights = parameter.role === 'weights'
    for (let from = 0; from < entries.length; ) {
      const unit = isWeights ? Math.floor(entries[from] / inputs) : entries[from]
      let to = from + 1
      while (isWeights && to < entries.length && entries[to] < (unit + 1) * inputs) to++
      const fromInputs = isWeights
        ? entries.subarray(from, to).map((entry) => entry - unit * inputs)
        : undefined
      const [slopes, crossings] = [derivatives.subarray(from, to), kinks.subarray(from, to)]
      this.#parameters.ofUnit(parameter, unit, fromInputs, slopes, crossings)
      from = to
    }
    return { derivatives, kinks }
  }
}
