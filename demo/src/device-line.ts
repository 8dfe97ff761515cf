import { escapeControls } from '../../src/escape-controls.js'
import { element, replaceContent } from './dom.js'
import type { ViewName } from './url-state.js'
import type { DeviceSurvey } from './worker/protocol.js'

/** Says what a view computes on, as soon as it is known. */
export function createDeviceLine(view: ViewName, survey: Promise<DeviceSurvey>): HTMLElement {
  if (view === 'function') {
    return element(
      'p',
      { class: 'device-line' },
      'A formula is checked in float64 on this computer’s processor.',
    )
  }
  const line = element('p', { class: 'device-line' }, 'Looking for a graphics processor …')
  survey.then(
    (found) => replaceContent(line, ...describe(found)),
    (error: unknown) => replaceContent(line, `The worker could not be started: ${String(error)}`),
  )
  return line
}

function describe({ gpu, software, reason, cores }: DeviceSurvey): (HTMLElement | string)[] {
  const processor = `in float64 on this computer’s processor, ${cores} ${cores === 1 ? 'core' : 'cores'}`
  if (gpu !== undefined) {
    return [
      element('span', { class: 'dot dot-on' }),
      `Graphics processor for WebGPU: ${escapeControls(gpu)}.`,
    ]
  }
  const adapter = software === undefined ? '' : ` There is a software adapter: ${escapeControls(software)}.`
  return [
    element('span', { class: 'dot' }),
    `No graphics processor for WebGPU (${escapeControls(reason ?? '')}): checks run ${processor}, unless another device is chosen.${adapter}`,
  ]
}
