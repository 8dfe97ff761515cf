import { GradcheckError } from '../errors.js'

/** What the command needs of `process.stdout` and `process.stderr`. */
export interface OutputStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string, callback?: (error?: Error | null) => void): boolean
}

/** Where the command writes, and the environment it reads. */
export interface Terminal {
  /** The report. */
  readonly stdout: OutputStream
  /** Notices, progress and errors. */
  readonly stderr: OutputStream
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Whether to colour what goes to a stream: FORCE_COLOR decides, else NO_COLOR, else whether it is a terminal that can. */
export function shouldColor(stream: OutputStream, environment: Terminal['environment']): boolean {
  const forced = environment.FORCE_COLOR
  if (forced !== undefined) return ['', '1', '2', '3', 'true'].includes(forced)
  return !environment.NO_COLOR && environment.TERM !== 'dumb' && stream.isTTY === true
}

/** Columns a report may take: 60 to 100 of a terminal's, 80 in a file or a pipe. */
export function chooseWidth(stream: OutputStream): number {
  return stream.isTTY && stream.columns ? Math.min(100, Math.max(60, stream.columns)) : 80
}

/**
 * Writes text and waits until it is out. A reader that has gone away (`| head`) is not an error.
 * @throws GradcheckError `bad-usage` when it cannot be written (a full disk).
 */
export function writeAll(stream: OutputStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error && !isClosedPipe(error)) {
        reject(
          new GradcheckError('bad-usage', `the output cannot be written: ${error.message}`, { cause: error }),
        )
      } else resolve()
    })
  })
}

/** Writes a notice; one that cannot be written must not cost the report. */
export function writeNotice(stream: OutputStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve())
  })
}

/** Whether a stream failed because nobody reads it any more. */
function isClosedPipe(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
}
