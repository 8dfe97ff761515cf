import { element } from '../dom.js'

const PARAGRAPHS: readonly (readonly [string, string])[] = [
  [
    'Why',
    'A gradient says how much the loss J changes when one parameter moves. Backpropagation computes all of them in one sweep, and is easily a little wrong: with a forgotten 1/m or a transposed matrix a network still trains, only worse, and nothing crashes.',
  ],
  [
    'How',
    'A gradient check asks the loss itself. Move one parameter by a small h to each side, see how much the loss changes and divide: (J(θ + h) − J(θ − h)) / 2h. Done for every parameter this gives a second gradient, which shares no formula with the first.',
  ],
  [
    'What the figure means',
    'The two are compared by their distance over the sum of their lengths. At 10⁻⁷ or below they are the same but for rounding; at 10⁻³ or above something is wrong. In between, look closer: at the step, at the precision the numbers were saved in, at units that sit on a kink such as ReLU’s.',
  ],
  [
    'When',
    'The textbook’s loop runs the network twice for every parameter, so people check on a few samples, once, and not while training. Switch dropout off first, since the loss must be one function; and check at random weights, because at zero many mistakes give the right answer.',
  ],
]

/** What a gradient check is, for those who have not met one. */
export function createExplanation(): HTMLElement {
  return element(
    'details',
    { class: 'panel explanation' },
    element('summary', {}, element('h2', {}, 'What is a gradient check?')),
    element(
      'dl',
      { class: 'facts' },
      ...PARAGRAPHS.map(([term, text]) =>
        element('div', {}, element('dt', {}, term), element('dd', {}, text)),
      ),
    ),
  )
}
