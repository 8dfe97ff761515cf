import type { Builder, Node } from '../../src/program/builder.js'
import { buildProgram } from '../../src/program/builder.js'
import type { Program } from '../../src/program/program.js'
import { elementCount, type NamedTensors, type Tensor, tensor } from '../../src/tensor.js'
import { Draws } from './random-network.js'

/** A program as loops over elements make it, and the arrays that it is read at. */
export interface LoopProgram {
  readonly seed: number
  readonly arrays: NamedTensors
  readonly program: Program
}

/** What the lines of a loop work on. */
interface Loop {
  readonly b: Builder
  /** Arrays that are stored into: each store makes another value of one. */
  readonly stores: Node[]
  /** Vectors of `width` elements that the run has made so far. */
  readonly made: Node[]
  readonly width: number
  readonly inputs: Readonly<Record<string, Node>>
  total: Node
}

/** What a line of a loop does in one run. */
type Line = (loop: Loop, run: number) => void

const flat = (b: Builder, node: Node) => b.reshape(node, { shape: [-1] })

/** Positions that move with the run: they overlap those of other runs, and wrap around. */
const windowOf = (size: number, width: number, start: number) =>
  Array.from({ length: width }, (_, k) => (start + k) % size)

/** Puts elements over those that are there; of several in one place the last counts. */
function store(b: Builder, into: Node, value: Node, at: readonly number[]): Node {
  const kept = Array.from({ length: elementCount(into.shape) }, (_, k) => (at.includes(k) ? -1 : k))
  const places = [...kept, ...at.map((place, k) => (at.lastIndexOf(place) === k ? place : -1))]
  return b.assemble([into, value], { shape: into.shape, places })
}

const UNARY = ['tanh', 'sigmoid', 'square', 'relu', 'sin', 'abs', 'softplus', 'negative'] as const
const BINARY = ['add', 'subtract', 'multiply', 'maximum'] as const

/** Draws what a line does; its numbers are drawn once for all runs. */
function drawLine(draws: Draws): Line {
  const [kind, which, other, stride, start] = [12, 3, 3, 4, 5].map((n) => draws.below(n))
  const [unary, binary] = [draws.pick(UNARY), draws.pick(BINARY)]
  const pick = ({ made }: Loop, back: number) => made[Math.max(0, made.length - 1 - (back % 2))]
  switch (kind) {
    case 0:
    case 1:
    case 2:
      // what another run has stored may be read
      return ({ b, stores, made, width }, run) => {
        const from = flat(b, stores[which % stores.length])
        const indices = windowOf(elementCount(from.shape), width, start + run * stride)
        made.push(b.take(from, { axis: 0, indices }))
      }
    case 3:
      return (loop) => loop.made.push(loop.b[unary](pick(loop, other)))
    case 4:
      return (loop) => loop.made.push(loop.b[binary](pick(loop, 0), pick(loop, 1)))
    case 5:
      // broadcast: a number against a vector
      return (loop, run) => {
        const { b, inputs, made, width } = loop
        const scale = b.reshape(b.slice(inputs.v, { axis: 0, start: run % 4, stop: (run % 4) + 1 }), {
          shape: [],
        })
        made.push(b.multiply(scale, b.add(pick(loop, other), b.slice(inputs.v, { axis: 0, stop: width }))))
      }
    case 6:
      return (loop) => {
        const { b, made, inputs, width } = loop
        const matrix = b.slice(b.slice(inputs.w, { axis: 0, stop: width }), { axis: 1, stop: width })
        made.push(other === 0 ? b.matmul(matrix, pick(loop, 0)) : b.matmul(pick(loop, 0), matrix))
      }
    case 7:
      return (loop) => {
        const { b, made, width } = loop
        const square = b.multiply(b.reshape(pick(loop, 0), { shape: [width, 1] }), pick(loop, 1))
        const axes = [other % 2]
        made.push(
          which === 0
            ? b.max(square, { axes })
            : which === 1
              ? b.mean(square, { axes })
              : b.logSumExp(square, { axes }),
        )
      }
    case 8:
      return (loop) => loop.made.push(loop.b.softmax(pick(loop, 0)))
    case 9:
    case 10:
      // over what is there, or added to it
      return (loop, run) => {
        const { b, stores, width } = loop
        const number = which % stores.length
        const into = stores[number]
        const at = windowOf(elementCount(into.shape), width, start + run * stride)
        const value = b.tanh(pick(loop, other))
        const before = b.take(flat(b, into), { axis: 0, indices: at })
        stores[number] = store(b, into, kind === 9 ? value : b.add(before, value), at)
      }
    default:
      return (loop) => {
        const { b } = loop
        const term = b.sum(pick(loop, other))
        loop.total = stride === 0 ? b.subtract(loop.total, term) : b.add(loop.total, term)
      }
  }
}

function drawProgram(seed: number): LoopProgram {
  const draws = new Draws(seed)
  const constant = (...shape: number[]): Tensor => tensor(draws.normals(elementCount(shape), 0.6), shape)
  const arrays = new Map([
    ['x', constant(3, 4)],
    ['w', constant(4, 4)],
    ['v', constant(4)],
  ])
  const isPlaced = draws.below(4) > 0
  const program = buildProgram(
    (b, inputs) => {
      const stores = [inputs.x, b.constant(tensor(new Array(6).fill(0), [2, 3])), inputs.w]
      const loop: Loop = { b, stores, made: [], width: 2 + draws.below(3), inputs, total: b.constant(0) }
      for (let number = 0, line = 1; number < 2; number++) {
        const lines = Array.from({ length: 2 + draws.below(5) }, () => drawLine(draws))
        const first = line
        for (let run = 0, runs = 1 + draws.below(9); run < runs; run++) {
          loop.made.splice(
            0,
            loop.made.length,
            flat(b, b.slice(inputs.x, { axis: 0, start: run % 3, stop: (run % 3) + 1 })),
          )
          loop.made[0] = b.slice(loop.made[0], { axis: 0, stop: loop.width })
          line = first
          for (const write of lines) {
            if (isPlaced) b.at({ file: 'loop.py', line: line++ })
            write(loop, run)
          }
          // a run does not grow what it stores
          loop.total = b.add(loop.total, b.multiply(0.1, b.sum(b.tanh(loop.made.at(-1)!))))
        }
      }
      return loop.stores.reduce((sum, node) => b.add(sum, b.sum(b.sin(node))), loop.total)
    },
    new Map([...arrays].map(([name, { shape }]) => [name, shape])),
  )
  return { seed, arrays, program }
}

/** Programs of loops at random: views, broadcast operands, stores over one another with reads between, sums, recurrences. */
export function* drawLoopPrograms(count: number, first = 1): Generator<LoopProgram> {
  for (let seed = first; seed < first + count; seed++) yield drawProgram(seed)
}
