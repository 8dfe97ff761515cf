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
