import { describe, expect, it } from 'vitest'
import { describeError } from '../../../src/cli/describe-error.js'
import { GradcheckError } from '../../../src/errors.js'

describe('describeError', () => {
  it('says what is wrong and what to do, without a stack', () => {
    const error = new GradcheckError('bad-shape', 'W2 has shape (3, 4), not (3, 5)', { fix: 'transpose W2' })
    expect(describeError(error)).toBe('gradcheck: W2 has shape (3, 4), not (3, 5)\n  fix: transpose W2\n')
  })

  it('is one line where there is no fix', () => {
    expect(describeError(new GradcheckError('bad-value', 'W2[0, 1] is NaN'))).toBe(
      'gradcheck: W2[0, 1] is NaN\n',
    )
  })

  it('calls an unexpected exception a bug', () => {
    const text = describeError(new TypeError('x is undefined'))
    expect(text).toMatch(/^gradcheck: TypeError: x is undefined \(this is a bug in gradcheck\)\n {2}fix: /)
    expect(text).not.toContain('    at ')
  })

  it('shows the stack and the cause on request', () => {
    const error = new GradcheckError('device-lost', 'the device was lost', {
      cause: new Error('driver crashed'),
    })
    expect(describeError(error, true)).toMatch(/ {4}at [\s\S]*caused by Error: driver crashed/)
  })

  it('keeps escapes in names from the terminal, and stays short', () => {
    const text = describeError(
      new GradcheckError('missing-array', `there is no array \x1b[2J\n${'x'.repeat(1e5)}`),
    )
    expect(text).not.toContain('\x1b')
    expect(text.trimEnd()).not.toContain('\n')
    expect(text.length).toBeLessThan(1100)
  })
})
