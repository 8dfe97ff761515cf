/** Turns text into coloured text. It is applied last: widths are counted before it. */
export type Paint = (text: string) => string

/** A cell of a table. */
export interface Cell {
  readonly text: string
  readonly paint?: Paint
}

/** How a table is laid out. */
export interface TableOptions {
  /** Which columns hold numbers and are aligned at their right end. */
  readonly rightAligned?: readonly number[]
  /** Spaces before the first column. */
  readonly indent?: number
}

const COLUMN_GAP = '  '

/** Lays rows out in columns as wide as their widest cell; no line ends with spaces. */
export function layoutTable(rows: readonly (readonly Cell[])[], options: TableOptions = {}): string[] {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, measureWidth(cell.text))
    })
  }
  const right = new Set(options.rightAligned)
  const indent = ' '.repeat(options.indent ?? 0)
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const padding = ' '.repeat(widths[column] - measureWidth(cell.text))
      const painted = cell.paint && cell.text !== '' ? cell.paint(cell.text) : cell.text
      return right.has(column) ? padding + painted : painted + padding
    })
    return `${indent}${cells.join(COLUMN_GAP)}`.trimEnd()
  })
}

/** Breaks text into lines of at most `width` columns between words; a longer word is broken anywhere. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/ +/)) {
    for (const piece of breakWord(word, width)) {
      if (line !== '' && measureWidth(line) + 1 + measureWidth(piece) > width) {
        lines.push(line)
        line = piece
      } else {
        line = line === '' ? piece : `${line} ${piece}`
      }
    }
  }
  return line === '' ? lines : [...lines, line]
}

/** Shortens text to `width` columns, an ellipsis in place of what is cut from its middle. */
export function clipMiddle(text: string, width: number): string {
  if (measureWidth(text) <= width) return text
  const characters = [...text]
  let head = Math.ceil((width - 1) / 2)
  let tail = width - 1 - head
  const clip = () =>
    `${characters.slice(0, head).join('')}…${characters.slice(characters.length - tail).join('')}`
  while (measureWidth(clip()) > width && (head > 1 || tail > 1)) {
    if (head >= tail) head--
    else tail--
  }
  return clip()
}

/** Columns a terminal needs for the text: two for East Asian wide characters and emoji, none for marks. */
export function measureWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) width += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return width
}

const MARK = /\p{Mark}/u
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

function breakWord(word: string, width: number): string[] {
  if (measureWidth(word) <= width) return [word]
  const pieces: string[] = []
  let piece = ''
  for (const character of word) {
    if (piece !== '' && measureWidth(piece) + measureWidth(character) > width) {
      pieces.push(piece)
      piece = ''
    }
    piece += character
  }
  return [...pieces, piece]
}
