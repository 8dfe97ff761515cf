import { findActivation } from '../../network/activations.js'
import { DenseLayer } from '../../network/dense-layer.js'
import type { Matrix } from '../../network/matrix.js'
import { Model, type ParameterTensor } from '../../network/model.js'
import type { Network } from '../../network/network.js'
import { share } from '../../network/shareable.js'
import type { Weighting } from '../../network/weighting.js'
import type { DifferenceSettings } from '../evaluator.js'
import type { PieceResult, PieceTask } from './evaluate-piece.js'

/** A model as plain data, for another thread. */
export interface ModelData {
  readonly network: Network
  readonly layers: readonly {
    readonly weights: Float64Array
    readonly biases: Float64Array | undefined
    readonly inputs: number
    readonly outputs: number
    readonly activation: string
    readonly endsAtLogits: boolean
  }[]
  readonly parameters: readonly ParameterTensor[]
  readonly inputs: Matrix
  readonly targets: Matrix
  readonly weighting: Weighting
}

/** What a worker is told: first the model, then pieces of its parameters. */
export type ToWorker =
  | { readonly kind: 'model'; readonly model: ModelData; readonly settings: DifferenceSettings }
  | {
      readonly kind: 'piece'
      readonly id: number
      readonly task: PieceTask
    }

/** What a worker answers to a piece. */
export interface FromWorker {
  readonly id: number
  readonly result: PieceResult
}

/** Large arrays are shared by the threads where the platform allows it; elsewhere each has its copy. */
export function describeModel(model: Model): ModelData {
  return {
    network: model.network,
    layers: model.layers.map(({ weights, biases, inputs, outputs, activation, endsAtLogits }) => ({
      weights: share(weights),
      biases,
      inputs,
      outputs,
      activation: activation.text,
      endsAtLogits,
    })),
    parameters: model.parameters,
    inputs: { ...model.inputs, data: share(model.inputs.data) },
    targets: model.targets,
    weighting: model.weighting,
  }
}

export function restoreModel(data: ModelData): Model {
  return new Model({
    ...data,
    layers: data.layers.map(
      (layer) => new DenseLayer({ ...layer, activation: findActivation(layer.activation) }),
    ),
  })
}
