import { element } from '../dom.js'
export function createFunctionView(
  _fields: ReadonlyMap<string, string>,
  _announce: (text: string) => void,
): HTMLElement {
  return element('div', {}, element('h1', {}, 'Function'))
}
