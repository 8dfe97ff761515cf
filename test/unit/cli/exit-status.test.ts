import { describe, expect, it } from 'vitest'
import { statusOfError, statusOfReport } from '../../../src/cli/exit-status.js'
import { type ErrorCode, GradcheckError } from '../../../src/errors.js'

describe('exit statuses', () => {
  it.each([
    ['pass', 0],
    ['fail', 1],
    ['inconclusive', 3],
  ] as const)('%s ends with %i', (verdict, status) => {
    expect(statusOfReport({ verdict, interrupted: false })).toBe(status)
  })

  it.each(['pass', 'fail', 'inconclusive'] as const)('an interrupted check (%s) ends with 130', (verdict) => {
    expect(statusOfReport({ verdict, interrupted: true })).toBe(130)
  })

  it.each<[ErrorCode, number]>([
    ['bad-usage', 2],
    ['bad-file', 2],
    ['missing-array', 2],
    ['bad-shape', 2],
    ['bad-value', 2],
    ['unknown-name', 2],
    ['bad-network', 2],
    ['device-unavailable', 4],
    ['device-lost', 4],
    ['internal', 70],
  ])('an error %s ends with %i', (code, status) => {
    expect(statusOfError(new GradcheckError(code, 'message'))).toBe(status)
  })

  it('an unexpected exception ends with 70', () => {
    expect(statusOfError(new TypeError('x is undefined'))).toBe(70)
  })
})
