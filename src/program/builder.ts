import { GradcheckError } from '../errors.js'
import type { Definition } from '../operations/definition.js'
import type { Operation } from '../operations/operation.js'
import { OPERATIONS } from '../operations/table.js'
import { elementCount, formatShape, type Tensor } from '../tensor.js'
import { describeSource, printProgram } from './print.js'
import type { Program, Source, Value } from './program.js'
import { type Shape, ShapeMismatch } from './shapes.js'

/** A value of a program that is being built. */
export interface Node {
  readonly id: number
  readonly shape: Shape
}

/** What an operation takes: a value of the program, a number, or an array of numbers that stands in the program. */
export type NodeLike = Node | number | Tensor

type Method<D> =
  D extends Definition<infer A, infer Arity>
    ? Arity extends 1
      ? (a: NodeLike, attributes?: A) => Node
      : Arity extends 2
        ? (a: NodeLike, b: NodeLike, attributes?: A) => Node
        : (a: NodeLike, b: NodeLike, c: NodeLike, attributes?: A) => Node
    : never

/** A method for every operation of the table. */
export type OperationMethods = {
  readonly [Name in keyof typeof OPERATIONS]: Method<(typeof OPERATIONS)[Name]>
}

/** What a program is built with: a method for every operation, and names for values. */
export interface Builder extends OperationMethods {
  /** Gives a value the name that findings and notices call it by; gives it back. */
  named(name: string, node: Node): Node
  /** Numbers that stand in the program. */
  constant(value: number | Tensor): Node
  /** Says where what is built from here on is written; gives back what was said before. */
  at(source: Source): Source
}

/** A program as a function of its arrays: its operations are listed once their shapes are known. */
export interface ProgramDefinition {
  readonly kind: 'program'
  /** @param upstream what the output is multiplied by and summed, where it is no single number */
  build(shapes: ReadonlyMap<string, Shape>, upstream?: Tensor): Program
  /**
   * Its operations as text, a line a value.
   * @param arrays by name: their shapes decide
   * @throws GradcheckError `bad-program` as a check does
   */
  print(arrays: Readonly<Record<string, Tensor>>): string
}

export const program = {
  /**
   * Describes a loss by the operations that make it of named arrays, such as
   * `program.from((b, { W, X, Y }) => b.mean(b.square(b.subtract(b.matmul(X, W), Y))))`.
   * @param build gets a builder and the arrays by name, and gives the loss: a value of one element
   */
  from(build: (builder: Builder, arrays: Readonly<Record<string, Node>>) => Node): ProgramDefinition {
    return {
      kind: 'program',
      build: (shapes, upstream) => buildProgram(build, shapes, upstream),
      print: (arrays) =>
        printProgram(
          buildProgram(build, new Map(Object.entries(arrays).map(([name, { shape }]) => [name, shape]))),
        ),
    }
  },
}

/**
 * Lists a program's operations.
 * @param shapes of the arrays, in the order in which they are to stand
 * @throws GradcheckError `bad-program` with the operation that does not fit, and where it stands
 */
export function buildProgram(
  build: (builder: Builder, arrays: Readonly<Record<string, Node>>) => Node,
  shapes: ReadonlyMap<string, Shape>,
  upstream?: Tensor,
): Program {
  const list = new ValueList()
  const arrays: Record<string, Node> = Object.create(null)
  for (const [name, shape] of shapes) arrays[name] = list.addInput(name, shape)
  const builder = createBuilder(list)
  const output = build(builder, named(arrays, shapes))
  if (upstream === undefined) return list.finish(output)
  if (formatShape(upstream.shape) !== formatShape(list.toNode(output).shape)) {
    throw new GradcheckError(
      'bad-shape',
      `upstream has shape ${formatShape(upstream.shape)}, but the program's output has ${formatShape(output.shape)}`,
      { fix: 'give the gradient of the loss by the output, in the output’s own shape' },
    )
  }
  return list.finish(builder.sum(builder.multiply(output, upstream)))
}

/** The arrays, with an error for a name that is not among them. */
function named(
  arrays: Record<string, Node>,
  shapes: ReadonlyMap<string, Shape>,
): Readonly<Record<string, Node>> {
  return new Proxy(arrays, {
    get(target, name) {
      if (typeof name === 'symbol' || name in target) return target[name as string]
      throw new GradcheckError('missing-array', `the program reads ${name}, and there is no such array`, {
        fix: `its arrays are ${[...shapes.keys()].join(', ')}`,
      })
    },
  })
}

function createBuilder(list: ValueList): Builder {
  const methods = Object.entries(OPERATIONS).map(([name, entry]) => {
    const definition = entry as Definition<object>
    const method = (...given: readonly (NodeLike | object | undefined)[]) => {
      const operands = given.slice(0, definition.arity) as NodeLike[]
      const attributes = (given[definition.arity] ?? {}) as object
      return list.add(definition.make(name, attributes), operands)
    }
    return [name, method] as const
  })
  return {
    ...(Object.fromEntries(methods) as OperationMethods),
    named: (name, node) => list.rename(name, node),
    constant: (value) => list.toNode(value),
    at: (source) => list.moveTo(source),
  }
}

/** The values of a program while they are listed. */
class ValueList {
  readonly #values: Value[] = []
  #source: Source = {}

  addInput(name: string, shape: Shape): Node {
    return this.#push({ kind: 'input', id: this.#values.length, name, shape, source: { name } })
  }

  add(operation: Operation, given: readonly NodeLike[]): Node {
    const operands = given.map((operand) => this.toNode(operand))
    const shapes = operands.map((operand) => operand.shape)
    const shape = this.#fit(operation, shapes)
    const ids = operands.map((operand) => operand.id)
    return this.#push({
      kind: 'computed',
      id: this.#values.length,
      operation,
      operands: ids,
      shape,
      source: this.#source,
    })
  }

  toNode(given: NodeLike): Node {
    if (typeof given === 'number') return this.#addConstant([], Float64Array.of(given))
    if (given !== null && typeof given === 'object' && 'data' in given)
      return this.#addConstant(given.shape, given.data)
    const value = given === null || typeof given !== 'object' ? undefined : this.#values[given.id]
    if (value !== undefined) return value
    throw new GradcheckError(
      'bad-program',
      `an operation takes values of its program, numbers or tensors, not ${given}`,
    )
  }

  rename(name: string, { id }: Node): Node {
    const value = this.#values[id]
    this.#values[id] = { ...value, source: { ...value.source, name } }
    return this.#values[id]
  }

  moveTo(source: Source): Source {
    const before = this.#source
    this.#source = source
    return before
  }

  finish(loss: Node): Program {
    const { id, shape } = this.toNode(loss)
    if (elementCount(shape) !== 1) {
      throw new GradcheckError(
        'bad-program',
        `the program ends in an array of shape ${formatShape(shape)}, not in one number`,
        {
          fix: 'sum it up, or give an upstream gradient of that shape',
        },
      )
    }
    return { values: this.#values, output: id }
  }

  #addConstant(shape: Shape, data: Float64Array): Node {
    return this.#push({ kind: 'constant', id: this.#values.length, shape, data, source: this.#source })
  }

  #push(value: Value): Node {
    this.#values.push(value)
    return value
  }

  #fit(operation: Operation, shapes: readonly Shape[]): Shape {
    try {
      return operation.shape(shapes)
    } catch (error) {
      if (!(error instanceof ShapeMismatch)) throw error
      const where = describeSource(this.#source)
      throw new GradcheckError(
        'bad-program',
        `${where === '' ? '' : `${where}: `}${operation.name}: ${error.message}`,
      )
    }
  }
}
