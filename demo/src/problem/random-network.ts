import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import {
  type ActivationText,
  dense,
  GradcheckError,
  type Layout,
  type LossName,
  type NamedTensors,
  type Problem,
  sequential,
  type Tensor,
  tensor,
} from 'webgpu-gradcheck'
import { backpropagate, type Columns, type PlainLayer, transpose } from './backpropagation.js'
import type { PlantedBug } from './bugs.js'

/** A network to fill with random numbers. */
export interface RandomNetwork {
  /** Features, then the width of each layer. */
  readonly widths: readonly number[]
  /** One a layer. */
  readonly activations: readonly ActivationText[]
  readonly loss: LossName
  readonly layout: Layout
  readonly l2: number
  readonly samples: number
  readonly seed: number
  readonly bug: PlantedBug
}

/** A page is no place for more: everything is held in memory as float64. */
const MOST_PARAMETERS = 20_000_000

export function countParameters(widths: readonly number[]): number {
  return widths.slice(1).reduce((sum, width, l) => sum + width * (widths[l] + 1), 0)
}

/**
 * Random parameters and data of a network, and the gradient of the page's own backpropagation, with the mistake
 * that was asked for. The same settings make the same problem.
 * @throws GradcheckError `bad-network` for one that is too large or a transposed matrix that is not square
 */
export function createRandomNetwork(network: RandomNetwork): Problem {
  const { widths, activations, loss, layout, l2, samples, bug } = network
  if (countParameters(widths) > MOST_PARAMETERS) {
    throw new GradcheckError(
      'bad-network',
      `${countParameters(widths).toLocaleString('en-US')} parameters are too many for a page`,
      { fix: `stay below ${MOST_PARAMETERS.toLocaleString('en-US')}, or use the gradcheck command` },
    )
  }
  requireSquare(widths, bug)
  const normal = createNormals(network.seed)
  const layers = activations.map((activation, l): PlainLayer => {
    const [inputs, outputs] = [widths[l], widths[l + 1]]
    const gain = activation.includes('elu') ? 2 : 1
    const W = fillColumns(outputs, inputs, () => Math.sqrt(gain / inputs) * normal())
    return { W, b: Float64Array.from({ length: outputs }, () => 0.1 * normal()), activation }
  })
  const X = fillColumns(widths[0], samples, normal)
  const Y = drawTargets(loss, widths[widths.length - 1], samples, normal)
  const gradients = backpropagate(layers, X, Y, loss, l2, bug)
  const inLayout = (matrix: Columns) => toTensor(layout === 'columns' ? matrix : transpose(matrix))
  const weightsInLayout = (W: Columns) => toTensor(layout === 'rows' ? transpose(W) : W)
  const biasShape = (length: number) => (layout === 'columns' ? [length, 1] : [length])
  const name = (of: 'parameters' | 'gradients'): NamedTensors => {
    const prefix = of === 'parameters' ? '' : 'd'
    return new Map(
      layers.flatMap(({ W, b }, l): [string, Tensor][] => {
        const [weights, biases] = of === 'parameters' ? [W, b] : [gradients[l].dW, gradients[l].db]
        return [
          [`${prefix}W${l + 1}`, weightsInLayout(weights)],
          [`${prefix}b${l + 1}`, tensor(biases, biasShape(biases.length))],
        ]
      }),
    )
  }
  return {
    network: sequential(activations.map(dense), { loss, layout, l2 }),
    parameters: name('parameters'),
    gradients: name('gradients'),
    inputs: inLayout(X),
    targets: inLayout(Y),
  }
}

function requireSquare(widths: readonly number[], { kind, layer }: PlantedBug): void {
  if (kind !== 'transposed' || widths[layer - 1] === widths[layer]) return
  throw new GradcheckError(
    'bad-network',
    `W${layer} is ${widths[layer]} × ${widths[layer - 1]}: transposing its gradient would change the shape, and the mistake would show at once`,
    { fix: 'choose a layer as wide as the one before it, or change a width' },
  )
}

function drawTargets(loss: LossName, outputs: number, samples: number, normal: () => number): Columns {
  switch (loss) {
    case 'softmax-cross-entropy':
      return fillColumns(outputs, samples, (i, s) => (s % outputs === i ? 1 : 0))
    case 'binary-cross-entropy':
      return fillColumns(outputs, samples, () => (normal() > 0 ? 1 : 0))
    default:
      return fillColumns(outputs, samples, () => normal())
  }
}

function fillColumns(rows: number, columns: number, value: (i: number, j: number) => number): Columns {
  const data = Float64Array.from({ length: rows * columns }, (_, k) =>
    value(Math.floor(k / columns), k % columns),
  )
  return { rows, columns, data }
}

const toTensor = ({ rows, columns, data }: Columns) => tensor(data, [rows, columns])

/** Standard normal numbers (Box & Muller 1958). */
function createNormals(seed: number): () => number {
  const generator = xoroshiro128plus(seed)
  return () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniformFloat64(generator)))
    return radius * Math.cos(2 * Math.PI * uniformFloat64(generator))
  }
}
