import { formatCount, formatQuantity, formatSeconds } from '../report/format-numbers.js'
import type { OutputStream } from './terminal.js'

/** How far a piece of work has come. */
export interface ProgressState {
  readonly done: number
  readonly total: number
  /** What is being done; the rate starts anew when it changes. */
  readonly phase: string
  /** What is counted. @default 'parameter' */
  readonly noun?: string
}

const DELAY_MS = 500
const REDRAW_MS = 100
const BAR_CELLS = 12
const CLEAR_LINE = '\r\x1b[K'

/** A progress line on a terminal, for work that takes more than half a second; elsewhere it is silent. */
export class ProgressBar {
  readonly #stream: OutputStream
  readonly #now: () => number
  readonly #startedAt: number
  #phase: { name: string; startedAt: number; doneBefore: number } | undefined
  #drawnAt = -Infinity

  constructor(stream: OutputStream, now: () => number = () => performance.now()) {
    this.#stream = stream
    this.#now = now
    this.#startedAt = now()
  }

  /** Takes note of the state, and draws it unless it has just done so. */
  update(state: ProgressState): void {
    const now = this.#now()
    if (this.#phase?.name !== state.phase) {
      this.#phase = { name: state.phase, startedAt: now, doneBefore: state.done }
    }
    const isDue = now - this.#startedAt >= DELAY_MS && now - this.#drawnAt >= REDRAW_MS
    if (!this.#stream.isTTY || !isDue) return
    const { startedAt, doneBefore } = this.#phase
    const rate = (state.done - doneBefore) / ((now - startedAt) / 1000)
    const line = describeProgress(state, rate)
    this.#stream.write(`\r${line.slice(0, (this.#stream.columns ?? 80) - 1)}\x1b[K`)
    this.#drawnAt = now
  }

  /** Wipes the line. */
  clear(): void {
    if (this.#drawnAt > -Infinity) this.#stream.write(CLEAR_LINE)
    this.#drawnAt = -Infinity
  }
}

function describeProgress({ done, total, phase, noun = 'parameter' }: ProgressState, rate: number): string {
  const share = total > 0 ? Math.min(1, done / total) : 0
  const filled = Math.round(share * BAR_CELLS)
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled)
  const percent = `${Math.floor(share * 100)} %`.padStart(5)
  const count = `${formatCount(done)} of ${formatQuantity(total, noun)}`
  const isMoving = rate > 0 && Number.isFinite(rate)
  const speed = isMoving ? `, ${formatCount(rate)}/s, ${formatTimeLeft((total - done) / rate)} left` : ''
  return `${percent} ${bar} ${count}${speed} (${phase})`
}

const formatTimeLeft = (seconds: number) =>
  seconds < 10 ? `${Math.max(1, Math.round(seconds))} s` : formatSeconds(seconds)
