import { element, replaceContent } from '../dom.js'

/** Where a view shows what it found. */
export interface Answer {
  /** Holds the verdict, or what stands in its place. */
  readonly verdict: HTMLElement
  /** Holds what there is to say about it. */
  readonly details: HTMLElement
  /** Shows what answers no question: progress, an error, an invitation. */
  show(top: HTMLElement): void
  /** Shows a verdict, and what there is to say about it. */
  answer(question: string, top: HTMLElement, below: readonly HTMLElement[]): void
  /** Greys the verdict out, and says so, as long as it answers another question than the one that is set now. */
  compare(): void
}

/**
 * Makes the place of a view's answer.
 * @param describeQuestion all that the verdict hangs on, as it is set now
 * @param button what the button says that checks it
 */
export function createAnswer(describeQuestion: () => string, button: string): Answer {
  const verdict = element('div', { class: 'verdict' })
  const details = element('div', { class: 'results' })
  let answered: { readonly question: string; readonly top: HTMLElement } | undefined

  function replace(top: HTMLElement, below: readonly HTMLElement[]): void {
    details.classList.remove('is-stale')
    replaceContent(verdict, top)
    replaceContent(details, ...below)
  }

  function compare(): void {
    if (answered === undefined) return
    const { question, top } = answered
    const isStale = question !== describeQuestion()
    if (isStale === top.classList.contains('is-stale')) return
    for (const part of [top, details]) part.classList.toggle('is-stale', isStale)
    if (isStale) {
      const note = `Changed since: this is the verdict on what was set before. Press “${button}” for the new one.`
      top.prepend(element('p', { class: 'stale-note', role: 'status' }, note))
    } else top.querySelector('.stale-note')?.remove()
  }

  return {
    verdict,
    details,
    compare,
    show(top) {
      answered = undefined
      replace(top, [])
    },
    answer(question, top, below) {
      replace(top, below)
      answered = { question, top }
      compare()
    },
  }
}
