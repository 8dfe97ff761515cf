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
  /** @default 'columns' */
  layout?: string
  /** @default 0 */
  l2?: number
  /** Name of the array with the data. @default 'X' */
  inputs?: string
  /** Name of the array with the targets. @default 'Y', then 'y' */
  targets?: string
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
  const { activations, loss, layout, l2 } = options
  if (!Array.isArray(activations)) {
    throw new GradcheckError('bad-usage', `the activations are ${describeValue(activations)}, not a list`, {
      fix: "name one for each layer, as in ['relu', 'sigmoid']",
    })
  }
  const network = sequential(
    activations.map((name) => dense(name)),
    {
      loss,
      ...(layout === undefined ? {} : { layout }),
      ...(l2 === undefined ? {} : { l2 }),
    },
  )
  const inputs = findArray(arrays, 'inputs', options.inputs === undefined ? ['X'] : [options.inputs])
  const targets = findArray(arrays, 'targets', options.targets === undefined ? ['Y', 'y'] : [options.targets])
  const others = new Map([...arrays].filter(([name]) => name !== inputs.name && name !== targets.name))
  const cost = findSavedCost(others)
  return {
    network,
    parameters: others,
    gradients: others,
    inputs: inputs.tensor,
    targets: targets.tensor,
    ...(cost === undefined ? {} : { cost }),
    naming: {
      ...(options.weights === undefined ? {} : { weights: options.weights }),
      ...(options.biases === undefined ? {} : { biases: options.biases }),
      ...(options.gradients === undefined ? {} : { gradients: options.gradients }),
    },
    dataNames: { inputs: inputs.name, targets: targets.name },
  }
}

function findArray(
  arrays: NamedTensors,
  option: 'inputs' | 'targets',
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
    `there is no array ${names.join(' or ')} for the ${option}${suggestName(names[0], present)} (arrays: ${listed || 'none'})`,
    { fix: `name it with --${option}, or give the file that holds it as well` },
  )
}
