import { GradcheckError } from '../errors.js'
import { broadcastShapes, broadcastStrides, listOffsets, ShapeMismatch } from '../program/shapes.js'
import { suggestName } from '../suggest.js'
import { elementCount, formatShape } from '../tensor.js'
import { arrayOf, GuessedArray, type Kind, NdArray, nodeOf, reshaped, type Tracer, viewed } from './arrays.js'
import type {
  Argument,
  Expression,
  FormatPart,
  FunctionDefinition,
  Handler,
  Parameter,
  Statement,
} from './ast.js'
import { namesIn, topLevel, touchesOf } from './bindings.js'
import { defineClass, isOpen } from './classes.js'
import { methodOf } from './container-methods.js'
import { isException, makeException, PythonError } from './exceptions.js'
import { runLazily, yields } from './generators.js'
import { type IndexItem, selectElements } from './indexing.js'
import { isOrderKnown, isRaised, itemsOf, numbersOf, orderOf, valuesOf } from './iteration.js'
import { IGNORED_MODULES, ignored, isStandard, KNOWN_MODULES } from './modules.js'
import { Operators } from './operators.js'
import { Refusal } from './refusal.js'
import { describePlace, placeIn, type SourceFile } from './source-file.js'
import { describe, Texts } from './text.js'
import {
  type DataField,
  Ellipsis,
  type Given,
  MOST_STEPS,
  Native,
  NativeIndexer,
  type Place,
  PyClass,
  PyCounter,
  PyDefaultDict,
  PyDict,
  PyDictView,
  PyFunction,
  PyInstance,
  PyIterator,
  PyList,
  PyModule,
  PyRange,
  PySet,
  PySlice,
  PySuper,
  PyTuple,
  type Scope,
  Unknown,
  type Value,
} from './values.js'

/** Calls within calls after which code is taken to have no end. */
const MOST_CALLS = 100

/** How a block of statements ended. */
export type Completion = { readonly kind: 'return'; readonly value: Value } | 'break' | 'continue' | undefined

/** Looks on while code is followed. */
export interface Watcher {
  /** What is executed in the place of some statements. */
  readonly statements: ReadonlyMap<Statement, readonly Statement[]>
  /** What is evaluated in the place of some expressions. */
  readonly expressions: ReadonlyMap<Expression, Expression>
  /** Before a statement. */
  begin(statement: Statement, scope: Scope): void
  /** After it, unless it raised an error. */
  end(statement: Statement, scope: Scope): void
  /** What an expression gave. */
  evaluated(expression: Expression, value: Value): void
  /** A value before a statement makes something of it: what is taken in its place. */
  made(statement: Statement, value: Value): Value
  /** Where a function has come to its end. */
  left(called: PyFunction, scope: Scope): void
}

/** What the interpreter is told of the world. */
export interface Surroundings {
  readonly tracer: Tracer
  /** Functions of modules and of Python itself, by name: of `numpy.exp` the name is that. */
  readonly natives: ReadonlyMap<string, Value>
  /** What an array's member is: an attribute, or a method. */
  memberOf(array: NdArray, name: string, place: Place): Value | undefined
  /** The file behind a module's name, if it is at hand. */
  fileOf(module: string): SourceFile | undefined
  /** An array of the user's file. */
  arrayNamed(name: string): Value | undefined
  /** All parameters, under a name that such dictionaries have. */
  dictionaryNamed(name: string): Value | undefined
  /** What stands for a name that no file defines. */
  helperNamed(name: string, place: Place): Value | undefined
  /** Says that what depends on the parameters is taken as it is at the given point. */
  guard(kind: 'branch' | 'mask', place: Place): void
  /** Says something that the user must know. */
  notice(text: string): void
}

/** Evaluates Python's statements at the given point, without running Python. */
export class Interpreter {
  readonly #world: Surroundings
  readonly #tracer: Tracer
  readonly #operators: Operators
  /** How values are written. */
  readonly texts: Texts
  readonly #files = new Map<SourceFile, Scope>()
  readonly #opening = new Set<string>()
  /** Names that a file has not. */
  readonly #absent = new Set<string>()
  /** True while the object is made whose method is traced: its arrays are those of the file. */
  #isMaking = false
  #steps = 0
  #mostSteps = MOST_STEPS
  #calls = 0
  /** Looks on, where one is set. */
  watcher: Watcher | undefined
  /** How many `try` there are around what is run. */
  #tries = 0
  /** Exceptions that are being handled, the last one last. */
  readonly #handled: PythonError[] = []

  constructor(world: Surroundings) {
    this.#world = world
    this.#tracer = world.tracer
    this.#operators = new Operators(this, world.tracer)
    this.texts = new Texts(this)
  }

  // ---- errors

  /** An error at a place, with the line and a caret. */
  error({ file, at }: Place, what: string, fix?: string): GradcheckError {
    const { column, text } = placeIn(file, at)
    return new GradcheckError('bad-forward', `${describePlace(file, at)}: ${what}`, {
      detail: [text, `${' '.repeat(column - 1)}^`],
      ...(fix === undefined ? {} : { fix }),
    })
  }

  /** An exception of Python's, that the code may catch. */
  raised({ file, at }: Place, exception: string, what: string, fix?: string): PythonError {
    const { message, detail } = this.error({ file, at }, what)
    return new PythonError(makeException(exception, what), message, {
      detail,
      ...(fix === undefined ? {} : { fix }),
    })
  }

  /** What Python refuses with an exception is one here; what is not followed is unknown. */
  #settleRefusal(refusal: Refusal, place: Place): Unknown {
    if (refusal.exception !== undefined) throw this.raised(place, refusal.exception, refusal.message)
    return new Unknown(refusal.message, place, refusal.fix ?? 'docs/forward.md lists what is understood')
  }

  /** A value that is made, or unknown where it is refused. */
  attempt(place: Place, make: () => Value): Value {
    try {
      return make()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return this.#settleRefusal(error, place)
    }
  }

  /** Fails where a step is refused. */
  #insist<T>(place: Place, make: () => T): T {
    try {
      return make()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      throw this.errorOf(this.#settleRefusal(error, place))
    }
  }

  /** `text % value` */
  percent(text: string, value: Value, place: Place): Value {
    return this.attempt(place, () => this.texts.percent(text, value, place))
  }

  /** An unknown value's message, where something depends on it. */
  errorOf(unknown: Unknown, place?: Place): GradcheckError {
    const error = this.error(unknown.place, unknown.message, unknown.fix)
    if (place === undefined || (place.file === unknown.place.file && place.at === unknown.place.at))
      return error
    return new GradcheckError('bad-forward', error.message, {
      detail: [...error.detail, `it is needed at ${describePlace(place.file, place.at)}`],
      ...(unknown.fix === undefined ? {} : { fix: unknown.fix }),
    })
  }

  // ---- files and names

  /** The names of a file: definitions, imports and assignments, evaluated when they are first wanted. */
  scopeOf(file: SourceFile): Scope {
    const known = this.#files.get(file)
    if (known !== undefined) return known
    const scope: Scope = {
      names: new Map(),
      outer: undefined,
      file,
      globals: new Set(),
      owner: undefined,
      self: undefined,
    }
    this.#files.set(file, scope)
    for (const statement of topLevel(file.statements)) {
      if (statement.kind !== 'function' && statement.kind !== 'class') continue
      // what is set to something else as well is looked at where it is wanted
      if (touchesOf(file.statements, statement.name).length === 0) this.#define(statement, scope)
    }
    return scope
  }

  /** A name of a file; undefined where it has none. */
  lookUpIn(scope: Scope, name: string): Value | undefined {
    const known = scope.names.get(name)
    if (known !== undefined) return known
    const { file } = scope
    const key = `${file.name} ${name}`
    if (this.#opening.has(key) || this.#absent.has(key)) return undefined
    this.#opening.add(key)
    try {
      const found = this.#openName(scope, name)
      if (found === undefined) this.#absent.add(key)
      return found
    } finally {
      this.#opening.delete(key)
    }
  }

  #openName(scope: Scope, name: string): Value | undefined {
    const { file } = scope
    const touches = touchesOf(file.statements, name)
    const isDefined = file.statements.some(
      (one) => (one.kind === 'function' || one.kind === 'class') && one.name === name,
    )
    if (
      touches.length > 1 ||
      touches.some(({ isSimple }) => !isSimple) ||
      (isDefined && touches.length > 0)
    ) {
      return (
        this.#world.arrayNamed(name) ??
        new Unknown(
          `${name} is set in more than one place of the file, or within a loop or a condition`,
          { file, at: touches[touches.length - 1].at },
          'save it as an array, or set it where it is used',
        )
      )
    }
    for (const statement of topLevel(file.statements).toReversed()) {
      const place = { file, at: statement.at }
      let value: Value | undefined
      if (statement.kind === 'import' && statement.as === name)
        value = this.#module(statement.module, statement.as)
      else if (statement.kind === 'import-from') {
        const imported = statement.names.find((one) => one.as === name || one.name === '*')
        if (imported !== undefined) {
          value = this.#importFrom(
            statement.module,
            imported.name === '*' ? name : imported.name,
            place,
            imported.name === '*',
          )
        }
      } else if (
        statement.kind === 'assign' &&
        statement.targets.some((target) => namesIn(target).includes(name))
      ) {
        const own = this.#world.arrayNamed(name)
        if (own !== undefined) value = own
        else {
          this.#statement(statement, scope)
          value = scope.names.get(name)
        }
      }
      if (value !== undefined) {
        scope.names.set(name, value)
        return value
      }
    }
    return undefined
  }

  #module(module: string, as: string): Value {
    // `import a.b` makes a known
    const name = as === module.split('.')[0] ? as : module
    const known = KNOWN_MODULES.get(name) ?? name
    return new PyModule(known, this.#world.fileOf(name))
  }

  /** Where an import is tried, whether it succeeds decides what follows. */
  #requireModule(module: string, place: Place): void {
    if (this.#tries === 0 || this.#world.fileOf(module) !== undefined) return
    if (isStandard(module)) return
    throw this.error(
      place,
      `whether ${module} can be imported is not known`,
      'import it without try, or leave it out',
    )
  }

  #importFrom(module: string, name: string, place: Place, isStar: boolean): Value | undefined {
    const file = this.#world.fileOf(module)
    if (file !== undefined) {
      const found = this.lookUpIn(this.scopeOf(file), name)
      if (found !== undefined || isStar) return found
    }
    const known = KNOWN_MODULES.get(module) ?? module
    const native = this.#world.natives.get(`${known}.${name}`)
    if (native !== undefined) return native
    if (isStar) return undefined
    const nested = this.#world.fileOf(`${module}.${name}`)
    if (nested !== undefined) return new PyModule(name, nested)
    if (IGNORED_MODULES.has(known.split('.')[0])) return ignored(name, place)
    const builtin = this.#world.natives.get(`builtins.${name}`)
    if (builtin !== undefined && /^(builtins|collections|past|future|six)\b/.test(known)) return builtin
    return (
      this.#world.helperNamed(name, place) ??
      new Unknown(
        `${name} comes from ${module}, which is not at hand`,
        place,
        'write it out, or give the file that defines it as well',
      )
    )
  }

  #name(name: string, scope: Scope, place: Place): Value {
    if (!scope.globals.has(name)) {
      for (let at: Scope | undefined = scope; at?.outer !== undefined; at = at.outer) {
        const own = at.names.get(name)
        if (own !== undefined) return own
      }
    }
    const ofFile = this.lookUpIn(this.scopeOf(scope.file), name)
    if (ofFile !== undefined) return ofFile
    const native = this.#world.natives.get(name) ?? this.#world.natives.get(`builtins.${name}`)
    if (native !== undefined) return native
    const module = KNOWN_MODULES.get(name)
    if (module !== undefined) return new PyModule(module, undefined)
    const own = this.#world.arrayNamed(name)
    if (own !== undefined) return own
    return (
      this.#world.helperNamed(name, place) ??
      new Unknown(`${name} is defined in none of the files`, place, 'give the file that defines it as well')
    )
  }

  // ---- statements

  run(statements: readonly Statement[], scope: Scope): Completion {
    for (const statement of statements) {
      const completion = this.#statement(statement, scope)
      if (completion !== undefined) return completion
    }
    return undefined
  }

  #step(place: Place): void {
    this.takeSteps(1, place)
  }

  /** @throws GradcheckError where code has taken so many steps that it is taken to have no end */
  takeSteps(count: number, place: Place): void {
    this.#steps += count
    if (this.#steps > this.#mostSteps) {
      throw this.error(place, `this has taken ${this.#mostSteps} steps, and goes on`, 'trace a smaller case')
    }
  }

  /** How many steps there were; from here on they are counted anew. */
  restart(most = MOST_STEPS): number {
    const steps = this.#steps
    this.#steps = 0
    // what was not there may only have been tried to be made
    this.#absent.clear()
    this.#opening.clear()
    this.#calls = 0
    this.#mostSteps = most
    return steps
  }

  /** The names of every file that was looked into. */
  get scopesOfFiles(): readonly Scope[] {
    return [...this.#files.values()]
  }

  #statement(statement: Statement, scope: Scope): Completion {
    const { watcher } = this
    if (watcher === undefined) return this.#execute(statement, scope)
    const others = watcher.statements.get(statement)
    if (others !== undefined) {
      for (const other of others) {
        const completion = this.#execute(other, scope)
        if (completion !== undefined) return completion
      }
      return undefined
    }
    watcher.begin(statement, scope)
    const completion = this.#execute(statement, scope)
    watcher.end(statement, scope)
    return completion
  }

  #execute(statement: Statement, scope: Scope): Completion {
    const place = { file: scope.file, at: statement.at }
    this.#step(place)
    switch (statement.kind) {
      case 'expression': {
        const value = this.#tried(this.evaluate(statement.value, scope), place)
        // what stands by itself is there for what it does: that must be understood
        if (value instanceof Unknown && value.kind !== 'ignored' && statement.value.kind === 'call') {
          throw this.errorOf(value, place)
        }
        return undefined
      }
      case 'assign': {
        const value = this.#made(statement, this.#tried(this.evaluate(statement.value, scope), place))
        for (const target of statement.targets) this.#assign(target, value, scope)
        return undefined
      }
      case 'update':
        this.#update(statement, scope, place)
        return undefined
      case 'return':
        return {
          kind: 'return',
          value:
            statement.value === undefined
              ? null
              : this.#made(statement, this.evaluate(statement.value, scope)),
        }
      case 'if':
        for (const { condition, body } of statement.branches) {
          if (this.truth(this.evaluate(condition, scope), { file: scope.file, at: condition.at })) {
            return this.run(body, scope)
          }
        }
        return this.run(statement.otherwise, scope)
      case 'for': {
        const list = this.evaluate(statement.list, scope)
        const items = this.iterator(list, place)
        for (let next = items.next(); next.done !== true; next = items.next()) {
          this.#step(place)
          this.#assign(statement.target, next.value, scope)
          const completion = this.run(statement.body, scope)
          if (completion === 'break') return undefined
          if (completion !== undefined && completion !== 'continue') return completion
        }
        return this.run(statement.otherwise, scope)
      }
      case 'while':
        while (this.truth(this.evaluate(statement.condition, scope), place)) {
          this.#step(place)
          const completion = this.run(statement.body, scope)
          if (completion === 'break') return undefined
          if (completion !== undefined && completion !== 'continue') return completion
        }
        return this.run(statement.otherwise, scope)
      case 'function':
      case 'class':
        this.#define(statement, scope)
        return undefined
      case 'import':
        this.#requireModule(statement.module, place)
        scope.names.set(statement.as, this.#module(statement.module, statement.as))
        return undefined
      case 'import-from':
        this.#requireModule(statement.module, place)
        for (const { name, as } of statement.names) {
          const value = this.#importFrom(statement.module, name, place, name === '*')
          if (value !== undefined) scope.names.set(as, value)
        }
        return undefined
      case 'assert': {
        const condition = this.evaluate(statement.condition, scope)
        if (condition instanceof Unknown || (condition instanceof NdArray && condition.isTraced))
          return undefined
        if (!this.truth(condition, place))
          throw this.raised(place, 'AssertionError', 'the assertion does not hold')
        return undefined
      }
      case 'raise':
        throw this.#raise(statement.value, scope, place)
      case 'try':
        return this.#try(statement, scope)
      case 'with':
        return this.#with(statement, scope)
      case 'delete':
        for (const target of statement.targets) this.#delete(target, scope)
        return undefined
      case 'declare':
        return undefined
      case 'global':
        for (const name of statement.names) {
          if (!statement.isNonlocal) scope.globals.add(name)
          else {
            scope.nonlocals ??= new Set()
            scope.nonlocals.add(name)
          }
        }
        return undefined
      case 'break':
      case 'continue':
        return statement.kind
      case 'pass':
        return undefined
      case 'broken':
        throw this.error(place, notUnderstood(statement.what), 'docs/forward.md lists what is')
    }
  }

  #made(statement: Statement, value: Value): Value {
    return this.watcher === undefined ? value : this.watcher.made(statement, value)
  }

  /** Where the code is ready for an exception, what is not understood might be one. */
  #tried(value: Value, place: Place): Value {
    if (this.#tries > 0 && value instanceof Unknown && value.kind === undefined)
      throw this.errorOf(value, place)
    return value
  }

  #raise(raised: Expression | undefined, scope: Scope, place: Place): GradcheckError {
    const fix = 'the branch was taken at the given arguments: see what decides it'
    if (raised === undefined) {
      const last = this.#handled[this.#handled.length - 1]
      return last ?? this.error(place, 'the code raises an error here', fix)
    }
    const given = this.evaluate(raised, scope)
    const exception =
      given instanceof PyClass ? this.instantiate(given, { plain: [], named: new Map() }, place) : given
    if (!(exception instanceof PyInstance) || !isException(exception)) {
      return this.error(place, 'the code raises an error here', fix)
    }
    const told = this.attempt(place, () => this.texts.str(exception, place))
    const name = exception.of?.definition.name
    const what = typeof told === 'string' && told !== '' ? `${name}: ${told}` : `${name}`
    const { message, detail } = this.error(place, `the code raises ${what}`)
    return new PythonError(exception, message, { detail, fix })
  }

  #try(statement: Extract<Statement, { kind: 'try' }>, scope: Scope): Completion {
    const { body, handlers, otherwise, last } = statement
    const attempt = (): Completion => {
      let completion: Completion
      const calls = this.#calls
      if (handlers.length > 0) this.#tries++
      try {
        completion = this.run(body, scope)
      } catch (error) {
        if (!(error instanceof PythonError)) throw error
        this.#calls = calls
        const handler = handlers.find(({ of, at }) =>
          this.#isCaught(error, of, scope, { file: scope.file, at }),
        )
        if (handler === undefined) throw error
        return this.#handle(handler, error, scope)
      } finally {
        if (handlers.length > 0) this.#tries--
      }
      return completion ?? this.run(otherwise, scope)
    }
    if (last.length === 0) return attempt()
    let completion: Completion
    try {
      completion = attempt()
    } catch (error) {
      if (!(error instanceof PythonError)) throw error
      const after = this.run(last, scope)
      if (after === undefined) throw error
      return after
    }
    return this.run(last, scope) ?? completion
  }

  #handle(handler: Handler, error: PythonError, scope: Scope): Completion {
    const { name, body } = handler
    this.#handled.push(error)
    // what handles an error is no longer tried
    const tries = this.#tries
    this.#tries--
    try {
      if (name !== undefined) this.#assignName(name, error.exception, scope)
      const completion = this.run(body, scope)
      if (name !== undefined) scope.names.delete(name)
      return completion
    } finally {
      this.#tries = tries
      this.#handled.pop()
    }
  }

  #isCaught(error: PythonError, of: Expression | undefined, scope: Scope, place: Place): boolean {
    if (of === undefined) return true
    const given = this.evaluate(of, scope)
    return (given instanceof PyTuple ? given.items : [given]).some((type) => {
      if (type instanceof Unknown) throw this.errorOf(type, place)
      if (!(type instanceof PyClass)) throw this.error(place, 'what is caught here is not understood')
      return error.exception.of?.order().includes(type) === true
    })
  }

  #with({ items, body }: Extract<Statement, { kind: 'with' }>, scope: Scope): Completion {
    const [item, ...others] = items
    if (item === undefined) return this.run(body, scope)
    const place = { file: scope.file, at: item.value.at }
    const manager = this.evaluate(item.value, scope)
    const isOwn = manager instanceof PyInstance && manager.of?.find('__exit__') !== undefined
    const entered = isOwn ? (this.callMethod(manager, '__enter__', [], place) ?? null) : manager
    if (item.target !== undefined) this.#assign(item.target, entered, scope)
    const inner = { kind: 'with' as const, at: item.value.at, items: others, body }
    if (!isOwn) return this.#with(inner, scope)
    let completion: Completion
    try {
      completion = this.#with(inner, scope)
    } catch (error) {
      if (!(error instanceof PythonError)) throw error
      const { exception } = error
      const isPassedOver = this.callMethod(
        manager,
        '__exit__',
        [exception.of ?? null, exception, null],
        place,
      )
      if (isPassedOver === undefined || !this.truth(isPassedOver, place)) throw error
      return undefined
    }
    this.callMethod(manager, '__exit__', [null, null, null], place)
    return completion
  }

  #delete(target: Expression, scope: Scope): void {
    const place = { file: scope.file, at: target.at }
    switch (target.kind) {
      case 'name':
        scope.names.delete(target.name)
        return
      case 'tuple':
      case 'list':
        for (const item of target.items) this.#delete(item, scope)
        return
      case 'member': {
        const object = this.evaluate(target.object, scope)
        if (object instanceof PyInstance && object.attributes.delete(target.name)) return
        throw this.error(place, 'what is deleted here is not understood')
      }
      case 'index': {
        const object = this.evaluate(target.object, scope)
        const index = this.evaluate(target.index, scope)
        this.#insist(place, () => this.#deleteItem(object, index, place))
        return
      }
      default:
        throw this.error(place, 'what is deleted here is not understood')
    }
  }

  #deleteItem(object: Value, index: Value, place: Place): void {
    if (object instanceof PyDict) {
      if (!object.has(index)) throw this.raised(place, 'KeyError', `there is no key ${describe(index)}`)
      object.remove(index)
    } else if (object instanceof PyList) {
      const { length } = object.items
      const gone = new Set(
        index instanceof PySlice ? this.#slice(index, length, place) : [this.#itemAt(index, length, place)],
      )
      const left = object.items.filter((_, k) => !gone.has(k))
      object.items.splice(0, length, ...left)
    } else if (
      object instanceof PyInstance &&
      this.callMethod(object, '__delitem__', [index], place) !== undefined
    ) {
      return
    } else throw this.error(place, 'what is deleted here is not understood')
  }

  /** Which of so many items is meant. */
  #itemAt(index: Value, length: number, place: Place): number {
    const at = this.integer(index, place)
    if (at >= length || at < -length) {
      throw this.raised(place, 'IndexError', `index ${at} is out of range of ${length} items`)
    }
    return at < 0 ? at + length : at
  }

  #define(statement: Statement, scope: Scope): void {
    if (statement.kind === 'function')
      scope.names.set(statement.name, this.#function(statement, scope, scope.owner))
    if (statement.kind !== 'class') return
    const made = defineClass(statement, scope, {
      evaluate: (expression, within) => this.evaluate(expression, within),
      run: (member, within) => this.#statement(member, within),
      makeFunction: (member, owner) => this.#function(member, scope, owner),
    })
    scope.names.set(statement.name, made)
  }

  /** A function as it is defined, with its defaults as they then are; those of a file's own when they are first wanted. */
  #function(statement: FunctionDefinition, scope: Scope, owner: PyClass | undefined): Value {
    const place = { file: scope.file, at: statement.at }
    const other = statement.decorators.find((decorator) => !HARMLESS_DECORATORS.test(decorator))
    if (other !== undefined) {
      return new Unknown(
        `the decorator ${other} is not understood`,
        place,
        'leave it out, or write what it does',
      )
    }
    const made = new PyFunction(
      statement.name,
      statement.parameters,
      statement.body,
      scope,
      statement.at,
      undefined,
      owner,
    )
    if (scope.outer !== undefined) this.#fixDefaults(made)
    return made
  }

  #fixDefaults({ parameters, defaults, scope }: PyFunction): void {
    for (const { name, usual } of parameters)
      if (usual !== undefined) defaults.set(name, this.evaluate(usual, scope))
  }

  // ---- what is assigned

  /** What was drawn at random is the array of its name, if there is one; while an object is made, every array is. */
  #settle(name: string, value: Value, isMember = false): Value {
    const isOpen = value instanceof Unknown || value instanceof NdArray
    const isReplaced = this.#isMaking && isMember && isOpen
    if (!isReplaced && !(value instanceof Unknown && value.kind === 'random')) return value
    const own = this.#world.arrayNamed(name)
    if (own === undefined) return value
    if (isReplaced) return own
    this.#world.notice(`${name} is drawn at random: the array ${name} of the file is taken for it`)
    return own
  }

  #assignName(name: string, value: Value, scope: Scope): void {
    const settled = this.#settle(name, value)
    let at: Scope | undefined = scope.globals.has(name) ? this.scopeOf(scope.file) : scope
    if (scope.nonlocals?.has(name) === true) {
      at = scope.outer
      while (at?.outer !== undefined && !at.names.has(name)) at = at.outer
    }
    const holder = at ?? scope
    holder.names.set(name, settled)
    if (settled instanceof NdArray) this.#call(name, settled)
  }

  #assign(target: Expression, value: Value, scope: Scope): void {
    const place = { file: scope.file, at: target.at }
    switch (target.kind) {
      case 'name':
        this.#assignName(target.name, value, scope)
        return
      case 'tuple':
      case 'list': {
        if (value instanceof Unknown) {
          for (const item of target.items) this.#assign(item, value, scope)
          return
        }
        const isPair = value instanceof GuessedArray && target.items.length === 2
        const items = isPair ? [value, value.argument] : this.iterate(value, place)
        const star = target.items.findIndex((item) => item.kind === 'starred')
        if (star === -1 && items.length !== target.items.length) {
          throw this.raised(
            place,
            'ValueError',
            `${items.length} values cannot be unpacked into ${target.items.length} names`,
          )
        }
        const behind = target.items.length - star - 1
        if (star !== -1 && items.length < target.items.length - 1) {
          throw this.raised(place, 'ValueError', `${items.length} values are too few to be unpacked here`)
        }
        for (const [k, item] of target.items.entries()) {
          if (star === -1 || k < star) this.#assign(item, items[k], scope)
          else if (item.kind === 'starred') {
            this.#assign(item.value, new PyList(items.slice(star, items.length - behind)), scope)
          } else this.#assign(item, items[items.length - target.items.length + k], scope)
        }
        return
      }
      case 'member': {
        const object = this.evaluate(target.object, scope)
        if (object instanceof NdArray && target.name === 'shape') {
          const shape = this.iterate(value, place).map((length) => this.integer(length, place))
          const reshape = this.member(object, 'reshape', place)
          this.#assign(
            target.object,
            this.call(reshape, { plain: shape.map(BigInt), named: new Map() }, place),
            scope,
          )
        } else this.setMember(object, target.name, value, place)
        return
      }
      case 'index':
        this.#store(this.evaluate(target.object, scope), this.evaluate(target.index, scope), value, place)
        return
      case 'starred':
        this.#assign(target.value, value, scope)
        return
      default:
        throw this.error(place, 'this cannot be assigned to')
    }
  }

  /** A value that is assigned to a name is called so. */
  #call(name: string, array: NdArray): void {
    if (array.positions !== undefined || !array.isTraced) return
    const { b } = this.#tracer
    const node = nodeOf(this.#tracer, array)
    if (this.#tracer.isNamed(node)) return
    b.named(name, node)
  }

  setMember(object: Value, name: string, value: Value, place: Place): void {
    if (object instanceof PyInstance) {
      const owner = object.of?.find(name)?.owner
      const setter = owner?.setters.get(name)
      if (setter !== undefined) {
        this.callFunction(setter.bind(object), { plain: [value], named: new Map() }, place)
      } else if (owner?.properties.has(name) === true) {
        throw this.raised(place, 'AttributeError', `the property ${name} has no setter`)
      } else object.attributes.set(name, this.#settle(name, value, true))
    } else if (object instanceof PyClass) object.members.set(name, value)
  }

  #store(object: Value, index: Value, value: Value, place: Place): void {
    if (object instanceof Unknown) return
    if (object instanceof PyDict) {
      this.#insist(place, () =>
        object.set(index, typeof index === 'string' ? this.#settle(index, value, true) : value),
      )
    } else if (object instanceof PyList) {
      const { length } = object.items
      if (index instanceof PySlice) {
        const places = this.#slice(index, length, place)
        const items = this.iterate(value, place)
        const isRun = index.step === null || this.integer(index.step, place) === 1
        if (isRun) {
          const start = places[0] ?? this.#startOf(index, length, place)
          object.items.splice(start, places.length, ...items)
        } else if (items.length !== places.length) {
          throw this.raised(
            place,
            'ValueError',
            `${items.length} items do not fit into ${places.length} places`,
          )
        } else for (const [k, at] of places.entries()) object.items[at] = items[k]
      } else object.items[this.#itemAt(index, length, place)] = value
    } else if (object instanceof NdArray) this.store(object, index, value, place)
    else if (
      object instanceof PyInstance &&
      this.callMethod(object, '__setitem__', [index, value], place) !== undefined
    ) {
      return
    } else throw this.error(place, 'nothing can be stored into this')
  }

  /** Where a slice without items begins. */
  #startOf({ start }: PySlice, length: number, place: Place): number {
    const at = start === null ? 0 : this.integer(start, place)
    return Math.min(Math.max(at < 0 ? at + length : at, 0), length)
  }

  /** `array[index] = value` */
  store(array: NdArray, index: Value, value: Value, place: Place): void {
    if (value instanceof Unknown) throw this.errorOf(value, place)
    const mask = index instanceof NdArray && index.kind === 'b' && index.isTraced ? index : undefined
    if (mask !== undefined) this.#world.guard('mask', place)
    const { shape, offsets } = this.#select(array, index, place)
    const given = this.toArray(value, place)
    if (array.kind !== 'f' && given.isTraced) {
      throw this.error(
        place,
        'a float that depends on the parameters is stored in an integer array, which truncates it',
        'make the array with np.zeros(shape)',
      )
    }
    if (array.kind !== 'f' && given.kind === 'f' && !given.numbers.every(Number.isInteger)) {
      throw this.error(
        place,
        'a number that is not whole is stored in an array of whole numbers, which truncates it',
        'make the array with np.zeros(shape)',
      )
    }
    const spread = this.#broadcast(given, shape, place)
    const positions = Int32Array.from(offsets, (offset) => array.place(offset))
    array.storage.write(positions, nodeOf(this.#tracer, spread))
  }

  #broadcast(array: NdArray, shape: readonly number[], place: Place): NdArray {
    if (formatShape(array.shape) === formatShape(shape)) return array
    // leading axes of length 1 may be more than the place has
    let own = array.shape
    while (own.length > shape.length && own[0] === 1) own = own.slice(1)
    return this.fit(place, () => {
      const joined = broadcastShapes([own, shape])
      if (formatShape(joined) !== formatShape(shape)) {
        throw new ShapeMismatch(
          `an array of shape ${formatShape(array.shape)} does not fit into ${formatShape(shape)}`,
        )
      }
      return viewed(reshaped(array, own), shape, listOffsets(shape, broadcastStrides(own, shape)))
    })
  }

  /** `target operator= value`: what the target is in, and where, is found once, before the value. */
  #update(statement: Extract<Statement, { kind: 'update' }>, scope: Scope, place: Place): void {
    const { target, operator, value: operand } = statement
    if (target.kind !== 'index' && target.kind !== 'member') {
      const before = this.evaluate(target, scope)
      this.#change(before, operator, this.#made(statement, this.evaluate(operand, scope)), place, (made) =>
        this.#assign(target, made, scope),
      )
      return
    }
    const at = { file: scope.file, at: target.at }
    const object = this.evaluate(target.object, scope)
    if (target.kind === 'member') {
      const before = this.member(object, target.name, at)
      this.#change(before, operator, this.#made(statement, this.evaluate(operand, scope)), place, (made) =>
        this.setMember(object, target.name, made, at),
      )
      return
    }
    const index = this.evaluate(target.index, scope)
    const before = this.index(object, index, at)
    const value = this.#made(statement, this.evaluate(operand, scope))
    if (object instanceof NdArray) {
      // what several indices or a mask choose is a copy: it is put back
      this.#store(object, index, this.#madeOf(operator, before, value, place), place)
    } else this.#change(before, operator, value, place, (made) => this.#store(object, index, made, place))
  }

  #madeOf(operator: string, before: Value, value: Value, place: Place): Value {
    const made = this.binary(operator, before, value, place)
    if (made instanceof Unknown) throw this.errorOf(made, place)
    return made
  }

  /** What can change does so in place, where whoever looks at it sees it; anything else is put where it was. */
  #change(before: Value, operator: string, value: Value, place: Place, put: (made: Value) => void): void {
    if (before instanceof NdArray && before.shape.length > 0) {
      this.store(before, new Ellipsis(), this.#madeOf(operator, before, value, place), place)
    } else if (
      before instanceof PyList &&
      (operator === '+' || (operator === '*' && typeof value === 'bigint'))
    ) {
      const more = operator === '+' ? this.iterate(value, place) : []
      const items =
        operator === '+'
          ? [...before.items, ...more]
          : (this.binary('*', before, value, place) as PyList).items
      if (items.length > MOST_STEPS) throw this.error(place, 'the list grows too long')
      before.items.splice(0, before.items.length, ...items)
    } else if (operator === '|' && before instanceof PyDict && value instanceof PyDict) {
      for (const entry of value.entries.values()) before.set(entry.key, entry.value)
    } else if (
      before instanceof PySet &&
      !before.isFrozen &&
      value instanceof PySet &&
      /^[-&|^]$/.test(operator)
    ) {
      const made = this.binary(operator, before, value, place) as PySet
      const items = [...made.entries.values()]
      before.entries.clear()
      for (const item of items) before.add(item)
    } else {
      const own = this.#operators.inPlace(operator, before, value, place)
      put(own ?? this.binary(operator, before, value, place))
    }
  }

  // ---- expressions

  evaluate(expression: Expression, scope: Scope): Value {
    const { watcher } = this
    if (watcher === undefined) return this.#evaluate(expression, scope)
    const other = watcher.expressions.get(expression)
    const value = this.#evaluate(other ?? expression, scope)
    if (other === undefined) watcher.evaluated(expression, value)
    return value
  }

  #evaluate(expression: Expression, scope: Scope): Value {
    const place = { file: scope.file, at: expression.at }
    switch (expression.kind) {
      case 'number':
        return expression.isInteger ? BigInt(expression.value) : expression.value
      case 'string':
        return expression.value
      case 'format':
        return this.attempt(place, () => this.#formatted(expression.parts, scope, place))
      case 'constant':
        return expression.value
      case 'ellipsis':
        return new Ellipsis()
      case 'name':
        return this.#name(expression.name, scope, place)
      case 'unary':
        return this.#operators.unary(expression.operator, this.evaluate(expression.operand, scope), place)
      case 'binary':
        return this.binary(
          expression.operator,
          this.evaluate(expression.left, scope),
          this.evaluate(expression.right, scope),
          place,
        )
      case 'logic': {
        const left = this.evaluate(expression.left, scope)
        const holds = this.truth(left, place)
        return holds === (expression.operator === 'and') ? this.evaluate(expression.right, scope) : left
      }
      case 'compare':
        return this.#compareAll(expression, scope, place)
      case 'choice':
        return this.truth(this.evaluate(expression.condition, scope), place)
          ? this.evaluate(expression.then, scope)
          : this.evaluate(expression.otherwise, scope)
      case 'lambda': {
        const { parameters, body, at } = expression
        const made = new PyFunction('lambda', parameters, body, scope, at, undefined, undefined)
        this.#fixDefaults(made)
        return made
      }
      case 'call':
        return this.#callExpression(expression.callee, expression.arguments, scope, place)
      case 'member':
        return this.member(this.evaluate(expression.object, scope), expression.name, place)
      case 'index':
        return this.index(
          this.evaluate(expression.object, scope),
          this.evaluate(expression.index, scope),
          place,
        )
      case 'slice': {
        const part = (of: Expression | undefined) => (of === undefined ? null : this.evaluate(of, scope))
        return new PySlice(part(expression.start), part(expression.stop), part(expression.step))
      }
      case 'tuple':
        return new PyTuple(this.#items(expression.items, scope))
      case 'list':
        return new PyList(this.#items(expression.items, scope))
      case 'set':
        return this.attempt(place, () => new PySet(this.#items(expression.items, scope)))
      case 'dictionary': {
        const made = new PyDict()
        for (const { key, value } of expression.entries) {
          // the key comes first
          const at = key === undefined ? undefined : this.evaluate(key, scope)
          const item = this.evaluate(value, scope)
          if (at instanceof Unknown) throw this.errorOf(at, place)
          if (at !== undefined) this.#insist(place, () => made.set(at, item))
          else if (item instanceof PyDict)
            for (const entry of item.entries.values()) made.set(entry.key, entry.value)
          else throw this.error(place, 'what is spread out here is no dictionary that is understood')
        }
        return made
      }
      case 'comprehension':
        return this.#comprehension(expression, scope)
      case 'starred':
        throw this.error(place, 'a star has no place here')
      case 'walrus': {
        const value = this.evaluate(expression.value, scope)
        let holder = scope
        while (holder.isInner === true && holder.outer !== undefined) holder = holder.outer
        this.#assignName(expression.name, value, holder)
        return value
      }
      case 'yield':
        return new Unknown('yield is not understood here', place, 'yield by a statement of its own')
      case 'broken':
        return new Unknown(notUnderstood(expression.what), place, 'docs/forward.md lists what is')
    }
  }

  #items(items: readonly Expression[], scope: Scope): Value[] {
    return items.flatMap((item) =>
      item.kind === 'starred'
        ? this.iterate(this.evaluate(item.value, scope), { file: scope.file, at: item.at })
        : [this.evaluate(item, scope)],
    )
  }

  #formatted(parts: readonly FormatPart[], scope: Scope, place: Place): string {
    return parts
      .map((part) => {
        if (typeof part === 'string') return part
        const value = this.texts.converted(this.evaluate(part.value, scope), part.conversion, place)
        return this.texts.format(value, this.#formatted(part.format, scope, place), place)
      })
      .join('')
  }

  #comprehension(expression: Extract<Expression, { kind: 'comprehension' }>, outer: Scope): Value {
    const scope: Scope = { ...outer, names: new Map(), outer, isInner: true }
    const place = { file: outer.file, at: expression.at }
    // the first list is found at once, and outside
    const first = this.iterator(this.evaluate(expression.clauses[0].list, outer), place)
    const entries = this.#entriesOf(expression, 0, first, scope, place)
    if (expression.makes === 'generator') return new PyIterator(valuesOf(entries))
    return this.attempt(place, () => {
      if (expression.makes === 'dictionary') {
        const made = new PyDict()
        for (const { key, value } of entries) {
          if (key instanceof Unknown) throw this.errorOf(key, place)
          made.set(key, value)
        }
        return made
      }
      const items = [...valuesOf(entries)]
      return expression.makes === 'set' ? new PySet(items) : new PyList(items)
    })
  }

  /** What a comprehension makes, one by one. */
  *#entriesOf(
    expression: Extract<Expression, { kind: 'comprehension' }>,
    depth: number,
    items: Iterator<Value>,
    scope: Scope,
    place: Place,
  ): Generator<{ readonly key: Value; readonly value: Value }> {
    const { target, conditions } = expression.clauses[depth]
    const inner = expression.clauses[depth + 1]
    for (let next = items.next(); next.done !== true; next = items.next()) {
      this.#step(place)
      this.#assign(target, next.value, scope)
      if (!conditions.every((condition) => this.truth(this.evaluate(condition, scope), place))) continue
      if (inner !== undefined) {
        yield* this.#entriesOf(
          expression,
          depth + 1,
          this.iterator(this.evaluate(inner.list, scope), place),
          scope,
          place,
        )
      } else {
        const key = expression.key === undefined ? null : this.evaluate(expression.key, scope)
        yield { key, value: this.evaluate(expression.value, scope) }
      }
    }
  }

  #callExpression(callee: Expression, given: readonly Argument[], scope: Scope, place: Place): Value {
    if (callee.kind === 'name' && callee.name === 'super') return this.#super(scope)
    const called = this.evaluate(callee, scope)
    const plain: Value[] = []
    const named = new Map<string, Value>()
    for (const { kind, name, value } of given) {
      const item = this.evaluate(value, scope)
      if (kind === 'spread') plain.push(...this.iterate(item, place))
      else if (kind === 'spread-names') {
        if (!(item instanceof PyDict)) throw this.errorOf(this.#noDictionary(item, place), place)
        for (const entry of item.entries.values()) named.set(String(entry.key), entry.value)
      } else if (name === undefined) plain.push(item)
      else named.set(name, item)
    }
    return this.call(called, { plain, named }, place)
  }

  #noDictionary(value: Value, place: Place): Unknown {
    return value instanceof Unknown
      ? value
      : new Unknown('what ** spreads out is no dictionary', place, undefined)
  }

  #super(scope: Scope): Value {
    let at: Scope | undefined = scope
    while (at !== undefined && at.self === undefined) at = at.outer
    if (at?.self === undefined || at.owner === undefined) return new PyInstance(undefined)
    return new PySuper(at.self, at.owner)
  }

  call(called: Value, given: Given, place: Place): Value {
    if (called instanceof Unknown) return called
    if (called instanceof Native) {
      return this.fit(place, () => {
        this.#tracer.locate(place)
        try {
          return called.call(given, place)
        } catch (error) {
          if (error instanceof Refusal) return this.#settleRefusal(error, place)
          if (!(error instanceof TypeError || error instanceof RangeError)) throw error
          throw this.error(
            place,
            `${called.name} cannot be followed with these arguments`,
            'docs/forward.md lists what is understood',
          )
        }
      })
    }
    if (called instanceof PyClass) return this.instantiate(called, given, place)
    if (called instanceof PyFunction) return this.callFunction(called, given, place)
    if (called instanceof PyInstance) {
      const method = called.of?.find('__call__') ?? called.of?.find('forward')
      if (method?.value instanceof PyFunction)
        return this.callFunction(method.value.bind(called), given, place)
    }
    return new Unknown('this cannot be called', place, undefined)
  }

  /**
   * Calls a method that a class has for an operator or a function of Python's.
   * @returns undefined where the class has none
   */
  callMethod(object: PyInstance, name: string, plain: readonly Value[], place: Place): Value | undefined {
    if (object.of?.broken !== undefined) throw this.errorOf(object.of.broken, place)
    const found = object.of?.find(name)?.value
    if (found === undefined || found === null) return undefined
    if (!(found instanceof PyFunction)) return this.call(found, { plain, named: new Map() }, place)
    return this.callFunction(found.bind(object), { plain, named: new Map() }, place)
  }

  instantiate(of: PyClass, given: Given, place: Place): PyInstance {
    const broken = of.order().find((base) => base.broken !== undefined)?.broken
    if (broken !== undefined) throw this.errorOf(broken, place)
    const instance = new PyInstance(of)
    if (isException(instance)) instance.attributes.set('args', new PyTuple(given.plain))
    this.#initialize(instance, given, place)
    return instance
  }

  /** Does what the making of an instance does: `__init__`, or that of a data class. */
  #initialize(instance: PyInstance, given: Given, place: Place): void {
    const start = instance.of?.find('__init__')
    if (start?.value instanceof PyFunction) this.callFunction(start.value.bind(instance), given, place)
    else if (start !== undefined) this.call(start.value, given, place)
    else if (instance.of?.dataFields !== undefined)
      this.#fillFields(instance, instance.of.dataFields, given, place)
    else if (
      (given.plain.length > 0 || given.named.size > 0) &&
      !isException(instance) &&
      !isOpen(instance.of)
    ) {
      throw this.raised(place, 'TypeError', `${instance.of?.definition.name} takes no arguments`)
    }
  }

  #fillFields(
    instance: PyInstance,
    fields: readonly DataField[],
    { plain, named }: Given,
    place: Place,
  ): void {
    const unknown = [...named.keys()].find((name) => !fields.some((field) => field.name === name))
    if (plain.length > fields.length || unknown !== undefined) {
      throw this.raised(place, 'TypeError', `${instance.of?.definition.name} has no such field`)
    }
    for (const [k, { name, usual, factory }] of fields.entries()) {
      const given = k < plain.length ? plain[k] : (named.get(name) ?? usual)
      const value =
        given ??
        (factory === undefined ? undefined : this.call(factory, { plain: [], named: new Map() }, place))
      if (value === undefined)
        throw this.raised(place, 'TypeError', `${instance.of?.definition.name} needs ${name}`)
      instance.attributes.set(name, this.#settle(name, value, true))
    }
    this.callMethod(instance, '__post_init__', [], place)
  }

  /** An instance of a class whose arrays are those of the file; what cannot be run of its making is left out. */
  makeSelf(of: PyClass, given: Given, place: Place): PyInstance {
    const broken = of.order().find((base) => base.broken !== undefined)?.broken
    if (broken !== undefined) throw this.errorOf(broken, place)
    const instance = new PyInstance(of)
    if (of.find('__init__') === undefined && of.dataFields === undefined) return instance
    this.#isMaking = true
    try {
      this.#initialize(instance, given, place)
    } catch (error) {
      if (!(error instanceof GradcheckError)) throw error
      this.#world.notice(`${of.definition.name}.__init__ could not be run to its end (${error.message})`)
    } finally {
      this.#isMaking = false
    }
    return instance
  }

  callFunction(called: PyFunction, { plain, named }: Given, place: Place): Value {
    if (++this.#calls > MOST_CALLS) {
      throw this.error(
        place,
        `${called.name} has called itself ${MOST_CALLS} deep`,
        'a recursion without end is not understood',
      )
    }
    try {
      const scope: Scope = {
        names: new Map(),
        outer: called.scope,
        file: called.scope.file,
        globals: new Set(),
        owner: called.owner,
        self: called.self,
      }
      const all = called.self === undefined ? plain : [called.self, ...plain]
      this.#bind(called, all, named, scope, place)
      if (!Array.isArray(called.body)) return this.evaluate(called.body as Expression, scope)
      if (yields(called.body as readonly Statement[])) {
        return new PyIterator(this.#generate(called.body as readonly Statement[], scope))
      }
      const completion = this.run(called.body as readonly Statement[], scope)
      this.watcher?.left(called, scope)
      return typeof completion === 'object' ? completion.value : null
    } finally {
      this.#calls--
    }
  }

  /** What a function yields, each when it is asked for. */
  *#generate(body: readonly Statement[], scope: Scope): Generator<Value, undefined> {
    yield* runLazily(body, scope, {
      run: (statement) => this.#statement(statement, scope),
      evaluate: (expression) => this.evaluate(expression, scope),
      assign: (target, value) => this.#assign(target, value, scope),
      truth: (value, place) => this.truth(value, place),
      iterator: (value, place) => this.iterator(value, place),
      step: (place) => this.#step(place),
      error: (place, what, fix) => this.error(place, what, fix),
    })
    return undefined
  }

  #bind(
    called: PyFunction,
    plain: readonly Value[],
    named: ReadonlyMap<string, Value>,
    scope: Scope,
    place: Place,
  ): void {
    const rest = new Map(named)
    let next = 0
    for (const parameter of called.parameters) {
      const { name, kind } = parameter
      if (kind === 'rest') {
        scope.names.set(name, new PyTuple(plain.slice(next)))
        next = plain.length
      } else if (kind === 'names') {
        const others = new PyDict()
        for (const [key, value] of rest) others.set(key, value)
        rest.clear()
        scope.names.set(name, others)
      } else if (kind === 'plain' && next < plain.length) {
        if (rest.has(name)) throw this.raised(place, 'TypeError', `${called.name} gets ${name} twice`)
        scope.names.set(name, plain[next++])
      } else if (rest.has(name)) {
        scope.names.set(name, rest.get(name)!)
        rest.delete(name)
      } else scope.names.set(name, this.#usual(called, parameter, place))
    }
    const [other] = rest.keys()
    if (next < plain.length || other !== undefined) {
      throw this.raised(
        place,
        'TypeError',
        other === undefined
          ? `${called.name} takes ${next} arguments, and ${plain.length} are given`
          : `${called.name} has no argument ${other}${suggestName(
              other,
              called.parameters.map(({ name }) => name),
            )}`,
      )
    }
  }

  #usual(called: PyFunction, { name, usual }: Parameter, place: Place): Value {
    const known = called.defaults.get(name)
    if (known !== undefined) return known
    if (usual !== undefined) {
      const value = this.evaluate(usual, called.scope)
      called.defaults.set(name, value)
      return value
    }
    // while an object is made, what it needs may be what the file has
    if (this.#isMaking)
      return new Unknown(`${called.name} needs ${name}`, place, 'give it a default, or an array of its name')
    throw this.raised(place, 'TypeError', `${called.name} needs ${name}`)
  }

  // ---- members and indices

  /** Whether an object has a member; undefined where that is not known. */
  hasMember(object: Value, name: string, place: Place): boolean | undefined {
    const found = this.memberIfAny(object, name, place)
    if (!(found instanceof Unknown)) return true
    if (!(object instanceof PyInstance)) return undefined
    if (object.attributes.has(name) || (object.of?.find(name) !== undefined && found.place !== place))
      return true
    return isOpen(object.of) ? undefined : false
  }

  /** A member, or an unknown where there is none: whoever asks is ready for that. */
  memberIfAny(object: Value, name: string, place: Place): Value {
    try {
      return this.member(object, name, place)
    } catch (error) {
      if (!isRaised(error, 'AttributeError')) throw error
      return new Unknown(`there is no ${name}`, place, undefined)
    }
  }

  member(object: Value, name: string, place: Place): Value {
    if (object instanceof Unknown) return object
    if (object instanceof PyModule) {
      if (object.file !== undefined) {
        const own = this.lookUpIn(this.scopeOf(object.file), name)
        if (own !== undefined) return own
      }
      const native = this.#world.natives.get(`${object.name}.${name}`)
      if (native !== undefined) return native
      if (this.#world.natives.has(`${object.name}.${name}.`))
        return new PyModule(`${object.name}.${name}`, undefined)
      const file = this.#world.fileOf(`${object.name}.${name}`)
      if (file !== undefined) return new PyModule(name, file)
      if (IGNORED_MODULES.has(object.name.split('.')[0])) return ignored(name, place)
      return new Unknown(`${object.name}.${name} is not understood`, place, 'docs/forward.md lists what is')
    }
    if (object instanceof PySuper) return this.#memberOfSuper(object, name, place)
    if (object instanceof PyInstance) return this.#memberOfInstance(object, name, place)
    if (object instanceof PyClass) {
      if (object.broken !== undefined) return object.broken
      if (name === '__name__') return object.definition.name
      const found = object.find(name)
      if (found?.value instanceof PyFunction && found.owner.classMethods.has(name))
        return found.value.bind(object)
      if (found !== undefined) return found.value
    }
    if (object instanceof PyFunction && name === '__name__')
      return object.name === 'lambda' ? '<lambda>' : object.name
    if (object instanceof Native) {
      if (name === '__name__') return object.name
      for (const module of ['numpy', 'builtins', 'itertools']) {
        const own = this.#world.natives.get(`${module}.${object.name}.${name}`)
        if (own !== undefined) return own
      }
      return new Unknown(`${object.name}.${name} is not understood`, place, 'docs/forward.md lists what is')
    }
    if (object instanceof NdArray) {
      const member = this.#world.memberOf(object, name, place)
      if (member !== undefined) return member
    }
    const method = methodOf(this, this.#tracer, object, name, place)
    return method ?? new Unknown(`.${name} is not understood here`, place, 'docs/forward.md lists what is')
  }

  #memberOfSuper({ self, after }: PySuper, name: string, place: Place): Value {
    const of = self instanceof PyInstance ? self.of : self instanceof PyClass ? self : undefined
    const order = of?.order() ?? after.order()
    for (const base of order.slice(order.indexOf(after) + 1)) {
      if (base.broken !== undefined) return base.broken
      const found = base.members.get(name)
      if (found === undefined) continue
      if (!(found instanceof PyFunction) || base.statics.has(name)) return found
      const method = found.bind(self)
      return base.properties.has(name)
        ? this.callFunction(method, { plain: [], named: new Map() }, place)
        : method
    }
    if (name === '__init__' && self instanceof PyInstance) {
      const base = order.slice(order.indexOf(after) + 1).find(({ dataFields }) => dataFields !== undefined)
      return new Native(name, (given) => {
        if (isException(self)) self.attributes.set('args', new PyTuple(given.plain))
        else if (base?.dataFields !== undefined) this.#fillFields(self, base.dataFields, given, place)
        return null
      })
    }
    if (isOpen(of)) return new Native(name, () => null)
    return new Unknown(`no class before it has ${name}`, place, undefined)
  }

  #memberOfInstance(object: PyInstance, name: string, place: Place): Value {
    const found = object.of?.find(name)
    if (found !== undefined && found.value instanceof PyFunction && found.owner.properties.has(name)) {
      return this.callFunction(found.value.bind(object), { plain: [], named: new Map() }, place)
    }
    const own = object.attributes.get(name)
    if (own !== undefined) return own
    if (found?.value instanceof PyFunction) {
      if (found.owner.statics.has(name)) return found.value
      return found.value.bind(found.owner.classMethods.has(name) ? object.of! : object)
    }
    if (found !== undefined) return found.value
    if (name === '__class__' && object.of !== undefined) return object.of
    if (name === '__dict__') {
      const made = new PyDict()
      for (const [key, value] of object.attributes) made.set(key, value)
      return made
    }
    const array = this.#world.arrayNamed(name) ?? this.#world.dictionaryNamed(name)
    if (array !== undefined) return array
    if (object.of === undefined) {
      return new Native(name, ({ plain }) => {
        if (name === 'save_for_backward') object.attributes.set('saved_tensors', new PyTuple([...plain]))
        return null
      })
    }
    const made = name.startsWith('__') ? undefined : this.callMethod(object, '__getattr__', [name], place)
    if (made !== undefined) return made
    if (this.#tries > 0 && !isOpen(object.of)) {
      throw this.raised(place, 'AttributeError', `the object has no attribute ${name}`)
    }
    return new Unknown(`the object has no attribute ${name}`, place, `save an array ${name}`)
  }

  index(object: Value, index: Value, place: Place): Value {
    if (object instanceof Unknown) return object
    if (index instanceof Unknown) return index
    return this.attempt(place, () => this.#indexed(object, index, place))
  }

  #indexed(object: Value, index: Value, place: Place): Value {
    if (object instanceof NativeIndexer) return this.fit(place, () => object.at(index, place))
    if (object instanceof PyInstance) {
      const found = this.callMethod(object, '__getitem__', [index], place)
      if (found !== undefined) return found
    }
    if (object instanceof PyRange) {
      if (!(index instanceof PySlice)) return object.at(this.#itemAt(index, object.length, place))
      return new PyTuple(this.#slice(index, object.length, place).map((k) => object.at(k)))
    }
    if (object instanceof PyDict) {
      const found = object.get(index)
      if (found !== undefined) return found
      if (object instanceof PyDefaultDict && object.factory !== null) {
        const made = this.call(object.factory, { plain: [], named: new Map() }, place)
        object.set(index, made)
        return made
      }
      if (object instanceof PyCounter) return 0n
      const own = typeof index === 'string' ? this.#world.arrayNamed(index) : undefined
      if (own !== undefined) return own
      if (this.#tries > 0) throw this.raised(place, 'KeyError', `there is no key ${describe(index)}`)
      const names = [...object.entries.values()].slice(0, 8).map(({ key }) => describe(key))
      return new Unknown(
        `there is no key ${describe(index)}, only ${names.join(', ')}`,
        place,
        typeof index === 'string' ? `save an array ${index}` : undefined,
      )
    }
    if (object instanceof PyList || object instanceof PyTuple || typeof object === 'string') {
      const items: readonly Value[] = typeof object === 'string' ? [...object] : object.items
      if (index instanceof PySlice) {
        const part = this.#slice(index, items.length, place).map((k) => items[k])
        if (typeof object === 'string') return part.join('')
        return object instanceof PyTuple ? new PyTuple(part) : new PyList(part)
      }
      return items[this.#itemAt(index, items.length, place)]
    }
    if (object instanceof NdArray) {
      if (index instanceof NdArray && index.kind === 'b' && index.isTraced) {
        this.#world.guard('mask', place)
      }
      const { shape, offsets, isView } = this.#select(object, index, place)
      const view = viewed(object, shape, offsets)
      // a number that is read is no view
      if (isView && shape.length > 0) return view
      this.#tracer.locate(place)
      return arrayOf(this.#tracer, nodeOf(this.#tracer, view), object.kind)
    }
    return new Unknown('this cannot be indexed', place, undefined)
  }

  #slice({ start, stop, step }: PySlice, length: number, place: Place): number[] {
    const part = (value: Value) => (value === null ? undefined : this.integer(value, place))
    const by = part(step) ?? 1
    const { offsets } = this.fit(place, () =>
      selectElements([length], [{ kind: 'slice', start: part(start), stop: part(stop), step: by }]),
    )
    return [...offsets]
  }

  #select(array: NdArray, index: Value, place: Place) {
    const items = index instanceof PyTuple ? index.items : [index]
    const [only] = items
    if (items.length === 1 && only instanceof NdArray && only.kind === 'f' && only.shape.length > 0) {
      const isLeading = only.shape.every((length, axis) => array.shape[axis] === length)
      if (isLeading && only.numbers.every((value) => value === 0 || value === 1)) {
        throw this.error(
          place,
          'an array of zeros and ones may be a mask or indices',
          'write mask == 1, or y.astype(int)',
        )
      }
    }
    return this.fit(place, () =>
      selectElements(
        array.shape,
        items.map((item) => this.#indexItem(item, place)),
      ),
    )
  }

  #indexItem(item: Value, place: Place): IndexItem {
    if (item instanceof Unknown) throw this.errorOf(item, place)
    if (item === null) return { kind: 'new' }
    if (typeof item === 'boolean') throw this.error(place, 'a truth value for an index is not understood')
    if (item instanceof Ellipsis) return { kind: 'rest' }
    if (item instanceof PySlice) {
      const part = (value: Value) => (value === null ? undefined : this.integer(value, place))
      return { kind: 'slice', start: part(item.start), stop: part(item.stop), step: part(item.step) ?? 1 }
    }
    const isNumber = typeof item === 'bigint' || typeof item === 'number'
    if (isNumber || (item instanceof NdArray && item.shape.length === 0 && item.kind !== 'b')) {
      return { kind: 'number', value: this.integer(item, place) }
    }
    const array = this.toArray(item, place)
    if (array.kind === 'f' && !array.numbers.every(Number.isInteger)) {
      throw this.error(place, 'an index is no whole number')
    }
    if (array.isTraced && array.kind !== 'b') {
      throw this.error(
        place,
        'an index depends on the parameters',
        'it must come from the data or the shapes',
      )
    }
    return { kind: array.kind === 'b' ? 'mask' : 'list', shape: array.shape, values: array.numbers }
  }

  // ---- what values are

  /** All items. */
  iterate(value: Value, place: Place): readonly Value[] {
    if (value instanceof PySet) this.#noticeOrder(value)
    return this.iterateInAnyOrder(value, place)
  }

  /** All items, where it does not matter which comes first. */
  iterateInAnyOrder(value: Value, place: Place): readonly Value[] {
    if (value instanceof PyList || value instanceof PyTuple) return [...value.items]
    if (value instanceof PySet) return orderOf(value)
    const items: Value[] = []
    const source = this.iterator(value, place)
    for (let next = source.next(); next.done !== true; next = source.next()) {
      this.#step(place)
      items.push(next.value)
    }
    return items
  }

  #noticeOrder(set: PySet): void {
    if (isOrderKnown(set)) return
    this.#world.notice(
      'a set is gone through in the order in which its items came: that of Python is another',
    )
  }

  /** Items one by one, each found when it is asked for. */
  iterator(value: Value, place: Place): Iterator<Value> {
    if (value instanceof Unknown) throw this.errorOf(value, place)
    if (value instanceof PyIterator) return value.source
    if (value instanceof PyList) return itemsOf(value)
    if (value instanceof PyTuple) return value.items[Symbol.iterator]()
    if (value instanceof PyDict || value instanceof PyDictView) return this.#entries(value, place)
    if (value instanceof PySet) {
      this.#noticeOrder(value)
      return orderOf(value)[Symbol.iterator]()
    }
    if (value instanceof PyRange) return numbersOf(value)
    if (typeof value === 'string') return [...value][Symbol.iterator]()
    if (value instanceof NdArray) {
      if (value.shape.length === 0) throw this.raised(place, 'TypeError', 'a number cannot be gone through')
      return this.#rows(value, place)
    }
    if (value instanceof PyInstance) {
      const made = this.callMethod(value, '__iter__', [], place)
      if (made === value || (made instanceof PyInstance && made.of?.find('__next__') !== undefined)) {
        return this.#nextOnes(made as PyInstance, place)
      }
      if (made !== undefined) return this.iterator(made, place)
      if (value.of?.find('__getitem__') !== undefined) return this.#itemsByIndex(value, place)
    }
    throw this.raised(place, 'TypeError', 'this cannot be gone through')
  }

  *#rows(array: NdArray, place: Place): Generator<Value> {
    for (let k = 0; k < array.shape[0]; k++) yield this.index(array, BigInt(k), place)
  }

  *#entries(value: PyDict | PyDictView, place: Place): Generator<Value> {
    const of = value instanceof PyDict ? value : value.of
    const { size } = of.entries
    const items = value instanceof PyDict ? new PyDictView(value, 'keys').items : value.items
    for (const item of items) {
      if (of.entries.size !== size) {
        throw this.raised(place, 'RuntimeError', 'the dictionary changes while it is gone through')
      }
      yield item
    }
  }

  /** What an object's `__next__` gives until it says that it has no more. */
  *#nextOnes(object: PyInstance, place: Place): Generator<Value> {
    for (;;) {
      this.#step(place)
      let item: Value | undefined
      try {
        item = this.callMethod(object, '__next__', [], place)
      } catch (error) {
        if (!isRaised(error, 'StopIteration')) throw error
        return
      }
      if (item === undefined) throw this.raised(place, 'TypeError', 'this cannot be gone through')
      yield item
    }
  }

  *#itemsByIndex(object: PyInstance, place: Place): Generator<Value> {
    for (let k = 0n; ; k++) {
      this.#step(place)
      let item: Value | undefined
      try {
        item = this.callMethod(object, '__getitem__', [k], place)
      } catch (error) {
        if (!isRaised(error, 'IndexError')) throw error
        return
      }
      yield item ?? null
    }
  }

  truth(value: Value, place: Place): boolean {
    if (value instanceof Unknown) throw this.errorOf(value, place)
    if (value instanceof NdArray) {
      if (value.size !== 1) {
        throw this.error(
          place,
          `an array of shape ${formatShape(value.shape)} is neither true nor false`,
          'write .any() or .all()',
        )
      }
      if (value.isTraced) {
        this.#world.guard('branch', place)
      }
      return value.numbers[0] !== 0
    }
    if (value instanceof PyList || value instanceof PyTuple || value instanceof PyDictView)
      return value.items.length > 0
    if (value instanceof PyDict || value instanceof PySet) return value.entries.size > 0
    if (value instanceof PyRange) return value.length > 0
    if (value instanceof PyInstance) {
      const own =
        this.callMethod(value, '__bool__', [], place) ?? this.callMethod(value, '__len__', [], place)
      return own === undefined || this.truth(own, place)
    }
    return typeof value === 'object' ? value !== null : Boolean(value)
  }

  /** A whole number that does not depend on the parameters. */
  integer(value: Value, place: Place): number {
    if (value instanceof Unknown) throw this.errorOf(value, place)
    if (typeof value === 'bigint') return Number(value)
    if (typeof value === 'boolean') return value ? 1 : 0
    const number = value instanceof NdArray && value.size === 1 ? value.numbers[0] : value
    if (value instanceof NdArray && value.isTraced) {
      throw this.error(
        place,
        'a bound, shape or index depends on the parameters',
        'it must come from the data or the shapes',
      )
    }
    if (typeof number === 'number' && Number.isInteger(number)) return number
    throw this.error(place, `a whole number is needed here, not ${describe(value)}`)
  }

  toArray(value: Value, place: Place): NdArray {
    if (value instanceof NdArray) return value
    if (value instanceof Unknown) throw this.errorOf(value, place)
    const { b } = this.#tracer
    if (typeof value === 'number') return arrayOf(this.#tracer, b.constant(value), 'f')
    if (typeof value === 'bigint') return arrayOf(this.#tracer, b.constant(Number(value)), 'i')
    if (typeof value === 'boolean') return arrayOf(this.#tracer, b.constant(value ? 1 : 0), 'b')
    if (value instanceof PyRange) return this.toArray(new PyList([...this.iterate(value, place)]), place)
    if (value instanceof PyList || value instanceof PyTuple) {
      const items = value.items.map((item) => this.toArray(item, place))
      const kind: Kind =
        items.some((item) => item.kind === 'f') || items.length === 0
          ? 'f'
          : items.some((item) => item.kind === 'i')
            ? 'i'
            : 'b'
      return this.fit(place, () => {
        if (items.length === 0) {
          return arrayOf(
            this.#tracer,
            b.constant({ shape: [0], data: new Float64Array(0), dtype: 'float64' }),
            'f',
          )
        }
        if (items.every((item) => !item.isTraced)) {
          const [{ shape }] = items
          if (items.some((item) => formatShape(item.shape) !== formatShape(shape))) {
            throw new ShapeMismatch('the rows of an array differ in length')
          }
          const data = new Float64Array(items.length * elementCount(shape))
          for (const [k, item] of items.entries()) data.set(item.numbers, k * elementCount(shape))
          return arrayOf(
            this.#tracer,
            b.constant({ shape: [items.length, ...shape], data, dtype: 'float64' }),
            kind,
          )
        }
        return arrayOf(this.#tracer, b.stack(items.map((item) => nodeOf(this.#tracer, item))), kind)
      })
    }
    throw this.error(place, `${describe(value)} is no array`)
  }

  /** Says something that the user must know. */
  notice(text: string): void {
    this.#world.notice(text)
  }

  /** What a name of Python's own or of NumPy stands for, as `numpy.ndarray`. */
  native(name: string): Value | undefined {
    return this.#world.natives.get(name)
  }

  // ---- operators

  binary(operator: string, left: Value, right: Value, place: Place): Value {
    return this.#operators.binary(operator, left, right, place)
  }

  /** An operator between arrays. */
  arrays(operator: string, left: NdArray, right: NdArray, place: Place): NdArray {
    return this.#operators.arrays(operator, left, right, place)
  }

  compare(operator: string, left: Value, right: Value, place: Place): Value {
    return this.#operators.compare(operator, left, right, place)
  }

  /** Below 0 where the first comes first, for sorting. */
  compareOrder(left: Value, right: Value, place: Place): number {
    return this.#operators.compareOrder(left, right, place)
  }

  #compareAll(expression: Extract<Expression, { kind: 'compare' }>, scope: Scope, place: Place): Value {
    let left = this.evaluate(expression.first, scope)
    let result: Value = true
    for (const { operator, value } of expression.rest) {
      const right = this.evaluate(value, scope)
      const compared = this.compare(operator, left, right, place)
      if (expression.rest.length === 1) return compared
      if (!this.truth(compared, place)) return false
      result = true
      left = right
    }
    return result
  }

  /** An array that the builder makes. */
  make(place: Place, kind: Kind, build: (b: Tracer['b']) => ReturnType<Tracer['b']['add']>): NdArray {
    return this.fit(place, () => {
      this.#tracer.locate(place)
      return arrayOf(this.#tracer, build(this.#tracer.b), kind)
    })
  }

  /** Errors of shapes are told at the place. */
  fit<T>(place: Place, make: () => T): T {
    try {
      return make()
    } catch (error) {
      if (error instanceof ShapeMismatch) throw this.error(place, error.message)
      if (error instanceof GradcheckError && error.code === 'bad-program') {
        throw this.error(place, error.message.replace(/^[^ ]*:\d+:\d+: /, ''))
      }
      throw error
    }
  }
}

/** Decorators that change nothing of a function. */
const HARMLESS_DECORATORS =
  /^(torch\.no_grad\(\)|abstractmethod|abc\.abstractmethod|n?jit|(numba|nb)\.n?jit(\(.*\))?)$/

/** What is said of syntax that is not followed. */
const notUnderstood = (what: string) => (what === 'this is no Python' ? what : `${what} is not understood`)
