import { formatShape } from '../tensor.js'
import { NdArray } from './arrays.js'
import { isException, writeException } from './exceptions.js'
import { writeFloat } from './float-text.js'
import { formatFloat, formatInteger, formatText, readSpec } from './format-spec.js'
import type { Interpreter } from './interpreter.js'
import { Refusal } from './refusal.js'
import {
  Ellipsis,
  type Place,
  PyDeque,
  PyDict,
  PyInstance,
  PyList,
  PyNamedTuple,
  PySet,
  PyTuple,
  Unknown,
  type Value,
} from './values.js'

/** How values are written where the code itself can tell: in keys, in texts that are compared. */
export class Texts {
  readonly #interpreter: Interpreter

  constructor(interpreter: Interpreter) {
    this.#interpreter = interpreter
  }

  /**
   * `str(value)`
   * @throws Refusal for what is not written here as Python writes it
   */
  str(value: Value, place: Place): string {
    if (typeof value === 'string') return value
    if (value instanceof NdArray) return writeNumber(value)
    if (value instanceof PyInstance) return this.#ofInstance(value, ['__str__', '__repr__'], place)
    return this.repr(value, place)
  }

  /**
   * `repr(value)`
   * @throws Refusal
   */
  repr(value: Value, place: Place): string {
    return this.#repr(value, place, new Set())
  }

  #repr(value: Value, place: Place, around: ReadonlySet<Value>): string {
    if (typeof value === 'string') return quote(value)
    if (value === null || typeof value !== 'object') return writePlain(value)
    if (value instanceof Ellipsis) return 'Ellipsis'
    if (value instanceof PyInstance) return this.#ofInstance(value, ['__repr__'], place)
    if (value instanceof NdArray) {
      throw new Refusal('an array or a number of NumPy as repr writes it is not understood')
    }
    const within = new Set(around).add(value)
    const write = (item: Value) => (around.has(item) ? '...' : this.#repr(item, place, within))
    if (value instanceof PyNamedTuple) {
      return `${value.type}(${value.fields.map((field, k) => `${field}=${write(value.items[k])}`).join(', ')})`
    }
    if (value instanceof PyTuple) {
      const items = value.items.map(write)
      return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`
    }
    if (value instanceof PyDeque || (value instanceof PyDict && value.constructor !== PyDict)) {
      throw new Refusal('what is of collections is not written here')
    }
    if (value instanceof PyList) {
      if (around.has(value)) return '[...]'
      return `[${value.items.map((item) => (item === value ? '[...]' : write(item))).join(', ')}]`
    }
    if (value instanceof PyDict) {
      const entries = [...value.entries.values()].map((entry) => `${write(entry.key)}: ${write(entry.value)}`)
      return `{${entries.join(', ')}}`
    }
    if (value instanceof PySet) {
      const items = [...value.entries.values()]
      if (items.length === 0) return 'set()'
      if (items.length === 1) return `{${write(items[0])}}`
      throw new Refusal('a set is written in an order of its own: sort it first')
    }
    throw new Refusal('how this object is written is not understood')
  }

  #ofInstance(instance: PyInstance, names: readonly string[], place: Place): string {
    for (const name of names) {
      const made = this.#interpreter.callMethod(instance, name, [], place)
      if (typeof made === 'string') return made
      if (made !== undefined) throw new Refusal(`what ${name} returns is no text that is understood`)
    }
    if (isException(instance)) {
      return writeException(instance, names.length > 1, {
        str: (item) => this.str(item, place),
        repr: (item) => this.repr(item, place),
      })
    }
    throw new Refusal('how this object is written is not understood')
  }

  /**
   * `format(value, spec)`
   * @throws Refusal
   */
  format(value: Value, spec: string, place: Place): string {
    if (value instanceof PyInstance) {
      const made = this.#interpreter.callMethod(value, '__format__', [spec], place)
      if (typeof made === 'string') return made
    }
    if (value instanceof Unknown) throw new Refusal(value.message)
    if (spec === '') return this.str(value, place)
    if (typeof value === 'string') return formatText(value, readSpec(spec))
    if (typeof value === 'bigint') return formatInteger(value, readSpec(spec))
    if (typeof value === 'boolean') return formatInteger(value ? 1n : 0n, readSpec(spec))
    if (typeof value === 'number') return formatFloat(value, readSpec(spec))
    if (value instanceof NdArray && value.shape.length === 0) {
      if (value.kind === 'f') return formatFloat(value.numbers[0], readSpec(spec))
      if (value.kind === 'i') return formatInteger(BigInt(value.numbers[0]), readSpec(spec))
    }
    throw new Refusal('unsupported format string passed to this object', 'TypeError')
  }

  /**
   * `text % value`
   * @throws Refusal
   */
  percent(text: string, value: Value, place: Place): string {
    const values = value instanceof PyTuple ? [...value.items] : [value]
    const isNamed = value instanceof PyDict
    const take = () => {
      const [next] = values
      if (values.length === 0) throw new Refusal('not enough arguments for format string', 'TypeError')
      values.shift()
      return next
    }
    const written = text.replaceAll(
      /%(?:\(([^)]*)\))?([-+ 0#]*)(\*|\d*)(?:\.(\*|\d*))?[hlL]?([\s\S]|$)/g,
      (
        _,
        name: string | undefined,
        flags: string,
        width: string,
        precision: string | undefined,
        type: string,
      ) => {
        if (type === '%') return '%'
        const size = (given: string) =>
          given === '*' ? this.#interpreter.integer(take(), place) : Number(given)
        const wide = size(width)
        const digits = precision === undefined ? undefined : size(precision)
        let item: Value
        if (name === undefined) item = isNamed && values.length === 1 ? (values.shift() ?? null) : take()
        else {
          const found = isNamed ? value.get(name) : undefined
          if (found === undefined) throw new Refusal(`there is no ${name} to be written`)
          item = found
        }
        return this.#percentItem(
          item,
          { flags, width: Math.abs(wide), isLeft: wide < 0, digits, type },
          place,
        )
      },
    )
    if (values.length > 0 && !isNamed) {
      throw new Refusal('not all arguments converted during string formatting', 'TypeError')
    }
    return written
  }

  #percentItem(
    item: Value,
    given: {
      readonly flags: string
      readonly width: number
      readonly isLeft: boolean
      readonly digits: number | undefined
      readonly type: string
    },
    place: Place,
  ): string {
    const { flags, width, digits, type } = given
    const isLeft = given.isLeft || flags.includes('-')
    const spec = {
      fill: flags.includes('0') && !isLeft ? '0' : ' ',
      align: isLeft ? '<' : flags.includes('0') ? '=' : '>',
      sign: flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '',
      isAlternate: flags.includes('#'),
      width,
      grouping: '',
      precision: digits,
      type,
    }
    if (/^[sra]$/.test(type)) {
      if (type === 'a') throw new Refusal('%a is not understood')
      const text = type === 's' ? this.str(item, place) : this.repr(item, place)
      return formatText(text, {
        ...spec,
        fill: ' ',
        align: isLeft ? '<' : '>',
        sign: '',
        isAlternate: false,
        type: 's',
      })
    }
    const number = numberOf(item)
    if (number === undefined) {
      throw new Refusal(`%${type} format: a real number is required`, 'TypeError')
    }
    if (/^[diuxXo]$/.test(type)) {
      if (typeof number === 'number' && /[xXo]/.test(type)) {
        throw new Refusal(`%${type} format: an integer is required, not float`, 'TypeError')
      }
      if (typeof number === 'number' && !Number.isFinite(number)) throw new Refusal('no whole number')
      const whole = typeof number === 'bigint' ? number : BigInt(Math.trunc(number))
      const plain = { ...spec, type: /[diu]/.test(type) ? 'd' : type, precision: undefined }
      if (digits !== undefined) throw new Refusal('digits of a whole number are not understood')
      return formatInteger(whole, plain)
    }
    if (/^[eEfFgG]$/.test(type)) return formatFloat(Number(number), spec)
    if (type === 'c') throw new Refusal('%c is not understood')
    throw new Refusal(`unsupported format character '${type}'`, 'ValueError')
  }

  /**
   * `text.format(…)`
   * @throws Refusal
   */
  braces(text: string, plain: readonly Value[], named: ReadonlyMap<string, Value>, place: Place): string {
    let next = 0
    const go = (template: string, depth: number): string => {
      let made = ''
      for (let k = 0; k < template.length; ) {
        const character = template[k]
        if (character !== '{' && character !== '}') {
          made += character
          k++
          continue
        }
        if (template[k + 1] === character) {
          made += character
          k += 2
          continue
        }
        if (character === '}') throw new Refusal("Single '}' encountered in format string", 'ValueError')
        const end = closingBrace(template, k)
        made += this.#field(template.slice(k + 1, end), {
          place,
          spec: (inside) => (depth > 0 ? inside : go(inside, depth + 1)),
          find: (name) => {
            if (name === '') return plain[next++]
            return /^\d+$/.test(name) ? plain[Number(name)] : named.get(name)
          },
        })
        k = end + 1
      }
      return made
    }
    return go(text, 0)
  }

  /** `name.member[key]!conversion:spec` */
  #field(
    field: string,
    by: {
      readonly place: Place
      readonly find: (name: string) => Value | undefined
      readonly spec: (text: string) => string
    },
  ): string {
    const { place, find, spec } = by
    const parts = /^(\w*)((?:\.\w+|\[[^\]]*\])*)(?:!(\w))?(?::([\s\S]*))?$/.exec(field)
    if (parts === null) throw new Refusal(`the field {${field}} is not understood`)
    const [, name, path, conversion, format = ''] = parts
    let value = find(name)
    if (value === undefined) throw new Refusal(`nothing is given for {${field}}`)
    for (const [step] of path.matchAll(/\.\w+|\[[^\]]*\]/g)) {
      const key = step.slice(1, step.startsWith('[') ? -1 : undefined)
      value = step.startsWith('[')
        ? this.#interpreter.index(value, /^\d+$/.test(key) ? BigInt(key) : key, place)
        : this.#interpreter.member(value, key, place)
    }
    return this.format(this.converted(value, conversion, place), spec(format), place)
  }

  /** `!r`, `!s` of a field. */
  converted(value: Value, conversion: string | undefined, place: Place): Value {
    if (value instanceof Unknown) throw new Refusal(value.message)
    if (conversion === undefined || conversion === '') return value
    if (conversion === 'r') return this.repr(value, place)
    if (conversion === 's') return this.str(value, place)
    throw new Refusal(`the conversion !${conversion} is not understood`)
  }
}

/** Where the field that opens at `k` closes. */
function closingBrace(text: string, k: number): number {
  let depth = 0
  for (let at = k; at < text.length; at++) {
    if (text[at] === '{') depth++
    else if (text[at] === '}') {
      depth -= 1
      if (depth === 0) return at
    }
  }
  throw new Refusal("expected '}' before end of string", 'ValueError')
}

function numberOf(value: Value): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (!(value instanceof NdArray) || value.shape.length > 0) return undefined
  return value.kind === 'f' ? value.numbers[0] : BigInt(value.numbers[0])
}

function writePlain(value: null | boolean | bigint | number): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return typeof value === 'bigint' ? String(value) : writeFloat(value)
}

/** A number of NumPy, as str writes it. */
function writeNumber(array: NdArray): string {
  if (array.shape.length > 0) throw new Refusal('an array as a text is not understood')
  const [number] = array.numbers
  if (array.kind === 'b') return number === 0 ? 'False' : 'True'
  return array.kind === 'i' ? String(number) : writeFloat(number)
}

/** A text between quotes, as repr writes it. */
function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'"
  const inside = [...text].map((character) => {
    if (character === '\\' || character === mark) return `\\${character}`
    const escaped = { '\n': '\\n', '\t': '\\t', '\r': '\\r' }[character]
    if (escaped !== undefined) return escaped
    const code = character.codePointAt(0) ?? 0
    if (code < 32 || code === 127) return `\\x${code.toString(16).padStart(2, '0')}`
    if (code > 127 && !/[\p{L}\p{N}\p{P}\p{S}\p{M}]/u.test(character)) {
      throw new Refusal('how repr writes these characters is not understood')
    }
    return character
  })
  return mark + inside.join('') + mark
}

/** A value as messages call it. */
export function describe(value: Value): string {
  if (value instanceof NdArray) {
    return value.shape.length === 0 ? writeNumber(value) : `an array of shape ${formatShape(value.shape)}`
  }
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'bigint')
    return writePlain(value)
  if (typeof value === 'string') return value
  if (value instanceof PyTuple || value instanceof PyList) {
    const items = value.items.map((item) => (item === value ? '...' : describe(item)))
    return value instanceof PyList ? `[${items.join(', ')}]` : `(${items.join(', ')})`
  }
  return 'an object'
}
