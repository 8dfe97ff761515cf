import { describeValue } from '../describe-value.js'
import { GradcheckError } from '../errors.js'
import { ArraysOfFiles } from '../files/arrays-of-files.js'
import { type AnalyticalGradient, bindModel, readGradients } from '../network/bind.js'
import type { Model } from '../network/model.js'
import { type LayerNames, matchNames, type NamingOptions } from '../network/naming.js'
import { type Network, requireNetwork } from '../network/network.js'
import { isRecord, requireRecord, requireType } from '../requirements.js'
import { isTensor, type NamedTensors, requireTensor, type Tensor } from '../tensor.js'
import { callGradients, type PointReader } from './call-gradients.js'
import { explainUnreadable } from './explain-unreadable.js'
import { readSavedCost, type SavedCost } from './setup/saved-cost.js'
import { tellGradients } from './setup/tell-gradients.js'
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
  /** What the loss of each sample is multiplied by. @default 1 */
  readonly sampleWeights?: Tensor
  /**
   * J as the user's code computed it, to see whether the network declared is the one that was run; a tensor of one
   * element also says in which precision.
   */
  readonly cost?: number | Tensor
  /** How the arrays of each layer are called. @default W1, b1, dW1, db1, …; PyTorch's names as well */
  readonly naming?: NamingOptions
  /**
   * True where parameters and gradients come from two files under the same names and may be in each other's place: then
   * the numbers tell, or the check is refused.
   * @default false
   */
  readonly mayBeExchanged?: boolean
  /** What X, Y and the sample weights are called in messages. @default X, Y and sampleWeights */
  readonly dataNames?: { readonly inputs: string; readonly targets: string; readonly sampleWeights?: string }
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
  requireParts(problem)
  if (problem.mayBeExchanged !== true) return bindOnce(problem)
  return tellGradients(await bindOnce(problem), await bindExchanged(problem))
}

/** The problem with the gradients for parameters; undefined where the arrays do not fit that. */
async function bindExchanged(problem: Problem): Promise<BoundProblem | undefined> {
  try {
    return await bindOnce(exchangeGradients(problem))
  } catch (error) {
    if (error instanceof GradcheckError) return undefined
    throw error
  }
}

/** The problem with the gradients for parameters and the parameters for gradients. */
function exchangeGradients(problem: Problem): Problem {
  const [parameters, gradients] = [
    readNames('parameters', problem.parameters),
    readNames('gradients', problem.gradients),
  ]
  const others = [...parameters].filter(([name]) => !gradients.has(name))
  const shared = [...parameters].filter(([name]) => gradients.has(name))
  return {
    ...problem,
    parameters: readTensors(new Map([...gradients, ...others])),
    gradients: readTensors(new Map(shared)),
  }
}

async function bindOnce(problem: Problem): Promise<BoundProblem> {
  const network = requireNetwork(problem.network)
  const dataNames = readDataNames(problem)
  const point: PointReader = {
    parameters: () => readTensors(readNames('parameters', problem.parameters)),
    data: () => ({
      inputs: { name: dataNames.inputs, tensor: requireTensor(dataNames.inputs, problem.inputs) },
      targets: { name: dataNames.targets, tensor: requireTensor(dataNames.targets, problem.targets) },
      ...(problem.sampleWeights === undefined
        ? {}
        : {
            sampleWeights: {
              name: dataNames.sampleWeights,
              tensor: requireTensor(dataNames.sampleWeights, problem.sampleWeights),
            },
          }),
    }),
  }
  const parameters = point.parameters()
  const { inputs, targets, sampleWeights } = point.data()
  const given = problem.gradients
  const named = readNames(
    'gradients',
    typeof given === 'function' ? await callGradients(given, point) : given,
  )
  const naming = problem.naming ?? {}
  requireRecord('naming', naming, 'give { weights, biases, gradients }, patterns such as W{l} and d{name}')
  const names = explainUnreadable(unreadableOf(problem.parameters), () =>
    matchArrays(parameters, named, naming),
  )
  const gradients = readTensors(named, listGradients(names))
  const rebind: Rebind = (other, withoutBiases = []) => {
    const chosen = names.map((layer, l) => (withoutBiases.includes(l) ? dropBiases(layer) : layer))
    const model = bindModel(other, chosen, parameters, inputs, targets, sampleWeights)
    return { model, gradients: readGradients(model, chosen, gradients) }
  }
  const bound = rebind(network)
  const used = names.flatMap((layer) => [
    parameters.get(layer.weights)!,
    gradients.get(layer.weightsGradient)!,
  ])
  const savedCost = problem.cost === undefined ? undefined : readSavedCost(problem.cost, used)
  const unread = findUnread(parameters, named, names, problem)
  return { ...bound, savedCost, unread, rebind }
}

/** Which arrays are each layer's; gradients in a set of their own may be called as their parameters are. */
function matchArrays(
  parameters: NamedTensors,
  gradients: ReadonlyMap<string, unknown>,
  naming: NamingOptions,
): LayerNames[] {
  const all = [...new Set([...parameters.keys(), ...gradients.keys()])]
  const shared = [...gradients].flatMap(([name, array]) => {
    const parameter = parameters.get(name)
    return parameter === undefined ? [] : [{ array, parameter }]
  })
  // a copy of a parameter is no gradient, be it among the gradients
  const areApart =
    shared.every(({ array, parameter }) => array !== parameter) &&
    (shared.length === 0 ||
      shared.some(({ array, parameter }) => !isTensor(array) || !isEqual(array, parameter)))
  return areApart
    ? matchNames([...parameters.keys()], naming, [...gradients.keys()])
    : matchNames(all, naming)
}

const unreadableOf = (parameters: TensorsByName): ReadonlyMap<string, GradcheckError> =>
  parameters instanceof ArraysOfFiles ? parameters.unreadable : new Map()

const isEqual = (a: Tensor, b: Tensor) =>
  a.data.length === b.data.length && a.data.every((value, k) => Object.is(value, b.data[k]))

/** The arrays that are none of the network's. */
function findUnread(
  parameters: NamedTensors,
  named: ReadonlyMap<string, unknown>,
  names: readonly LayerNames[],
  problem: Problem,
): UnreadArrays {
  const { cost } = problem
  const used = new Set(names.flatMap(({ weights, biases }) => [weights, biases]))
  const usedGradients = new Set(
    names.flatMap(({ weightsGradient, biasesGradient }) => [weightsGradient, biasesGradient]),
  )
  const beside = [...parameters].filter(
    ([name, array]) => !used.has(name) && !(usedGradients.has(name) && named.get(name) === array),
  )
  const others = [...named].flatMap(([name, array]): [string, Tensor][] =>
    isTensor(array) && !usedGradients.has(name) && parameters.get(name) !== array ? [[name, array]] : [],
  )
  return {
    arrays: new Map([...beside, ...others].filter(([, array]) => array !== cost)),
    gradients: new Set(others.map(([name]) => name)),
    unreadable: [...unreadableOf(problem.parameters).keys()],
    lacksCost: cost === undefined,
  }
}

const dropBiases = ({ weights, weightsGradient }: LayerNames): LayerNames => ({ weights, weightsGradient })

const PARTS = ['network', 'parameters', 'gradients', 'inputs', 'targets'] as const

function requireParts(problem: Problem): void {
  const fix = 'give network, parameters, gradients, inputs and targets'
  requireRecord('the problem', problem, fix)
  for (const part of PARTS) {
    if (problem[part] === undefined || problem[part] === null) {
      throw new GradcheckError('missing-array', `the problem has no ${part}`, { fix })
    }
  }
}

function readDataNames({ dataNames }: Problem): {
  inputs: string
  targets: string
  sampleWeights: string
} {
  const given = dataNames ?? {}
  requireRecord('dataNames', given, 'give { inputs, targets, sampleWeights }')
  const {
    inputs = 'X',
    targets = 'Y',
    sampleWeights = 'sampleWeights',
  }: Partial<Required<NonNullable<Problem['dataNames']>>> = given
  for (const name of [inputs, targets, sampleWeights]) requireType('a name of dataNames', name, 'string')
  return { inputs, targets, sampleWeights }
}

/** Whatever was given under names. */
function readNames(what: 'parameters' | 'gradients', given: unknown): Map<string, unknown> {
  if (!isRecord(given) || typeof given.then === 'function') {
    throw new GradcheckError('bad-value', `the ${what} are ${describeValue(given)}, not tensors by name`, {
      fix: `give an object or a Map such as { ${what === 'parameters' ? 'W1, b1' : 'dW1, db1'}, … }`,
    })
  }
  const entries: [unknown, unknown][] = given instanceof Map ? [...given] : Object.entries(given)
  const named = new Map<string, unknown>()
  for (const [name, value] of entries) {
    if (typeof name !== 'string') {
      throw new GradcheckError('bad-value', `a name among the ${what} is ${describeValue(name)}`, {
        fix: 'name tensors by strings',
      })
    }
    named.set(name, value)
  }
  return named
}

/** @throws GradcheckError for one that is no tensor */
function readTensors(
  named: ReadonlyMap<string, unknown>,
  names: Iterable<string> = named.keys(),
): NamedTensors {
  return new Map([...names].map((name) => [name, requireTensor(name, named.get(name))]))
}

/** The names of the gradients that are checked; others may stand beside them. */
function listGradients(names: readonly LayerNames[]): string[] {
  return names.flatMap(({ weightsGradient, biasesGradient }) =>
    biasesGradient === undefined ? [weightsGradient] : [weightsGradient, biasesGradient],
  )
}
