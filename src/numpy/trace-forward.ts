import type { ForwardReport } from '../check/report.js'
import { GradcheckError } from '../errors.js'
import type { Builder, Node, ProgramDefinition } from '../program/builder.js'
import { recordProgram } from '../program/builder.js'
import { compactLoops } from '../program/compact.js'
import { type BoundProgram, evaluateValue } from '../program/evaluate.js'
import { printProgram } from '../program/print.js'
import { ancestorsOf, type Program } from '../program/program.js'
import { requireRecord } from '../requirements.js'
import { suggestName } from '../suggest.js'
import { elementCount, formatShape, type NamedTensors, type Tensor } from '../tensor.js'
import { listMethods, memberOfArray } from './array-methods.js'
import { arrayOf, GuessedArray, NdArray, nodeOf, type Tracer } from './arrays.js'
import type { Expression, Statement } from './ast.js'
import { Interpreter, type Surroundings } from './interpreter.js'
import { listNatives } from './natives.js'
import { loadPythonParser } from './parse-python.js'
import { placeIn, readNotebook, type SourceFile } from './source-file.js'
import { formatValue } from './text.js'
import {
  Native,
  type Place,
  PyClass,
  PyDict,
  PyFunction,
  PyList,
  PyTuple,
  type Scope,
  Unknown,
  type Value,
} from './values.js'

/** A forward pass in Python, and the arrays that it is traced with. */
export interface ForwardSource {
  /** The text of each file by its name: the first has the forward pass, what it imports may be among the others. */
  readonly sources: Readonly<Record<string, string>>
  /** `NAME` of a function, or `CLASS.METHOD`; the only one that can be called with the arrays where it is left out. */
  readonly entry?: string
  /** Parameters, their gradients and data, by name. */
  readonly arrays: NamedTensors
  /** Arrays for arguments, attributes or globals that are called something else in the file. */
  readonly bind?: Readonly<Record<string, string>>
  /** Python literals for arguments. */
  readonly set?: Readonly<Record<string, string>>
  /** The loss as a Python expression, in the place of a function. */
  readonly loss?: string
  /** The array that an output that is no number is multiplied by and summed. @default dout */
  readonly upstream?: string
}

/** A forward pass as a program. */
export interface TracedForward {
  readonly program: ProgramDefinition
  /** Everything that the program reads, by name, and what of it has a gradient. */
  readonly parameters: NamedTensors
  readonly gradients: NamedTensors
  /** What the gradients are called among the arrays, by their parameters. */
  readonly gradientNames: ReadonlyMap<string, string>
  /** The saved loss, if the arrays have one. */
  readonly cost: number | undefined
  readonly forward: ForwardReport
}

/** Names under which a gradient may stand beside its array, in the order in which they are tried. */
const GRADIENT_NAMES: readonly ((name: string) => string)[] = [
  (name) => `d${name}`,
  (name) => `grad.${name}`,
  (name) => `grads.${name}`,
  (name) => `${name}_grad`,
  (name) => `${name}.grad`,
  (name) => `grad_${name}`,
  (name) => `grads[${name}]`,
  (name) => `dJd${name}`,
  (name) => `dL_d${name}`,
  (name) => `dLd${name}`,
  (name) => `d_${name}`,
  (name) => `nabla_${name}`,
]
/** Names of a dictionary of all parameters. */
const DICTIONARIES = new Set(['parameters', 'params', 'param', 'weights', 'model', 'theta', 'p'])
const COSTS = ['loss', 'cost', 'J']
/** Functions that are known by their bare names where no file defines them. */
const HELPERS: Readonly<Record<string, (b: Builder, x: Node) => Node>> = {
  sigmoid: (b, x) => b.sigmoid(x),
  relu: (b, x) => b.relu(x),
  tanh: (b, x) => b.tanh(x),
  leaky_relu: (b, x) => b.leakyRelu(x),
  identity: (b, x) => b.multiply(x, 1),
}
/** Numbers and operations of a forward pass beyond which it is not followed. */
const MOST_NUMBERS = 5e7
const MOST_OPERATIONS = 3e5
/** A source beyond this is not read. */
const MOST_CHARACTERS = 2e6

/**
 * Reads a forward pass in Python and lists what it does to the arrays as a program. Nothing of it is run as Python: the code
 * is followed at the given point by an interpreter of its own.
 * @throws GradcheckError `bad-forward` with the place, for what is not understood
 */
export async function traceForward(source: ForwardSource): Promise<TracedForward> {
  requireRecord('the forward pass', source, 'give sources, entry and arrays')
  requireRecord('sources', source.sources, "give { 'model.py': text }")
  const parser = await loadPythonParser()
  const files = Object.entries(source.sources).map(([name, text]): SourceFile => {
    if (text.length > MOST_CHARACTERS) {
      throw new GradcheckError(
        'bad-forward',
        `${name} is ${text.length} characters long, more than ${MOST_CHARACTERS}`,
      )
    }
    const plain = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
    const read = name.endsWith('.ipynb') ? readNotebook(name, plain) : { text: plain }
    return { name, ...read, statements: parser.parse(read.text) }
  })
  const parse = (text: string, name: string): SourceFile => ({ name, text, statements: parser.parse(text) })
  try {
    return new Forward(source, files, parse).trace()
  } catch (error) {
    // stacks and lengths beyond JavaScript's own
    if (!(error instanceof RangeError)) throw error
    throw new GradcheckError('bad-forward', `what ${files[0]?.name} makes is too large, or nests too deep`, {
      fix: 'check it on a smaller case',
      cause: error,
    })
  }
}

/** Parameters and their gradients among arrays, as their names say. */
function pairGradients(arrays: NamedTensors): Map<string, string> {
  for (const nameOf of GRADIENT_NAMES) {
    const pairs = new Map<string, string>()
    for (const [name, { shape }] of arrays) {
      const gradient = arrays.get(nameOf(name))
      if (gradient !== undefined && formatShape(gradient.shape) === formatShape(shape))
        pairs.set(name, nameOf(name))
    }
    if (pairs.size > 0) return pairs
  }
  return new Map()
}

class Forward {
  readonly #source: ForwardSource
  readonly #files: readonly SourceFile[]
  readonly #parse: (text: string, name: string) => SourceFile
  readonly #gradients: ReadonlyMap<string, string>
  /** Gradients are no data. */
  readonly #data: NamedTensors
  readonly #notices = new Set<string>()
  readonly #bound = new Map<string, string>()
  readonly #arrays = new Map<string, NdArray>()
  /** Arrays that the code has asked for. */
  readonly #read = new Set<string>()
  readonly #tracer: Tracer
  readonly #interpreter: Interpreter
  readonly #finish: (output: Node) => Program
  readonly #inputs: Readonly<Record<string, Node>>

  constructor(
    source: ForwardSource,
    files: readonly SourceFile[],
    parse: (text: string, name: string) => SourceFile,
  ) {
    this.#source = source
    this.#files = files
    this.#parse = parse
    this.#gradients = pairGradients(source.arrays)
    const gradients = new Set(this.#gradients.values())
    const data = new Map([...source.arrays].filter(([name]) => !gradients.has(name) && !COSTS.includes(name)))
    this.#data = data
    const recorder = recordProgram(new Map([...data].map(([name, { shape }]) => [name, shape])))
    this.#finish = (output) => recorder.finish(output)
    this.#inputs = recorder.arrays
    this.#tracer = createTracer(recorder, data, this.#gradients)
    const isTorch = () => files.some(({ text }) => /^\s*(import|from)\s+torch\b/m.test(text))
    const natives = listNatives(() => this.#interpreter, this.#tracer)
    for (const [name, method] of listMethods(() => this.#interpreter, this.#tracer, isTorch))
      natives.set(name, method)
    const surroundings: Surroundings = {
      tracer: this.#tracer,
      natives,
      memberOf: (array, name) => memberOfArray(array, name, natives, isTorch),
      fileOf: (module) => this.#fileOf(module),
      arrayNamed: (name) => this.#arrayNamed(name),
      dictionaryNamed: (name) => (DICTIONARIES.has(name) ? this.#dictionary(new Set()) : undefined),
      helperNamed: (name, place) => this.#helper(name, place),
      notice: (text) => this.#notices.add(text),
    }
    this.#interpreter = new Interpreter(surroundings)
  }

  trace(): TracedForward {
    const [file] = this.#files
    if (file === undefined)
      throw new GradcheckError('bad-usage', 'there is no source', { fix: "give { 'model.py': text }" })
    const { loss } = this.#source
    const result = loss === undefined ? this.#callEntry(file) : this.#evaluate(loss, file)
    const output = this.#readLoss(result, { file, at: 0 })
    const listed = this.#finish(output)
    const { cost, parameters, gradients } = this.#select(listed)
    return {
      program: {
        kind: 'program',
        build: () => listed,
        print: () => printProgram(compactLoops(listed)),
      },
      parameters,
      gradients,
      gradientNames: this.#gradients,
      cost,
      forward: {
        file: file.name,
        entry: loss ?? this.#source.entry ?? '',
        bound: [...this.#bound].map(([argument, array]) => ({ argument, array })),
        operations: countNeeded(listed),
        notices: [...this.#notices],
      },
    }
  }

  /** What of the arrays the program reads. */
  #select(listed: Program): Pick<TracedForward, 'cost' | 'parameters' | 'gradients'> {
    const needed = neededInputs(listed)
    const gradients = new Map<string, Tensor>()
    for (const [name, gradient] of this.#gradients) {
      if (needed.has(name)) gradients.set(name, this.#source.arrays.get(gradient)!)
      else
        this.#notices.add(
          `${name} has a gradient, ${gradient}, but the loss does not read it: it is left out`,
        )
    }
    if (gradients.size === 0) {
      throw new GradcheckError('missing-array', 'no array that the loss reads has a gradient beside it', {
        fix: 'save the gradient of W1 as dW1, grads.W1, W1_grad or grad_W1, in its shape',
      })
    }
    const unread = [...this.#data.keys()].filter((name) => !needed.has(name) && !this.#read.has(name))
    if (unread.length > 0) this.#notices.add(`nothing reads ${unread.join(', ')}`)
    const costs = COSTS.flatMap((name) => this.#source.arrays.get(name) ?? [])
    const [saved] = costs.filter(({ data }) => data.length === 1)
    return { cost: saved?.data[0], parameters: this.#data, gradients }
  }

  // ---- what is called

  #callEntry(file: SourceFile): Value {
    const { entry } = this.#source
    const scope = this.#interpreter.scopeOf(file)
    if (entry === undefined) return this.#callOnly(file, scope)
    const [name, method] = entry.split('.')
    const found = this.#interpreter.lookUpIn(scope, name)
    if (method === undefined && found instanceof PyFunction) return this.#callFunction(found)
    if (method !== undefined && found instanceof PyClass) return this.#callMethod(found, method, file)
    const names = definitionsOf(file.statements)
    throw new GradcheckError(
      'bad-forward',
      `${file.name}: there is no function ${entry}${suggestName(entry, names)}`,
      {
        fix: `it has ${names.slice(0, 12).join(', ')}`,
      },
    )
  }

  #callOnly(file: SourceFile, scope: Scope): Value {
    const candidates = file.statements.flatMap((statement) => {
      if (statement.kind !== 'function') return []
      const found = this.#interpreter.lookUpIn(scope, statement.name)
      const isBound =
        found instanceof PyFunction &&
        found.parameters.every(
          ({ name, kind, usual }) =>
            kind !== 'plain' || usual !== undefined || this.#argument(name, new Set()) !== undefined,
        )
      return isBound ? [found] : []
    })
    if (candidates.length === 1) {
      this.#bound.clear()
      return this.#callFunction(candidates[0])
    }
    throw new GradcheckError(
      'bad-forward',
      candidates.length === 0
        ? `${file.name}: no function can be called with the arrays`
        : `${file.name}: ${candidates.map(({ name }) => name).join(', ')} can all be called with the arrays`,
      { fix: `say which: ${file.name}:NAME` },
    )
  }

  #callFunction(called: PyFunction): Value {
    const place = { file: called.scope.file, at: called.at }
    const own = new Set(called.parameters.map(({ name }) => name))
    const named = new Map<string, Value>()
    for (const { name, kind, usual } of called.parameters) {
      if (
        kind === 'rest' ||
        kind === 'names' ||
        (called.self !== undefined && name === called.parameters[0].name)
      )
        continue
      const value = this.#argument(name, own)
      if (value !== undefined) named.set(name, value)
      else if (usual === undefined) {
        throw this.#interpreter.error(
          place,
          `${called.name}() needs ${name}; there are ${[...this.#data.keys()].slice(0, 12).join(', ')}`,
          'save it under that name, or bind the argument to another array',
        )
      }
    }
    return this.#interpreter.callFunction(called, { plain: [], named }, place)
  }

  #callMethod(of: PyClass, name: string, file: SourceFile): Value {
    const found = of.find(name)
    if (!(found?.value instanceof PyFunction)) {
      const names = [...of.members].flatMap(([member, value]) =>
        value instanceof PyFunction ? [member] : [],
      )
      throw new GradcheckError(
        'bad-forward',
        `${file.name}: ${of.definition.name} has no method ${name}${suggestName(name, names)}`,
      )
    }
    if (found.owner.statics.has(name)) return this.#callFunction(found.value)
    const start = of.find('__init__')?.value
    const named = new Map<string, Value>()
    for (const { name: parameter } of start instanceof PyFunction ? start.parameters.slice(1) : []) {
      const value = this.#argument(parameter, new Set())
      if (value !== undefined) named.set(parameter, value)
    }
    const self = this.#interpreter.makeSelf(of, { plain: [], named }, { file, at: of.definition.at })
    return this.#callFunction(found.value.bind(self))
  }

  /** The expression of a loss, in the names of the file and of the arrays. */
  #evaluate(text: string, file: SourceFile): Value {
    const written = this.#parse(text, 'the loss')
    const [statement] = written.statements
    if (statement?.kind !== 'expression') {
      throw new GradcheckError('bad-forward', `"${text}" is no expression`, {
        fix: 'such as "compute_cost(forward(X, parameters)[0], Y)"',
      })
    }
    return this.#interpreter.evaluate(statement.value, this.#argumentScope(statement.value, file, written))
  }

  /** Arrays and dictionaries under the names that an expression reads. */
  #argumentScope(expression: Expression, file: SourceFile, written: SourceFile): Scope {
    void written
    const names = new Map<string, Value>()
    for (const name of namesRead(expression)) {
      const value = this.#argument(name, new Set())
      const isDefined = definitionsOf(file.statements).includes(name)
      if (value !== undefined && !isDefined) names.set(name, value)
    }
    const outer = this.#interpreter.scopeOf(file)
    return { names, outer, file, globals: new Set(), owner: undefined, self: undefined }
  }

  // ---- arguments

  /**
   * What an argument gets: a literal, an array, or all parameters.
   * @param beside other arguments, whose arrays are none of a dictionary's
   */
  #argument(name: string, beside: ReadonlySet<string>): Value | undefined {
    const { set = {}, bind = {} } = this.#source
    if (Object.hasOwn(set, name)) {
      this.#bound.set(name, set[name])
      return this.#literal(name, set[name])
    }
    const array = Object.hasOwn(bind, name) ? bind[name] : name
    if (Object.hasOwn(bind, name) && !this.#data.has(array)) {
      throw new GradcheckError(
        'missing-array',
        `there is no array ${array}${suggestName(array, [...this.#data.keys()])}`,
      )
    }
    const own = this.#arrayNamed(array)
    if (own !== undefined) {
      this.#bound.set(name, array)
      return own
    }
    if (DICTIONARIES.has(name)) {
      const dictionary = this.#dictionary(beside)
      this.#bound.set(name, `{${[...dictionary.entries.values()].map(({ key }) => String(key)).join(', ')}}`)
      return dictionary
    }
    return undefined
  }

  #literal(name: string, text: string): Value {
    const [statement] = this.#parse(text, name).statements
    const [file] = this.#files
    if (statement?.kind !== 'expression' || file === undefined) {
      throw new GradcheckError('bad-usage', `${name}=${text} is no literal of Python`)
    }
    return this.#interpreter.evaluate(statement.value, this.#interpreter.scopeOf(file))
  }

  /** Exactly the parameters, in natural order, but for those that are arguments of their own. */
  #dictionary(beside: ReadonlySet<string>): PyDict {
    const made = new PyDict()
    const names = [...this.#gradients.keys()].filter((name) => !beside.has(name))
    for (const name of names.sort(compareNaturally)) made.set(name, this.#arrayNamed(name) ?? null)
    return made
  }

  /** An array of the file, or the number that it is. */
  #arrayNamed(name: string): Value | undefined {
    const known = this.#arrays.get(name)
    if (known !== undefined) return known
    const tensor = this.#data.get(name)
    if (tensor === undefined) return this.#listNamed(name)
    this.#read.add(name)
    if (tensor.shape.length === 0 && !this.#gradients.has(name)) {
      return Number.isInteger(tensor.data[0]) ? BigInt(tensor.data[0]) : tensor.data[0]
    }
    // whole numbers among them may be indices all the same
    const array = arrayOf(this.#tracer, this.#inputs[name], 'f')
    this.#arrays.set(name, array)
    return array
  }

  /** Arrays that are items of one list: weights[0], weights.0, weights_0. */
  #listNamed(name: string): Value | undefined {
    for (const itemOf of [
      (k: number) => `${name}[${k}]`,
      (k: number) => `${name}.${k}`,
      (k: number) => `${name}_${k}`,
    ]) {
      const items: Value[] = []
      while (this.#data.has(itemOf(items.length))) items.push(this.#arrayNamed(itemOf(items.length))!)
      if (items.length > 0) return new PyList(items)
    }
    return undefined
  }

  // ---- names that are not at hand

  #fileOf(module: string): SourceFile | undefined {
    const path = module.replaceAll('.', '/')
    const last = module.split('.').at(-1)
    return this.#files.find(({ name }) => {
      const plain = name.replace(/\.(py|ipynb)$/, '').replaceAll('\\', '/')
      return plain === path || plain.endsWith(`/${path}`) || plain.split('/').at(-1) === last
    })
  }

  #helper(name: string, place: Place): Value | undefined {
    // any file that is named may define it
    for (const file of this.#files) {
      if (file === place.file) continue
      const found = this.#interpreter.lookUpIn(this.#interpreter.scopeOf(file), name)
      if (found !== undefined) return found
    }
    if (!Object.hasOwn(HELPERS, name)) {
      return name === 'softmax'
        ? new Unknown(
            'softmax is defined in none of the files',
            place,
            'its axis differs from code to code: give the file that defines it as well',
          )
        : undefined
    }
    const make = HELPERS[name]
    this.#notices.add(`${name} is defined in none of the files: it is taken for the usual function`)
    return new Native(name, ({ plain: [given] }, where) => {
      const array = this.#interpreter.toArray(given, where)
      return new GuessedArray(
        this.#interpreter.make(where, 'f', (b) => make(b, nodeOf(this.#tracer, array))),
        array,
      )
    })
  }

  // ---- the loss

  #readLoss(result: Value, place: Place): Node {
    let value = result
    if (value instanceof PyTuple || value instanceof PyList) [value = null] = value.items
    if (value instanceof PyDict) {
      const of = value
      value = COSTS.map((name) => of.get(name)).find((one) => one !== undefined) ?? null
    }
    if (value instanceof Unknown) throw this.#interpreter.errorOf(value)
    if (typeof value === 'number' || typeof value === 'bigint') {
      throw new GradcheckError('bad-forward', 'the loss does not depend on any parameter')
    }
    if (!(value instanceof NdArray)) {
      throw this.#interpreter.error(
        place,
        `this returns ${formatValue(value, '')}, not a number or an array`,
        'return the loss first',
      )
    }
    const { b } = this.#tracer
    if (!value.isTraced) throw new GradcheckError('bad-forward', 'the loss does not depend on any parameter')
    const node = nodeOf(this.#tracer, value)
    if (value.size === 1) return value.shape.length === 0 ? node : b.reshape(node, { shape: [] })
    const name = this.#source.upstream ?? 'dout'
    const upstream = this.#data.get(name)
    if (upstream === undefined) {
      throw this.#interpreter.error(
        place,
        `this returns an array of shape ${formatShape(value.shape)}, not one number`,
        'return the loss, or save the upstream gradient as dout',
      )
    }
    if (formatShape(upstream.shape) !== formatShape(value.shape)) {
      throw new GradcheckError(
        'bad-shape',
        `the output has shape ${formatShape(value.shape)}, and ${name} has ${formatShape(upstream.shape)}`,
      )
    }
    return b.sum(b.multiply(node, this.#inputs[name]))
  }
}

/** Values of a recorder, evaluated as they are made. */
function createTracer(
  recorder: ReturnType<typeof recordProgram>,
  data: NamedTensors,
  gradients: ReadonlyMap<string, string>,
): Tracer {
  const base: Float64Array[] = []
  const traced: boolean[] = []
  let numbers = 0
  const catchUp = () => {
    for (let id = base.length; id < recorder.values.length; id++) {
      const value = recorder.values[id]
      numbers += elementCount(value.shape)
      if (numbers > MOST_NUMBERS || id > MOST_OPERATIONS) {
        const what = id > MOST_OPERATIONS ? `${MOST_OPERATIONS} operations` : `${MOST_NUMBERS} numbers`
        throw new GradcheckError('bad-forward', `the forward pass makes more than ${what}`, {
          fix: 'check it on a smaller case, or write loops over elements as operations on arrays',
        })
      }
      switch (value.kind) {
        case 'input':
          base.push(data.get(value.name)!.data)
          traced.push(gradients.has(value.name))
          break
        case 'constant':
          base.push(value.data)
          traced.push(false)
          break
        case 'computed': {
          const listed: BoundProgram['program'] = { values: recorder.values, output: id }
          base.push(evaluateValue(listed, value, base))
          traced.push(value.operands.some((operand) => traced[operand]))
        }
      }
    }
  }
  return {
    b: recorder.builder,
    numbersOf({ id }) {
      catchUp()
      return base[id]
    },
    isTraced({ id }) {
      catchUp()
      return traced[id]
    },
    isNamed: ({ id }) => recorder.values[id].source.name !== undefined,
    locate({ file, at }) {
      const { file: name, line, column } = placeIn(file, at)
      recorder.builder.at({ file: name, line, column })
    },
  }
}

/** Names of functions and classes, with their methods. */
function definitionsOf(statements: readonly Statement[]): string[] {
  return statements.flatMap((statement) => {
    if (statement.kind === 'function') return [statement.name]
    if (statement.kind !== 'class') return []
    const methods = statement.body.flatMap((member) =>
      member.kind === 'function' ? [`${statement.name}.${member.name}`] : [],
    )
    return [statement.name, ...methods]
  })
}

/** The names that an expression reads. */
function namesRead(expression: unknown): string[] {
  if (Array.isArray(expression)) return expression.flatMap(namesRead)
  if (expression === null || typeof expression !== 'object') return []
  const record = expression as Record<string, unknown>
  const own = record.kind === 'name' ? [String(record.name)] : []
  return [...own, ...Object.values(record).flatMap(namesRead)]
}

function neededInputs({ values, output }: Program): Set<string> {
  const needed = ancestorsOf({ values, output })
  return new Set(
    values.flatMap((value) => (value.kind === 'input' && needed[value.id] === 1 ? [value.name] : [])),
  )
}

function countNeeded(program: Program): number {
  const needed = ancestorsOf(program)
  return program.values.filter(({ kind, id }) => kind === 'computed' && needed[id] === 1).length
}

/** W2 before W10. */
function compareNaturally(one: string, other: string): number {
  const key = (name: string) => name.replaceAll(/\d+/g, (digits) => digits.padStart(12, '0'))
  return key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : 0
}
