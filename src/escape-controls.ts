/** C0 and C1 controls, DEL, line and paragraph separators, bidirectional overrides and lone surrogates. */
const CONTROLS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: matching control characters is the purpose
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu

/**
 * Makes text from a file (an array's name, a path) safe to print on one line of a terminal: every control
 * character becomes a visible escape, `\x1b` or `\u202e`, so that it can neither move the cursor nor recolour,
 * reorder or hide what we say.
 */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0)
    return code < 0x100 ? `\\x${hexadecimal(code, 2)}` : `\\u${hexadecimal(code, 4)}`
  })
}

/** The same for JSON text, where a control character can only stand in a string: `\u009b`, which reads back equal. */
export function escapeControlsInJson(json: string): string {
  return json.replace(CONTROLS, (character) =>
    character === '\n' ? character : `\\u${hexadecimal(character.charCodeAt(0), 4)}`,
  )
}

const hexadecimal = (code: number, digits: number) => code.toString(16).padStart(digits, '0')
