import { GradcheckError } from '../errors.js'
import { broadcastShapes, broadcastStrides, listOffsets, ShapeMismatch } from '../program/shapes.js'
import { suggestName } from '../suggest.js'
import { elementCount, formatShape } from '../tensor.js'
import { arrayOf, GuessedArray, type Kind, NdArray, nodeOf, reshaped, type Tracer, viewed } from './arrays.js'
import type { Argument, Expression, FunctionDefinition, Parameter, Statement } from './ast.js'
import { namesIn, topLevel, touchesOf } from './bindings.js'
import { methodOf } from './container-methods.js'
import { type IndexItem, selectElements } from './indexing.js'
import { describePlace, placeIn, type SourceFile } from './source-file.js'
import { formatPercent, formatValue } from './text.js'
import {
  Ellipsis,
  type Given,
  Native,
  type Place,
  PyClass,
  PyDict,
  PyFunction,
  PyInstance,
  PyList,
  PyModule,
  PySet,
  PySlice,
  PySuper,
  PyTuple,
  plainNumber,
  type Scope,
  Unknown,
  type Value,
} from './values.js'

/** Steps and calls within calls after which code is taken to have no end. */
const MOST_STEPS = 2e6
const MOST_CALLS = 100
/** Powers of whole numbers that are multiplied out. */
const MOST_POWER = 1000

/** How a block of statements ended. */
type Completion = { readonly kind: 'return'; readonly value: Value } | 'break' | 'continue' | undefined

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
  readonly #files = new Map<SourceFile, Scope>()
  readonly #opening = new Set<string>()
  /** Names that a file has not. */
  readonly #absent = new Set<string>()
  /** True while the object is made whose method is traced: its arrays are those of the file. */
  #isMaking = false
  #steps = 0
  #calls = 0

  constructor(world: Surroundings) {
    this.#world = world
    this.#tracer = world.tracer
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
    if (++this.#steps > MOST_STEPS) {
      throw this.error(place, `this has taken ${MOST_STEPS} steps, and goes on`, 'trace a smaller case')
    }
  }

  #statement(statement: Statement, scope: Scope): Completion {
    const place = { file: scope.file, at: statement.at }
    this.#step(place)
    switch (statement.kind) {
      case 'expression': {
        const value = this.evaluate(statement.value, scope)
        // what stands by itself is there for what it does: that must be understood
        if (value instanceof Unknown && value.kind !== 'ignored' && statement.value.kind === 'call') {
          throw this.errorOf(value, place)
        }
        return undefined
      }
      case 'assign': {
        const value = this.evaluate(statement.value, scope)
        for (const target of statement.targets) this.#assign(target, value, scope)
        return undefined
      }
      case 'update':
        this.#update(statement.target, statement.operator, statement.value, scope, place)
        return undefined
      case 'return':
        return {
          kind: 'return',
          value: statement.value === undefined ? null : this.evaluate(statement.value, scope),
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
        const items = this.iterate(list, place)
        for (const item of items) {
          this.#step(place)
          this.#assign(statement.target, item, scope)
          const completion = this.run(statement.body, scope)
          if (list instanceof PyList && list.items.length !== items.length && completion === undefined) {
            throw this.error(place, 'the list changes while it is gone through')
          }
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
        scope.names.set(statement.as, this.#module(statement.module, statement.as))
        return undefined
      case 'import-from':
        for (const { name, as } of statement.names) {
          const value = this.#importFrom(statement.module, name, place, name === '*')
          if (value !== undefined) scope.names.set(as, value)
        }
        return undefined
      case 'assert': {
        const condition = this.evaluate(statement.condition, scope)
        if (condition instanceof Unknown || (condition instanceof NdArray && condition.isTraced))
          return undefined
        if (!this.truth(condition, place)) throw this.error(place, 'the assertion does not hold')
        return undefined
      }
      case 'raise':
        throw this.error(
          place,
          'the code raises an error here',
          'the branch was taken at the given arguments: see what decides it',
        )
      case 'with':
        return this.run(statement.body, scope)
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

  #define(statement: Statement, scope: Scope): void {
    if (statement.kind === 'function')
      scope.names.set(statement.name, this.#function(statement, scope, scope.owner))
    if (statement.kind !== 'class') return
    const bases = statement.bases
      .map((base) => this.evaluate(base, scope))
      .filter((base): base is PyClass => base instanceof PyClass)
    const made = new PyClass(statement, bases, scope)
    const inside: Scope = {
      names: made.members,
      outer: scope,
      file: scope.file,
      globals: new Set(),
      owner: made,
      self: undefined,
    }
    for (const member of statement.body) {
      if (member.kind === 'function') {
        const plain = member.decorators.every(
          (decorator) => decorator === 'staticmethod' || decorator === 'property',
        )
        made.members.set(
          member.name,
          this.#function(plain ? { ...member, decorators: [] } : member, scope, made),
        )
        if (member.decorators.some((decorator) => /\.(setter|deleter)$/.test(decorator))) {
          made.broken = new Unknown(
            'a property that is set is not understood',
            { file: scope.file, at: member.at },
            undefined,
          )
        }
        if (member.decorators.includes('staticmethod')) made.statics.add(member.name)
        if (member.decorators.includes('property')) made.properties.add(member.name)
      } else if (member.kind === 'assign' && member.targets.every((target) => target.kind === 'name')) {
        this.#statement(member, inside)
      } else if (member.kind !== 'expression' && member.kind !== 'pass') {
        const place = { file: scope.file, at: member.at }
        made.broken = new Unknown(
          'this is not understood in the body of a class',
          place,
          'write it into __init__',
        )
      }
    }
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

  #assign(target: Expression, value: Value, scope: Scope): void {
    const place = { file: scope.file, at: target.at }
    switch (target.kind) {
      case 'name': {
        const settled = this.#settle(target.name, value)
        let at: Scope | undefined = scope.globals.has(target.name) ? this.scopeOf(scope.file) : scope
        if (scope.nonlocals?.has(target.name) === true) {
          at = scope.outer
          while (at?.outer !== undefined && !at.names.has(target.name)) at = at.outer
        }
        const holder = at ?? scope
        holder.names.set(target.name, settled)
        if (settled instanceof NdArray) this.#call(target.name, settled)
        return
      }
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
          throw this.error(
            place,
            `${items.length} values cannot be unpacked into ${target.items.length} names`,
          )
        }
        const behind = target.items.length - star - 1
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
        } else this.#setMember(object, target.name, value)
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

  #setMember(object: Value, name: string, value: Value): void {
    if (object instanceof PyInstance) object.attributes.set(name, this.#settle(name, value, true))
    else if (object instanceof PyClass) object.members.set(name, value)
  }

  #store(object: Value, index: Value, value: Value, place: Place): void {
    if (object instanceof Unknown) return
    if (object instanceof PyDict) {
      object.set(index, typeof index === 'string' ? this.#settle(index, value, true) : value)
    } else if (object instanceof PyList) {
      const at = this.integer(index, place)
      const length = object.items.length
      if (at >= length || at < -length)
        throw this.error(place, `index ${at} is out of range of ${length} items`)
      object.items[at < 0 ? at + length : at] = value
    } else if (object instanceof NdArray) this.store(object, index, value, place)
    else throw this.error(place, 'nothing can be stored into this')
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
  #update(target: Expression, operator: string, operand: Expression, scope: Scope, place: Place): void {
    if (target.kind !== 'index' && target.kind !== 'member') {
      const before = this.evaluate(target, scope)
      this.#change(before, operator, this.evaluate(operand, scope), place, (made) =>
        this.#assign(target, made, scope),
      )
      return
    }
    const at = { file: scope.file, at: target.at }
    const object = this.evaluate(target.object, scope)
    if (target.kind === 'member') {
      const before = this.member(object, target.name, at)
      this.#change(before, operator, this.evaluate(operand, scope), place, (made) =>
        this.#setMember(object, target.name, made),
      )
      return
    }
    const index = this.evaluate(target.index, scope)
    const before = this.index(object, index, at)
    const value = this.evaluate(operand, scope)
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
    } else if (before instanceof PyList && (operator === '+' || operator === '*')) {
      const more = operator === '+' ? this.iterate(value, place) : []
      const items =
        operator === '+'
          ? [...before.items, ...more]
          : (this.binary('*', before, value, place) as PyList).items
      if (items.length > MOST_STEPS) throw this.error(place, 'the list grows too long')
      before.items.splice(0, before.items.length, ...items)
    } else put(this.binary(operator, before, value, place))
  }

  // ---- expressions

  evaluate(expression: Expression, scope: Scope): Value {
    const place = { file: scope.file, at: expression.at }
    switch (expression.kind) {
      case 'number':
        return expression.isInteger ? BigInt(expression.value) : expression.value
      case 'string':
        return expression.value
      case 'format':
        return expression.parts
          .map((part) =>
            typeof part === 'string' ? part : formatValue(this.evaluate(part.value, scope), part.format),
          )
          .join('')
      case 'constant':
        return expression.value
      case 'ellipsis':
        return new Ellipsis()
      case 'name':
        return this.#name(expression.name, scope, place)
      case 'unary':
        return this.#unary(expression.operator, this.evaluate(expression.operand, scope), place)
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
        return new PySet(this.#items(expression.items, scope))
      case 'dictionary': {
        const made = new PyDict()
        for (const { key, value } of expression.entries) {
          const item = this.evaluate(value, scope)
          if (key !== undefined) made.set(this.evaluate(key, scope), item)
          else if (item instanceof PyDict)
            for (const entry of item.entries.values()) made.set(entry.key, entry.value)
        }
        return made
      }
      case 'comprehension':
        return this.#comprehension(expression, scope)
      case 'starred':
        throw this.error(place, 'a star has no place here')
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

  #comprehension(expression: Extract<Expression, { kind: 'comprehension' }>, outer: Scope): Value {
    const scope: Scope = { ...outer, names: new Map(), outer }
    const place = { file: outer.file, at: expression.at }
    const items: Value[] = []
    const made = new PyDict()
    const go = (depth: number): void => {
      const clause = expression.clauses[depth]
      if (clause === undefined) {
        const value = this.evaluate(expression.value, scope)
        if (expression.key !== undefined) made.set(this.evaluate(expression.key, scope), value)
        else items.push(value)
        return
      }
      for (const item of this.iterate(this.evaluate(clause.list, scope), place)) {
        this.#step(place)
        this.#assign(clause.target, item, scope)
        if (clause.conditions.every((condition) => this.truth(this.evaluate(condition, scope), place)))
          go(depth + 1)
      }
    }
    go(0)
    if (expression.makes === 'dictionary') return made
    return expression.makes === 'set' ? new PySet(items) : new PyList(items)
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
        if (item instanceof PyDict)
          for (const entry of item.entries.values()) named.set(String(entry.key), entry.value)
      } else if (name === undefined) plain.push(item)
      else named.set(name, item)
    }
    return this.call(called, { plain, named }, place)
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

  instantiate(of: PyClass, given: Given, place: Place): PyInstance {
    if (of.broken !== undefined) throw this.errorOf(of.broken, place)
    const instance = new PyInstance(of)
    const start = of.find('__init__')
    if (start?.value instanceof PyFunction) this.callFunction(start.value.bind(instance), given, place)
    return instance
  }

  /** An instance of a class whose arrays are those of the file; what cannot be run of its making is left out. */
  makeSelf(of: PyClass, given: Given, place: Place): PyInstance {
    if (of.broken !== undefined) throw this.errorOf(of.broken, place)
    const instance = new PyInstance(of)
    const start = of.find('__init__')
    if (!(start?.value instanceof PyFunction)) return instance
    this.#isMaking = true
    try {
      this.callFunction(start.value.bind(instance), given, place)
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
      const completion = this.run(called.body as readonly Statement[], scope)
      return typeof completion === 'object' ? completion.value : null
    } finally {
      this.#calls--
    }
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
      } else if (kind === 'plain' && next < plain.length) scope.names.set(name, plain[next++])
      else if (rest.has(name)) {
        scope.names.set(name, rest.get(name)!)
        rest.delete(name)
      } else scope.names.set(name, this.#usual(called, parameter, place))
    }
    const [other] = rest.keys()
    if (next < plain.length || other !== undefined) {
      throw this.error(
        place,
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
    throw this.error(place, `${called.name} needs ${name}`)
  }

  // ---- members and indices

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
    if (object instanceof PySuper) {
      const order = object.self instanceof PyInstance ? (object.self.of?.order() ?? []) : object.after.order()
      for (const base of order.slice(order.indexOf(object.after) + 1)) {
        const found = base.members.get(name)
        if (found instanceof PyFunction) return found.bind(object.self)
        if (found !== undefined) return found
      }
      return new Native(name, () => null)
    }
    if (object instanceof PyInstance) {
      const own = object.attributes.get(name)
      if (own !== undefined) return own
      const found = object.of?.find(name)
      if (found?.value instanceof PyFunction) {
        if (found.owner.statics.has(name)) return found.value
        const method = found.value.bind(object)
        return found.owner.properties.has(name)
          ? this.callFunction(method, { plain: [], named: new Map() }, place)
          : method
      }
      if (found !== undefined) return found.value
      const array = this.#world.arrayNamed(name) ?? this.#world.dictionaryNamed(name)
      if (array !== undefined) return array
      if (object.of === undefined) return new Native(name, () => null)
      return new Unknown(`the object has no attribute ${name}`, place, `save an array ${name}`)
    }
    if (object instanceof PyClass) {
      if (object.broken !== undefined) return object.broken
      const found = object.find(name)
      if (found !== undefined) return found.value
    }
    if (object instanceof Native) {
      const own = this.#world.natives.get(`numpy.${object.name}.${name}`)
      if (own !== undefined) return own
      return new Unknown(
        `numpy.${object.name}.${name} is not understood`,
        place,
        'docs/forward.md lists what is',
      )
    }
    if (object instanceof NdArray) {
      const member = this.#world.memberOf(object, name, place)
      if (member !== undefined) return member
    }
    const method = methodOf(this, object, name, place)
    return method ?? new Unknown(`.${name} is not understood here`, place, 'docs/forward.md lists what is')
  }

  index(object: Value, index: Value, place: Place): Value {
    if (object instanceof Unknown) return object
    if (index instanceof Unknown) return index
    if (object instanceof PyDict) {
      const found = object.get(index)
      if (found !== undefined) return found
      const own = typeof index === 'string' ? this.#world.arrayNamed(index) : undefined
      if (own !== undefined) return own
      const names = [...object.entries.values()].slice(0, 8).map(({ key }) => formatValue(key, ''))
      return new Unknown(
        `there is no key ${formatValue(index, '')}, only ${names.join(', ')}`,
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
      const at = this.integer(index, place)
      if (at >= items.length || at < -items.length) {
        throw this.error(place, `index ${at} is out of range of ${items.length} items`)
      }
      return items[at < 0 ? at + items.length : at]
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
    const { offsets } = selectElements(
      [length],
      [{ kind: 'slice', start: part(start), stop: part(stop), step: by }],
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

  /** Items one by one. */
  iterate(value: Value, place: Place): readonly Value[] {
    if (value instanceof Unknown) throw this.errorOf(value, place)
    if (value instanceof PyList || value instanceof PyTuple) return [...value.items]
    if (value instanceof PyDict) return [...value.entries.values()].map(({ key }) => key)
    if (value instanceof PySet) return [...value.entries.values()]
    if (typeof value === 'string') return [...value]
    if (value instanceof NdArray) {
      const [length] = value.shape
      if (length === undefined) throw this.error(place, 'a number cannot be gone through')
      return Array.from({ length }, (_, k) => this.index(value, BigInt(k), place))
    }
    throw this.error(place, 'this cannot be gone through')
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
    if (value instanceof PyList || value instanceof PyTuple) return value.items.length > 0
    if (value instanceof PyDict || value instanceof PySet) return value.entries.size > 0
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
    throw this.error(place, `a whole number is needed here, not ${formatValue(value, '')}`)
  }

  toArray(value: Value, place: Place): NdArray {
    if (value instanceof NdArray) return value
    if (value instanceof Unknown) throw this.errorOf(value, place)
    const { b } = this.#tracer
    if (typeof value === 'number') return arrayOf(this.#tracer, b.constant(value), 'f')
    if (typeof value === 'bigint') return arrayOf(this.#tracer, b.constant(Number(value)), 'i')
    if (typeof value === 'boolean') return arrayOf(this.#tracer, b.constant(value ? 1 : 0), 'b')
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
    throw this.error(place, `${formatValue(value, '')} is no array`)
  }

  // ---- operators

  #unary(operator: string, value: Value, place: Place): Value {
    if (value instanceof Unknown) return value
    if (operator === 'not') return !this.truth(value, place)
    if (typeof value === 'bigint' || typeof value === 'boolean') {
      const number = BigInt(value)
      return operator === '-' ? -number : operator === '~' ? ~number : number
    }
    if (typeof value === 'number') return operator === '-' ? -value : value
    const array = this.toArray(value, place)
    if (operator === '+') return array
    if (operator === '~' && array.kind !== 'b')
      throw this.error(place, '~ is understood of truth values alone')
    return this.make(place, operator === '~' && array.kind === 'b' ? 'b' : array.kind, (b) => {
      const node = nodeOf(this.#tracer, array)
      return operator === '~' ? b.subtract(1, node) : b.negative(node)
    })
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

  binary(operator: string, left: Value, right: Value, place: Place): Value {
    if (left instanceof Unknown) return left
    if (right instanceof Unknown) return right
    const isPlain = (value: Value) =>
      typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    if (isPlain(left) && isPlain(right)) return this.#arithmetic(operator, left, right, place)
    if (typeof left === 'string') {
      if (operator === '+' && typeof right === 'string') {
        if (left.length + right.length > MOST_STEPS) throw this.error(place, 'the text grows too long')
        return left + right
      }
      if (operator === '%') return formatPercent(left, right)
      if (operator === '*') return left.repeat(this.#count(right, left.length, place))
    }
    if (left instanceof PyList && right instanceof PyList && operator === '+') {
      if (left.items.length + right.items.length > MOST_STEPS)
        throw this.error(place, 'the list grows too long')
      return new PyList([...left.items, ...right.items])
    }
    if (left instanceof PyTuple && right instanceof PyTuple && operator === '+') {
      return new PyTuple([...left.items, ...right.items])
    }
    for (const [list, count] of [
      [left, right],
      [right, left],
    ]) {
      if (
        operator === '*' &&
        (list instanceof PyList || list instanceof PyTuple) &&
        typeof count === 'bigint'
      ) {
        const times = this.#count(count, list.items.length, place)
        const items = Array.from({ length: times }, () => list.items).flat()
        return list instanceof PyList ? new PyList(items) : new PyTuple(items)
      }
    }
    return this.arrays(operator, this.toArray(left, place), this.toArray(right, place), place)
  }

  /** How often something is repeated, within reason. */
  #count(value: Value, length: number, place: Place): number {
    const count = Math.max(0, this.integer(value, place))
    if (count * length <= MOST_STEPS) return count
    throw this.error(place, `${count} times ${length} items are too many`)
  }

  /** An operator between arrays. */
  arrays(operator: string, left: NdArray, right: NdArray, place: Place): NdArray {
    const isWhole = left.kind !== 'f' && right.kind !== 'f'
    const isTruth = left.kind === 'b' && right.kind === 'b'
    if (/[&|^]|<<|>>/.test(operator) && !isTruth) {
      throw this.error(place, `${operator} is understood between truth values alone`)
    }
    if (isTruth && (operator === '+' || operator === '*')) {
      return this.arrays(operator === '+' ? '|' : '&', left, right, place)
    }
    const kind: Kind =
      operator === '/' ? 'f' : isWhole ? (/[&|^]/.test(operator) && left.kind === 'b' ? 'b' : 'i') : 'f'
    return this.make(place, kind, (b) => {
      const [x, y] = [left, right].map((array) => nodeOf(this.#tracer, array))
      switch (operator) {
        case '+':
          return b.add(x, y)
        case '-':
          return b.subtract(x, y)
        case '*':
          return b.multiply(x, y)
        case '/':
          return b.divide(x, y)
        case '@':
          return b.matmul(x, y)
        case '**':
          return this.#power(x, y, right)
        case '//':
          return b.floor(b.divide(x, y))
        case '%':
          return b.subtract(x, b.multiply(y, b.floor(b.divide(x, y))))
        case '&':
          return b.multiply(x, y)
        case '|':
          return b.maximum(x, y)
        case '^':
          return b.notEqual(x, y)
        default:
          throw this.error(place, `${operator} is not understood between arrays`)
      }
    })
  }

  #power(x: ReturnType<Tracer['b']['add']>, y: ReturnType<Tracer['b']['add']>, exponent: NdArray) {
    const { b } = this.#tracer
    const number =
      exponent.size === 1 && !exponent.isTraced && exponent.shape.length === 0
        ? exponent.numbers[0]
        : undefined
    if (number === undefined) return b.power(x, y)
    if (number === 2) return b.square(x)
    if (number === 0.5) return b.sqrt(x)
    if (number === -0.5) return b.rsqrt(x)
    if (number === 1) return b.multiply(x, 1)
    if (Number.isInteger(number) && Math.abs(number) <= 64 && number !== 0) {
      const power = Math.abs(number) === 1 ? x : b.integerPower(x, { exponent: Math.abs(number) })
      return number > 0 ? power : b.divide(1, power)
    }
    return b.power(x, y)
  }

  #arithmetic(operator: string, left: Value, right: Value, place: Place): Value {
    const isWhole = typeof left !== 'number' && typeof right !== 'number'
    const [x, y] = [Number(left), Number(right)]
    switch (operator) {
      case '+':
        return isWhole ? BigInt(left as bigint) + BigInt(right as bigint) : x + y
      case '-':
        return isWhole ? BigInt(left as bigint) - BigInt(right as bigint) : x - y
      case '*':
        return isWhole ? BigInt(left as bigint) * BigInt(right as bigint) : x * y
      case '/':
      case '//':
      case '%':
        if (isWhole && operator !== '/' && y !== 0) {
          const [p, q] = [BigInt(left as bigint), BigInt(right as bigint)]
          const rest = ((p % q) + q) % q
          return operator === '%' ? rest : (p - rest) / q
        }
        if (y === 0) throw this.error(place, 'this divides by zero')
        return operator === '/' ? x / y : divideFloats(x, y)[operator === '%' ? 'rest' : 'whole']
      case '**':
        if (!isWhole || y < 0) return x ** y
        if (Math.abs(x) > 1 && y > MOST_POWER) throw this.error(place, `a power of ${y} is too large`)
        return BigInt(left as bigint) ** BigInt(right as bigint)
      case '&':
      case '|':
        if (!isWhole) throw this.error(place, `${operator} is understood between whole numbers alone`)
        if (typeof left === 'boolean' && typeof right === 'boolean')
          return operator === '&' ? left && right : left || right
        return operator === '&'
          ? BigInt(left as bigint) & BigInt(right as bigint)
          : BigInt(left as bigint) | BigInt(right as bigint)
      case '<<':
        if (!isWhole || y < 0) throw this.error(place, '<< is understood between whole numbers alone')
        if (y > MOST_POWER) throw this.error(place, `a shift by ${y} is too large`)
        return BigInt(x) << BigInt(y)
      case '>>':
        if (!isWhole || y < 0) throw this.error(place, '>> is understood between whole numbers alone')
        return BigInt(x) >> BigInt(y)
      default:
        throw this.error(place, `${operator} is not understood`)
    }
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

  compare(operator: string, left: Value, right: Value, place: Place): Value {
    if (operator === 'is' || operator === 'is not') {
      const unknown = [left, right].find((value): value is Unknown => value instanceof Unknown)
      if (unknown !== undefined && left !== null && right !== null) return unknown
      const same = left === right || (isNone(left) && isNone(right))
      return operator === 'is' ? same : !same
    }
    if (left instanceof Unknown) return left
    if (right instanceof Unknown) return right
    if (operator === 'in' || operator === 'not in') {
      const holds = this.#contains(right, left, place)
      return operator === 'in' ? holds : !holds
    }
    if (left instanceof NdArray || right instanceof NdArray) {
      if (left === null || right === null || typeof left === 'string' || typeof right === 'string') {
        return operator === '!='
      }
      const [x, y] = [this.toArray(left, place), this.toArray(right, place)]
      const name = COMPARISONS[operator]
      return this.make(place, 'b', (b) => b[name](nodeOf(this.#tracer, x), nodeOf(this.#tracer, y)))
    }
    if (operator === '==' || operator === '!=') {
      const same = this.#equal(left, right, place)
      return operator === '==' ? same : !same
    }
    const order = this.#order(left, right, place)
    switch (operator) {
      case '<':
        return order < 0
      case '<=':
        return order <= 0
      case '>':
        return order > 0
      default:
        return order >= 0
    }
  }

  /** Below 0 where the first comes first: numbers, texts, and sequences of them. */
  #order(left: Value, right: Value, place: Place): number {
    if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0
    const isSequence = (value: Value): value is PyTuple | PyList =>
      value instanceof PyTuple || value instanceof PyList
    if (isSequence(left) && isSequence(right)) {
      for (const [k, item] of left.items.entries()) {
        if (k >= right.items.length) return 1
        const order = this.#order(item, right.items[k], place)
        if (order !== 0) return order
      }
      return left.items.length - right.items.length
    }
    const [x, y] = [plainNumber(left), plainNumber(right)]
    if (x === undefined || y === undefined) throw this.error(place, 'these cannot be put in order')
    return x - y
  }

  /** The same, for sorting. */
  compareOrder(left: Value, right: Value, place: Place): number {
    return this.#order(left, right, place)
  }

  #equal(left: Value, right: Value, place: Place): boolean {
    const isNumber = (value: Value) =>
      typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    if (isNumber(left) && isNumber(right)) return Number(left) === Number(right)
    const isSequence = (value: Value): value is PyTuple | PyList =>
      value instanceof PyTuple || value instanceof PyList
    if (isSequence(left) && isSequence(right)) {
      return (
        left.items.length === right.items.length &&
        left.items.every((item, k) => this.truth(this.compare('==', item, right.items[k], place), place))
      )
    }
    const isPlain = left === null || right === null || typeof left === 'string' || typeof right === 'string'
    if (isPlain || left === right || left instanceof PyClass || left instanceof Native) return left === right
    if (left instanceof Ellipsis) return right instanceof Ellipsis
    throw this.error(place, 'whether these are equal is not understood')
  }

  #contains(list: Value, item: Value, place: Place): boolean {
    if (list instanceof PyDict) return list.has(item)
    if (typeof list === 'string') return list.includes(String(item))
    if (list instanceof PyInstance) return false
    return this.iterate(list, place).some((other) =>
      this.truth(this.compare('==', other, item, place), place),
    )
  }
}

const isNone = (value: Value) => value === null

/** Python's // and % of floats: the rest has the divisor's sign. */
function divideFloats(x: number, y: number): { whole: number; rest: number } {
  let rest = x % y
  if (rest !== 0 && rest < 0 !== y < 0) rest += y
  return { whole: Math.round((x - rest) / y), rest }
}

/** What a module makes that changes no number: it matters only if a number is needed of it. */
const ignored = (name: string, place: Place) =>
  new Native(name, () => new Unknown(`what ${name} makes is not followed`, place, undefined, 'ignored'))

const COMPARISONS: Readonly<
  Record<string, 'less' | 'lessEqual' | 'greater' | 'greaterEqual' | 'equal' | 'notEqual'>
> = {
  '<': 'less',
  '<=': 'lessEqual',
  '>': 'greater',
  '>=': 'greaterEqual',
  '==': 'equal',
  '!=': 'notEqual',
}

/** Modules whose functions are known, by the names that they are imported under. */
const KNOWN_MODULES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    np: 'numpy',
    numpy: 'numpy',
    math: 'math',
    torch: 'torch',
    F: 'torch.nn.functional',
    'torch.nn.functional': 'torch.nn.functional',
    'numpy.lib.stride_tricks': 'numpy.lib.stride_tricks',
    'numpy.random': 'numpy.random',
  }),
)

/** Modules that change no number. */
const IGNORED_MODULES = new Set([
  'matplotlib',
  'plt',
  'seaborn',
  'sns',
  'time',
  'os',
  'sys',
  'logging',
  'warnings',
  'typing',
  'tqdm',
  'wandb',
  '__future__',
  'dataclasses',
  'pickle',
])

/** Decorators that change nothing of a function. */
const HARMLESS_DECORATORS =
  /^(torch\.no_grad\(\)|abstractmethod|abc\.abstractmethod|n?jit|(numba|nb)\.n?jit(\(.*\))?)$/

/** What is said of syntax that is not followed. */
const notUnderstood = (what: string) => (what === 'this is no Python' ? what : `${what} is not understood`)
