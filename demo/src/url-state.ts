/** The three parts of the page. */
export type ViewName = 'network' | 'function' | 'speed'

export const VIEW_NAMES: readonly ViewName[] = ['network', 'function', 'speed']

/** What the address's fragment says: `#network?example=three-layer&device=cpu`. */
export interface PageAddress {
  readonly view: ViewName
  readonly fields: ReadonlyMap<string, string>
}

/** Reads a fragment; what it does not know leads to the network view. */
export function parseAddress(hash: string): PageAddress {
  const [name, query = ''] = hash.replace(/^#/, '').split(/\?(.*)/s)
  const view = VIEW_NAMES.find((candidate) => candidate === name) ?? 'network'
  return { view, fields: new Map(new URLSearchParams(query)) }
}

/** Writes a fragment. Fields that are undefined or empty are left out. */
export function formatAddress(view: ViewName, fields: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== '') query.set(name, value)
  }
  const text = query.toString()
  return text === '' ? `#${view}` : `#${view}?${text}`
}

/** Puts a view's fields into the address, so that it can be shared, without a step in the history. */
export function rememberAddress(view: ViewName, fields: Readonly<Record<string, string | undefined>>): void {
  history.replaceState(null, '', formatAddress(view, fields))
}

/** Puts a view's fields into the address as a step in the history, so that Back returns to what was shown before. */
export function visitAddress(view: ViewName, fields: Readonly<Record<string, string | undefined>>): void {
  const address = formatAddress(view, fields)
  if (address !== location.hash) history.pushState(null, '', address)
}
