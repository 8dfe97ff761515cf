import type { ClassDefinition, Expression, FunctionDefinition, Statement } from './ast.js'
import type { Completion } from './interpreter.js'
import {
  type DataField,
  Native,
  PyClass,
  PyFunction,
  PyNamedTuple,
  type Scope,
  Unknown,
  type Value,
} from './values.js'

/** What the making of a class needs of the interpreter. */
interface Maker {
  evaluate(expression: Expression, scope: Scope): Value
  run(statement: Statement, scope: Scope): Completion
  makeFunction(definition: FunctionDefinition, owner: PyClass): Value
}

/** Methods that decide how members are found or objects are made. */
const NOT_FOLLOWED = new Set([
  '__new__',
  '__setattr__',
  '__getattribute__',
  '__delattr__',
  '__init_subclass__',
  '__get__',
  '__set__',
  '__array__',
  '__array_function__',
])

/** Bases that give a class nothing that is asked for by name. */
const EMPTY_BASES = new Set(['object', 'ABC', 'Generic', 'Protocol'])

/** A class as its body describes it. */
export function defineClass(statement: ClassDefinition, scope: Scope, maker: Maker): PyClass {
  const given = statement.bases.map((base) => ({ base, value: maker.evaluate(base, scope) }))
  const bases = given.map(({ value }) => value).filter((value) => value instanceof PyClass)
  const made = new PyClass(statement, bases, scope)
  made.isOpen = given.some(({ base, value }) => !(value instanceof PyClass) && !EMPTY_BASES.has(nameOf(base)))
  const placeOf = ({ at }: { readonly at: number }) => ({ file: scope.file, at })
  const enumeration = given.find(({ base }) => /^(Int|Str)?(Enum|Flag)$|^NamedTuple$/.test(nameOf(base)))
  if (enumeration !== undefined) {
    made.broken = new Unknown(
      `a class of the kind ${nameOf(enumeration.base)} is not understood`,
      placeOf(statement),
      'write its members as plain names',
    )
  }
  const inside: Scope = {
    names: made.members,
    outer: scope,
    file: scope.file,
    globals: new Set(),
    owner: made,
    self: undefined,
  }
  for (const member of statement.body) {
    if (member.kind === 'function') addFunction(made, member, maker, placeOf(member))
    else if (isPlain(member)) maker.run(member, inside)
    else if (member.kind !== 'expression' && member.kind !== 'pass' && member.kind !== 'declare') {
      made.broken = new Unknown(
        'this is not understood in the body of a class',
        placeOf(member),
        'write it into __init__',
      )
    }
  }
  decorate(made, statement, inside, maker)
  return made
}

const isPlain = (member: Statement) =>
  member.kind === 'class' ||
  (member.kind === 'assign' && member.targets.every((target) => target.kind === 'name'))

function addFunction(
  made: PyClass,
  member: FunctionDefinition,
  maker: Maker,
  place: { readonly file: Scope['file']; readonly at: number },
): void {
  const { name, decorators } = member
  if (NOT_FOLLOWED.has(name))
    made.broken = new Unknown(`a class with ${name} is not understood`, place, undefined)
  const setter = decorators.find((decorator) => decorator === `${name}.setter`)
  const rest = decorators.filter(
    (decorator) =>
      !/^(staticmethod|classmethod|property|(functools\.)?cached_property)$/.test(decorator) &&
      decorator !== setter,
  )
  const value = maker.makeFunction({ ...member, decorators: rest }, made)
  if (setter !== undefined) {
    if (value instanceof PyFunction) made.setters.set(name, value)
    return
  }
  made.members.set(name, value)
  if (decorators.includes('staticmethod')) made.statics.add(name)
  if (decorators.includes('classmethod')) made.classMethods.add(name)
  if (decorators.some((decorator) => /^((functools\.)?cached_)?property$/.test(decorator)))
    made.properties.add(name)
}

/** What stands above a class: of what that does to it only data classes are known. */
function decorate(made: PyClass, statement: ClassDefinition, inside: Scope, maker: Maker): void {
  for (const decorator of statement.decorators) {
    const options = /^(?:dataclasses\.)?dataclass(?:\((.*)\))?$/s.exec(decorator)
    const isKnown =
      options !== null &&
      /^\s*((frozen|eq|repr|init|slots|unsafe_hash)=(True|False)\s*,?\s*)*$/.test(options[1] ?? '')
    if (!isKnown || /(eq|repr|init)=False/.test(options[1] ?? '')) {
      made.broken = new Unknown(
        `the decorator ${decorator} is not understood`,
        { file: inside.file, at: statement.at },
        'leave it out, or write what it does',
      )
      return
    }
    made.dataFields = dataFieldsOf(made, statement, inside, maker)
  }
}

/** Fields of a data class: those of the classes that it is made of come first. */
function dataFieldsOf(made: PyClass, statement: ClassDefinition, inside: Scope, maker: Maker): DataField[] {
  const fields = new Map<string, DataField>()
  for (const base of made.order().slice(1).toReversed())
    for (const field of base.dataFields ?? []) fields.set(field.name, field)
  for (const member of statement.body) {
    const isField = member.kind === 'declare' || (member.kind === 'assign' && member.isTyped === true)
    if (!isField) continue
    const target = member.kind === 'declare' ? member.target : member.targets[0]
    if (target.kind !== 'name') continue
    const { name } = target
    const call = member.kind === 'assign' && member.value.kind === 'call' ? member.value : undefined
    if (call !== undefined && /^field$/.test(nameOf(call.callee))) {
      const option = (of: string) => call.arguments.find((argument) => argument.name === of)?.value
      const [factory, usual] = [option('default_factory'), option('default')]
      const other = call.arguments.find(
        ({ name: of }) => of === undefined || !/^(default|default_factory|repr)$/.test(of),
      )
      if (other !== undefined) {
        made.broken = new Unknown(
          'this field is not understood',
          { file: inside.file, at: member.at },
          undefined,
        )
      }
      made.members.delete(name)
      const found = (given: Expression | undefined) =>
        given === undefined ? undefined : maker.evaluate(given, inside)
      fields.set(name, { name, usual: found(usual), factory: found(factory) })
    } else {
      const usual = member.kind === 'assign' ? made.members.get(name) : undefined
      fields.set(name, { name, usual, factory: undefined })
    }
  }
  return [...fields.values()]
}

/** The last part of a name. */
function nameOf(expression: Expression): string {
  if (expression.kind === 'name' || expression.kind === 'member') return expression.name
  return expression.kind === 'index' ? nameOf(expression.object) : ''
}

/** Whether a class has something of one that is not at hand. */
export const isOpen = (of: PyClass | undefined): boolean => of?.order().some((base) => base.isOpen) ?? true

/** What `collections.namedtuple` makes: a function of the fields. */
export function makeNamedTuple(type: string, fields: readonly string[], defaults: readonly Value[]): Native {
  return new Native(type, ({ plain, named }, place) => {
    const from = fields.length - defaults.length
    const items = fields.map(
      (field, k) => plain[k] ?? named.get(field) ?? (k >= from ? defaults[k - from] : undefined),
    )
    const isWrong = plain.length > fields.length || [...named.keys()].some((name) => !fields.includes(name))
    if (isWrong || items.some((item) => item === undefined)) {
      return new Unknown(`these are not the fields of ${type}`, place, `give ${fields.join(', ')}`)
    }
    return new PyNamedTuple(items as Value[], type, fields)
  })
}
