import type { Model, ParameterTensor } from '../../network/model.js'
import type { Products } from '../../network/products.js'
import { type Contracted, contractBiases, contractWeights } from '../contract.js'
import type { DifferenceSettings, Perturbed } from '../evaluator.js'
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
    const parameters = parts.map(({ parameterIndex }) => this.#model.parameters[parameterIndex])
    const l = parameters[0].layer
    const units = this.#unitsOf(parts)
    const moved = yield* this.#outputs.ofUnits(l, units)
    return parts.map(({ entries }, p) =>
      parameters[p].role === 'weights'
        ? contractWeights(moved, this.#inputs[l], entries, this.#products)
        : contractBiases(moved, this.#model.samples, entries),
    )
  }

  /** The units that elements feed, ascending. */
  #unitsOf(parts: readonly Elements[]): Uint32Array {
    const units = new Set<number>()
    for (const { parameterIndex, entries } of parts) {
      const { role, layer } = this.#model.parameters[parameterIndex]
      const { inputs } = this.#model.layers[layer]
      const perUnit = role === 'weights' ? inputs : 1
      let end = 0
      for (const entry of entries) {
        if (entry < end) continue
        const unit = Math.floor(entry / perUnit)
        units.add(unit)
        end = (unit + 1) * perUnit
      }
    }
    return Uint32Array.from(units).sort()
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
