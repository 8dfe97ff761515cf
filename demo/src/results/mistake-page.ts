import { element } from '../dom.js'
import { parseMarkdown } from './markdown.js'

/** The library's pages on mistakes, by the kind of finding. */
const PAGES = new Map(
  Object.entries(
    import.meta.glob<string>('../../../docs/mistakes/*.md', {
      query: '?raw',
      import: 'default',
      eager: true,
    }),
  ).map(([path, text]) => [path.replace(/^.*\/|\.md$/g, ''), text]),
)

/** The page on a mistake, folded up: its right and its wrong formula. Nothing where there is none. */
export function createMistakePage(kind: string): HTMLElement | undefined {
  const text = PAGES.get(kind)
  if (text === undefined) return undefined
  const { title, content } = parseMarkdown(text)
  return element(
    'details',
    { class: 'mistake' },
    element('summary', {}, `${title}: the right and the wrong formula`),
    element('div', { class: 'mistake-body' }, ...content),
  )
}
