import { element } from '../dom.js'

/** What is shown, and the question that it answers. */
export interface Shown {
  readonly question: string
  readonly verdict: HTMLElement
  /** What lies below the verdict. */
  readonly details: HTMLElement
}

/** Greys out what is shown, and says so, as long as it answers another question than the one that is set now. */
export function markStale({ question, verdict, details }: Shown, now: string, button: string): void {
  const isStale = question !== now
  if (isStale === verdict.classList.contains('is-stale')) return
  for (const part of [verdict, details]) part.classList.toggle('is-stale', isStale)
  if (isStale) {
    const note = `Changed since: this is the verdict on what was set before. Press “${button}” for the new one.`
    verdict.prepend(element('p', { class: 'stale-note', role: 'status' }, note))
  } else verdict.querySelector('.stale-note')?.remove()
}
