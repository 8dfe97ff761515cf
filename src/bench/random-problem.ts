import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { type BoundNetwork, bindProblem } from '../check/problem.js'
import { GradcheckError } from '../errors.js'
import type { ActivationName } from '../network/activations.js'
import type { LossName } from '../network/losses.js'
import { dense, sequential } from '../network/network.js'
import { type NamedTensors, tensor } from '../tensor.js'

/** A network to measure, of fully connected layers with one activation. */
export interface BenchNetwork {
  /** Features, then the width of every layer: 784, 256, 128, 10. */
  readonly widths: readonly number[]
  /** Of every layer but the last. */
  readonly activation: ActivationName
  readonly samples: number
}

/**
 * Reads widths written as `784-256-128-10`.
 * @throws GradcheckError `bad-usage`
 */
export function parseWidths(text: string): number[] {
  const widths = text.split('-').map(Number)
  if (widths.length < 2 || widths.some((width) => !Number.isSafeInteger(width) || width < 1)) {
    throw new GradcheckError('bad-usage', `"${text}" is no network: it needs at least two widths`, {
      fix: 'write the number of features and the width of every layer, as in 784-256-128-10',
    })
  }
  return widths
}

/**
 * A random network, random data and the gradient of float64 backpropagation. Weights are uniform with variance
 * 2/inputs (ReLU and its kin, He et al. 2015) or 1/inputs; one output ends in a sigmoid with binary
 * cross-entropy, several in softmax cross-entropy.
 */
export async function createRandomProblem(network: BenchNetwork, seed = 1): Promise<BoundNetwork> {
  const { widths, activation, samples } = network
  const generator = xoroshiro128plus(seed)
  const uniform = (length: number, size: number) =>
    Float64Array.from({ length }, () => size * (2 * uniformFloat64(generator) - 1))
  const outputs = widths[widths.length - 1]
  const loss: LossName = outputs === 1 ? 'binary-cross-entropy' : 'softmax-cross-entropy'
  const lastActivation: ActivationName = outputs === 1 ? 'sigmoid' : 'linear'
  const layers = widths.length - 1
  const parameters: NamedTensors = new Map()
  for (let l = 1; l <= layers; l++) {
    const [inputs, units] = [widths[l - 1], widths[l]]
    const gain = activation.endsWith('elu') && l < layers ? 2 : 1
    parameters.set(`W${l}`, tensor(uniform(units * inputs, Math.sqrt((3 * gain) / inputs)), [units, inputs]))
    parameters.set(`b${l}`, tensor(uniform(units, 0.1), [units]))
  }
  const gradients: NamedTensors = new Map(
    [...parameters].map(([name, { shape, data }]) => [
      `d${name}`,
      tensor(new Float64Array(data.length), shape),
    ]),
  )
  const classes = Float64Array.from({ length: samples }, (_, s) => s % Math.max(2, outputs))
  const { model } = await bindProblem({
    network: sequential(
      Array.from({ length: layers }, (_, l) => dense(l < layers - 1 ? activation : lastActivation)),
      { loss, layout: 'columns' },
    ),
    parameters,
    gradients,
    inputs: tensor(uniform(widths[0] * samples, 1), [widths[0], samples]),
    targets: tensor(classes, [samples]),
  })
  return {
    model,
    gradients: model.gradients().map((values, t) => ({
      name: `d${model.parameters[t].name}`,
      values,
      dtype: 'float64',
    })),
  }
}
