import { escapeControls } from '../../src/escape-controls.js'
import { element } from './dom.js'
import { WorkerError } from './worker/client.js'

/** An error where it happened: what is wrong, and what to do about it. */
export function describeError(error: unknown): HTMLElement {
  const message = error instanceof Error ? error.message : String(error)
  const fix = error instanceof WorkerError ? error.fix : undefined
  return element(
    'div',
    { class: 'panel error-box', role: 'alert' },
    element('h2', {}, 'This cannot be checked'),
    element('p', { class: 'error-message' }, escapeControls(message)),
    fix !== undefined &&
      element('p', { class: 'error-fix' }, element('strong', {}, 'What to do: '), escapeControls(fix)),
  )
}
