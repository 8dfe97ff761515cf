import type { BackwardReport, LineMark, LineReport } from '../check/backward-report.js'
import { escapeControls } from '../escape-controls.js'
import { clipMiddle, measureWidth, type Paint, wrapText } from './layout-text.js'
import type { Style } from './text-style.js'

/** Lines before and behind one with a mark that are shown. */
const AROUND = 2
/** Marked lines that are shown. */
const MOST_MARKED = 24
/** Lines of one statement that are shown. */
const MOST_OF_STATEMENT = 4
const INDENT = '  '
/** Between the mark and the number. */
const GAP = '  '

/** What a line is marked with; those that are right, or are not judged, have none. */
const MARKS: Readonly<Partial<Record<LineMark, string>>> = {
  wrong: 'WRONG',
  suspect: 'suspect',
  follows: 'follows',
  'not reached': 'not run',
}
const MARK_WIDTH = 7

/**
 * The backward pass as a listing: the lines that are blamed with their reasons, those that follow from them, and what stands
 * around them. Nothing where no line is marked.
 */
export function formatListing(
  { entry, lines, notices }: BackwardReport,
  style: Style,
  width: number,
): string[] {
  const said = notices.flatMap((notice) =>
    wrapText(escapeControls(notice), width - INDENT.length).map((line) => INDENT + line),
  )
  const isShown = chooseLines(lines)
  if (!isShown.some(Boolean)) return said
  const numberWidth = Math.max(...lines.map(({ line }) => String(line).length))
  const shown: string[] = []
  let before = -1
  let within: string | undefined
  for (const [k, line] of lines.entries()) {
    if (!isShown[k]) continue
    // of a notebook the cell
    if (within !== line.file) {
      const title = within === undefined ? `${line.file}:${entry}` : line.file
      shown.push(`${INDENT}${style.quiet(escapeControls(title))}`)
    }
    if (before !== k - 1) shown.push(gap(numberWidth))
    shown.push(...formatLine(line, numberWidth, style, width))
    before = k
    within = line.file
  }
  if (before !== lines.length - 1) shown.push(gap(numberWidth))
  return said.length === 0 ? shown : [...shown, '', ...said]
}

/** In the place of lines that are left out. */
const gap = (numberWidth: number) => `${INDENT}${' '.repeat(MARK_WIDTH)}${GAP}${'…'.padStart(numberWidth)}`

/** Blamed lines with those around them, and those that follow. */
function chooseLines(lines: readonly LineReport[]): boolean[] {
  const blamed = lines.flatMap(({ mark }, k) => (isBlamed(mark) ? [k] : [])).slice(0, MOST_MARKED)
  let left = MOST_MARKED - blamed.length
  return lines.map(({ mark, function: name }, k) => {
    if (blamed.includes(k)) return true
    const isNear = blamed.some((at) => Math.abs(at - k) <= AROUND && lines[at].function === name)
    const isMarked = blamed.length > 0 && mark === 'follows'
    if (isMarked && !isNear) return left-- > 0
    return isNear
  })
}

const isBlamed = (mark: LineMark) => mark === 'wrong' || mark === 'suspect'

function formatLine(
  { mark, line, text, reason, alternatives = [] }: LineReport,
  numberWidth: number,
  style: Style,
  width: number,
): string[] {
  const left = INDENT.length + MARK_WIDTH + GAP.length + numberWidth + GAP.length
  const word = MARKS[mark] ?? ''
  const rows = text.split('\n')
  const shown =
    rows.length > MOST_OF_STATEMENT
      ? [...rows.slice(0, MOST_OF_STATEMENT - 1), `${indentOf(rows[0])}    …`]
      : rows
  const paint = paintOf(mark, style)
  const code = shown.map((row, k) => {
    const head =
      k === 0 && word !== ''
        ? paint(word) + ' '.repeat(MARK_WIDTH - measureWidth(word))
        : ' '.repeat(MARK_WIDTH)
    const number = style.quiet(String(line + k).padStart(numberWidth))
    const written = clipMiddle(escapeControls(row.replaceAll('\t', '    ')), Math.max(20, width - left))
    return `${INDENT}${head}${GAP}${number}${GAP}${isBlamed(mark) ? style.strong(written) : written}`.trimEnd()
  })
  const others = alternatives.map((other) => `line ${other.line}`)
  const said = mark === 'follows' ? reason?.replace(/, which is wrong$/, '') : reason
  const why = [
    ...(said === undefined ? [] : [said]),
    ...(others.length === 0 ? [] : [`or ${others.join(' or ')}`]),
  ]
  if (!isBlamed(mark) && mark !== 'follows') return code
  // what follows is said in the line itself where there is room
  const short = `  ← ${escapeControls(why.join('; '))}`
  const wide = left + measureWidth(escapeControls(text.replaceAll('\t', '    '))) + measureWidth(short)
  if (!isBlamed(mark) && rows.length === 1 && wide <= width) return [code[0] + style.quiet(short)]
  const indent = ' '.repeat(left) + indentOf(rows[0])
  const room = Math.max(30, width - indent.length - 2)
  const told = wrapText(escapeControls(why.join('; ')), room).map((row, k) => {
    const shownRow = `${k === 0 ? '^ ' : '  '}${row}`
    return indent + (isBlamed(mark) ? shownRow : style.quiet(shownRow))
  })
  return [...code, ...told]
}

const indentOf = (text: string) => ' '.repeat(Math.min(12, text.length - text.trimStart().length))

function paintOf(mark: LineMark, style: Style): Paint {
  if (mark === 'wrong') return style.verdict.fail
  return mark === 'suspect' ? style.verdict.inconclusive : style.quiet
}
