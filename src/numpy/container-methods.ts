import type { Interpreter } from './interpreter.js'
import { formatValue } from './text.js'
import { type Given, Native, type Place, PyDict, PyList, PyTuple, type Value } from './values.js'

/** What a method does with what it is given. */
type Method = (given: Given) => Value

/** A method of a list, a dictionary or a string; undefined for a name that is none. */
export function methodOf(
  interpreter: Interpreter,
  object: Value,
  name: string,
  place: Place,
): Native | undefined {
  const methods =
    object instanceof PyList
      ? methodsOfList(interpreter, object, place)
      : object instanceof PyDict
        ? methodsOfDictionary(interpreter, object, place)
        : typeof object === 'string'
          ? methodsOfString(interpreter, object, place)
          : undefined
  if (methods === undefined || !Object.hasOwn(methods, name)) return undefined
  return new Native(name, methods[name])
}

function methodsOfList(interpreter: Interpreter, { items }: PyList, place: Place): Record<string, Method> {
  return {
    append: ({ plain: [item] }) => {
      items.push(item)
      return null
    },
    extend: ({ plain: [others] }) => {
      items.push(...interpreter.iterate(others, place))
      return null
    },
    insert: ({ plain: [at, item] }) => {
      items.splice(interpreter.integer(at, place), 0, item)
      return null
    },
    pop: ({ plain: [at] }) => {
      const k = at === undefined ? items.length - 1 : interpreter.integer(at, place)
      const [item] = items.splice(k < 0 ? k + items.length : k, 1)
      if (item === undefined) throw interpreter.error(place, 'nothing is left to pop')
      return item
    },
    reverse: () => {
      items.reverse()
      return null
    },
    copy: () => new PyList([...items]),
  }
}

function methodsOfDictionary(interpreter: Interpreter, object: PyDict, place: Place): Record<string, Method> {
  const entries = () => [...object.entries.values()]
  return {
    keys: () => new PyList(entries().map(({ key }) => key)),
    values: () => new PyList(entries().map(({ value }) => value)),
    items: () => new PyList(entries().map(({ key, value }) => new PyTuple([key, value]))),
    get: ({ plain: [key, usual = null] }) => object.get(key) ?? usual,
    copy: () => {
      const made = new PyDict()
      for (const { key, value } of entries()) made.set(key, value)
      return made
    },
    update: ({ plain: [other], named }) => {
      if (other instanceof PyDict) {
        for (const { key, value } of other.entries.values()) object.set(key, value)
      }
      for (const [key, value] of named) object.set(key, value)
      return null
    },
    setdefault: ({ plain: [key, usual = null] }) => {
      const known = object.get(key)
      if (known !== undefined) return known
      object.set(key, usual)
      return usual
    },
    pop: ({ plain: [key, usual] }) => {
      const value = object.get(key) ?? usual
      if (value === undefined) {
        throw interpreter.error(place, `there is no key ${formatValue(key, '')}`)
      }
      object.remove(key)
      return value
    },
  }
}

function methodsOfString(interpreter: Interpreter, text: string, place: Place): Record<string, Method> {
  return {
    format: ({ plain, named }) => {
      let next = 0
      return text.replaceAll(/\{(\w*)(?::([^}]*))?\}/g, (_, key: string, format: string = '') => {
        const value = key === '' ? plain[next++] : /^\d+$/.test(key) ? plain[Number(key)] : named.get(key)
        return formatValue(value ?? null, format)
      })
    },
    lower: () => text.toLowerCase(),
    upper: () => text.toUpperCase(),
    strip: ({ plain: [characters] }) => {
      if (characters === undefined) return text.trim()
      const of = String(characters)
      let [from, to] = [0, text.length]
      while (from < to && of.includes(text[from])) from++
      while (to > from && of.includes(text[to - 1])) to--
      return text.slice(from, to)
    },
    startswith: ({ plain: [start] }) => listOf(start).some((one) => text.startsWith(String(one))),
    endswith: ({ plain: [end] }) => listOf(end).some((one) => text.endsWith(String(one))),
    replace: ({ plain: [one, other] }) => text.replaceAll(String(one), String(other)),
    split: ({ plain: [by] }) =>
      new PyList(typeof by === 'string' ? text.split(by) : text.trim().split(/\s+/)),
    join: ({ plain: [items] }) => interpreter.iterate(items, place).map(String).join(text),
  }
}

const listOf = (value: Value): readonly Value[] => (value instanceof PyTuple ? value.items : [value])
