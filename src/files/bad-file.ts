import { GradcheckError } from '../errors.js'

/** A `bad-file` error: what the file has and what it should have, and what the user can do about it. */
export function badFile(message: string, fix?: string, cause?: unknown): GradcheckError {
  return new GradcheckError('bad-file', message, { fix, cause })
}
