import type { Call } from './native-call.js'
import { Refusal } from './refusal.js'
import { PyList, PyTuple, type Value } from './values.js'

/** A method of a text: what it is given stands behind the text itself. */
type Method = (text: string, call: Call) => Value

const textOf = (value: Value | undefined): string => {
  if (typeof value !== 'string') throw new Refusal('a text is needed here', 'TypeError')
  return value
}

const textsOf = (value: Value | undefined): string[] =>
  value instanceof PyTuple ? value.items.map(textOf) : [textOf(value)]

/** Whether all characters are of a kind, and at least one is there. */
const isAll =
  (pattern: RegExp): Method =>
  (text) =>
    text !== '' && [...text].every((character) => pattern.test(character))

/** Blanks as Python knows them. */
const BLANK = /\s/

function strip(text: string, call: Call, isLeft: boolean, isRight: boolean): string {
  const given = call.get(0)
  const of = given === undefined || given === null ? undefined : [...textOf(given)]
  const isGone = (character: string) => (of === undefined ? BLANK.test(character) : of.includes(character))
  const characters = [...text]
  let [from, to] = [0, characters.length]
  while (isLeft && from < to && isGone(characters[from])) from++
  while (isRight && to > from && isGone(characters[to - 1])) to--
  return characters.slice(from, to).join('')
}

function split(text: string, call: Call, isFromRight: boolean): PyList {
  const by = call.get(0, 'sep')
  const most = call.get(1, 'maxsplit')
  const count = most === undefined || call.integer(most) < 0 ? Number.POSITIVE_INFINITY : call.integer(most)
  if (by === undefined || by === null) {
    const parts = text
      .trim()
      .split(/\s+/)
      .filter((part) => part !== '')
    if (parts.length - 1 <= count) return new PyList(parts)
    if (isFromRight) throw new Refusal('rsplit at blanks with a limit is not understood')
    let rest = text.trimStart()
    const made: string[] = []
    for (let k = 0; k < count; k++) {
      const word = /^\S+/.exec(rest)?.[0] ?? ''
      made.push(word)
      rest = rest.slice(word.length).trimStart()
    }
    return new PyList([...made, rest])
  }
  const mark = textOf(by)
  if (mark === '') throw new Refusal('empty separator', 'ValueError')
  const parts = text.split(mark)
  if (parts.length - 1 <= count) return new PyList(parts)
  return isFromRight
    ? new PyList([parts.slice(0, parts.length - count).join(mark), ...parts.slice(parts.length - count)])
    : new PyList([...parts.slice(0, count), parts.slice(count).join(mark)])
}

function fill(text: string, call: Call, put: (missing: number, mark: string) => [number, number]): string {
  const width = call.integer(call.required(0))
  const mark = call.get(1) ?? ' '
  const missing = Math.max(0, width - [...text].length)
  if (missing > 1e6) throw new Refusal('a text that long is not understood')
  const [before, after] = put(missing, textOf(mark))
  return textOf(mark).repeat(before) + text + textOf(mark).repeat(after)
}

function find(text: string, call: Call, isLast: boolean): number {
  if (call.given.plain.length > 1) throw new Refusal('a search in a part of a text is not understood')
  const part = textOf(call.required(0))
  const at = isLast ? text.lastIndexOf(part) : text.indexOf(part)
  return at < 0 ? -1 : [...text.slice(0, at)].length
}

function found(text: string, call: Call, isLast: boolean): bigint {
  const at = find(text, call, isLast)
  if (at < 0) throw new Refusal('substring not found', 'ValueError')
  return BigInt(at)
}

function partition(text: string, call: Call, isLast: boolean): PyTuple {
  const mark = textOf(call.required(0))
  const at = isLast ? text.lastIndexOf(mark) : text.indexOf(mark)
  if (at < 0) return new PyTuple(isLast ? ['', '', text] : [text, '', ''])
  return new PyTuple([text.slice(0, at), mark, text.slice(at + mark.length)])
}

const capitalize = (word: string) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase()

/** Methods of texts. */
export const STRING_METHODS: Readonly<Record<string, Method>> = {
  format: (text, call) => call.interpreter.texts.braces(text, call.given.plain, call.given.named, call.place),
  lower: (text) => text.toLowerCase(),
  upper: (text) => text.toUpperCase(),
  title: (text) => text.replaceAll(/[\p{L}]+/gu, capitalize),
  capitalize: (text) => capitalize(text),
  strip: (text, call) => strip(text, call, true, true),
  lstrip: (text, call) => strip(text, call, true, false),
  rstrip: (text, call) => strip(text, call, false, true),
  startswith: (text, call) => {
    if (call.given.plain.length > 1) throw new Refusal('the start of a part of a text is not understood')
    return textsOf(call.required(0)).some((one) => text.startsWith(one))
  },
  endswith: (text, call) => {
    if (call.given.plain.length > 1) throw new Refusal('the end of a part of a text is not understood')
    return textsOf(call.required(0)).some((one) => text.endsWith(one))
  },
  removeprefix: (text, call) => {
    const start = textOf(call.required(0))
    return text.startsWith(start) ? text.slice(start.length) : text
  },
  removesuffix: (text, call) => {
    const end = textOf(call.required(0))
    return end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text
  },
  replace: (text, call) => {
    const [one, other] = [textOf(call.required(0)), textOf(call.required(1))]
    const most = call.get(2, 'count')
    if (most === undefined || call.integer(most) < 0) return text.replaceAll(one, () => other)
    if (one === '') throw new Refusal('to replace nothing so often is not understood')
    const parts = text.split(one)
    const count = Math.min(call.integer(most), parts.length - 1)
    return [parts.slice(0, count + 1).join(other), ...parts.slice(count + 1)].join(one)
  },
  split: (text, call) => split(text, call, false),
  rsplit: (text, call) => split(text, call, true),
  splitlines: (text, call) => {
    if (call.given.plain.length > 0) throw new Refusal('lines with their ends are not understood')
    const lines = text.split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/)
    if (lines[lines.length - 1] === '') lines.pop()
    return new PyList(lines)
  },
  partition: (text, call) => partition(text, call, false),
  rpartition: (text, call) => partition(text, call, true),
  join: (text, call) => call.interpreter.iterate(call.required(0), call.place).map(textOf).join(text),
  find: (text, call) => BigInt(find(text, call, false)),
  rfind: (text, call) => BigInt(find(text, call, true)),
  index: (text, call) => found(text, call, false),
  rindex: (text, call) => found(text, call, true),
  count: (text, call) => {
    const part = textOf(call.required(0))
    if (call.given.plain.length > 1) throw new Refusal('a count in a part of a text is not understood')
    return BigInt(part === '' ? [...text].length + 1 : text.split(part).length - 1)
  },
  zfill: (text, call) => {
    const sign = /^[+-]/.exec(text)?.[0] ?? ''
    const width = call.integer(call.required(0)) - [...text].length
    return sign + '0'.repeat(Math.min(Math.max(0, width), 1e6)) + text.slice(sign.length)
  },
  ljust: (text, call) => fill(text, call, (missing) => [0, missing]),
  rjust: (text, call) => fill(text, call, (missing) => [missing, 0]),
  center: (text, call) =>
    fill(text, call, (missing) => {
      const width = missing + [...text].length
      // Python puts the odd one to the left where the width is odd
      const before = Math.floor(missing / 2) + (missing & width & 1)
      return [before, missing - before]
    }),
  isdigit: isAll(/\p{Nd}/u),
  isnumeric: isAll(/\p{N}/u),
  isdecimal: isAll(/\p{Nd}/u),
  isalpha: isAll(/\p{L}/u),
  isalnum: isAll(/[\p{L}\p{N}]/u),
  isspace: isAll(BLANK),
  isupper: (text) => text !== text.toLowerCase() && text === text.toUpperCase(),
  islower: (text) => text !== text.toUpperCase() && text === text.toLowerCase(),
  isidentifier: (text) => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(text),
}
