import type { Builder, Node } from '../../src/program/builder.js'
import { buildProgram } from '../../src/program/builder.js'
import { type BoundProgram, bindProgram } from '../../src/program/evaluate.js'
import { simplifyProgram } from '../../src/program/simplify.js'
import { elementCount, type NamedTensors, type Tensor, tensor } from '../../src/tensor.js'
import { Draws } from './random-network.js'

type Build = (b: Builder, arrays: Readonly<Record<string, Node>>) => Node

/** A program at random, and the arrays that it is checked at. */
export interface RandomProgram {
  readonly arrays: NamedTensors
  readonly build: Build
  /** As a check reads it, every value named by its number in the order of building. */
  readonly bound: BoundProgram
}

/** Values are kept within it: a program of larger ones is drawn anew. */
const LARGEST = 200

/** What a step of a program may do to values that are there. */
type Move = (b: Builder, pick: () => Node, draws: Draws) => Node | undefined

const UNARY = [
  'tanh',
  'sigmoid',
  'softplus',
  'softsign',
  'silu',
  'gelu',
  'geluTanh',
  'relu',
  'abs',
  'leakyRelu',
  'elu',
  'selu',
  'sin',
  'cos',
  'atan',
  'erf',
  'square',
  'negative',
  'expMinusSelf',
  'mish',
  'hardswish',
  'asinh',
  'logSigmoid',
  'relu6',
  'huber',
  'clip',
] as const

const axisOf = (x: Node, draws: Draws) => draws.below(x.shape.length)
const bounded = (b: Builder, x: Node) => b.multiply(1.5, b.tanh(x))
/** From ½ to 2½. */
const positive = (b: Builder, x: Node) => b.add(0.5, b.multiply(2, b.sigmoid(x)))
const constant = (draws: Draws, ...shape: number[]) => tensor(draws.normals(elementCount(shape), 0.7), shape)

const MOVES: readonly Move[] = [
  ...UNARY.map(
    (name): Move =>
      (b, pick) =>
        name === 'clip' ? b.clip(pick(), { min: -1, max: 1.2 }) : b[name](pick()),
  ),
  (b, pick) => b.exp(bounded(b, pick())),
  (b, pick) => b.log(positive(b, pick())),
  (b, pick) => b.sqrt(positive(b, pick())),
  (b, pick) => b.rsqrt(positive(b, pick())),
  (b, pick) => b.realPower(positive(b, pick()), { exponent: 1.7 }),
  (b, pick) => b.integerPower(bounded(b, pick()), { exponent: 3 }),
  (b, pick) => b.add(pick(), pick()),
  (b, pick) => b.subtract(pick(), pick()),
  (b, pick) => b.multiply(pick(), pick()),
  (b, pick) => b.divide(pick(), positive(b, pick())),
  (b, pick) => b.maximum(pick(), pick()),
  (b, pick) => b.minimum(pick(), pick()),
  (b, pick) => b.where(b.subtract(pick(), 0.1), pick(), pick()),
  (b, pick) => b.logAddExp(pick(), pick()),
  (b, pick, draws) => {
    const x = pick()
    return b.matmul(x, constant(draws, x.shape.at(-1)!, 1 + draws.below(4)))
  },
  (b, pick) => {
    const x = pick()
    return x.shape.length < 2 ? undefined : b.matmul(x, b.swapAxes(pick(), { axes: [-1, -2] }))
  },
  (b, pick, draws) => {
    const x = pick()
    return b.sum(x, { axes: [axisOf(x, draws)], keepDims: true })
  },
  (b, pick, draws) => {
    const x = pick()
    return b.mean(x, { axes: [axisOf(x, draws)], keepDims: true })
  },
  (b, pick, draws) => {
    const x = pick()
    return b.max(x, { axes: [axisOf(x, draws)], keepDims: true })
  },
  (b, pick, draws) => {
    const x = pick()
    return b.logSumExp(x, { axes: [axisOf(x, draws)], keepDims: true })
  },
  (b, pick, draws) => {
    const x = pick()
    return b.softmax(x, { axes: [axisOf(x, draws)] })
  },
  (b, pick, draws) => {
    const x = pick()
    return b.logSoftmax(x, { axes: [axisOf(x, draws)] })
  },
  (b, pick, draws) => {
    const x = pick()
    const axis = axisOf(x, draws)
    return x.shape[axis] < 3 ? undefined : b.standardize(x, { axes: [axis], epsilon: 0.1 })
  },
  (b, pick, draws) => {
    const x = pick()
    return b.rmsNorm(x, { axes: [axisOf(x, draws)], epsilon: 0.1 })
  },
  (b, pick, draws) => {
    const x = pick()
    return b.variance(x, { axes: [axisOf(x, draws)], keepDims: true })
  },
  (b, pick) => b.transpose(pick()),
  (b, pick, draws) => {
    const x = pick()
    return b.slice(x, { axis: axisOf(x, draws), step: -1 })
  },
  (b, pick, draws) => {
    const x = pick()
    const axis = axisOf(x, draws)
    return b.take(x, { axis, indices: [0, draws.below(x.shape[axis]), 0] })
  },
  (b, pick, draws) => {
    const x = pick()
    return b.pad(x, { axis: axisOf(x, draws), before: 1, after: draws.below(2) })
  },
  (b, pick, draws) => {
    const x = pick()
    return b.concatenate([x, pick()], { axis: axisOf(x, draws) })
  },
  (b, pick, draws) => {
    const x = pick()
    return b.cumsum(x, { axis: axisOf(x, draws) })
  },
  (b, pick, draws) => {
    const x = pick()
    const length = x.shape.at(-1)!
    return x.shape.length !== 2 || length < 3
      ? undefined
      : b.conv1d(b.expandDims(x, { axis: 1 }), constant(draws, 2, 1, 2), { padding: draws.below(2) })
  },
  (b, pick) => {
    const x = pick()
    return x.shape.length < 2 || x.shape.at(-1)! < 3 ? undefined : b.maxPool(x, { kernel: [2], stride: [1] })
  },
  (b, pick) => {
    const x = pick()
    return x.shape.length < 2 || x.shape.at(-1)! < 3
      ? undefined
      : b.averagePool(x, { kernel: [2], stride: [1] })
  },
]

/** Draws a program of some operations; undefined where its values grow too large. */
function drawProgram(seed: number): RandomProgram | undefined {
  const draws = new Draws(seed)
  const [m, n] = [2 + draws.below(3), 2 + draws.below(3)]
  const arrays = new Map<string, Tensor>([
    ['x', constant(draws, m, n)],
    ['y', constant(draws, m, n)],
    ['w', constant(draws, n, n)],
    ['v', constant(draws, n)],
  ])
  const length = 4 + draws.below(8)
  const start = draws.below(2 ** 30)
  const build: Build = (b, { x, y, w, v }) => {
    const own = new Draws(start)
    const nodes = [b.add(b.matmul(x, w), v), b.multiply(y, x)]
    for (let tries = 0; nodes.length < length && tries < 200; tries++) {
      const move = own.pick(MOVES)
      // the last ones more often: a program is deep
      const pick = () => nodes[Math.max(0, nodes.length - 1 - own.below(Math.min(3, nodes.length)))]
      try {
        const made = move(b, pick, own)
        if (made === undefined || elementCount(made.shape) > 60 || elementCount(made.shape) === 0) continue
        nodes.push(b.named(`v${nodes.length}`, made))
      } catch {
        // operands of other shapes: another operation
      }
    }
    const [last, before] = nodes.toReversed()
    const ends = [b.sum(b.square(b.add(last, 0.3))), b.sum(b.sin(before))]
    return b.add(ends[0], ends[1])
  }
  const shapes = new Map([...arrays].map(([name, { shape }]) => [name, shape]))
  const bound = bindProgram(simplifyProgram(buildProgram(build, shapes)), arrays)
  const isSmall = bound.base.every((value) => value.every((x) => Math.abs(x) <= LARGEST))
  return isSmall ? { arrays, build, bound } : undefined
}

/** Programs of operations of the whole table, at random. */
export function* drawPrograms(count: number): Generator<RandomProgram & { readonly seed: number }> {
  for (let seed = 1, made = 0; made < count; seed++) {
    const drawn = drawProgram(seed)
    if (drawn === undefined) continue
    made++
    yield { ...drawn, seed }
  }
}
