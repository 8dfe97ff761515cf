import { formatDifference, formatValue } from '../../../src/report/format-numbers.js'
import { drawCurve } from '../charts/curve.js'
import { formatPower } from '../charts/powers.js'
import { createResponsive } from '../charts/responsive.js'
import { drawStepErrors, WAYS } from '../charts/step-errors.js'
import { element, nextId, replaceContent } from '../dom.js'
import type { FunctionResult } from '../worker/protocol.js'
import { createFunctionBanner } from './banner.js'
import type { FunctionState } from './state.js'

export interface FunctionResults {
  readonly verdict: HTMLElement
  readonly details: readonly HTMLElement[]
  readonly headline: string
}

/** What the check of a formula found, with a slider for the step. */
export function createFunctionResults(
  result: FunctionResult,
  state: FunctionState,
  onChange: () => void,
): FunctionResults {
  const { samples, reference, variable } = result
  const banner = createFunctionBanner(result)
  let at = nearestStep(result, state.step)
  const figures = element('dl', { class: 'facts step-figures' })
  const output = element('output', { class: 'slider-value', for: 'step-slider' })
  const slider = element('input', {
    type: 'range',
    id: 'step-slider',
    min: 0,
    max: samples.length - 1,
    step: 1,
    value: at,
  })
  const curve = createResponsive((width) => drawCurve(result, samples[at], state.scheme, width))
  const errors =
    reference === undefined
      ? undefined
      : createResponsive((width) => drawStepErrors(samples, reference, samples[at].h, width))

  function show(): void {
    const { h, textbook, difference } = samples[at]
    const text = describeStep(h)
    output.textContent = `h = ${text}`
    slider.setAttribute('aria-valuetext', `h = ${text}`)
    const row = (name: string, value: number) => {
      const error =
        reference === undefined ? '' : ` · off by ${formatDifference(Math.abs(value - reference))}`
      return element('div', {}, element('dt', {}, name), element('dd', {}, `${formatValue(value)}${error}`))
    }
    replaceContent(
      figures,
      ...(reference === undefined
        ? []
        : [element('div', {}, element('dt', {}, 'Derivative'), element('dd', {}, formatValue(reference)))]),
      row('Textbook', textbook[state.scheme]),
      row('Difference arithmetic', difference[state.scheme]),
    )
  }
  slider.addEventListener('input', () => {
    at = slider.valueAsNumber
    state.step = samples[at].h
    show()
    curve.rebuild()
    errors?.rebuild()
    onChange()
  })
  show()
  return {
    headline: banner.headline,
    verdict: banner.element,
    details: [
      createCard(
        'The secant approaches the tangent',
        curve.element,
        createCurveKey(),
        element(
          'div',
          { class: 'slider' },
          element('label', { for: 'step-slider' }, `How far to step from ${variable}`),
          slider,
          output,
        ),
        figures,
      ),
      ...(errors === undefined
        ? []
        : [
            createCard(
              'Why the step matters',
              errors.element,
              createErrorKey(),
              element(
                'p',
                { class: 'hint' },
                `To the right the error is the curve’s bend: it falls with h for the forward scheme, with h² for the central one. To the left the textbook’s error grows again, as 1/h, because it subtracts two numbers that are nearly equal; between them lies its best step, near ${formatPower(-5)}. Difference arithmetic never subtracts them, so a smaller step is never worse.`,
              ),
            ),
          ]),
    ],
  }
}

/** The slider's place for a step. */
function nearestStep({ samples }: FunctionResult, step: number): number {
  const distance = (k: number) => Math.abs(Math.log(samples[k].h / step))
  return samples.reduce((best, _, k) => (distance(k) < distance(best) ? k : best), 0)
}

function describeStep(h: number): string {
  return h >= 0.001 ? String(Number(h.toPrecision(2))) : h.toExponential(1).replace('.0e', 'e')
}

function createCard(title: string, ...content: readonly HTMLElement[]): HTMLElement {
  const heading = element('h2', { id: nextId('card') }, title)
  return element(
    'section',
    { class: 'panel', 'aria-labelledby': heading.id },
    element('div', { class: 'card-head' }, heading),
    ...content,
  )
}

function createCurveKey(): HTMLElement {
  return element(
    'p',
    { class: 'chart-key' },
    element('span', { class: 'key-line key-curve' }),
    'f',
    element('span', { class: 'key-line key-tangent' }),
    'tangent by your derivative',
    element('span', { class: 'key-line key-secant' }),
    'secant',
  )
}

function createErrorKey(): HTMLElement {
  return element(
    'ul',
    { class: 'chart-key' },
    ...WAYS.map(({ method, scheme, label }) =>
      element('li', {}, element('span', { class: `key-line key-${method} key-${scheme}` }), label),
    ),
  )
}
