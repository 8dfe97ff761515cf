import { formatShape } from '../tensor.js'
import { NdArray } from './arrays.js'
import { PyList, PyTuple, plainNumber, type Value } from './values.js'

/** Characters that a number is filled up to. */
const MOST_WIDTH = 100

/** `text % value` */
export function formatPercent(text: string, value: Value): string {
  const values = value instanceof PyTuple ? [...value.items] : [value]
  return text.replaceAll(/%(?:%|[-+ 0#]*\d*(?:\.\d+)?[a-zA-Z])/g, (code) =>
    code === '%%' ? '%' : formatValue(values.shift() ?? null, code.slice(1)),
  )
}

/** A value as text; of formats those that keys are made of. */
export function formatValue(value: Value, format: string): string {
  const parts = /^([<>]?)(0?)(\d*)(?:\.(\d+))?([a-zA-Z]?)$/.exec(format)
  const [, side = '', zero = '', width = '', digits] = parts ?? []
  const number = plainNumber(value)
  const isDigits = digits !== undefined && number !== undefined && Number(digits) <= 100
  const text = isDigits ? number.toFixed(Number(digits)) : writeValue(value)
  const wanted = Math.min(Number(width), MOST_WIDTH)
  if (zero === '0' && number !== undefined) return text.padStart(wanted, '0')
  return side === '<' || (side === '' && typeof value === 'string')
    ? text.padEnd(wanted)
    : text.padStart(wanted)
}

function writeValue(value: Value): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'bigint' || typeof value === 'string') return String(value)
  if (typeof value === 'number') return writeFloat(value)
  if (value instanceof NdArray) {
    return value.size === 1 ? writeFloat(value.numbers[0]) : `an array of shape ${formatShape(value.shape)}`
  }
  if (value instanceof PyTuple || value instanceof PyList) {
    const items = value.items.map((item) =>
      typeof item === 'string' ? `'${item}'` : item === value ? '...' : writeValue(item),
    )
    if (value instanceof PyList) return `[${items.join(', ')}]`
    return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`
  }
  return 'an object'
}

/** A float as Python writes it. */
function writeFloat(value: number): string {
  const size = Math.abs(value)
  if (Number.isInteger(value) && size < 1e16) return `${value}.0`
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  return String(value)
}
