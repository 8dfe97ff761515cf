import { findActivation } from '../../network/activations.js'
import { DenseLayer } from '../../network/dense-layer.js'
import type { Matrix } from '../../network/matrix.js'
import { Model, type ParameterTensor } from '../../network/model.js'
import type { Network } from '../../network/network.js'
import { share } from '../../network/shareable.js'
import type { Weighting } from '../../network/weighting.js'
import type { Definition } from '../../operations/definition.js'
import type { Operation } from '../../operations/operation.js'
import { OPERATIONS } from '../../operations/table.js'
import type { BoundProgram } from '../../program/evaluate.js'
import type { Perturbations, PerturbedGroups } from '../../program/numerical-gradient.js'
import type { ComputedValue, Value } from '../../program/program.js'
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

/** A program with its values as plain data, for another thread. */
export interface ProgramData {
  readonly values: readonly (
    | Exclude<Value, ComputedValue>
    | (Omit<ComputedValue, 'operation'> & { readonly operation: OperationData })
  )[]
  readonly output: number
  readonly base: readonly Float64Array[]
}

type OperationData = Pick<Operation, 'name' | 'attributes'>

/** What a worker is to work on: said once. */
export type Subject =
  | { readonly kind: 'model'; readonly model: ModelData; readonly settings: DifferenceSettings }
  | { readonly kind: 'program'; readonly program: ProgramData }

/** What a worker is asked of it, and what it answers. */
export type Question =
  | { readonly kind: 'piece'; readonly task: PieceTask }
  | { readonly kind: 'perturbations'; readonly perturbations: Perturbations }
  | { readonly kind: 'ready' }

export type AnswerTo<Q extends Question> = Q extends { kind: 'piece' }
  ? PieceResult
  : Q extends { kind: 'perturbations' }
    ? PerturbedGroups
    : undefined

/** What a worker is told: its subject first, then questions. */
export type ToWorker = Subject | (Question & { readonly id: number })

/** What a worker answers to a question. */
export interface FromWorker {
  readonly id: number
  readonly result: AnswerTo<Question>
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

export function describeProgram({ program, base }: BoundProgram): ProgramData {
  return {
    values: program.values.map((value) => {
      if (value.kind !== 'computed') return value
      const { name, attributes } = value.operation
      return { ...value, operation: { name, attributes } }
    }),
    output: program.output,
    base: base.map(share),
  }
}

export function restoreProgram({ values, output, base }: ProgramData): BoundProgram {
  const restored = values.map((value): Value => {
    if (value.kind !== 'computed') return value
    const { name, attributes } = value.operation
    const { make } = OPERATIONS[name as keyof typeof OPERATIONS] as Definition<object>
    return { ...value, operation: make(name, attributes) }
  })
  return { program: { values: restored, output }, base }
}
