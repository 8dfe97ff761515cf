import { GradcheckError } from '../errors.js'
import type { Statement } from './ast.js'

/** A file of the user's, read. */
export interface SourceFile {
  readonly name: string
  readonly text: string
  readonly statements: readonly Statement[]
  /** Of a notebook its cells: the line that each begins at, and its number. */
  readonly cells?: readonly { readonly line: number; readonly number: number }[]
}

/** A place as a reader finds it. */
export interface SourcePlace {
  readonly file: string
  /** Counted from 1; of a notebook in its cell. */
  readonly line: number
  /** Counted from 1. */
  readonly column: number
  /** The line itself. */
  readonly text: string
}

const STARTS = new WeakMap<SourceFile, readonly number[]>()

/** Where the lines of a file begin. */
function startsOf(file: SourceFile): readonly number[] {
  const known = STARTS.get(file)
  if (known !== undefined) return known
  const starts = [0]
  for (let k = file.text.indexOf('\n'); k !== -1; k = file.text.indexOf('\n', k + 1)) starts.push(k + 1)
  STARTS.set(file, starts)
  return starts
}

/** Where an offset of a file is. */
export function placeIn(file: SourceFile, at: number): SourcePlace {
  const starts = startsOf(file)
  let [low, high] = [0, starts.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (starts[middle] <= at) low = middle
    else high = middle - 1
  }
  const text = file.text.slice(starts[low], starts[low + 1] ?? file.text.length).trimEnd()
  const column = at - starts[low] + 1
  const cell = file.cells?.findLast(({ line }) => line <= low + 1)
  if (cell === undefined) return { file: file.name, line: low + 1, column, text }
  return { file: `${file.name} cell [${cell.number}]`, line: low + 2 - cell.line, column, text }
}

/** `model.py:12:5` */
export function describePlace(file: SourceFile, at: number): string {
  const { file: name, line, column } = placeIn(file, at)
  return file.cells === undefined ? `${name}:${line}:${column}` : `${name} line ${line}:${column}`
}

/**
 * The code of a notebook's cells, one behind the other. What only a notebook understands is left out.
 * @throws GradcheckError `bad-file`
 */
export function readNotebook(name: string, text: string): Pick<SourceFile, 'text' | 'cells'> {
  const cells: { line: number; number: number }[] = []
  const lines: string[] = []
  for (const [number, cell] of listCells(name, text).entries()) {
    if (cell.cell_type !== 'code') continue
    const source = Array.isArray(cell.source) ? cell.source.join('') : String(cell.source ?? '')
    const isOther = /^\s*%%(?!time)/.test(source)
    cells.push({ line: lines.length + 1, number: number + 1 })
    for (const line of source.split('\n')) lines.push(isOther || /^\s*[%!?]/.test(line) ? '' : line)
  }
  return { text: lines.join('\n'), cells }
}

function listCells(name: string, text: string): readonly { cell_type?: unknown; source?: unknown }[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new GradcheckError('bad-file', `${name} is no notebook: it is not JSON`, {
      fix: 'save it once more, or give the code as a .py file',
    })
  }
  const cells =
    typeof parsed === 'object' && parsed !== null ? (parsed as { cells?: unknown }).cells : undefined
  if (Array.isArray(cells)) return cells.filter((cell) => typeof cell === 'object' && cell !== null)
  throw new GradcheckError('bad-file', `${name} is no notebook: it has no cells`)
}
