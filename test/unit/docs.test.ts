import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { MISTAKE_KINDS, pageOf } from '../../src/check/diagnosis/kinds.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

const PAGES = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path)),
].sort()

const readPage = (page: string) => readFileSync(join(root, page), 'utf8')

/** A page without its fenced blocks and code spans, whose brackets are no links. */
const proseOf = (markdown: string) =>
  markdown.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, 'code')

/** The targets of a page's links and pictures. */
const linksOf = (markdown: string) =>
  [...proseOf(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target)

/** The anchors of a page's headings, as GitHub makes them. */
const anchorsOf = (markdown: string) =>
  [...markdown.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- ]/gu, '')
      .replaceAll(' ', '-'),
  )

const isRelative = (target: string) => !/^[a-z]+:/.test(target)

/** What is wrong with a link; undefined where it resolves. */
function findFault(page: string, target: string): string | undefined {
  const [path, anchor] = target.split('#')
  const file = path === '' ? page : normalize(join(dirname(page), path))
  if (file.startsWith(`..${sep}`)) return `${target} leaves the repository`
  if (!existsSync(join(root, file))) return `there is no ${file}`
  if (anchor === undefined) return undefined
  return anchorsOf(readPage(file)).includes(anchor) ? undefined : `${file} has no heading #${anchor}`
}

describe('the documentation', () => {
  it.each(PAGES)('every relative link resolves, its heading too: %s', (page) => {
    const faults = linksOf(readPage(page))
      .filter(isRelative)
      .flatMap((target) => findFault(page, target) ?? [])
    expect(faults).toEqual([])
  })

  it('has links of every form for that to look at', () => {
    const links = PAGES.flatMap((page) => linksOf(readPage(page)))
    expect(links).toContain('docs/screenshot.png')
    expect(links).toContain('judging.md#verdicts')
    expect(links).toContain('#tensors')
    expect(links).toContain('../README.md#options-of-gradcheck-check')
  })

  it('names a file or a heading that is not there', () => {
    expect(findFault('docs/judging.md', 'no-such-page.md')).toMatch(/no docs.no-such-page\.md/)
    expect(findFault('README.md', 'docs/judging.md#no-such-heading')).toMatch(/no heading/)
    expect(findFault('docs/judging.md', '../../elsewhere.md')).toMatch(/leaves/)
  })

  it('is all reached from the README', () => {
    const reached = new Set(['README.md'])
    for (const page of reached) {
      for (const target of linksOf(readPage(page)).filter(isRelative)) {
        const file = normalize(join(dirname(page), target.split('#')[0]))
        if (PAGES.includes(file)) reached.add(file)
      }
    }
    expect([...reached].sort()).toEqual(PAGES)
  })

  it.each(MISTAKE_KINDS)('has a page on the mistake %s', (kind) => {
    expect(PAGES).toContain(normalize(pageOf(kind)))
  })

  it('travels with the package', () => {
    expect(manifest.files).toEqual(expect.arrayContaining(['docs', 'README.md']))
  })
})
