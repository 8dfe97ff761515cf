import type { Activation } from './activations.js'
import type { ForwardPass, Model, ParameterTensor } from './model.js'
import { normOf, powerOfTwo } from './root-sum-squares.js'

/**
 * What a parameter is moved by is the step h divided by the scales of its unit and of its input; a bias has no input.
 * Powers of two, so that dividing by them rounds nothing, and 1 throughout where a network's numbers are ordinary.
 */
export interface StepScales {
  /** By layer and unit: how far what is curved behind its Z moves while Z moves by 1. */
  readonly units: readonly Float64Array[]
  /** By layer and input: what its weights are multiplied with. */
  readonly inputs: readonly Float64Array[]
}

/** Numbers of these sizes need no other step than the one that was asked for. */
const ORDINARY = { least: 2 ** -10, largest: 2 ** 4 } as const
/** A scale, and the product of two, stay so far from where float64 ends that small steps may be divided by them. */
const LARGEST_SCALE = 2 ** 700
const LARGEST_PRODUCT = 2 ** 900

/** The scale of parameter `entry`, its offset in the model's orientation. */
export function scaleOf(
  scales: StepScales | undefined,
  { layer, role }: ParameterTensor,
  entry: number,
): number {
  if (scales === undefined) return 1
  if (role === 'biases') return scales.units[layer][entry]
  const inputs = scales.inputs[layer]
  return scales.units[layer][Math.floor(entry / inputs.length)] * inputs[entry % inputs.length]
}

/** The root of the sum of squares of the scales of a tensor's elements. */
export function normOfScales(scales: StepScales | undefined, { layer, role, size }: ParameterTensor): number {
  if (scales === undefined) return Math.sqrt(size)
  return normOf(scales.units[layer]) * (role === 'biases' ? 1 : normOf(scales.inputs[layer]))
}

/**
 * The scales at a base point. With them the units that a network is measured in do not matter: those of its data, of
 * its targets, or of a linear or ReLU layer may be others, if the weights are; the steps follow.
 */
export function scaleSteps(model: Model, pass: ForwardPass = model.basePass): StepScales {
  const units = scaleUnits(model, pass)
  const inputs = model.layers.map((layer, l) => {
    const [smallest, largest] = rangeOf(units[l])
    const scales = largestOfColumns(pass.A[l].data, layer.inputs).map((size) =>
      Math.min(Math.max(toScale(size), 1 / LARGEST_PRODUCT / smallest), LARGEST_PRODUCT / largest),
    )
    return model.network.l2 === 0 ? scales : limitByPenalty(scales, units[l], layer.weights)
  })
  return { units, inputs }
}

/** From the last layer backwards: what a unit moves by itself, and by way of the layer behind it. */
function scaleUnits(model: Model, pass: ForwardPass): Float64Array[] {
  const result: Float64Array[] = []
  let behind = movedInLoss(model, pass)
  for (let l = model.layers.length - 1; l >= 0; l--) {
    const { activation, inputs, weights, endsAtLogits } = model.layers[l]
    if (!endsAtLogits) {
      const steepest = steepestSlopes(activation, pass.Z[l].data, behind.length)
      const own = isHomogeneous(activation) ? 0 : 1
      behind = behind.map((moved, i) => Math.max(own, steepest[i] * moved))
    }
    result[l] = behind.map(toScale)
    const before = new Float64Array(inputs)
    for (let k = 0; k < weights.length; k++) {
      const moved = Math.abs(weights[k]) * behind[Math.floor(k / inputs)]
      before[k % inputs] = Math.max(before[k % inputs], moved)
    }
    behind = before
  }
  return result
}

/** How far a loss moves, relative to its own scale, while one output moves by 1: logits have the scale 1. */
function movedInLoss({ loss, targets }: Model, pass: ForwardPass): Float64Array {
  const outputs = targets.columns
  if (loss.readsLogits) return new Float64Array(outputs).fill(1)
  const [A, Y] = [pass.A[pass.A.length - 1].data, targets.data]
  const sizes = largestOfColumns(
    A.map((a, k) => Math.max(Math.abs(a), Math.abs(Y[k]))),
    outputs,
  )
  return sizes.map((size) => (size === 0 ? 1 : 1 / size))
}

/** Whether f(c·z) = c·f(z) for every c > 0, so that z has no scale of its own: linear, ReLU, leaky ReLU. */
function isHomogeneous({ value }: Activation): boolean {
  return value(2) === 2 * value(1) && value(-2) === 2 * value(-1)
}

/** The largest |f′| of each unit over the samples; of two straight pieces the steeper, wherever the samples are. */
function steepestSlopes(activation: Activation, Z: Float64Array, units: number): Float64Array {
  if (!isHomogeneous(activation)) return largestOfColumns(Z.map(activation.derivative), units)
  const steeper = Math.max(Math.abs(activation.derivative(-1)), Math.abs(activation.derivative(1)))
  return new Float64Array(units).fill(steeper)
}

/** Where weights are penalised their squares move as well: no weight moves by more than h, or h of its own size. */
function limitByPenalty(scales: Float64Array, units: Float64Array, weights: Float64Array): Float64Array {
  const [least] = rangeOf(units)
  const sizes = largestOfColumns(weights, scales.length)
  return scales.map((scale, j) => Math.max(scale, 1 / (powerOfTwo(Math.max(1, sizes[j])) * least)))
}

const rangeOf = (values: Float64Array) =>
  values.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Number.POSITIVE_INFINITY, 0],
  )

/** The largest |element| of each column of a row-major matrix. */
function largestOfColumns(data: Float64Array, columns: number): Float64Array {
  const largest = new Float64Array(columns)
  for (let k = 0; k < data.length; k++) {
    const size = Math.abs(data[k])
    if (size > largest[k % columns]) largest[k % columns] = size
  }
  return largest
}

function toScale(size: number): number {
  const isOrdinary = size >= ORDINARY.least && size <= ORDINARY.largest
  if (isOrdinary || !(size > 0 && size < Number.POSITIVE_INFINITY)) return 1
  return Math.min(LARGEST_SCALE, Math.max(1 / LARGEST_SCALE, powerOfTwo(size)))
}
