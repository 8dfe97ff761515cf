import { GradcheckError } from '../errors.js'

/** Messages quote the file, which may hold anything. */
const MAX_MESSAGE_LENGTH = 500

/** A `bad-file` error: what the file has and what it should have, and what the user can do about it. */
export function badFile(message: string, fix?: string, cause?: unknown): GradcheckError {
  const shown = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message
  return new GradcheckError('bad-file', shown, { fix, cause })
}

/** A `bad-file` error of an array in a sound file whose elements are no real numbers. */
export class UnsupportedElements extends GradcheckError {
  constructor(message: string, fix: string) {
    super('bad-file', message, { fix })
  }
}
