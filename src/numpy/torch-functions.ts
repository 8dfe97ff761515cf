import { elementCount } from '../tensor.js'
import { type NdArray, nodeOf } from './arrays.js'
import type { Body, Call } from './native-call.js'
import {
  argument,
  arraysIn,
  concatenate,
  copied,
  NUMPY,
  reduction,
  reductionOf,
  shapeFrom,
  swapAxes,
} from './numpy-functions.js'
import { PyTuple, plainNumber, type Value } from './values.js'

/** What torch means by names that NumPy has too, and its own. */
export const TORCH: Readonly<Record<string, Body>> = {
  tensor: (call) => copied(call, call.array(0)),
  cat: (call) => concatenate(call, arraysIn(call, 0), call.integer(call.get(1, 'dim', 'axis') ?? 0n)),
  // torch gives the places as well
  max: (call) => torchExtreme(call, 'max', 1),
  min: (call) => torchExtreme(call, 'min', -1),
  repeat: (call) => call.refuse('torch.repeat is not understood', 'write tile, or expand'),
  transpose: (call) =>
    swapAxes(call.array(0), call.integer(call.get(1) ?? null), call.integer(call.get(2) ?? null)),
  zeros: (call) => torchFilled(call, 0),
  ones: (call) => torchFilled(call, 1),
  split: (call) => call.refuse('torch.split is not understood', 'write chunk'),
  bmm: (call) => NUMPY.matmul(call),
  mm: (call) => NUMPY.matmul(call),
  var: (call) => torchSpread(call, 'variance'),
  std: (call) => torchSpread(call, 'std'),
  softmax: (call) => call.wrap(call.tracer.b.softmax(call.node(0, 'input'), axesOf(call)), 'f'),
  log_softmax: (call) => call.wrap(call.tracer.b.logSoftmax(call.node(0, 'input'), axesOf(call)), 'f'),
  no_grad: () => null,
  linear: (call) => {
    const bias = call.get(2, 'bias')
    const attributes =
      bias === undefined || bias === null
        ? {}
        : { bias: nodeOf(call.tracer, call.interpreter.toArray(bias, call.place)) }
    return call.wrap(call.tracer.b.linear(call.node(0), call.node(1), attributes), 'f')
  },
  layer_norm(call) {
    const count = (call.integers(call.get(1, 'normalized_shape')) ?? [0]).length
    const part = (position: number, name: string) => {
      const value = call.get(position, name)
      return value === undefined || value === null
        ? undefined
        : nodeOf(call.tracer, call.interpreter.toArray(value, call.place))
    }
    const [weight, bias] = [part(2, 'weight'), part(3, 'bias')]
    const epsilon = plainNumber(call.get(4, 'eps') ?? 1e-5) ?? 1e-5
    return call.wrap(
      call.tracer.b.layerNorm(call.node(0), {
        axes: Array.from({ length: count }, (_, k) => k - count),
        epsilon,
        ...(weight === undefined ? {} : { weight }),
        ...(bias === undefined ? {} : { bias }),
      }),
      'f',
    )
  },
  mse_loss: (call) => call.wrap(call.tracer.b.mseLoss(call.node(0), call.node(1)), 'f'),
  cross_entropy: (call) =>
    call.wrap(call.tracer.b.crossEntropy(call.node(0), { classes: Array.from(call.array(1).numbers) }), 'f'),
  binary_cross_entropy_with_logits: (call) =>
    call.wrap(
      call.tracer.b.mean(call.tracer.b.binaryCrossEntropyWithLogits(call.node(0), call.node(1))),
      'f',
    ),
  leaky_relu: (call) => call.wrap(call.tracer.b.leakyRelu(call.node(0)), 'f'),
  embedding: (call) => call.interpreter.index(call.array(1), call.array(0), call.place),
}

function torchFilled(call: Call, value: number): Value {
  const shape = call.fitting(shapeFrom(call, 0))
  return call.constant(shape, new Float64Array(elementCount(shape)).fill(value), 'f')
}

function torchExtreme(call: Call, by: 'max' | 'min', sign: 1 | -1): Value {
  if (call.get(1, 'dim', 'axis') === undefined) return reduction(by)(call)
  return new PyTuple([reduction(by)(call), argument(sign)(call)])
}

function axesOf(call: Call): { axes?: number[] } {
  const axes = call.integers(call.get(1, 'dim', 'axis'))
  return axes === undefined ? {} : { axes }
}

/** torch divides by one less where it is not told otherwise. */
function torchSpread(call: Call, by: 'variance' | 'std'): NdArray {
  const unbiased = call.get(99, 'unbiased')
  const given = call.get(99, 'correction')
  const isBiased = unbiased !== undefined && !call.interpreter.truth(unbiased, call.place)
  const correction = given !== undefined ? call.integer(given) : isBiased ? 0 : 1
  return call.wrap(call.tracer.b[by](call.node(0), { ...reductionOf(call, 1), correction }), 'f')
}
