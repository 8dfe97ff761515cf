import type { Activation, ActivationName } from '../network/activations.js'
import type { Matrix } from '../network/matrix.js'
import { transpose } from '../network/matrix.js'
import type { Model } from '../network/model.js'
import { type Builder, buildProgram, type Node } from '../program/builder.js'
import { type BoundProgram, bindProgram } from '../program/evaluate.js'
import type { Shape } from '../program/shapes.js'
import type { NamedTensors, Tensor } from '../tensor.js'

/** What data is called in a program made of layers: no array of a file has such a name. */
const INPUTS = '(inputs)'
const TARGETS = '(targets)'
const WEIGHTS = '(sample weights)'

/** What each activation is in a program. */
const ACTIVATE: Record<ActivationName, (b: Builder, z: Node, constant: number) => Node> = {
  linear: (_b, z) => z,
  relu: (b, z) => b.relu(z),
  'leaky-relu': (b, z, slope) => b.leakyRelu(z, { slope }),
  elu: (b, z, alpha) => b.elu(z, { alpha }),
  selu: (b, z) => b.selu(z),
  sigmoid: (b, z) => b.sigmoid(z),
  tanh: (b, z) => b.tanh(z),
  softplus: (b, z) => b.softplus(z),
  softsign: (b, z) => b.softsign(z),
  silu: (b, z) => b.silu(z),
  gelu: (b, z) => b.gelu(z),
  'gelu-tanh': (b, z) => b.geluTanh(z),
  'gelu-sigmoid': (b, z) => b.geluSigmoid(z),
}

/** A stack of dense layers as a program, samples × units throughout; parameters in the user's own layout. */
export function lowerModel(model: Model): BoundProgram {
  const arrays: NamedTensors = new Map([
    [INPUTS, toTensor(model.inputs)],
    [TARGETS, toTensor(model.targets)],
  ])
  const { weights } = model.weighting
  if (weights !== undefined)
    arrays.set(WEIGHTS, { shape: [weights.length, 1], data: weights, dtype: 'float64' })
  for (const parameter of model.parameters) {
    const { name, shape, transposed } = parameter
    const data = model.values(parameter)
    arrays.set(name, {
      shape,
      data: transposed ? transpose(data, shape[1], shape[0]) : data.slice(),
      dtype: 'float64',
    })
  }
  const shapes = new Map<string, Shape>([...arrays].map(([name, { shape }]) => [name, shape]))
  const program = buildProgram((b, nodes) => lowerLayers(b, model, nodes), shapes)
  return bindProgram(program, arrays)
}

const toTensor = ({ rows, columns, data }: Matrix): Tensor => ({
  shape: [rows, columns],
  data,
  dtype: 'float64',
})

function lowerLayers(b: Builder, model: Model, arrays: Readonly<Record<string, Node>>): Node {
  let A = arrays[INPUTS]
  const penalties: Node[] = []
  for (const [l, layer] of model.layers.entries()) {
    b.at({ layer: l + 1 })
    const [weights, biases] = ['weights', 'biases'].map((role) =>
      model.parameters.find((parameter) => parameter.layer === l && parameter.role === role),
    )
    const W = arrays[weights!.name]
    let Z = b.matmul(A, weights!.transposed ? W : b.transpose(W))
    if (biases !== undefined) Z = b.add(Z, b.reshape(arrays[biases.name], { shape: [layer.outputs] }))
    b.named(`Z${l + 1}`, Z)
    A = layer.endsAtLogits ? Z : activate(b, layer.activation, Z)
    if (A !== Z) b.named(`A${l + 1}`, A)
    if (model.network.l2 !== 0) penalties.push(b.sum(b.square(W)))
  }
  b.at({})
  const loss = lowerLoss(b, model, A, arrays)
  return penalties.reduce((sum, squares) => b.add(sum, b.multiply(squares, model.l2Scale)), loss)
}

const activate = (b: Builder, { name, constant = 0 }: Activation, z: Node) => ACTIVATE[name](b, z, constant)

function lowerLoss(b: Builder, model: Model, output: Node, arrays: Readonly<Record<string, Node>>): Node {
  const targets = arrays[TARGETS]
  const ofEach = {
    'binary-cross-entropy': () => b.binaryCrossEntropyWithLogits(output, targets),
    'softmax-cross-entropy': () => b.softmaxCrossEntropy(output, targets),
    'half-squared-error': () => b.square(b.subtract(output, targets)),
    'mean-squared-error': () => b.square(b.subtract(output, targets)),
  }[model.loss.name]()
  const { weights } = model.weighting
  if (weights === undefined) return b.multiply(b.sum(ofEach), model.lossScale)
  const ofSamples = ofEach.shape.length === 1 ? b.reshape(ofEach, { shape: [weights.length, 1] }) : ofEach
  return b.multiply(b.sum(b.multiply(ofSamples, arrays[WEIGHTS])), model.lossScale)
}
