import { element } from '../dom.js'
import type { WorkerClient } from '../worker/client.js'
import type { DeviceSurvey } from '../worker/protocol.js'
export function createSpeedView(
  _client: WorkerClient,
  _survey: Promise<DeviceSurvey>,
  _fields: ReadonlyMap<string, string>,
  _announce: (text: string) => void,
): HTMLElement {
  return element('div', {}, element('h1', {}, 'Speed'))
}
