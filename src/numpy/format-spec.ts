import { fixedDigits, leadingDigits, notANumber, writeFloat } from './float-text.js'
import { Refusal } from './refusal.js'

/** Characters that a value is filled up to, and digits that it is written with. */
const MOST_WIDTH = 1000

/** Python's format specification: `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`. */
export interface FormatSpec {
  readonly fill: string
  readonly align: string
  readonly sign: string
  readonly isAlternate: boolean
  readonly width: number
  readonly grouping: string
  readonly precision: number | undefined
  readonly type: string
  /** A zero before the width, where nothing is said of the side: numbers are filled behind their sign, texts at their end. */
  readonly isZeroFilled?: boolean
}

const SPEC = /^(?:(.)?([<>=^]))?([-+ ]?)(z?)(#?)(0?)(\d*)([,_]?)(?:\.(\d+))?([a-zA-Z%]?)$/su

/** @throws Refusal */
export function readSpec(text: string): FormatSpec {
  const parts = SPEC.exec(text)
  if (parts === null) throw new Refusal(`Invalid format specifier '${text}'`, 'ValueError')
  const [, fill, align, sign, z, alternate, zero, width, grouping, precision, type] = parts
  if (z !== '') throw new Refusal('the option z of a format is not understood')
  const spec = {
    fill: fill ?? (zero === '0' ? '0' : ' '),
    align: align ?? (zero === '0' ? '=' : ''),
    sign,
    isAlternate: alternate !== '',
    width: width === '' ? 0 : Number(width),
    grouping,
    precision: precision === undefined ? undefined : Number(precision),
    type,
    isZeroFilled: zero === '0' && align === undefined,
  }
  if (spec.width > MOST_WIDTH || (spec.precision ?? 0) > MOST_WIDTH) {
    throw new Refusal(`a format of more than ${MOST_WIDTH} characters is not understood`)
  }
  return spec
}

/** A text in its width. */
export function formatText(value: string, spec: FormatSpec): string {
  if (spec.type !== '' && spec.type !== 's') throw unknownCode(spec.type, 'str')
  if (spec.sign !== '') throw new Refusal('Sign not allowed in string format specifier', 'ValueError')
  if (spec.grouping !== '') throw new Refusal(`Cannot specify '${spec.grouping}' with 's'.`, 'ValueError')
  if (spec.isAlternate) {
    throw new Refusal('Alternate form (#) not allowed in string format specifier', 'ValueError')
  }
  const align = spec.isZeroFilled === true ? '<' : spec.align
  if (align === '=') {
    throw new Refusal("'=' alignment not allowed in string format specifier", 'ValueError')
  }
  const characters = [...value]
  const cut = spec.precision === undefined ? characters : characters.slice(0, spec.precision)
  return fillUp('', cut.join(''), { ...spec, align }, '<')
}

/** A whole number. */
export function formatInteger(value: bigint, spec: FormatSpec): string {
  const { type } = spec
  if (/^[eEfFgG%]$/.test(type)) return formatFloat(Number(value), spec)
  if (spec.precision !== undefined) {
    throw new Refusal('Precision not allowed in integer format specifier', 'ValueError')
  }
  const size = value < 0n ? -value : value
  const sign = signOf(value < 0n, spec)
  const [base, prefix] = BASES[type] ?? []
  if (type === 'c') {
    if (spec.sign !== '')
      throw new Refusal("Sign not allowed with integer format specifier 'c'", 'ValueError')
    return fillUp('', String.fromCodePoint(Number(value)), spec, '<')
  }
  if (base === undefined) throw unknownCode(type, 'int')
  if (spec.grouping === ',' && base !== 10)
    throw new Refusal(`Cannot specify ',' with '${type}'.`, 'ValueError')
  const digits = type === 'X' ? size.toString(base).toUpperCase() : size.toString(base)
  return fillUp(sign + (spec.isAlternate ? prefix : ''), digits, spec, '>', base === 10 ? 3 : 4)
}

const BASES: Readonly<Record<string, readonly [number, string]>> = {
  '': [10, ''],
  d: [10, ''],
  n: [10, ''],
  b: [2, '0b'],
  o: [8, '0o'],
  x: [16, '0x'],
  X: [16, '0X'],
}

/** A float. */
export function formatFloat(value: number, spec: FormatSpec): string {
  const { type, precision, isAlternate } = spec
  if (!/^[eEfFgGn%]?$/.test(type)) throw unknownCode(type, 'float')
  const isNegative = value < 0 || Object.is(value, -0)
  const sign = signOf(isNegative, spec)
  const word = notANumber(value)
  const percent = type === '%' ? '%' : ''
  if (word !== undefined) {
    const text = (/[EFG]/.test(type) ? word.toUpperCase() : word) + percent
    // zeros are filled in before these as well
    return fillUp(word === 'nan' ? signOf(false, spec) : sign, text, { ...spec, grouping: '' }, '>')
  }
  const size = Math.abs(value)
  const lower = type.toLowerCase()
  let text: string
  if (lower === 'f' || type === '%') {
    text = fixedDigits(type === '%' ? size * 100 : size, precision ?? 6)
    if (isAlternate && !text.includes('.')) text += '.'
  } else if (lower === 'e') text = writeScientific(size, (precision ?? 6) + 1, isAlternate)
  else if (type === '' && precision === undefined) text = writePlain(size, isAlternate)
  else text = writeGeneral(size, Math.max(precision ?? 6, 1), isAlternate, type === '')
  if (/[EG]/.test(type)) text = text.toUpperCase()
  const end = /^\d+/.exec(text)?.[0].length ?? 0
  return fillUp(sign, text.slice(0, end), spec, '>', 3, text.slice(end) + percent)
}

function writePlain(size: number, isAlternate: boolean): string {
  const text = writeFloat(size)
  return isAlternate && !text.includes('.') ? text.replace('e', '.e') : text
}

function writeScientific(size: number, count: number, isAlternate: boolean): string {
  const { digits, power } = leadingDigits(size, count)
  const rest = digits.slice(1)
  const exponent = `${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  return `${digits[0]}${rest === '' && !isAlternate ? '' : `.${rest}`}e${exponent}`
}

/** `g`: so many digits, without zeros at the end; the form without a letter has one behind the dot. */
function writeGeneral(size: number, count: number, isAlternate: boolean, isRepr: boolean): string {
  const { digits, power } = leadingDigits(size, count)
  const trim = (text: string) =>
    isAlternate || !text.includes('.') ? text : text.replace(/0+$/, '').replace(/\.$/, '')
  if (power < -4 || power >= (isRepr ? count - 1 : count)) {
    const text = writeScientific(size, count, isAlternate)
    const at = text.indexOf('e')
    return trim(text.slice(0, at)) + text.slice(at)
  }
  const behind = count - 1 - power
  const plain =
    power < 0
      ? `0.${'0'.repeat(-power - 1)}${digits}`
      : behind > 0
        ? `${digits.slice(0, power + 1)}.${digits.slice(power + 1)}`
        : `${digits}${isAlternate ? '.' : ''}`
  const text = trim(plain)
  return isRepr && !text.includes('.') ? `${text}.0` : text
}

const signOf = (isNegative: boolean, { sign }: FormatSpec) => (isNegative ? '-' : sign === '-' ? '' : sign)

/**
 * A value in its width: the sign, digits in groups, and what stands behind them.
 * @param usual where it stands if nothing is said
 */
function fillUp(sign: string, digits: string, spec: FormatSpec, usual: string, group = 0, tail = ''): string {
  const align = spec.align === '' ? usual : spec.align
  const missing = (text: string) => Math.max(0, spec.width - [...text].length)
  let grouped = digits
  if (spec.grouping !== '' && group > 0) {
    // zeros that fill up are grouped as well
    if (align === '=' && spec.fill === '0') {
      const room = spec.width - sign.length - tail.length
      while (inGroups(grouped, spec.grouping, group).length < room) {
        grouped = `0${grouped}`
      }
    }
    grouped = inGroups(grouped, spec.grouping, group)
  }
  const text = sign + grouped + tail
  const count = missing(text)
  switch (align) {
    case '<':
      return text + spec.fill.repeat(count)
    case '^':
      return spec.fill.repeat(Math.floor(count / 2)) + text + spec.fill.repeat(Math.ceil(count / 2))
    case '=':
      return sign + spec.fill.repeat(count) + grouped + tail
    default:
      return spec.fill.repeat(count) + text
  }
}

function inGroups(digits: string, by: string, length: number): string {
  const groups: string[] = []
  for (let end = digits.length; end > 0; end -= length)
    groups.unshift(digits.slice(Math.max(0, end - length), end))
  return groups.join(by)
}

const unknownCode = (type: string, of: string) =>
  new Refusal(`Unknown format code '${type}' for object of type '${of}'`, 'ValueError')
