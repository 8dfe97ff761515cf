import { GradcheckError } from '../errors.js'
import type { Value as ProgramValue } from '../program/program.js'
import { suggestName } from '../suggest.js'
import { formatShape, type NamedTensors } from '../tensor.js'
import { NdArray, nodeOf } from './arrays.js'
import type { Expression, Statement } from './ast.js'
import { type FoundGradients, findGradients } from './find-gradients.js'
import type { Watcher } from './interpreter.js'
import { describePlace, type SourceFile } from './source-file.js'
import { StateCopy, settleArrays } from './state.js'
import type { Forward } from './trace-forward.js'
import {
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

/** What is looked on with: only what is given of it. */
export type PartialWatcher = Partial<Watcher>

/** A backward pass that came to its end. */
export interface BackwardRun {
  readonly gradients: FoundGradients
  /** Steps that it took. */
  readonly steps: number
  /** Where it gave back what it did. */
  readonly at: number
}

/** Names that the gradient of the output has as an argument. */
const UPSTREAM = /^(d_?out(put)?s?|grad_?out(put)?s?|d_?[yY]|g|dloss|dL|grad|upstream|dvalues)$/

/** Names of what a forward pass keeps. */
const CACHE = /cache|saved|tape|memo|store|context|ctx|inter|state/i
const isCache = (value: Value) =>
  value instanceof PyTuple ||
  value instanceof PyList ||
  value instanceof PyDict ||
  value instanceof PyInstance

/**
 * A backward pass of a user's, behind its forward pass at the given point: it is followed as often as is wanted, every time
 * from what the forward pass left.
 */
export class BackwardPass {
  readonly forward: Forward
  readonly called: PyFunction
  readonly file: SourceFile
  /** How many values the forward pass has, and what is behind them is the backward pass's. */
  readonly start: number
  /** Every name that a value of the forward pass has in one of its calls, by the value's number. */
  readonly names: ReadonlyMap<number, ReadonlySet<string>>
  /** Arguments and what they were bound to. */
  readonly bound: ReadonlyMap<string, string>
  readonly #arguments: ReadonlyMap<string, Value>
  readonly #asked: ReadonlyMap<string, NdArray>
  readonly #scopes: ReadonlyMap<Scope, ReadonlyMap<string, Value>>
  readonly #place: Place

  /**
   * @param left what the calls of the forward pass left, the last first
   * @throws GradcheckError `bad-forward` for a function that is not there, and arguments for which there is nothing
   */
  constructor(forward: Forward, entry: string, result: Value, left: readonly LeftCall[]) {
    this.forward = forward
    const { called, file } = findEntry(forward, entry)
    this.called = called
    this.file = file
    this.#place = { file: called.scope.file, at: called.at }
    const bound = new Map<string, string>()
    const given = bindArguments(forward, called, result, left, bound)
    this.bound = bound
    this.#arguments = given
    this.#asked = new Map(forward.asked)
    this.#scopes = new Map(
      forward.interpreter.scopesOfFiles.map((scope) => [scope, new Map(scope.names)] as const),
    )
    const everything = [
      ...given.values(),
      ...this.#asked.values(),
      ...[...this.#scopes.values()].flatMap((names) => [...names.values()]),
      called,
    ]
    settleArrays(forward.tracer, everything)
    const names = new Map<number, Set<string>>()
    for (const { scope } of left) {
      for (const [name, value] of scope.names) {
        for (const array of arraysIn(value)) {
          const { id } = nodeOf(forward.tracer, array)
          names.set(id, (names.get(id) ?? new Set()).add(name))
        }
      }
    }
    this.names = names
    this.start = forward.tracer.base.length
  }

  /**
   * Follows the backward pass from the state that the forward pass left.
   * @param most steps after which it is taken to have no end
   * @throws GradcheckError for what is not understood, or raises an error
   */
  run(watcher: PartialWatcher = {}, most?: number): BackwardRun {
    const { interpreter, tracer } = this.forward
    tracer.forget(this.start)
    this.forward.goBehind(new Map())
    const copy = new StateCopy(tracer)
    this.forward.goBehind(new Map([...this.#asked].map(([name, array]) => [name, copy.of(array) as NdArray])))
    for (const scope of interpreter.scopesOfFiles) {
      scope.names.clear()
      for (const [name, value] of copy.names(this.#scopes.get(scope) ?? new Map())) {
        scope.names.set(name, value)
        if (value instanceof PyFunction) value.defaults.clear()
      }
    }
    const named = copy.names(this.#arguments)
    const called = copy.of(this.called) as PyFunction
    const self = called.self
    let atEnd: Scope | undefined
    let returned: Expression | undefined
    let last: Statement | undefined
    interpreter.restart(most)
    interpreter.watcher = {
      ...NOTHING,
      ...watcher,
      made(statement, value) {
        if (statement.kind === 'return') last = statement
        return watcher.made?.(statement, value) ?? value
      },
      left(function_, scope) {
        if (function_.body === called.body) {
          atEnd = scope
          returned = last?.kind === 'return' ? last.value : undefined
        }
        watcher.left?.(function_, scope)
      },
    }
    try {
      const result = interpreter.callFunction(called, { plain: [], named }, this.#place)
      const gradients = findGradients({
        result,
        returned,
        locals: atEnd?.names ?? new Map(),
        self: self instanceof PyInstance ? self : undefined,
        parameters: this.forward.parameterNames,
        asked: this.forward.asked,
        tracer,
      })
      return { gradients, steps: interpreter.restart(), at: returned?.at ?? this.called.at }
    } finally {
      interpreter.watcher = undefined
    }
  }

  /** Every value that the last run made, forward and backward pass, in their order. */
  get values(): readonly ProgramValue[] {
    return this.forward.values
  }
}

/** An array, or the arrays of a list or of a dictionary by numbers, as of steps of time. */
function arraysIn(value: Value): readonly NdArray[] {
  if (value instanceof NdArray) return [value]
  const items =
    value instanceof PyList
      ? value.items
      : value instanceof PyDict
        ? [...value.entries.values()].flatMap(({ key, value: item }) =>
            typeof key === 'bigint' ? [item] : [],
          )
        : []
  return items.filter((item): item is NdArray => item instanceof NdArray)
}

const NOTHING: Watcher = {
  statements: new Map(),
  expressions: new Map(),
  begin: () => undefined,
  end: () => undefined,
  evaluated: () => undefined,
  made: (_, value) => value,
  left: () => undefined,
}

/** A call that came to its end, with its names as they then were. */
export interface LeftCall {
  readonly called: PyFunction
  readonly scope: Scope
  /** What it returned, as it is written. */
  readonly returned: Expression | undefined
}

/** Follows a forward pass and keeps what its calls left. */
export function followAndKeep(forward: Forward): {
  readonly followed: ReturnType<Forward['follow']>
  readonly left: readonly LeftCall[]
} {
  const left: LeftCall[] = []
  let last: Statement | undefined
  forward.interpreter.watcher = {
    ...NOTHING,
    made(statement, value) {
      if (statement.kind === 'return') last = statement
      return value
    },
    left: (called, scope) => {
      left.unshift({ called, scope, returned: last?.kind === 'return' ? last.value : undefined })
    },
  }
  try {
    return { followed: forward.follow(), left }
  } finally {
    forward.interpreter.watcher = undefined
  }
}

function findEntry(forward: Forward, entry: string): { called: PyFunction; file: SourceFile } {
  const match = /^(?:(.+\.(?:py|ipynb)):)?([^:]+)$/.exec(entry)
  const named = match?.[1]
  const file = named === undefined ? forward.files[0] : forward.files.find(({ name }) => name === named)
  if (match === null || file === undefined) {
    throw new GradcheckError('bad-usage', `there is no file for the backward pass ${entry}`, {
      fix: 'write NAME, CLASS.METHOD or FILE:NAME',
    })
  }
  const [name, method] = match[2].split('.')
  const { interpreter } = forward
  const found = interpreter.lookUpIn(interpreter.scopeOf(file), name)
  if (method === undefined && found instanceof PyFunction) return { called: found, file }
  if (method !== undefined && found instanceof PyClass) {
    const member = found.find(method)
    if (member?.value instanceof PyFunction) {
      if (member.owner.statics.has(method)) return { called: member.value, file }
      const { self } = forward
      if (self === undefined) {
        throw new GradcheckError(
          'bad-usage',
          `${entry} needs an object, and the forward pass has made none`,
          {
            fix: 'name the forward pass as CLASS.METHOD, too',
          },
        )
      }
      return { called: member.value.bind(self), file }
    }
  }
  const names = file.statements.flatMap((statement) =>
    statement.kind === 'function'
      ? [statement.name]
      : statement.kind === 'class'
        ? statement.body.flatMap((one) => (one.kind === 'function' ? [`${statement.name}.${one.name}`] : []))
        : [],
  )
  throw new GradcheckError(
    'bad-forward',
    `${file.name}: there is no function ${match[2]}${suggestName(match[2], names)}`,
    {
      fix: `it has ${names.slice(0, 12).join(', ')}`,
    },
  )
}

/** What each argument of a backward pass gets; those with a default may get nothing. */
function bindArguments(
  forward: Forward,
  called: PyFunction,
  result: Value,
  calls: readonly LeftCall[],
  bound: Map<string, string>,
): Map<string, Value> {
  const given = new Map<string, Value>()
  const first = called.self === undefined ? 0 : 1
  const parameters = called.parameters
    .slice(first)
    .filter(({ kind }) => kind === 'plain' || kind === 'named-only')
  const own = new Set(parameters.map(({ name }) => name))
  const entered = calls.find(({ called: one }) => one.body === forward.entered?.body) ?? calls[0]
  const outputs = listOutputs(result, entered?.returned)
  const used = new Set<Value>()
  const missing: (typeof parameters)[number][] = []
  for (const parameter of parameters) {
    const { name } = parameter
    const take = (value: Value, what: string) => {
      given.set(name, value)
      used.add(value)
      bound.set(name, what)
    }
    const output = outputs.find((one) => one.name === name)
    const argument = forward.argument(name, own)
    if (forward.isSaid(name) && argument !== undefined) given.set(name, argument)
    else if (output !== undefined) take(output.value, `what the forward pass returns as ${name}`)
    else if (argument !== undefined && !(argument instanceof PyDict && entered?.scope.names.has(name))) {
      given.set(name, argument)
      bound.set(name, name)
    } else {
      const from = [...(entered === undefined ? [] : [entered]), ...calls].find(({ scope }) =>
        scope.names.has(name),
      )
      // who calls it without saying more gets the default
      if (parameter.usual !== undefined) continue
      if (from !== undefined) take(from.scope.names.get(name)!, `${name} of ${from.called.name}`)
      else missing.push(parameter)
    }
  }
  const isScalar = (value: Value) => !(value instanceof NdArray) || value.size === 1
  const rest = outputs.filter(({ value }) => !used.has(value))
  const upstream = forward.upstreamArray()
  const takeOutput = (name: string, at: number) => {
    const [taken] = rest.splice(at, 1)
    given.set(name, taken.value)
    bound.set(name, `what the forward pass returns${taken.name === undefined ? '' : ` as ${taken.name}`}`)
  }
  // what is called a cache is what holds several things
  for (const { name } of missing) {
    const at = rest.findIndex(({ isLoss, value }) => !isLoss && isCache(value))
    if (CACHE.test(name) && at !== -1) takeOutput(name, at)
  }
  const left = missing.filter(({ name }) => !given.has(name))
  for (const [k, { name }] of left.entries()) {
    if (UPSTREAM.test(name) && upstream !== undefined) {
      given.set(name, upstream)
      bound.set(name, forward.upstream ?? name)
      continue
    }
    if (
      UPSTREAM.test(name) &&
      upstream === undefined &&
      outputs.every(({ isLoss, value }) => !isLoss || isScalar(value)) &&
      rest.filter(({ isLoss }) => !isLoss).length < left.length - k
    ) {
      given.set(name, 1)
      bound.set(name, '1')
      continue
    }
    const next = rest.findIndex(({ isLoss }) => !isLoss)
    if (next === -1 || rest.filter(({ isLoss }) => !isLoss).length < left.length - k) {
      throw forward.interpreter.error(
        { file: called.scope.file, at: called.at },
        `${called.name}() needs ${name}, and neither the arrays nor the forward pass have anything of that name`,
        `bind it to an array (${name}=NAME), or call it what the forward pass calls it`,
      )
    }
    takeOutput(name, next)
  }
  for (const value of given.values()) if (value instanceof Unknown) throw forward.interpreter.errorOf(value)
  return given
}

/** What a forward pass returns, one by one, with the names that it has there. */
function listOutputs(
  result: Value,
  returned: Expression | undefined,
): { readonly name: string | undefined; readonly value: Value; readonly isLoss: boolean }[] {
  const items = result instanceof PyTuple || result instanceof PyList ? result.items : [result]
  const written = returned?.kind === 'tuple' ? returned.items : returned === undefined ? [] : [returned]
  const isList = result instanceof PyTuple || result instanceof PyList
  return items.map((value, k) => {
    const expression = isList && returned?.kind !== 'tuple' ? undefined : written[k]
    return {
      name: expression?.kind === 'name' ? expression.name : undefined,
      value,
      isLoss: k === 0,
    }
  })
}

/** Shapes that a backward pass must give back. */
export function requireShapes(
  pass: BackwardPass,
  { gradients, at: returnedAt }: BackwardRun,
  parameters: NamedTensors,
): void {
  for (const [name, { array, at }] of gradients.arrays) {
    const wanted = parameters.get(name)!.shape
    if (formatShape(array.shape) === formatShape(wanted)) continue
    const isTransposed =
      array.shape.length === 2 && formatShape([...array.shape].reverse()) === formatShape(wanted)
    throw new GradcheckError(
      'bad-shape',
      `${describePlace(pass.called.scope.file, returnedAt)}: ${pass.called.name} gives ${at}, the gradient of ${name}, ` +
        `in shape ${formatShape(array.shape)}, and ${name} has ${formatShape(wanted)}`,
      isTransposed ? { fix: 'it looks transposed' } : {},
    )
  }
}
