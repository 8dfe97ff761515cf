import type { CheckReport } from 'webgpu-gradcheck'
import { escapeControls } from '../../../src/escape-controls.js'
import {
  formatDifference,
  formatQuantity,
  formatSeconds,
  formatSetting,
  formatValue,
} from '../../../src/report/format-numbers.js'
import { element } from '../dom.js'

/** How the check was done, with a word on what each figure means. */
export function createFacts(report: CheckReport): HTMLElement {
  const { device, crossValidation, timing } = report
  const kind =
    device.evaluator === 'webgpu'
      ? device.software
        ? 'WebGPU, software adapter'
        : 'WebGPU'
      : device.evaluator
  const facts: [string, string, string][] = [
    [
      'Difference',
      `${formatDifference(report.difference)}, tolerance ${formatSetting(report.tolerance)}`,
      'The distance of the two gradients over the sum of their lengths, ‖g − ĝ‖ / (‖g‖ + ‖ĝ‖): 0 when they are equal, 1 when they have nothing in common.',
    ],
    [
      'Numerical error',
      `about ${formatDifference(report.numericalError)}`,
      'How far the numerical gradient itself can be trusted. A difference below it says nothing.',
    ],
    [
      'Loss J',
      formatValue(report.cost),
      'At the parameters given. Compare it with your own first: if it differs, so does the network.',
    ],
    [
      'Work',
      `${formatQuantity(timing.perturbations, 'perturbation')} in ${formatSeconds(timing.seconds)}`,
      'Every parameter is moved so far that what it feeds changes by about h, up and, in the central scheme, down; the rest stays as it is.',
    ],
    [
      'Method',
      `${report.method === 'difference' ? 'difference arithmetic' : 'textbook loop'}, ${report.scheme}, h = ${formatSetting(report.step)}, ${report.precision} precision`,
      'A large h bends the secant away from the tangent; a small h leaves the difference of two losses to rounding. Difference arithmetic never subtracts two losses, so its h may be small.',
    ],
    ['Device', `${kind}: ${escapeControls(device.adapter)}`, ''],
  ]
  if (crossValidation.checked > 0) {
    facts.push([
      'Cross-check',
      `${formatDifference(crossValidation.difference)} on ${formatQuantity(crossValidation.checked, 'parameter')}`,
      'A sample is computed a second time by the definition itself, two whole losses in float64.',
    ])
  }
  const heading = element('h2', { id: 'facts-heading' }, 'How it was checked')
  return element(
    'section',
    { class: 'panel', 'aria-labelledby': heading.id },
    element('div', { class: 'card-head' }, heading),
    element(
      'dl',
      { class: 'facts' },
      ...facts.map(([name, value, meaning]) =>
        element(
          'div',
          {},
          element('dt', {}, name),
          element('dd', {}, value, meaning !== '' && element('span', { class: 'hint' }, meaning)),
        ),
      ),
    ),
  )
}
