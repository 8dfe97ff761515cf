import type { Change } from './change.js'
import { printStatement } from './print-code.js'

/** Numbers, strings, names and operators, as far as they can be told by themselves. */
const TOKEN =
  /(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[A-Za-z_]\w*|"[^"\n]*"|'[^'\n]*'|\*\*=|\/\/=|\*\*|\/\/|<<|>>|[-+*/%@&|^<>=!]=|\S/g

interface Token {
  /** The same however it is written: 1. and 1.0, "a" and 'a'. */
  readonly text: string
  readonly from: number
  readonly to: number
}

/**
 * The changed line as its author would write it: only what changes is written anew. Where it cannot be told which part of
 * the text that is, all of it is.
 * @param printed the line with the change, printed from its tree
 * @param written its text as it stands
 */
export function writeChange({ statement, statements }: Change, printed: string, written: string): string {
  if (statements !== undefined) return printed
  const text = written
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
  const before = tokensOf(printStatement(statement))
  const after = tokensOf(printed)
  const all = tokensOf(text)
  const comment = all.findIndex((token) => token.text === '#')
  const own = comment === -1 ? all : all.slice(0, comment)
  if (own.length !== before.length || own.some((token, k) => token.text !== before[k].text)) return printed
  const most = Math.min(before.length, after.length)
  let start = 0
  while (start < most && before[start].text === after[start].text) start++
  let end = 0
  while (end < most - start && before.at(-1 - end)!.text === after.at(-1 - end)!.text) end++
  const [stop, last] = [after.length - end, own.length - end]
  const head = start === 0 ? '' : text.slice(0, own[start - 1].to)
  const tail = end === 0 ? '' : text.slice(own[last].from, own[own.length - 1].to)
  const middle = stop === start ? '' : printed.slice(after[start].from, after[stop - 1].to)
  // blanks as they stood around what is replaced; as they are printed around what is new
  const isReplaced = last > start && middle !== ''
  const between = (tokens: readonly Token[], of: string, k: number) =>
    k <= 0 || k >= tokens.length ? '' : of.slice(tokens[k - 1].to, tokens[k].from)
  const gapBefore = isReplaced ? between(own, text, start) : between(after, printed, start)
  const gapBehind = middle === '' ? '' : isReplaced ? between(own, text, last) : between(after, printed, stop)
  // who writes 4. writes 1. as well
  const isShort = own.slice(start, last).some(({ from, to }) => /^\d+\.$/.test(text.slice(from, to)))
  const asWritten = isShort ? middle.replace(/\b(\d+)\.0\b/g, '$1.') : middle
  return head + gapBefore + asWritten + gapBehind + tail
}

const tokensOf = (text: string): Token[] =>
  [...text.matchAll(TOKEN)].map(({ 0: token, index }) => ({
    text: normal(token),
    from: index,
    to: index + token.length,
  }))

function normal(token: string): string {
  if (/^["']/.test(token)) return `'${token.slice(1, -1)}'`
  if (!/^\.?\d/.test(token)) return token
  const isWhole = /^[\d_]+$/.test(token)
  return `${Number(token.replaceAll('_', ''))}${isWhole ? '' : '.'}`
}
