import { GradcheckError } from '../errors.js'
import { listNames } from '../list-names.js'
import { setting } from '../settings.js'
import {
  type DType,
  findNonFinite,
  formatShape,
  type NamedTensors,
  type Tensor,
  unravelIndex,
} from '../tensor.js'
import { findActivation } from './activations.js'
import { DenseLayer } from './dense-layer.js'
import { outputsComeFirst, samplesComeFirst } from './layout.js'
import { findLoss } from './losses.js'
import { type Matrix, transpose } from './matrix.js'
import { Model, type ParameterTensor } from './model.js'
import type { LayerNames } from './naming.js'
import type { Network } from './network.js'
import { selectSamples } from './select-samples.js'
import { allocateShareable } from './shareable.js'
import { isVectorOf, readTargets } from './targets.js'

/** Data with the name to use for it in messages. */
export interface NamedTensor {
  readonly name: string
  readonly tensor: Tensor
}

/**
 * Puts a network, its parameters and data together: takes the widths from the weights and turns every array to
 * the model's orientation.
 * @param names which arrays are each layer's, as `matchNames` finds them
 * @param sampleWeights what the loss of each sample is multiplied by, if that is not 1
 * @throws GradcheckError `bad-network` (as many activations as weight matrices are needed), `missing-array`,
 * `bad-shape` (naming the array, its shape and the shape it should have), `bad-value` (NaN, infinity, a target
 * outside its range)
 */
export function bindModel(
  network: Network,
  names: readonly LayerNames[],
  parameters: NamedTensors,
  inputs: NamedTensor,
  targets: NamedTensor,
  sampleWeights?: NamedTensor,
): Model {
  if (names.length !== network.layers.length) {
    const weights = names.map((layer) => layer.weights).join(', ')
    throw new GradcheckError(
      'bad-network',
      `${count(network.layers.length, 'activation')} for ${count(names.length, 'layer')} (${weights})`,
      { fix: 'name one activation for each layer, the last one included' },
    )
  }
  for (const layer of names) {
    requireFinite({ name: layer.weights, tensor: find(parameters, layer.weights) })
    if (layer.biases !== undefined) {
      requireFinite({ name: layer.biases, tensor: find(parameters, layer.biases) })
    }
  }
  requireFinite(inputs)
  requireFinite(targets)
  const X = readInputs(network, inputs)
  const lossReadsLogits = findLoss(network.loss).readsLogits
  const layers: DenseLayer[] = []
  const tensors: ParameterTensor[] = []
  for (const [l, layerNames] of names.entries()) {
    const source =
      l === 0
        ? { width: X.columns, text: `${inputs.name} has ${count(X.columns, 'feature')}` }
        : {
            width: layers[l - 1].outputs,
            text: `${names[l - 1].weights} has ${count(layers[l - 1].outputs, 'output')}`,
          }
    const weights = readWeights(network, layerNames.weights, find(parameters, layerNames.weights), source)
    let biases: Float64Array | undefined
    tensors.push({
      name: layerNames.weights,
      shape: find(parameters, layerNames.weights).shape,
      layer: l,
      role: 'weights',
      size: weights.data.length,
      transposed: !outputsComeFirst(network.layout),
    })
    if (layerNames.biases !== undefined) {
      const array = find(parameters, layerNames.biases)
      biases = readBiases(layerNames, array, weights.outputs)
      tensors.push({
        name: layerNames.biases,
        shape: array.shape,
        layer: l,
        role: 'biases',
        size: biases.length,
        transposed: false,
      })
    }
    layers.push(
      new DenseLayer({
        weights: weights.data,
        inputs: source.width,
        outputs: weights.outputs,
        biases,
        activation: findActivation(network.layers[l].activation),
        endsAtLogits: lossReadsLogits && l === names.length - 1,
      }),
    )
  }
  const outputs = layers[layers.length - 1].outputs
  return new Model({
    network,
    layers,
    parameters: tensors,
    ...selectSamples(network, X, readTargets(network, targets, X.rows, outputs), sampleWeights),
  })
}

/** A gradient in the model's orientation and order, with the precision it was stored in. */
export interface AnalyticalGradient {
  readonly name: string
  readonly values: Float64Array
  readonly dtype: DType
}

/**
 * Reads the analytical gradient of every parameter tensor of a model, in their order.
 * @throws GradcheckError `missing-array`, `bad-shape` naming all that are misshapen, `bad-value`
 */
export function readGradients(
  model: Model,
  names: readonly LayerNames[],
  gradients: NamedTensors,
): AnalyticalGradient[] {
  const read = model.parameters.map((parameter) => {
    const layer = names[parameter.layer]
    const own = parameter.role === 'weights' ? layer.weightsGradient : layer.biasesGradient!
    // gradients in a set of their own may be called as their parameters are
    const name = own === parameter.name ? `gradients.${own}` : own
    const array = find(gradients, own)
    requireFinite({ name, tensor: array })
    return { parameter, name, array }
  })
  requireShapes(read)
  return read.map(({ parameter, name, array }) => ({
    name,
    values: toModelOrder(parameter, array.data),
    dtype: array.dtype,
  }))
}

interface ReadGradient {
  readonly parameter: ParameterTensor
  readonly name: string
  readonly array: Tensor
}

/** @throws GradcheckError `bad-shape` naming every gradient that has not its parameter's shape */
function requireShapes(read: readonly ReadGradient[]): void {
  const misshapen = read.filter(({ parameter, array }) =>
    parameter.role === 'weights'
      ? formatShape(array.shape) !== formatShape(parameter.shape)
      : !isVectorOf(array, parameter.size),
  )
  if (misshapen.length === 0) return
  const listed = misshapen.map(
    ({ parameter, name, array }) =>
      `${name} has shape ${formatShape(array.shape)}, but ${parameter.name} has ${formatShape(parameter.shape)}`,
  )
  const areTransposed = misshapen.every(({ parameter, array }) => isTransposed(array.shape, parameter.shape))
  const message = listed.join('; ')
  if (!areTransposed) {
    const of = listNames(misshapen.map(({ parameter }) => parameter.name))
    throw new GradcheckError('bad-shape', message, {
      fix: `save the gradient of ${of} in the parameter's own shape`,
    })
  }
  const [{ name }] = misshapen
  throw new GradcheckError('bad-shape', `${message}: the shape of the transpose`, {
    fix:
      misshapen.length === 1
        ? `save ${name}.T as ${name}, once its product has its factors in the right order`
        : 'save the transpose of each, once the products that they come from have their factors in the right order',
  })
}

const isTransposed = (shape: readonly number[], other: readonly number[]) =>
  shape.length === 2 && other.length === 2 && shape[0] === other[1] && shape[1] === other[0]

/** Where element `offset` of the model's array stands in the user's array (row-major). */
export function userOffset(parameter: ParameterTensor, offset: number): number {
  if (!parameter.transposed) return offset
  const [inputs, outputs] = parameter.shape
  return (offset % inputs) * outputs + Math.floor(offset / inputs)
}

/** The multi-index in the user's array of element `offset` of the model's array. */
export function userIndex(parameter: ParameterTensor, offset: number): number[] {
  return unravelIndex(userOffset(parameter, offset), parameter.shape)
}

function toModelOrder(parameter: ParameterTensor, data: Float64Array): Float64Array {
  return parameter.transposed ? transpose(data, parameter.shape[0], parameter.shape[1]) : data.slice()
}

function find(arrays: NamedTensors, name: string): Tensor {
  const array = arrays.get(name)
  if (array === undefined) throw new GradcheckError('missing-array', `there is no array ${name}`)
  return array
}

/** "1 layer", "3 layers" */
function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}

/** @throws GradcheckError `bad-value` naming the first NaN or infinity */
function requireFinite({ name, tensor }: NamedTensor): void {
  const at = findNonFinite(tensor.data)
  if (at === -1) return
  const others = tensor.data.reduce((total, value) => total + (Number.isFinite(value) ? 0 : 1), 0) - 1
  const index = unravelIndex(at, tensor.shape).join(', ')
  const more = others > 0 ? ` (and ${others} more like it)` : ''
  throw new GradcheckError('bad-value', `${name}[${index}] is ${tensor.data[at]}${more}`, {
    fix: 'check at a point where every number is finite',
  })
}

function readInputs(network: Network, { name, tensor }: NamedTensor): Matrix {
  const expected = samplesComeFirst(network.layout) ? '(samples, features)' : '(features, samples)'
  if (tensor.shape.length !== 2) {
    throw new GradcheckError('bad-shape', `${name} has shape ${formatShape(tensor.shape)}, not ${expected}`, {
      fix: `reshape ${name} to two dimensions; one sample is a dimension of length 1`,
    })
  }
  if (tensor.data.length === 0) {
    throw new GradcheckError('bad-shape', `${name} is empty: its shape is ${formatShape(tensor.shape)}`, {
      fix: `give at least one sample, ${expected}`,
    })
  }
  const [first, second] = tensor.shape
  // the largest array of all where samples are many
  const data = allocateShareable(tensor.data.length)
  if (!samplesComeFirst(network.layout)) {
    return { rows: second, columns: first, data: transpose(tensor.data, first, second, data) }
  }
  data.set(tensor.data)
  return { rows: first, columns: second, data }
}

function readWeights(
  network: Network,
  name: string,
  array: Tensor,
  source: { width: number; text: string },
): { data: Float64Array; outputs: number } {
  const outputsFirst = outputsComeFirst(network.layout)
  const order = outputsFirst ? '(outputs, inputs)' : '(inputs, outputs)'
  if (array.shape.length !== 2 || array.data.length === 0) {
    throw new GradcheckError('bad-shape', `${name} has shape ${formatShape(array.shape)}, not ${order}`, {
      fix: `save ${name} as a matrix with two dimensions, neither empty`,
    })
  }
  const [first, second] = array.shape
  const inputs = outputsFirst ? second : first
  if (inputs !== source.width) {
    const transposeFits = (outputsFirst ? first : second) === source.width
    const outputs = transposeFits ? inputs : outputsFirst ? first : second
    const needed = formatShape(outputsFirst ? [outputs, source.width] : [source.width, outputs])
    throw new GradcheckError(
      'bad-shape',
      `${name} has shape ${formatShape(array.shape)}, but ${source.text}: ${order} should be ${needed}`,
      {
        fix: transposeFits
          ? `its transpose would fit: try another ${setting('layout')} (this is ${network.layout})`
          : inputs === source.width + 1
            ? `it has one more: biases among the weights are saved apart, ${splitBiases(name, outputsFirst)}`
            : `check ${name}, the array before it and the ${setting('layout')} (this is ${network.layout})`,
      },
    )
  }
  return outputsFirst
    ? { data: array.data.slice(), outputs: first }
    : { data: transpose(array.data, first, second), outputs: second }
}

/** How a matrix whose first column holds the biases becomes two arrays, in NumPy. */
const splitBiases = (name: string, outputsFirst: boolean) =>
  outputsFirst ? `b = ${name}[:, 0] and W = ${name}[:, 1:]` : `b = ${name}[0] and W = ${name}[1:]`

function readBiases(names: LayerNames, array: Tensor, outputs: number): Float64Array {
  if (!isVectorOf(array, outputs)) {
    throw new GradcheckError(
      'bad-shape',
      `${names.biases} has shape ${formatShape(array.shape)}, but ${names.weights} has ${count(outputs, 'output')}: ` +
        `it should be (${outputs},), (${outputs}, 1) or (1, ${outputs})`,
    )
  }
  return array.data.slice()
}
