import { escapeControls } from '../escape-controls.js'
import { wrapText } from './layout-text.js'
import type { Style } from './text-style.js'

/** Spaces before what stands below a headline. */
export const INDENT = 2

/** Lines with an empty one before them, or nothing. */
export const section = (lines: readonly string[]) => (lines.length === 0 ? [] : ['', ...lines])

/** Sentences as `formatList` takes them. */
export const asMessages = (notices: readonly string[]) => notices.map((message) => ({ message }))

/** A label and its text, further lines below the first one's text. */
export function hang(label: string, labelWidth: number, text: string, style: Style, width: number): string[] {
  const left = ' '.repeat(INDENT)
  const lines = wrapText(text, width - INDENT - labelWidth - 2)
  return lines.map((line, number) => {
    const name = number === 0 ? label.padEnd(labelWidth) : ' '.repeat(labelWidth)
    return `${left}${number === 0 ? style.quiet(name) : name}  ${line}`
  })
}

/** Labelled sentences in at most `maxLines` lines, and how many more there are. */
export function formatList(
  label: string,
  items: readonly { readonly message: string; readonly link?: string }[],
  maxLines: number,
  style: Style,
  width: number,
  locate: (link: string) => string = (link) => link,
): string[] {
  const lines: string[] = []
  for (const [number, item] of items.entries()) {
    const message = hang(label, label.length, escapeControls(item.message), style, width - ELLIPSIS.length)
    const isLinked = item.link !== undefined && !items.slice(0, number).some(({ link }) => link === item.link)
    const next = isLinked
      ? [...message, ' '.repeat(INDENT + label.length + 2) + style.quiet(escapeControls(locate(item.link!)))]
      : message
    const isLast = number === items.length - 1
    if (lines.length > 0 && lines.length + next.length > maxLines - (isLast ? 0 : 1)) {
      lines.push(`${' '.repeat(INDENT)}and ${items.length - number} more (the JSON report lists them)`)
      return lines
    }
    const room = maxLines - lines.length
    lines.push(...(next.length > room ? [...next.slice(0, room - 1), next[room - 1] + ELLIPSIS] : next))
  }
  return lines
}

const ELLIPSIS = ' …'
