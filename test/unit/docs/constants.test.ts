import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** A row of docs/constants.md. */
interface Row {
  /** `NAME` of a constant, `name()` of a function that the value is a part of. */
  readonly name: string
  readonly value: string
  readonly file: string
}

const HEADER = '| name | value | file | decides | measured on |'
const ROW = /^\| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$/

/** The rows of every table, and the lines of tables that are none. */
function readRows(markdown: string): { rows: Row[]; strange: string[] } {
  const rows: Row[] = []
  const strange: string[] = []
  for (const line of markdown.split('\n').filter((each) => each.startsWith('|'))) {
    if (line === HEADER || /^\|(---\|)+$/.test(line)) continue
    const cells = ROW.exec(line)
    if (cells === null) strange.push(line)
    else rows.push({ name: cells[1], value: cells[2], file: cells[3] })
  }
  return { rows, strange }
}

/** What follows `const NAME =` on its line, for each such declaration of a file. */
function declarationsOf(name: string, code: string): string[] {
  const declaration = new RegExp(`^(?:export )?const ${name}(?:: [^=]+)? = (.+)$`)
  return code.split('\n').flatMap((line) => {
    const found = declaration.exec(line)
    return found === null ? [] : [found[1].replace(/(?: as const)?;?(?: *\/\/.*)?$/, '')]
  })
}

/** The text of each function of a name, from its first line to the brace that closes it. */
function functionsOf(name: string, code: string): string[] {
  const whole = new RegExp(`^(?:export )?function ${name}\\([\\s\\S]*?^}$`, 'gm')
  return code.match(whole) ?? []
}

/** What is wrong with a row, given its file's text; undefined where it says what the code says. */
function findFault({ name, value }: Row, code: string): string | undefined {
  const isFunction = name.endsWith('()')
  const found = isFunction ? functionsOf(name.slice(0, -2), code) : declarationsOf(name, code)
  if (found.length !== 1) return `${name} is declared ${found.length} times`
  const [text] = found
  if (isFunction ? text.includes(value) : text === value) return undefined
  return isFunction ? `${name} does not have ${value}` : `${name} is ${text}, not ${value}`
}

const { rows, strange } = readRows(readFileSync(join(root, 'docs/constants.md'), 'utf8'))

describe('the page on constants', () => {
  it('has rows of one form alone, each once', () => {
    expect(strange).toEqual([])
    expect(rows.length).toBeGreaterThan(150)
    const keys = rows.map(({ name, value, file }) => `${name} ${name.endsWith('()') ? value : ''} ${file}`)
    expect(keys.filter((key, k) => keys.indexOf(key) !== k)).toEqual([])
  })

  it.each(rows)('says what the code says: $name of $file is $value', (row) => {
    const path = join(root, row.file)
    expect(existsSync(path), `there is no ${row.file}`).toBe(true)
    expect(findFault(row, readFileSync(path, 'utf8'))).toBeUndefined()
  })
})

describe('what the page is held against', () => {
  const code = [
    'const MARGIN = 2 ** -53',
    "export const LIMITS: Limits = { least: 1 } as const // of the user's",
    'const FAR = 30.0;',
    'function choose(a: number): number {',
    '  if (a > 1) return 1e-5',
    '  return 1',
    '}',
    'const choice = 1e-6',
  ].join('\n')
  const fault = (name: string, value: string) => findFault({ name, value, file: '' }, code)

  it('is a declaration of TypeScript or WGSL, or a part of a function', () => {
    expect(fault('MARGIN', '2 ** -53')).toBeUndefined()
    expect(fault('LIMITS', '{ least: 1 }')).toBeUndefined()
    expect(fault('FAR', '30.0')).toBeUndefined()
    expect(fault('choose()', 'return 1e-5')).toBeUndefined()
  })

  it('tells another value, a part of one, and a name that is not there', () => {
    expect(fault('MARGIN', '2 ** -52')).toBe('MARGIN is 2 ** -53, not 2 ** -52')
    expect(fault('MARGIN', '2')).toMatch(/not 2$/)
    expect(fault('MARGI', '2 ** -53')).toMatch(/declared 0 times/)
    expect(fault('choose()', '1e-6')).toMatch(/does not have/)
    expect(fault('chose()', '1e-5')).toMatch(/declared 0 times/)
  })

  it('is not a row of another form', () => {
    const { rows: read, strange: left } = readRows('| `A` | 1 | `src/a.ts` | what | chosen |\ntext')
    expect([read.length, left.length]).toEqual([0, 1])
  })
})
