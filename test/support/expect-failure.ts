import { expect } from 'vitest'
import { type ErrorCode, GradcheckError } from '../../src/errors.js'

/** Expects a `GradcheckError` with this code, whose message fits; gives it back for more questions. */
export function expectFailure(run: () => unknown, code: ErrorCode, message: RegExp | string): GradcheckError {
  let thrown: unknown
  try {
    run()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(GradcheckError)
  const error = thrown as GradcheckError
  expect(error.message).toMatch(message)
  expect(error.code).toBe(code)
  return error
}

/** The same of a promise that is to be rejected; its fix has to fit as well, if one is asked for. */
export async function expectRejection(
  promise: Promise<unknown>,
  code: ErrorCode,
  message: RegExp,
  fix?: RegExp,
): Promise<void> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  const error = expectFailure(
    () => {
      throw thrown
    },
    code,
    message,
  )
  if (fix !== undefined) expect(error.fix).toMatch(fix)
}
