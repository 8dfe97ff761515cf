import type { FollowedBackward } from '../check/backward-report.js'
import type { SavedIntermediate } from '../check/program/check-intermediates.js'
import type { SavedOutput } from '../check/program/saved-output.js'
import type { ForwardGuard, ForwardReport } from '../check/report.js'
import { GradcheckError } from '../errors.js'
import type { Builder, Node, ProgramDefinition } from '../program/builder.js'
import { type ProgramRecorder, recordProgram } from '../program/builder.js'
import { compactLoops } from '../program/compact.js'
import { type BoundProgram, evaluateValue } from '../program/evaluate.js'
import { printProgram } from '../program/print.js'
import { ancestorsOf, type Program } from '../program/program.js'
import { requireRecord } from '../requirements.js'
import { suggestName } from '../suggest.js'
import { elementCount, formatShape, type NamedTensors, type Tensor } from '../tensor.js'
import { listMethods, memberOfArray } from './array-methods.js'
import { arrayOf, GuessedArray, NdArray, nodeOf, type Tracer } from './arrays.js'
import { computedNames } from './assigned-names.js'
import type { Expression, Parameter, Statement } from './ast.js'
import { namesRead } from './bindings.js'
import { meaningOf } from './expression-names.js'
import { findSavedOutput, findUpstream, mayBeUpstream } from './find-upstream.js'
import { GRADIENT_NAMES } from './gradient-names.js'
import { Interpreter, type Surroundings } from './interpreter.js'
import { listNatives } from './natives.js'
import { misshapenGradient, pairChosen, pairGradients } from './pair-gradients.js'
import { loadPythonParser } from './parse-python.js'
import { describePlace, placeIn, readNotebook, type SourceFile } from './source-file.js'
import { describe } from './text.js'
import {
  type Given,
  Native,
  type Place,
  PyClass,
  PyDict,
  PyFunction,
  PyInstance,
  PyList,
  PyTuple,
  type Scope,
  Unknown,
  type Value,
} from './values.js'

/** A forward pass in Python, and the arrays that it is traced with. */
export interface ForwardSource {
  /**
   * The text of each file by its name: the first has the forward pass, what it imports may be among the others. None where
   * an expression says it all.
   */
  readonly sources?: Readonly<Record<string, string>>
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
  /**
   * The forward pass as a Python expression of the arrays alone, without a file, such as `softmax(Q @ K.T / sqrt(32)) @ V`.
   * A bare name is NumPy's function, else that of `torch.nn.functional`; `softmax` without an axis takes the last.
   */
  readonly expression?: string
  /** Python arguments of the constructor, where a method is traced: `hidden_dims=[5], reg=0.1`. */
  readonly init?: string
  /** Names of the parameters, with `*` and `?`, where the arrays with a gradient are not all of them, or others too. */
  readonly parameters?: readonly string[]
  /** The array that an output that is no number is multiplied by and summed. @default dout, dy, dO or their like */
  readonly upstream?: string
  /** `NAME`, `CLASS.METHOD` or `FILE:NAME` of a backward pass: the gradients are those that it makes. */
  readonly backward?: string
  /** The array that such an output was saved as, to be compared. @default out, y, O or output, if the code reads it not */
  readonly output?: string
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
  /** The saved output, if the arrays have one, and the program that makes it. */
  readonly output: SavedOutput | undefined
  readonly forward: ForwardReport
  /** Saved gradients of values inside the forward pass, by what it calls those. */
  readonly intermediates?: ReadonlyMap<string, SavedIntermediate>
  /** The backward pass that made the gradients, where one was named. */
  readonly backward?: FollowedBackward
}

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
const MOST_OPERATIONS = 2e5
/** A source beyond this is not read. */
const MOST_CHARACTERS = 2e6

/**
 * Reads a forward pass in Python and lists what it does to the arrays as a program. Nothing of it is run as Python: the code
 * is followed at the given point by an interpreter of its own.
 * @throws GradcheckError `bad-forward` with the place, for what is not understood
 */
export async function traceForward(source: ForwardSource): Promise<TracedForward> {
  requireRecord('the forward pass', source, 'give sources, entry and arrays')
  const { files, parse } = await readFiles(source)
  return withinLimits(files, () => new Forward(source, files, parse).trace())
}

export type Parse = (text: string, name: string) => SourceFile

/** Reads the files of a forward pass. */
export async function readFiles(
  source: ForwardSource,
): Promise<{ files: readonly SourceFile[]; parse: Parse }> {
  const sources = readSources(source)
  const parser = await loadPythonParser()
  const files = Object.entries(sources).map(([name, text]): SourceFile => {
    if (text.length > MOST_CHARACTERS) {
      throw new GradcheckError(
        'bad-forward',
        `${name} is ${text.length} characters long, more than ${MOST_CHARACTERS}`,
        { fix: 'give the functions that compute the loss as a file of their own' },
      )
    }
    const plain = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
    const read = name.endsWith('.ipynb') ? readNotebook(name, plain) : { text: plain }
    return { name, ...read, statements: parser.parse(read.text) }
  })
  const parse: Parse = (text, name) => ({ name, text, statements: parser.parse(text) })
  return { files, parse }
}

/** Tells of stacks and lengths beyond JavaScript's own. */
export function withinLimits<T>(files: readonly SourceFile[], make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new GradcheckError('bad-forward', `what ${files[0]?.name} makes is too large, or nests too deep`, {
      fix: 'check it on a smaller case',
      cause: error,
    })
  }
}

/** @throws GradcheckError `bad-usage` for what says the forward pass twice, or not at all */
function readSources({ sources, expression, entry, loss }: ForwardSource): Readonly<Record<string, string>> {
  if (expression === undefined) {
    requireRecord('sources', sources, "give { 'model.py': text }")
    return sources!
  }
  if (sources !== undefined || entry !== undefined || loss !== undefined) {
    throw new GradcheckError('bad-usage', 'an expression and a file say the forward pass twice', {
      fix: 'leave one of them out; an expression in the names of a file is a loss',
    })
  }
  return { expression }
}

/** A forward pass that is followed at its point; what comes behind it can be followed as well. */
export class Forward {
  readonly #source: ForwardSource
  readonly #files: readonly SourceFile[]
  readonly #parse: (text: string, name: string) => SourceFile
  readonly #gradients: ReadonlyMap<string, string>
  readonly #misshapen: ReadonlyMap<string, string>
  /** Gradients are no data. */
  readonly #data: NamedTensors
  /** Data, and gradients that the output may be multiplied by. */
  readonly #inputTensors: NamedTensors
  readonly #notices = new Set<string>()
  /** By their kinds and places. */
  readonly #guards = new Map<string, ForwardGuard>()
  readonly #bound = new Map<string, string>()
  /** Names that were said to stand for something, and were read. */
  readonly #taken = new Set<string>()
  readonly #arrays = new Map<string, NdArray>()
  /** Arrays that the code has asked for. */
  readonly #read = new Set<string>()
  readonly #tracer: ReturnType<typeof createTracer>
  readonly #interpreter: Interpreter
  readonly #natives: ReadonlyMap<string, Value>
  #entry: string
  /** Names that the functions reached give to what they compute. */
  #computed: ReadonlySet<string> | undefined
  #upstream: string | undefined
  #savedOutput: SavedOutput | undefined
  readonly #recorder: ProgramRecorder
  readonly #inputs: Readonly<Record<string, Node>>
  /** True of what comes behind the forward pass: its numbers are known, and nothing is differentiated. */
  #isBehind = false
  /** The object whose method is called. */
  self: PyInstance | undefined
  /** The function that is called. */
  entered: PyFunction | undefined

  /** @param gradients names of gradients by their parameters, where they are not to be found among the arrays */
  constructor(
    source: ForwardSource,
    files: readonly SourceFile[],
    parse: Parse,
    gradients?: ReadonlyMap<string, string>,
  ) {
    this.#source = source
    this.#entry = source.entry ?? ''
    this.#files = files
    this.#parse = parse
    const { arrays, upstream, parameters } = source
    const pairs =
      gradients !== undefined
        ? { fitting: gradients, misshapen: new Map<string, string>() }
        : parameters === undefined
          ? pairGradients(arrays, upstream ?? 'dout')
          : pairChosen(arrays, parameters, upstream ?? 'dout')
    const [misshapen] = pairs.misshapen
    if (pairs.fitting.size === 0 && misshapen !== undefined) throw misshapenGradient(arrays, ...misshapen)
    this.#gradients = pairs.fitting
    this.#misshapen = pairs.misshapen
    const gradientArrays = new Set(this.#gradients.values())
    const isData = (name: string) => !gradientArrays.has(name) && !COSTS.includes(name)
    this.#data = new Map([...arrays].filter(([name]) => isData(name)))
    const inputs = new Map([...arrays].filter(([name]) => isData(name) || mayBeUpstream(name, upstream)))
    this.#inputTensors = inputs
    const recorder = recordProgram(new Map([...inputs].map(([name, { shape }]) => [name, shape])))
    this.#recorder = recorder
    this.#inputs = recorder.arrays
    this.#tracer = createTracer(recorder, inputs, this.#gradients, () => this.#isBehind)
    const torch = source.expression === undefined ? /^\s*(import|from)\s+torch\b/m : /\b(torch|F)\s*\./
    const isTorch = () => files.some(({ text }) => torch.test(text))
    const natives = listNatives(() => this.#interpreter, this.#tracer)
    this.#natives = natives
    for (const [name, method] of listMethods(() => this.#interpreter, this.#tracer, isTorch))
      natives.set(name, method)
    const surroundings: Surroundings = {
      tracer: this.#tracer,
      natives,
      memberOf: (array, name) => memberOfArray(array, name, natives, isTorch),
      fileOf: (module) => this.#fileOf(module),
      arrayNamed: (name) => this.#given(name) ?? this.#arrayNamed(name),
      dictionaryNamed: (name) => (DICTIONARIES.has(name) ? this.#dictionary(new Set()) : undefined),
      helperNamed: (name, place) => this.#helper(name, place),
      guard: (kind, place) => this.#guard(kind, place),
      notice: (text) => this.#notices.add(text),
    }
    this.#interpreter = new Interpreter(surroundings)
  }

  /** What the forward pass gives, and its operations up to the loss. */
  follow(): { readonly result: Value; readonly program: Program } {
    const [file] = this.#files
    if (file === undefined)
      throw new GradcheckError('bad-usage', 'there is no source', { fix: "give { 'model.py': text }" })
    const result = this.#follow(file)
    if (this.#source.init !== undefined && this.self === undefined) {
      throw new GradcheckError(
        'bad-usage',
        'init has the arguments of a constructor, and no object was made',
        {
          fix: `name a method: ${file.name}:CLASS.METHOD`,
        },
      )
    }
    const { values, output } = this.#recorder.finish(this.#readLoss(result, { file, at: 0 }))
    return { result, program: { values: [...values], output } }
  }

  trace(): TracedForward {
    const { program } = this.follow()
    this.requireTaken()
    return this.describe(program)
  }

  /** @param made gradients that a backward pass made, in the place of saved ones */
  describe(listed: Program, made?: NamedTensors): TracedForward {
    const { loss, expression } = this.#source
    const intermediates =
      made === undefined ? this.#intermediates(listed) : new Map<string, SavedIntermediate>()
    const { cost, parameters, gradients } = this.#select(listed, made, intermediates)
    return {
      program: {
        kind: 'program',
        build: () => listed,
        print: () => printProgram(compactLoops(listed)),
      },
      parameters,
      gradients,
      gradientNames: this.#gradients,
      ...(intermediates.size === 0 ? {} : { intermediates }),
      cost,
      output: this.#savedOutput,
      forward: {
        file: this.#files[0].name,
        entry: expression ?? loss ?? this.#entry,
        bound: [...this.#bound].map(([argument, array]) => ({ argument, array })),
        operations: countNeeded(listed),
        guards: [...this.#guards.values()],
        notices: [...this.#notices],
      },
    }
  }

  get interpreter(): Interpreter {
    return this.#interpreter
  }

  get tracer(): ReturnType<typeof createTracer> {
    return this.#tracer
  }

  get files(): readonly SourceFile[] {
    return this.#files
  }

  /** Every value that was made so far. */
  get values(): Program['values'] {
    return this.#recorder.values
  }

  /** What the code has asked for of the arrays, as it now is. */
  get asked(): ReadonlyMap<string, NdArray> {
    return this.#arrays
  }

  /** From here on numbers are known; what has been asked for is put back as it was. */
  goBehind(asked: ReadonlyMap<string, NdArray>): void {
    this.#isBehind = true
    this.#arrays.clear()
    for (const [name, array] of asked) this.#arrays.set(name, array)
  }

  /** Names that stand for parameters. */
  get parameterNames(): readonly string[] {
    return [...this.#gradients.keys()]
  }

  /** What the output was multiplied by. */
  get upstream(): string | undefined {
    return this.#upstream
  }

  /** Whether an argument was said in so many words. */
  isSaid(name: string): boolean {
    const { set = {}, bind = {} } = this.#source
    return Object.hasOwn(set, name) || Object.hasOwn(bind, name)
  }

  /** The gradient of an output that is no number. */
  upstreamArray(): Value | undefined {
    return this.#upstream === undefined ? undefined : this.#arrayNamed(this.#upstream)
  }

  #guard(kind: ForwardGuard['kind'], { file, at }: Place): void {
    const where = describePlace(file, at)
    const key = `${where} ${kind}`
    if (this.#guards.has(key)) return
    const { file: name, line, column } = placeIn(file, at)
    this.#guards.set(key, { kind, file: name, line, column })
    this.#notices.add(
      `${where}: the ${kind} depends on the parameters; it is taken as it is at the given point`,
    )
  }

  #follow(file: SourceFile): Value {
    const { loss, expression } = this.#source
    if (expression !== undefined) return this.#evaluate(file, undefined)
    return loss === undefined ? this.#callEntry(file) : this.#evaluate(this.#parse(loss, 'the loss'), file)
  }

  /** Saved gradients of what the forward pass makes once, and calls by a name. */
  #intermediates(listed: Program): Map<string, SavedIntermediate> {
    const needed = ancestorsOf(listed)
    const made = new Map<string, Program['values'][number][]>()
    for (const value of listed.values) {
      const { name } = value.source
      if (name === undefined || value.kind !== 'computed' || needed[value.id] === 0) continue
      made.set(name, [...(made.get(name) ?? []), value])
    }
    const inputs = neededInputs(listed)
    const taken = new Set([...this.#gradients].flatMap(([name, own]) => (inputs.has(name) ? [own] : [])))
    const found = new Map<string, SavedIntermediate>()
    for (const [name, values] of made) {
      if (values.length > 1) continue
      for (const nameOf of GRADIENT_NAMES) {
        const tensor = this.#source.arrays.get(nameOf(name))
        const isOther = nameOf(name) === this.upstream || taken.has(nameOf(name))
        if (tensor === undefined || isOther || formatShape(tensor.shape) !== formatShape(values[0].shape))
          continue
        found.set(name, { gradient: nameOf(name), tensor })
        break
      }
    }
    return found
  }

  /** What of the arrays the program reads. */
  #select(
    listed: Program,
    made: NamedTensors | undefined,
    intermediates: ReadonlyMap<string, SavedIntermediate>,
  ): Pick<TracedForward, 'cost' | 'parameters' | 'gradients'> {
    const needed = neededInputs(listed)
    const gradients = new Map<string, Tensor>()
    for (const [name, gradient] of this.#gradients) {
      // what the code itself reads is no gradient
      if (made === undefined && this.#read.has(gradient)) continue
      const array = (made ?? this.#source.arrays).get(made === undefined ? gradient : name)
      if (needed.has(name) && array !== undefined) gradients.set(name, array)
      // an output with its own gradient is no parameter
      else if (gradient !== this.#upstream && !intermediates.has(name))
        this.#notices.add(
          `${name} has a gradient, ${gradient}, but the loss does not read it: it is left out`,
        )
    }
    const misshapen = [...this.#misshapen].find(([name]) => needed.has(name))
    if (misshapen !== undefined) throw misshapenGradient(this.#source.arrays, ...misshapen)
    if (gradients.size === 0) {
      throw new GradcheckError('missing-array', 'no array that the loss reads has a gradient beside it', {
        fix: 'save the gradient of W1 as dW1, grads.W1, W1_grad or grad_W1, in its shape',
      })
    }
    const compared = new Set([...intermediates].flatMap(([name, { gradient }]) => [name, gradient]))
    const unread = [...this.#data.keys()].filter(
      (name) =>
        !needed.has(name) && !this.#read.has(name) && !compared.has(name) && name !== this.#savedOutput?.name,
    )
    if (unread.length > 0) this.#notices.add(`nothing reads ${unread.join(', ')}`)
    const costs = COSTS.flatMap((name) => this.#source.arrays.get(name) ?? [])
    const [saved] = costs.filter(({ data }) => data.length === 1)
    return { cost: saved?.data[0], parameters: this.#inputTensors, gradients }
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
    const methods = names.filter((one) => one.startsWith(`${name}.`))
    throw new GradcheckError(
      'bad-forward',
      found instanceof PyClass
        ? `${file.name}: ${name} is a class`
        : `${file.name}: there is no function ${entry}${suggestName(entry, names)}`,
      {
        fix:
          found instanceof PyClass
            ? `name a method: ${methods.join(', ')}`
            : names.length === 0
              ? 'it defines none'
              : `it has ${names.slice(0, 12).join(', ')}`,
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
            kind !== 'plain' || usual !== undefined || this.argument(name, new Set()) !== undefined,
        )
      return isBound ? [found] : []
    })
    if (candidates.length === 1) {
      this.#bound.clear()
      this.#taken.clear()
      this.#read.clear()
      this.#entry = candidates[0].name
      this.#computed = undefined
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
    this.entered = called
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
      const value = this.argument(name, own)
      if (value !== undefined) named.set(name, value)
      else if (name === 'ctx' && name === called.parameters[0].name) named.set(name, this.#context(called))
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

  /** What a torch.autograd.Function keeps things in for its backward pass. */
  #context({ parameters }: PyFunction): PyInstance {
    const needs = new PyTuple(parameters.slice(1).map(() => true))
    return new PyInstance(undefined, new Map([['needs_input_grad', needs]]))
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
    const taken = start instanceof PyFunction ? start.parameters.slice(1) : []
    const { plain, named } = this.#constructorArguments(of, taken)
    for (const { name: parameter } of taken.slice(plain.length)) {
      const value = named.get(parameter) ?? this.argument(parameter, new Set())
      if (value !== undefined) named.set(parameter, value)
    }
    const self = this.#interpreter.makeSelf(of, { plain, named }, { file, at: of.definition.at })
    this.self = self
    return this.#callFunction(found.value.bind(self))
  }

  /** What `init` gives a constructor. */
  #constructorArguments(
    of: PyClass,
    taken: readonly Parameter[],
  ): { plain: readonly Value[]; named: Map<string, Value> } {
    const { init } = this.#source
    const [plain, named]: [Value[], Map<string, Value>] = [[], new Map()]
    if (init === undefined) return { plain, named }
    const file = this.#parse(`${of.definition.name}(${init})`, 'init')
    const [statement, ...others] = file.statements
    const call = statement?.kind === 'expression' ? statement.value : undefined
    if (call?.kind !== 'call' || call.callee.kind !== 'name' || others.length > 0) {
      throw new GradcheckError('bad-usage', `"${init}" are no arguments of Python`, {
        fix: 'such as "hidden_dims=[5], reg=0.1"',
      })
    }
    const names = taken.flatMap(({ name, kind }) => (kind === 'rest' || kind === 'names' ? [] : [name]))
    const scope = this.#interpreter.scopeOf(this.#files[0])
    for (const { name, value: written, kind } of call.arguments) {
      const value = this.#interpreter.evaluate(written, { ...scope, file, outer: scope, names: new Map() })
      if (value instanceof Unknown) throw this.#interpreter.errorOf(value)
      const isRest = (wanted: Parameter['kind']) => taken.some((one) => one.kind === wanted)
      if (kind !== 'plain')
        throw this.#interpreter.error({ file, at: written.at }, 'a star has no place here')
      if (
        name === undefined
          ? plain.length >= names.length && !isRest('rest')
          : !names.includes(name) && !isRest('names')
      ) {
        throw this.#interpreter.error(
          { file, at: written.at },
          name === undefined
            ? `${of.definition.name}() takes ${names.length} arguments`
            : `${of.definition.name}() has no argument ${name}${suggestName(name, names)}`,
          names.length === 0 ? 'its __init__ has none' : `it has ${names.join(', ')}`,
        )
      }
      if (name === undefined) plain.push(value)
      else named.set(name, value)
      this.#bound.set(`${of.definition.name}(${name ?? names[plain.length - 1] ?? ''})`, describe(value))
    }
    return { plain, named }
  }

  /**
   * An expression, in the names of the arrays and of a file.
   * @param file undefined where the names that are no arrays are those of NumPy and torch
   */
  #evaluate(written: SourceFile, file: SourceFile | undefined): Value {
    const [statement, other] = written.statements
    const start = { file: written, at: (other ?? statement)?.at ?? 0 }
    if (statement?.kind !== 'expression' || other !== undefined) {
      throw this.#interpreter.error(
        start,
        'this is no single expression of Python',
        file === undefined
          ? 'such as "softmax(Q @ K.T / sqrt(32)) @ V"'
          : 'such as "compute_cost(forward(X, parameters)[0], Y)"',
      )
    }
    return this.#interpreter.evaluate(statement.value, this.#argumentScope(statement.value, file, written))
  }

  /** What the names that an expression reads stand for: definitions of the file, arrays, then the file's other names. */
  #argumentScope(expression: Expression, file: SourceFile | undefined, written: SourceFile): Scope {
    const names = new Map<string, Value>()
    // the expression itself defines nothing
    const outer = this.#interpreter.scopeOf({ ...written, statements: [] })
    const scope = file && this.#interpreter.scopeOf(file)
    const definitions = file === undefined ? [] : definitionsOf(file.statements)
    for (const name of namesRead(expression)) {
      const found = scope && this.#interpreter.lookUpIn(scope, name)
      const value = definitions.includes(name) ? found : (this.argument(name, new Set()) ?? found)
      const meant = value ?? (scope === undefined ? meaningOf(name, this.#natives) : undefined)
      if (meant instanceof PyClass) {
        const make = (given: Given, place: Place) => this.#interpreter.makeSelf(meant, given, place)
        names.set(name, new Native(name, make))
      } else if (meant !== undefined) names.set(name, meant)
    }
    return { names, outer, file: outer.file, globals: new Set(), owner: undefined, self: undefined }
  }

  // ---- arguments

  /**
   * What an argument gets: a literal, an array, or all parameters.
   * @param beside other arguments, whose arrays are none of a dictionary's
   */
  argument(name: string, beside: ReadonlySet<string>): Value | undefined {
    const given = this.#given(name)
    if (given !== undefined) return given
    const own = this.#arrayNamed(name)
    if (own !== undefined) {
      this.#bound.set(name, name)
      return own
    }
    if (DICTIONARIES.has(name)) {
      const dictionary = this.#dictionary(beside)
      this.#bound.set(name, `{${[...dictionary.entries.values()].map(({ key }) => String(key)).join(', ')}}`)
      return dictionary
    }
    return undefined
  }

  /** What the user says that a name stands for: a literal, an array, or a list or dictionary of arrays. */
  #given(name: string): Value | undefined {
    const { set = {}, bind = {} } = this.#source
    const [isSet, isBound] = [set, bind].map((of) => Object.hasOwn(of, name))
    if (!isSet && !isBound) return undefined
    const text = isSet ? set[name] : bind[name]
    this.#bound.set(name, text)
    this.#taken.add(name)
    if (isSet) return this.#literal(name, text)
    const [, open, inside] = /^([[{])(.*)[\]}]$/s.exec(text) ?? []
    if (open === undefined) return this.#arrayBound(text)
    const items = inside
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
    if (open === '[') return new PyList(items.map((item) => this.#arrayBound(item)))
    const made = new PyDict()
    for (const item of items) {
      const [, key, array = key] = /^['"]?([^'":]+?)['"]?\s*(?::\s*(.+))?$/s.exec(item) ?? []
      if (key === undefined) {
        throw new GradcheckError('bad-usage', `"${item}" binds no array`, {
          fix: `write ${name}={W1: Wa, b1: ba}`,
        })
      }
      made.set(key, this.#arrayBound(array))
    }
    return made
  }

  #arrayBound(array: string): Value {
    const found = this.#arrayNamed(array)
    if (found !== undefined) return found
    const names = [...this.#data.keys()]
    throw new GradcheckError('missing-array', `there is no array ${array}${suggestName(array, names)}`, {
      fix: `there are ${names.slice(0, 12).join(', ')}`,
    })
  }

  /** @throws GradcheckError for what is set or bound and that nothing reads: a name that was mistyped, most likely */
  requireTaken(): void {
    const { set = {}, bind = {} } = this.#source
    const unread = [...Object.keys(set), ...Object.keys(bind)].find((name) => !this.#taken.has(name))
    if (unread === undefined) return
    throw new GradcheckError(
      'unknown-name',
      `${unread} is given, and nothing that was followed reads it${suggestName(unread, [...this.#bound.keys()])}`,
      { fix: `what was read is ${[...this.#bound.keys()].slice(0, 12).join(', ')}` },
    )
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
    const entries = (this.#source.loss ?? this.#entry).match(/\w+/g) ?? []
    this.#computed ??= computedNames(this.#files, entries)
    const isComputed = (name: string) => this.#source.parameters === undefined && this.#computed!.has(name)
    const names = [...this.#gradients.keys()].filter((name) => !beside.has(name) && !isComputed(name))
    for (const name of names.sort(compareNaturally)) made.set(name, this.#arrayNamed(name) ?? null)
    return made
  }

  /** An array of the file, or the number that it is. */
  #arrayNamed(name: string): Value | undefined {
    const tensor = this.#inputTensors.get(name)
    if (tensor === undefined) return this.#listNamed(name)
    this.#read.add(name)
    const known = this.#arrays.get(name)
    if (known !== undefined) return known
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
      if (this.#source.expression !== undefined) {
        const names = [...this.#data.keys()]
        return new Unknown(
          `${name} is no array, and no function that is known here${suggestName(name, names)}`,
          place,
          `there are ${names.slice(0, 12).join(', ')}`,
        )
      }
      return name === 'softmax'
        ? new Unknown(
            'softmax is defined in none of the files',
            place,
            'its axis differs from code to code: give the file that defines it as well',
          )
        : undefined
    }
    const make = HELPERS[name]
    if (this.#source.expression === undefined) {
      this.#notices.add(`${name} is defined in none of the files: it is taken for the usual function`)
    }
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
        `this returns ${describe(value)}, not a number or an array`,
        'return the loss first',
      )
    }
    const { b } = this.#tracer
    if (!value.isTraced) throw new GradcheckError('bad-forward', 'the loss does not depend on any parameter')
    const node = nodeOf(this.#tracer, value)
    if (value.size === 1) return value.shape.length === 0 ? node : b.reshape(node, { shape: [] })
    const { upstream, output } = this.#source
    const followed = {
      arrays: this.#source.arrays,
      read: this.#read,
      gradients: this.#gradients,
      isChosen: this.#source.parameters !== undefined,
    }
    const name = findUpstream(followed, value.shape, upstream)
    if (name === undefined) {
      throw this.#interpreter.error(
        place,
        `this returns an array of shape ${formatShape(value.shape)}, not one number`,
        'return the loss, or save the upstream gradient as dout',
      )
    }
    this.#upstream = name
    this.#bound.set('upstream', name)
    const saved = findSavedOutput(followed, value.shape, output)
    if (saved !== undefined) {
      this.#savedOutput = {
        name: saved,
        tensor: this.#source.arrays.get(saved)!,
        program: { values: [...this.#recorder.values], output: node.id },
      }
    }
    return b.sum(b.multiply(node, this.#inputs[name]))
  }
}

/** Values of a recorder, evaluated as they are made. */
function createTracer(
  recorder: ReturnType<typeof recordProgram>,
  data: NamedTensors,
  gradients: ReadonlyMap<string, string>,
  isBehind: () => boolean,
): Tracer & { readonly base: readonly Float64Array[]; forget(count: number): void } {
  const base: Float64Array[] = []
  const traced: boolean[] = []
  let numbers = 0
  const catchUp = () => {
    for (let id = base.length; id < recorder.values.length; id++) {
      const value = recorder.values[id]
      numbers += elementCount(value.shape)
      if (numbers > MOST_NUMBERS || id > MOST_OPERATIONS) {
        const what = id > MOST_OPERATIONS ? `${MOST_OPERATIONS} operations` : `${MOST_NUMBERS} numbers`
        const { file, line, column } = value.source
        const at = file === undefined ? '' : `${file}:${line}:${column}: `
        const pass = isBehind() ? 'backward' : 'forward'
        throw new GradcheckError('bad-forward', `${at}the ${pass} pass makes more than ${what}`, {
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
    holds: (node) => recorder.holds(node),
    isTraced({ id }) {
      catchUp()
      return !isBehind() && traced[id]
    },
    get base() {
      catchUp()
      return base
    },
    forget(count) {
      for (const value of base.slice(count)) numbers -= value.length
      base.length = Math.min(base.length, count)
      traced.length = base.length
      recorder.forget(count)
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
