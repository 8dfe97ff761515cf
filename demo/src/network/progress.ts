import type { Progress } from 'webgpu-gradcheck'
import { escapeControls } from '../../../src/escape-controls.js'
import { formatCount, formatSeconds } from '../../../src/report/format-numbers.js'
import { element } from '../dom.js'

/** The line that shows how far a check is, with its Stop button. */
export interface ProgressLine {
  readonly element: HTMLElement
  update(progress: Progress, adapter: string): void
}

/** A bar, the rate and the time left. Nothing is announced but the beginning and the end. */
export function createProgressLine(onStop: () => void): ProgressLine {
  const started = performance.now()
  const bar = element('progress', { max: 1, 'aria-label': 'Parameters checked' })
  const text = element('p', { class: 'progress-text' }, 'Reading the arrays …')
  const stop = element('button', { type: 'button', class: 'stop-button' }, 'Stop')
  stop.addEventListener('click', () => {
    stop.disabled = true
    stop.textContent = 'Stopping …'
    onStop()
  })
  return {
    element: element(
      'div',
      { class: 'panel progress' },
      element('div', { class: 'progress-main' }, text, bar),
      stop,
    ),
    update({ done, total, phase }, adapter) {
      bar.value = total === 0 ? 0 : done / total
      const device = escapeControls(adapter)
      if (phase === 'cross-validating') {
        text.textContent = `Comparing with the textbook method … (${device})`
        return
      }
      const seconds = (performance.now() - started) / 1000
      const rate = done / seconds
      const left = done === 0 ? '' : ` · ${formatSeconds((total - done) / rate)} left`
      text.textContent = `${formatCount(done)} of ${formatCount(total)} parameters · ${formatCount(rate)} a second${left} · ${device}`
    },
  }
}
