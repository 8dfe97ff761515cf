import { element } from '../dom.js'

/**
 * The little Markdown that the library's own pages use: a title, paragraphs, lists, code, bold and links. Links are
 * shown as their text. Everything becomes text nodes, never markup.
 */
export function parseMarkdown(text: string): { title: string; content: HTMLElement[] } {
  let title = ''
  const content = splitBlocks(text).flatMap((block): HTMLElement[] => {
    const heading = /^#+ (.*)/.exec(block)
    if (heading !== null) {
      title ||= heading[1]
      return []
    }
    const fence = /^```\w*\n([\s\S]*?)\n?```$/.exec(block.trim())
    if (fence !== null) {
      return [element('pre', { class: 'code', tabindex: 0, 'aria-label': 'Code' }, fence[1])]
    }
    if (block.startsWith('- ')) {
      const items = block.split(/\n(?=- )/).map((item) => element('li', {}, ...parseInline(item.slice(2))))
      return [element('ul', {}, ...items)]
    }
    return block.trim() === '' ? [] : [element('p', {}, ...parseInline(block))]
  })
  return { title, content }
}

/** `code`, **bold** and [links](of.md) within a line. */
function parseInline(text: string): (HTMLElement | string)[] {
  return text
    .replaceAll('\n', ' ')
    .split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))/)
    .filter((part) => part !== '')
    .map((part) => {
      if (part.startsWith('`')) return element('code', {}, part.slice(1, -1))
      if (part.startsWith('**')) return element('strong', {}, part.slice(2, -2))
      return /^\[([^\]]+)\]\(/.exec(part)?.[1] ?? part
    })
}

/** Blocks are parted by empty lines, but not within a fence. */
function splitBlocks(text: string): string[] {
  const blocks: string[] = []
  let lines: string[] = []
  let isFenced = false
  for (const line of [...text.split(/\r?\n/), '']) {
    if (line.startsWith('```')) isFenced = !isFenced
    if (line !== '' || isFenced) {
      lines.push(line)
      continue
    }
    if (lines.length > 0) blocks.push(lines.join('\n'))
    lines = []
  }
  return blocks
}
