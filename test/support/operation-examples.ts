import type { Definition, Domain, Example } from '../../src/operations/definition.js'
import type { Operation } from '../../src/operations/operation.js'
import { OPERATIONS } from '../../src/operations/table.js'
import { buildProgram } from '../../src/program/builder.js'
import { type BoundProgram, bindProgram } from '../../src/program/evaluate.js'
import type { Shape } from '../../src/program/shapes.js'
import { elementCount, tensor } from '../../src/tensor.js'
import { Draws } from './random-network.js'

/** An instance of an operation at a point. */
export interface OperationCase {
  readonly name: string
  readonly operation: Operation
  /** Σ of the result times numbers at random, of inputs x0, x1 and x2. */
  readonly bound: BoundProgram
}

/** Shapes that are broadcast together, whichever of them is repeated. */
const BROADCAST: readonly (readonly Shape[])[] = [
  [[3, 4], [4], [3, 1]],
  [[4], [3, 4], []],
  [[], [3, 1], [3, 4]],
]
const USUAL: Domain = [-3, 3]

/** Every example of every operation of the table. */
export function listOperationCases(): OperationCase[] {
  const draws = new Draws(11)
  return Object.entries(OPERATIONS).flatMap(([name, entry]) => {
    const { arity, examples = [{}], make } = entry as Definition
    const instances = (examples as readonly Example[]).flatMap((example) =>
      (example.shapes === undefined ? BROADCAST : [example.shapes])
        .slice(0, arity === 1 ? 1 : undefined)
        .map((shapes) => ({ ...example, operands: arity === 'many' ? shapes : shapes.slice(0, arity) })),
    )
    return instances.map(({ attributes = {}, operands, domains }) => {
      const operation = make(name, attributes)
      const arrays = new Map(
        operands.map((shape, k) => {
          const [lowest, highest] = domains?.[k] ?? USUAL
          const numbers = Array.from(
            { length: elementCount(shape) },
            () => lowest + (highest - lowest) * draws.uniform(),
          )
          return [`x${k}`, tensor(numbers, shape)] as const
        }),
      )
      const result = operation.shape(operands)
      const upstream = tensor(draws.normals(elementCount(result), 1), result)
      const program = buildProgram(
        (b, given) => {
          const method = b[name as keyof typeof OPERATIONS] as (...operands: readonly unknown[]) => never
          const nodes = operands.map((_, k) => given[`x${k}`])
          return arity === 'many' ? method(nodes, attributes) : method(...nodes, attributes)
        },
        new Map([...arrays].map(([of, { shape }]) => [of, shape])),
        upstream,
      )
      const said = Object.keys(attributes).length === 0 ? '' : ` ${JSON.stringify(attributes)}`
      const ofShapes = ` of ${operands.map((shape) => `(${shape.join(', ')})`).join(' and ')}`
      return { name: `${name}${said}${ofShapes}`, operation, bound: bindProgram(program, arrays) }
    })
  })
}
