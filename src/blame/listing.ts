import type { FunctionDefinition, Statement } from '../numpy/ast.js'
import { placeIn, type SourceFile } from '../numpy/source-file.js'
import { blocksOf } from './code.js'

/** A statement where it is written. */
export interface ListedStatement {
  readonly statement: Statement
  readonly file: SourceFile
  /** Of the function that it stands in, `Class.method` of a method. */
  readonly function: string
}

interface Definition {
  readonly definition: FunctionDefinition
  readonly file: SourceFile
  readonly name: string
}

/**
 * The statements of functions, as they are written one below the other; functions within functions stand where they are
 * defined, docstrings are left out.
 * @param entered bodies of the functions that are wanted
 * @param entry the body of the one that comes first
 */
export function listStatements(
  files: readonly SourceFile[],
  entered: ReadonlySet<unknown>,
  entry: unknown,
): ListedStatement[] {
  const wanted = files
    .flatMap((file) => definitionsIn(file.statements, file, ''))
    .filter(({ definition }) => hasEntered(definition, entered))
  wanted.sort((one, other) => Number(other.definition.body === entry) - Number(one.definition.body === entry))
  return wanted.flatMap(({ definition, file, name }) =>
    flatten([definition]).map((statement) => ({ statement, file, function: name })),
  )
}

const hasEntered = ({ body }: FunctionDefinition, entered: ReadonlySet<unknown>): boolean =>
  entered.has(body) || flatten(body).some((one) => one.kind === 'function' && entered.has(one.body))

/** Functions that stand in none. */
function definitionsIn(statements: readonly Statement[], file: SourceFile, owner: string): Definition[] {
  return statements.flatMap((statement) =>
    statement.kind === 'function'
      ? [{ definition: statement, file, name: `${owner}${statement.name}` }]
      : statement.kind === 'class'
        ? definitionsIn(statement.body, file, `${owner}${statement.name}.`)
        : blocksOf(statement).flatMap((block) => definitionsIn(block, file, owner)),
  )
}

/** Statements and what is within them. */
function flatten(statements: readonly Statement[]): Statement[] {
  return statements
    .filter((one) => !(one.kind === 'expression' && one.value.kind === 'string'))
    .flatMap((one) => [one, ...blocksOf(one).flatMap(flatten)])
}

/** Where a statement begins, and its text up to its end, or to the colon of what has a body. */
export function sourceOf(file: SourceFile, at: number): { file: string; line: number; text: string } {
  const { file: name, line, column } = placeIn(file, at)
  const start = at - (column - 1)
  return { file: name, line, text: file.text.slice(start, endOfLogicalLine(file.text, at)).trimEnd() }
}

/** Where a line ends that goes on within brackets, strings of several lines and behind a backslash. */
function endOfLogicalLine(text: string, from: number): number {
  let depth = 0
  for (let k = from; k < text.length; k++) {
    const character = text[k]
    if (character === '\\') k++
    else if ('([{'.includes(character)) depth++
    else if (')]}'.includes(character)) depth--
    else if (character === '#') {
      while (k < text.length - 1 && text[k + 1] !== '\n') k++
    } else if (character === '"' || character === "'") k = endOfString(text, k)
    else if (character === '\n' && depth <= 0) return k
  }
  return text.length
}

/** Where a string's last quote is. */
function endOfString(text: string, from: number): number {
  const quote = text.startsWith(text[from].repeat(3), from) ? text[from].repeat(3) : text[from]
  for (let k = from + quote.length; k < text.length; k++) {
    if (text[k] === '\\') k++
    else if (text.startsWith(quote, k)) return k + quote.length - 1
    else if (text[k] === '\n' && quote.length === 1) return k - 1
  }
  return text.length
}
