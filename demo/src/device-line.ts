import { escapeControls } from '../../src/report/escape-controls.js'
import { element, replaceContent } from './dom.js'
import type { DeviceSurvey } from './worker/protocol.js'

/** Says what this browser computes on, as soon as it is known. */
export function createDeviceLine(survey: Promise<DeviceSurvey>): HTMLElement {
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
      `This page checks on your graphics processor: ${escapeControls(gpu)}.`,
    ]
  }
  const adapter =
    software === undefined ? '' : ` A software adapter, ${escapeControls(software)}, is there under Advanced.`
  return [
    element('span', { class: 'dot' }),
    `No graphics processor for WebGPU (${escapeControls(reason ?? '')}): checks run ${processor}.${adapter}`,
  ]
}
