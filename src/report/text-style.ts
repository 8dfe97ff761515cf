import type { Verdict } from '../check/report.js'
import type { Paint } from './layout-text.js'

/** What is painted how in a text report. */
export interface Style {
  readonly verdict: Readonly<Record<Verdict, Paint>>
  /** The sentence that matters most. */
  readonly strong: Paint
  /** Labels and headers. */
  readonly quiet: Paint
}

/** The style with ANSI colours, or without any escape. */
export function chooseStyle(color: boolean): Style {
  if (!color) return PLAIN
  return {
    verdict: { pass: bold(GREEN), fail: bold(RED), inconclusive: bold(YELLOW) },
    strong: paintWith(1, 22),
    quiet: paintWith(2, 22),
  }
}

// Written here and not taken from yoctocolors, which imports node:tty: reports are also made in a browser.
const RED = 31
const GREEN = 32
const YELLOW = 33
const DEFAULT_COLOR = 39

const paintWith =
  (open: number, close: number): Paint =>
  (text) =>
    `\x1b[${open}m${text}\x1b[${close}m`

const bold = (color: number): Paint => {
  const paint = paintWith(color, DEFAULT_COLOR)
  const embolden = paintWith(1, 22)
  return (text) => embolden(paint(text))
}

const asIs: Paint = (text) => text
const PLAIN: Style = {
  verdict: { pass: asIs, fail: asIs, inconclusive: asIs },
  strong: asIs,
  quiet: asIs,
}
