/** Stable codes of {@link GradcheckError}; scripts and tests may rely on them. */
export type ErrorCode =
  | 'bad-usage'
  | 'bad-file'
  | 'missing-array'
  | 'bad-shape'
  | 'bad-value'
  | 'unknown-name'
  | 'bad-network'
  | 'bad-formula'
  | 'bad-program'
  | 'bad-forward'
  | 'device-unavailable'
  | 'device-lost'
  | 'internal'

/**
 * The one error type of this package. It reports input that cannot be checked or a device that cannot be
 * used; a wrong gradient is a result, never an exception.
 */
export class GradcheckError extends Error {
  /** What kind of mistake it is. */
  readonly code: ErrorCode
  /** What the user can do about it, a sentence without a subject ("transpose W2 or pass --layout rows"). */
  readonly fix: string | undefined
  /** Lines that show the place, such as a formula and a caret below it. */
  readonly detail: readonly string[]

  constructor(
    code: ErrorCode,
    message: string,
    options: { fix?: string; cause?: unknown; detail?: readonly string[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'GradcheckError'
    this.code = code
    this.fix = options.fix
    this.detail = options.detail ?? []
  }
}
