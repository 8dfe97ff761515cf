import { describeValue } from '../describe-value.js'
import { GradcheckError } from '../errors.js'
import { dense, sequential } from '../network/network.js'
import { requireRecord } from '../requirements.js'
import { suggestName } from '../suggest.js'
import type { NamedTensors, Tensor } from '../tensor.js'
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
  /** Name of the array with the data. @default 'X' */
  inputs?: string
  /** Name of the array with the targets. @default 'Y', then 'y' */
  targets?: string
  /** Name of the array with a weight for each sample. @default none */
  sampleWeights?: string
  /** Pattern of the weights' names. @default 'W{l}' */
  weights?: string
  /** Pattern of the biases' names. @default 'b{l}' */
  biases?: string
  /** Pattern of the gradients' names. @default 'd{name}' */
  gradients?: string
}

/**
 * Makes a problem of the arrays of a file (or several merged): parameters, gradients, data and targets are told
 * apart by their names. A single number called cost, J or loss is the cost that belongs to them.
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
  const inputs = findArray(arrays, 'inputs', options.inputs === undefined ? ['X'] : [options.inputs])
  const targets = findArray(arrays, 'targets', options.targets === undefined ? ['Y', 'y'] : [options.targets])
  const sampleWeights =
    options.sampleWeights === undefined
      ? undefined
      : findArray(arrays, 'sample weights', [options.sampleWeights])
  const data = [inputs.name, targets.name, sampleWeights?.name]
  const others = new Map([...arrays].filter(([name]) => !data.includes(name)))
  const cost = findSavedCost(others)
  return {
    network,
    parameters: others,
    gradients: others,
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

function findArray(
  arrays: NamedTensors,
  what: 'inputs' | 'targets' | 'sample weights',
  names: readonly string[],
): { name: string; tensor: Tensor } {
  for (const name of names) {
    const tensor = arrays.get(name)
    if (tensor !== undefined) return { name, tensor }
  }
  const present = [...arrays.keys()]
  const listed = present.slice(0, 12).join(', ') + (present.length > 12 ? ', …' : '')
  throw new GradcheckError(
    'missing-array',
    `there is no array ${names.join(' or ')} for the ${what}${suggestName(names[0], present)} (arrays: ${listed || 'none'})`,
    { fix: `name it with --${what.replace(' ', '-')}, or give the file that holds it as well` },
  )
}
