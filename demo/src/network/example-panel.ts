import { element, nextId } from '../dom.js'
import { EXAMPLES } from '../problem/examples.js'

/** The saved gradients that come with the page, as cards; choosing one checks it. */
export function createExamplePanel(chosen: string, onChoose: (id: string) => void): HTMLElement {
  const name = nextId('example')
  const cards = element(
    'fieldset',
    { class: 'cards' },
    element('legend', { class: 'visually-hidden' }, 'Example'),
    ...EXAMPLES.map(({ id, title, network }) => {
      const input = element('input', {
        type: 'radio',
        name,
        value: id,
        id: `${name}-${id}`,
        checked: id === chosen,
        onchange: () => onChoose(id),
      })
      return element(
        'label',
        { class: 'card', for: input.id },
        input,
        element('span', { class: 'card-title' }, title),
        element('span', { class: 'card-text' }, network),
      )
    }),
  )
  // on a narrow screen the cards lie in a row that scrolls: the chosen one is in sight
  requestAnimationFrame(() => {
    const card = cards.querySelector<HTMLElement>('.card:has(:checked)')
    if (card !== null) cards.scrollLeft = card.offsetLeft - cards.offsetLeft - 16
  })
  return cards
}
