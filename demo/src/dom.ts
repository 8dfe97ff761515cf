type Child = Node | string | undefined | false
type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: never) => void)>>

const SVG = 'http://www.w3.org/2000/svg'

/**
 * Makes an HTML element. Attributes whose name begins with `on` are event listeners; `true` gives an empty
 * attribute, `false` and `undefined` none. Text is always text, never markup.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children)
}

/** The same for SVG. */
export function svgElement<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag), attributes, children)
}

function fill<E extends Element>(target: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue
    if (typeof value === 'function') target.addEventListener(name.slice(2), value as unknown as EventListener)
    else target.setAttribute(name, value === true ? '' : String(value))
  }
  target.append(...children.filter((child) => child !== undefined && child !== false))
  return target
}

/** A number that no other call in this page gives, for ids. */
export function nextId(prefix: string): string {
  lastId += 1
  return `${prefix}-${lastId}`
}

let lastId = 0

/** Replaces what is in an element. */
export function replaceContent(target: Element, ...children: readonly Child[]): void {
  target.replaceChildren(...children.filter((child) => child !== undefined && child !== false))
}
