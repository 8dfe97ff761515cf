import { describeValue } from '../describe-value.js'
import { GradcheckError } from '../errors.js'
import { findAttributeMistake } from '../operations/attribute-rules.js'
import type { Definition } from '../operations/definition.js'
import type { Operation } from '../operations/operation.js'
import { OPERATIONS } from '../operations/table.js'
import { isRecord, requireRecord } from '../requirements.js'
import { suggestName } from '../suggest.js'
import { elementCount, formatShape, requireTensor, type Tensor } from '../tensor.js'
import { COMPOSITIONS, type Composition, type Core, concatenate, einsum, stack } from './compositions.js'
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
    ? MethodOf<A, Arity>
    : D extends Composition<infer A, infer Arity>
      ? MethodOf<A, Arity>
      : never

type MethodOf<A, Arity> = Arity extends 'many'
  ? (operands: readonly NodeLike[], attributes?: A) => Node
  : Arity extends 1
    ? (a: NodeLike, attributes?: A) => Node
    : Arity extends 2
      ? (a: NodeLike, b: NodeLike, attributes?: A) => Node
      : (a: NodeLike, b: NodeLike, c: NodeLike, attributes?: A) => Node

/** A method for every operation of the table. */
export type OperationMethods = {
  readonly [Name in keyof typeof OPERATIONS]: Method<(typeof OPERATIONS)[Name]>
}

/** A method for everything that is made of several operations. */
export type CompositionMethods = {
  readonly [Name in keyof typeof COMPOSITIONS]: Method<(typeof COMPOSITIONS)[Name]>
}

/** What a program is built with: a method for every operation, and names for values. */
export interface Builder extends OperationMethods, CompositionMethods {
  /** One behind the other along an axis, the first where none is given. */
  concatenate(nodes: readonly NodeLike[], attributes?: { readonly axis?: number }): Node
  /** Along a new axis, the first where none is given. */
  stack(nodes: readonly NodeLike[], attributes?: { readonly axis?: number }): Node
  /** Einstein's summation, as numpy.einsum: `b.einsum('nij,njk->nik', x, y)`. */
  einsum(subscripts: string, ...nodes: readonly NodeLike[]): Node
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
   * @param upstream as `build` takes it
   * @throws GradcheckError `bad-program` as a check does
   */
  print(arrays: Readonly<Record<string, Tensor>>, upstream?: Tensor): string
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
      print: (arrays, upstream) =>
        printProgram(
          buildProgram(
            build,
            new Map(Object.entries(arrays).map(([name, { shape }]) => [name, shape])),
            upstream,
          ),
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
  const { list, builder, output } = listValues(build, shapes)
  if (!list.has(output) && typeof output !== 'number') {
    throw new GradcheckError('bad-program', `the program's function returned ${describeValue(output)}`, {
      fix: 'return the loss, a value of the program: (b, { W, X }) => b.sum(b.matmul(X, W))',
    })
  }
  if (upstream === undefined) return list.finish(output)
  const { shape } = list.toNode(output)
  if (formatShape(upstream.shape) !== formatShape(shape)) {
    throw new GradcheckError(
      'bad-shape',
      `upstream has shape ${formatShape(upstream.shape)}, but the program's output has ${formatShape(shape)}`,
      { fix: 'give the gradient of the loss by the output, in the output’s own shape' },
    )
  }
  return list.finish(builder.sum(builder.multiply(output, upstream)))
}

/**
 * Lists operations that end in any array.
 * @throws GradcheckError `bad-program`
 */
export function listOperations(
  build: (builder: Builder, arrays: Readonly<Record<string, Node>>) => NodeLike,
  shapes: ReadonlyMap<string, Shape>,
): Program {
  const { list, output } = listValues(build, shapes)
  return list.end(output)
}

/** A program that is being built, with the values that it has so far. */
export interface ProgramRecorder {
  readonly builder: Builder
  readonly arrays: Readonly<Record<string, Node>>
  readonly values: readonly Value[]
  /** The program that ends in a value of one element. */
  finish(output: Node): Program
  /** Takes back all values but the first ones. */
  forget(count: number): void
  /** Whether a value was not taken back. */
  holds(node: Node): boolean
}

/** Begins a program that is built step by step. */
export function recordProgram(shapes: ReadonlyMap<string, Shape>): ProgramRecorder {
  const list = new ValueList()
  const arrays: Record<string, Node> = Object.create(null)
  for (const [name, shape] of shapes) arrays[name] = list.addInput(name, shape)
  return {
    builder: createBuilder(list),
    arrays,
    values: list.values,
    finish: (output) => list.finish(output),
    forget: (count) => list.forget(count),
    holds: (node) => list.has(node),
  }
}

function listValues<Output>(
  build: (builder: Builder, arrays: Readonly<Record<string, Node>>) => Output,
  shapes: ReadonlyMap<string, Shape>,
): { list: ValueList; builder: Builder; output: Output } {
  const list = new ValueList()
  const arrays: Record<string, Node> = Object.create(null)
  for (const [name, shape] of shapes) arrays[name] = list.addInput(name, shape)
  const builder = createBuilder(list)
  return { list, builder, output: build(builder, named(arrays, shapes)) }
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
    const method = (...given: readonly unknown[]) => {
      const { operands, attributes } = list.readCall(name, definition, given)
      return list.add(definition.make(name, attributes), operands)
    }
    return [name, method] as const
  })
  const operations = Object.fromEntries(methods) as OperationMethods
  const core: Core = {
    ...operations,
    constant: (value) => list.toNode(value),
    node: (given) => list.toNode(given),
  }
  const compositions = Object.entries(COMPOSITIONS).map(([name, entry]) => {
    const composition = entry as Composition<object>
    const method = (...given: readonly unknown[]) =>
      list.within(name, () => {
        const { operands, attributes } = list.readCall(name, composition, given)
        const nodes = operands.map((operand) => list.toNode(operand))
        return composition.build(core, nodes, attributes)
      })
    return [name, method] as const
  })
  const readList = (name: string, nodes: unknown, attributes: unknown = {}) => {
    if (!Array.isArray(nodes) || nodes.length === 0) {
      throw list.misuse(name, `takes a list of values, not ${describeValue(nodes)}`)
    }
    const mistake = isRecord(attributes)
      ? findAttributeMistake({ axis: { rule: 'a whole number' } }, attributes)
      : `its attributes are ${describeValue(attributes)}`
    if (mistake !== undefined) throw list.misuse(name, mistake)
    return { nodes: nodes.map((node) => list.toNode(node)), ...(attributes as { axis?: number }) }
  }
  const builder: Builder = {
    ...operations,
    ...(Object.fromEntries(compositions) as CompositionMethods),
    concatenate: (given, attributes) =>
      list.within('concatenate', () => {
        const { nodes, axis } = readList('concatenate', given, attributes)
        return concatenate(core, nodes, axis)
      }),
    stack: (given, attributes) =>
      list.within('stack', () => {
        const { nodes, axis } = readList('stack', given, attributes)
        return stack(core, nodes, axis)
      }),
    einsum: (subscripts, ...given) =>
      list.within('einsum', () => {
        if (typeof subscripts !== 'string') {
          throw list.misuse('einsum', `takes 'ij,jk->ik' first, not ${describeValue(subscripts)}`)
        }
        return einsum(core, subscripts, readList('einsum', given).nodes)
      }),
    named: (name, node) => list.rename(name, node),
    constant: (value) => list.toNode(value),
    at: (source) => list.moveTo(source),
  }
  const names = Object.keys(builder).filter((name) => !NO_OPERATIONS.includes(name))
  return new Proxy(builder, {
    get(target, name) {
      if (typeof name === 'symbol' || name in target) return Reflect.get(target, name)
      throw new GradcheckError('unknown-name', `there is no operation ${name}${suggestName(name, names)}`, {
        fix: `the operations are ${names.join(', ')}`,
      })
    },
  })
}

/** Methods of a builder that are no operations. */
const NO_OPERATIONS = ['named', 'constant', 'at']

/** The values of a program while they are listed. */
class ValueList {
  readonly #values: Value[] = []
  /** What values were before they were given names, by their places. */
  readonly #unnamed = new Map<number, object[]>()
  #source: Source = {}
  /** What is made of several operations at the moment: mistakes are told of it. */
  #composed: string | undefined

  get values(): readonly Value[] {
    return this.#values
  }

  /** Whether something is a value of this program. */
  has(given: unknown): given is Node {
    if (!isRecord(given)) return false
    const id = given.id as number
    const own: unknown = this.#values[id]
    return own === given || this.#unnamed.get(id)?.includes(given) === true
  }

  /** The operands of a call and what comes behind them. */
  readCall(
    name: string,
    { arity, attributes: rules = {} }: Pick<Definition<object>, 'arity' | 'attributes'>,
    called: readonly unknown[],
  ): { operands: NodeLike[]; attributes: object } {
    const isMany = arity === 'many'
    if (isMany && !Array.isArray(called[0])) {
      throw this.misuse(name, `takes a list of values, not ${describeValue(called[0])}`)
    }
    const given: readonly unknown[] = isMany
      ? [...(called[0] as readonly unknown[]), ...called.slice(1)]
      : called
    const isOperand = (value: unknown) =>
      typeof value === 'number' || this.has(value) || (isRecord(value) && 'data' in value)
    const count = given.findIndex((value) => !isOperand(value))
    const operands = count === -1 ? given : given.slice(0, count)
    const [attributes = {}, ...others] = given.slice(operands.length)
    const says = `takes ${arity === 1 ? '1 operand' : `${arity} operands`}`
    const mistake =
      !isRecord(attributes) || others.length > 0 || (!isMany && operands.length < arity && 'id' in attributes)
        ? `an operation takes values of its program, numbers or tensors, not ${describeValue(given[operands.length])}`
        : !isMany && operands.length !== arity
          ? `${says}, not ${operands.length}`
          : findAttributeMistake(rules, attributes)
    if (mistake !== undefined) throw this.misuse(name, mistake)
    return { operands: operands as NodeLike[], attributes: attributes as object }
  }

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
    // a constant of the program has numbers, too
    if (this.has(given)) return this.#values[given.id]
    if (given !== null && typeof given === 'object' && 'data' in given) {
      const { shape, data } = requireTensor('a constant', given)
      return this.#addConstant(shape, data)
    }
    throw new GradcheckError(
      'bad-program',
      `an operation takes values of its program, numbers or tensors, not ${describeValue(given)}`,
    )
  }

  rename(name: string, node: Node): Node {
    if (typeof name !== 'string' || !this.has(node)) {
      const what = typeof name !== 'string' ? `the name ${describeValue(name)}` : describeValue(node)
      throw new GradcheckError('bad-program', `named gives a name to a value of its program, not ${what}`, {
        fix: "write b.named('hidden', b.tanh(x))",
      })
    }
    const { id } = node
    const value = this.#values[id]
    this.#values[id] = { ...value, source: { ...value.source, name } }
    this.#unnamed.set(id, [...(this.#unnamed.get(id) ?? []), value])
    return this.#values[id]
  }

  moveTo(source: Source): Source {
    requireRecord('the source', source, "give { file: 'model.py', line: 12 }, or what is known of it")
    const before = this.#source
    this.#source = source
    return before
  }

  /** Takes back all values but the first ones. */
  forget(count: number): void {
    this.#values.length = Math.min(this.#values.length, count)
    for (const id of this.#unnamed.keys()) if (id >= count) this.#unnamed.delete(id)
  }

  /** The program that ends in a value, whatever its shape. */
  end(output: NodeLike): Program {
    return { values: this.#values, output: this.toNode(output).id }
  }

  finish(loss: Node): Program {
    const { shape } = this.toNode(loss)
    if (elementCount(shape) !== 1) {
      throw new GradcheckError(
        'bad-program',
        `the program ends in an array of shape ${formatShape(shape)}, not in one number`,
        {
          fix: 'sum it up, or give an upstream gradient of that shape',
        },
      )
    }
    return this.end(loss)
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
      throw this.misuse(operation.name, error.message)
    }
  }

  /** What is made of several operations, with its own name where it cannot be made. */
  within(name: string, build: () => Node): Node {
    const outer = this.#composed
    this.#composed = outer ?? name
    try {
      return build()
    } catch (error) {
      throw error instanceof ShapeMismatch ? this.misuse(name, error.message) : error
    } finally {
      this.#composed = outer
    }
  }

  misuse(operation: string, mistake: string): GradcheckError {
    const where = describeSource(this.#source)
    const name = this.#composed ?? operation
    return new GradcheckError('bad-program', `${where === '' ? '' : `${where}: `}${name}: ${mistake}`)
  }
}
