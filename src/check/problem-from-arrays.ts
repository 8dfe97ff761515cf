import { describeValue } from '../describe-value.js'
import { GradcheckError } from '../errors.js'
import { ArraysOfFiles } from '../files/arrays-of-files.js'
import { dense, sequential } from '../network/network.js'
import { requireRecord } from '../requirements.js'
import type { NamedTensors } from '../tensor.js'
import { type DataName, findData } from './data-names.js'
import { explainUnreadable } from './explain-unreadable.js'
import type { Problem } from './problem.js'
import { findSavedCost } from './setup/saved-cost.js'

/** What a file of arrays does not say about itself: the command's options. */
export interface ArrayProblemOptions {
  /** One a layer. */
  activations: readonly string[]
  loss: string
  /** How the samples' losses become one number. @default the loss's own */
  reduction?: string
  /** The class number of samples that do not count. */
  ignoreIndex?: number
  /** @default 'columns' */
  layout?: string
  /** @default 0 */
  l2?: number
  /** Name of the array with the data. @default 'X', and what else data is usually called */
  inputs?: string
  /** Name of the array with the targets. @default 'Y', then 'y', and what else targets are usually called */
  targets?: string
  /** Name of the array with a weight for each sample. @default none */
  sampleWeights?: string
  /** Pattern of the weights' names. @default 'W{l}', and what else they are usually called */
  weights?: string
  /** Pattern of the biases' names. @default 'b{l}' */
  biases?: string
  /** Pattern of the gradients' names. @default 'd{name}', and what else they are usually called */
  gradients?: string
}

/**
 * Makes a problem of the arrays of a file (or several merged): parameters, gradients, data and targets are told
 * apart by their names. A single number called cost, J or loss is the cost that belongs to them. Of two files with the
 * same names one holds the gradients.
 * @throws GradcheckError `missing-array` or `unknown-name`, `bad-network`
 */
export function problemFromArrays(arrays: NamedTensors, options: ArrayProblemOptions): Problem {
  if (!(arrays instanceof Map)) {
    throw new GradcheckError('bad-usage', `the arrays are ${describeValue(arrays)}, not a Map`, {
      fix: 'give what readArrays or mergeArrays returns',
    })
  }
  requireRecord('what follows the arrays in problemFromArrays', options, 'say { activations, loss }')
  const { activations, loss, reduction, ignoreIndex, layout, l2 } = options
  if (!Array.isArray(activations)) {
    throw new GradcheckError('bad-usage', `the activations are ${describeValue(activations)}, not a list`, {
      fix: "name one for each layer, as in ['relu', 'sigmoid']",
    })
  }
  const network = sequential(
    activations.map((name) => dense(name)),
    {
      loss,
      ...(reduction === undefined ? {} : { reduction }),
      ...(ignoreIndex === undefined ? {} : { ignoreIndex }),
      ...(layout === undefined ? {} : { layout }),
      ...(l2 === undefined ? {} : { l2 }),
    },
  )
  const unreadable = arrays instanceof ArraysOfFiles ? arrays.unreadable : new Map<string, GradcheckError>()
  const find = (which: DataName, named: string | undefined) =>
    explainUnreadable(unreadable, () => findData(arrays, which, named))
  const inputs = find('inputs', options.inputs)
  const targets = find('targets', options.targets)
  const sampleWeights =
    options.sampleWeights === undefined ? undefined : find('sampleWeights', options.sampleWeights)
  const data = [inputs.name, targets.name, sampleWeights?.name]
  const others = new ArraysOfFiles([...arrays].filter(([name]) => !data.includes(name)))
  for (const [name, reason] of unreadable) others.unreadable.set(name, reason)
  const cost = findSavedCost(others)
  const second = arrays instanceof ArraysOfFiles ? arrays.second : undefined
  return {
    network,
    parameters: others,
    gradients: second?.arrays ?? others,
    ...(second?.isOrderKnown === false ? { mayBeExchanged: true } : {}),
    inputs: inputs.tensor,
    targets: targets.tensor,
    ...(sampleWeights === undefined ? {} : { sampleWeights: sampleWeights.tensor }),
    ...(cost === undefined ? {} : { cost }),
    naming: {
      ...(options.weights === undefined ? {} : { weights: options.weights }),
      ...(options.biases === undefined ? {} : { biases: options.biases }),
      ...(options.gradients === undefined ? {} : { gradients: options.gradients }),
    },
    dataNames: {
      inputs: inputs.name,
      targets: targets.name,
      ...(sampleWeights === undefined ? {} : { sampleWeights: sampleWeights.name }),
    },
  }
}
