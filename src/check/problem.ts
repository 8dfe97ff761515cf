import { GradcheckError } from '../errors.js'
import { type AnalyticalGradient, bindModel, readGradients } from '../network/bind.js'
import type { Model } from '../network/model.js'
import { type LayerNames, matchNames, type NamingOptions } from '../network/naming.js'
import type { Network } from '../network/network.js'
import type { NamedTensors, Tensor } from '../tensor.js'
import { readSavedCost, type SavedCost } from './setup/saved-cost.js'
import type { UnreadArrays } from './setup/unread-arrays.js'

/** Tensors by name: a `Map`, or a plain object for convenience. */
export type TensorsByName = NamedTensors | Readonly<Record<string, Tensor>>

/** What is to be checked: a network, the point it is checked at, and the gradient somebody wrote. */
export interface Problem {
  readonly network: Network
  /** Weights and biases under names that `naming` recognises. */
  readonly parameters: TensorsByName
  /** The analytical gradient, or the function of the parameters that computes it. */
  readonly gradients: TensorsByName | ((parameters: NamedTensors) => TensorsByName | Promise<TensorsByName>)
  /** X, in the network's layout. */
  readonly inputs: Tensor
  /** Y, in the network's layout, or class numbers. */
  readonly targets: Tensor
  /**
   * J as the user's code computed it, to see whether the network declared is the one that was run; a tensor of one
   * element also says in which precision.
   */
  readonly cost?: number | Tensor
  /** How the arrays of each layer are called. @default W1, b1, dW1, db1, …; PyTorch's names as well */
  readonly naming?: NamingOptions
  /** What X and Y are called in messages. @default X and Y */
  readonly dataNames?: { readonly inputs: string; readonly targets: string }
}

/** A network with its arrays, read and found sound. */
export interface BoundNetwork {
  readonly model: Model
  /** The analytical gradient of each of the model's parameter tensors. */
  readonly gradients: readonly AnalyticalGradient[]
}

/**
 * Reads a problem's arrays as another network does.
 * @param withoutBiases layers, from 0, whose biases are left out
 * @throws GradcheckError where they do not fit it
 */
export type Rebind = (network: Network, withoutBiases?: readonly number[]) => BoundNetwork

/** A problem that has been read and found sound. */
export interface BoundProblem extends BoundNetwork {
  readonly savedCost: SavedCost | undefined
  readonly unread: UnreadArrays
  readonly rebind: Rebind
}

/**
 * Reads a problem's arrays into the model's orientation and checks that they fit together.
 * @throws GradcheckError for anything missing, misshapen, not finite or out of range
 */
export async function bindProblem(problem: Problem): Promise<BoundProblem> {
  for (const part of ['network', 'parameters', 'gradients', 'inputs', 'targets'] as const) {
    if (problem[part] === undefined) {
      throw new GradcheckError('missing-array', `the problem has no ${part}`, {
        fix: 'give network, parameters, gradients, inputs and targets',
      })
    }
  }
  const parameters = toMap(problem.parameters)
  const given = problem.gradients
  const gradients = toMap(typeof given === 'function' ? await given(new Map(parameters)) : given)
  const names = matchNames([...new Set([...parameters.keys(), ...gradients.keys()])], problem.naming)
  const dataNames = problem.dataNames ?? { inputs: 'X', targets: 'Y' }
  const rebind: Rebind = (network, withoutBiases = []) => {
    const chosen = names.map((layer, l) => (withoutBiases.includes(l) ? dropBiases(layer) : layer))
    const model = bindModel(
      network,
      chosen,
      parameters,
      { name: dataNames.inputs, tensor: problem.inputs },
      { name: dataNames.targets, tensor: problem.targets },
    )
    return { model, gradients: readGradients(model, chosen, gradients) }
  }
  const bound = rebind(problem.network)
  const used = names.flatMap((layer) => [
    parameters.get(layer.weights)!,
    gradients.get(layer.weightsGradient)!,
  ])
  const savedCost = problem.cost === undefined ? undefined : readSavedCost(problem.cost, used)
  const unread = findUnread(parameters, gradients, names, problem)
  return { ...bound, savedCost, unread, rebind }
}

/** The arrays that are none of the network's. */
function findUnread(
  parameters: NamedTensors,
  gradients: NamedTensors,
  names: readonly LayerNames[],
  { cost }: Problem,
): UnreadArrays {
  const used = new Set(names.flatMap(({ weights, biases }) => [weights, biases]))
  const usedGradients = new Set(
    names.flatMap(({ weightsGradient, biasesGradient }) => [weightsGradient, biasesGradient]),
  )
  const beside = [...parameters].filter(([name]) => !used.has(name) && !usedGradients.has(name))
  const others = [...gradients].filter(
    ([name, array]) => !usedGradients.has(name) && parameters.get(name) !== array,
  )
  return {
    arrays: new Map([...beside, ...others].filter(([, array]) => array !== cost)),
    gradients: new Set(others.map(([name]) => name)),
    unreadable: [],
    lacksCost: cost === undefined,
  }
}

const dropBiases = ({ weights, weightsGradient }: LayerNames): LayerNames => ({ weights, weightsGradient })

function toMap(tensors: TensorsByName): NamedTensors {
  return tensors instanceof Map ? tensors : new Map(Object.entries(tensors))
}
